#include "stages/deploy/routing_template.h"

#include "base/strbuf.h"
#include "base/text.h"

#include <string.h>

bool routing_is_template(const char *text)
{
    return strpbrk(text, "{}") != NULL;
}

/* "name" or "name:expression", between braces. */
static void put_placeholder(struct strbuf *out, const char *text, size_t len, const char *any)
{
    const char *colon = memchr(text, ':', len);
    auto_free char *regex = colon ? xstrndup(colon + 1, (size_t)(text + len - colon - 1)) : xstrdup(any);

    strbuf_printf(out, strchr(regex, '|') ? "(?:%s)" : "%s", regex);
}

int routing_template_regex(const char *text, const char *any, char **out, struct err *e)
{
    auto_strbuf regex = STRBUF_TEXT;

    for (const char *c = text; *c; c++) {
        if (*c == '{') {
            const char *end = text_closing_brace(c);
            if (!end || end == c + 1)
                return err_set(e, ERR_JOB, 0, "`%s`: a { without its }, or with nothing between", text);
            put_placeholder(&regex, c + 1, (size_t)(end - c - 1), any);
            c = end;
        } else if (*c == '}') {
            return err_set(e, ERR_JOB, 0, "`%s`: a } without its {", text);
        } else {
            if (strchr("\\.+*?()|[]^$", *c))
                strbuf_putc(&regex, '\\');
            strbuf_putc(&regex, *c);
        }
    }
    *out = strbuf_take(&regex);
    return 0;
}
