#include "stages/deploy/routing_name.h"

#include "base/number.h"
#include "base/strbuf.h"

#include <inttypes.h>

static void put_element(struct strbuf *out, const char *text)
{
    for (; *text; text++) {
        char c = *text;
        bool kept = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        strbuf_putc(out, kept ? c : '-');
    }
}

static char *name_of(const struct routing_from *from, const char *whose, const char *part)
{
    auto_strbuf name = STRBUF_TEXT;

    put_element(&name, whose);
    if (*part) {
        strbuf_putc(&name, '_');
        put_element(&name, part);
    }
    if (from->generation > 0)
        strbuf_printf(&name, "_%" PRId64, from->generation);
    return strbuf_take(&name);
}

char *routing_own_name(const struct routing_from *from, const char *part)
{
    return name_of(from, from->name, part);
}

char *routing_shared_name(const struct routing_from *from, const char *part)
{
    return name_of(from, from->unit ? from->unit : from->name, part);
}

static int routing_priority(const struct routing_from *from, int64_t own, const char *label, int64_t *out, struct err *e)
{
    if (own < -ROUTING_PRIORITY_MAX || own > ROUTING_PRIORITY_MAX)
        return err_set(e, ERR_JOB, 0, "%s: a priority is at most %" PRId64, label, ROUTING_PRIORITY_MAX);
    if (from->generation >= ROUTING_SCALE)
        return err_set(e, ERR_SYSTEM, 0, "release %" PRId64 ": routers tell releases below %d apart", from->generation,
                       ROUTING_SCALE);
    *out = from->generation > 0 ? own * ROUTING_SCALE + from->generation : own;
    return 0;
}

int routing_priority_read(const struct routing_from *from, const char *text, const char *label, size_t rule_len,
                          int64_t *out, struct err *e)
{
    int64_t own = 0;

    if (text && number_parse(text, INT64_MIN, INT64_MAX, &own) < 0)
        return err_set(e, ERR_JOB, 0, "%s: a priority is a whole number", label);
    /* In every Traefik 0 is the default, which is the rule's length. */
    return routing_priority(from, own == 0 ? (int64_t)rule_len : own, label, out, e);
}
