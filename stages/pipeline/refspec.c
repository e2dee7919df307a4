#include "stages/pipeline/refspec.h"

#include <string.h>

struct refspec {
    const char *from, *to;
    size_t from_len, to_len; /* without `*` */
    bool any;
};

static bool parse(const char *text, struct refspec *out)
{
    const char *from = text + (*text == '+');
    const char *colon = strchr(from, ':');

    if (!colon)
        return false;
    size_t from_len = (size_t)(colon - from);
    bool any = from_len > 0 && from[from_len - 1] == '*';
    *out = (struct refspec){ from, colon + 1, from_len - any, strlen(colon + 1) - any, any };
    return true;
}

static bool names(const struct refspec *r, const char *name, size_t len)
{
    return (r->any ? len >= r->from_len : len == r->from_len) && strncmp(name, r->from, r->from_len) == 0;
}

static void apply(const struct refspec *r, const char *offered, struct strvec *out)
{
    for (size_t len; *offered; offered += len + (offered[len] == '\n')) {
        len = strcspn(offered, "\n");
        size_t object = strcspn(offered, " \n");
        const char *name = offered + object + 1;
        if (object + 1 >= len || !names(r, name, len - object - 1))
            continue;
        strvec_pushf(out, "%.*s %.*s%.*s", (int)object, offered, (int)r->to_len, r->to,
                     (int)(len - object - 1 - r->from_len), name + r->from_len);
    }
}

void refspecs_apply(const struct strvec *refspecs, const char *offered, struct strvec *out)
{
    struct refspec r;

    for (size_t i = 0; i < refspecs->n; i++)
        if (parse(refspecs->items[i], &r))
            apply(&r, offered, out);
}
