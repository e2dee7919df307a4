#include "base/err.h"

/* The arguments of the next message may point into the one that is there, so
 * the new text is always made before the old one goes. */
static void replace(struct err *e, enum err_kind kind, int code, char *msg)
{
    free(e->msg);
    *e = (struct err){ kind, code, msg };
}

int err_set(struct err *e, enum err_kind kind, int code, const char *fmt, ...)
{
    if (!e)
        return -1;
    va_list ap;
    va_start(ap, fmt);
    char *msg = xvasprintf(fmt, ap);
    va_end(ap);
    replace(e, kind, code, msg);
    return -1;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
    if (!e)
        return -1;
    va_list ap;
    va_start(ap, fmt);
    auto_free char *context = xvasprintf(fmt, ap);
    va_end(ap);
    replace(e, e->kind, e->code, e->msg ? xasprintf("%s: %s", context, e->msg) : take(&context));
    return -1;
}

int err_move(struct err *to, struct err *from)
{
    if (to == from)
        return -1;
    if (to)
        replace(to, from->kind, from->code, take(&from->msg));
    err_release(from);
    return -1;
}

const char *err_text(const struct err *e)
{
    return e && e->msg ? e->msg : "";
}

void err_release(struct err *e)
{
    if (e)
        replace(e, ERR_NONE, 0, NULL);
}
