#include "stages/pipeline/percent.h"

#include "base/strbuf.h"

#include <string.h>

static const char name_letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

char *percent_names(const char *text, const struct variables *known)
{
    auto_strbuf out = STRBUF_TEXT;

    for (const char *at = text; *at;) {
        size_t len = *at == '%' ? strspn(at + 1, name_letters) : 0;
        auto_free char *name = xstrndup(at + 1, len);
        if (len > 0 && at[1 + len] == '%' && variables_find(known, name)) {
            strbuf_printf(&out, "${%s}", name);
            at += len + 2;
        } else {
            strbuf_putc(&out, *at++);
        }
    }
    return xstrdup(strbuf_text(&out));
}

void percent_values(struct variables *v)
{
    for (size_t i = 0; i < v->n; i++) {
        struct variable *item = &v->items[i];
        const char *first = item->flags & VARIABLE_RAW ? NULL : strchr(item->value, '%');
        if (!first || !strchr(first + 1, '%'))
            continue;
        char *value = percent_names(item->value, v);
        free(item->value);
        item->value = value;
    }
}
