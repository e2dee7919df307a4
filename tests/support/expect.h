/* tests/support/expect.h: results compared as JSON, so that a table's row can say what it wants in a line.
 *
 * Include after cmocka.h. Texts are written with ' for ", which C would want escaped. */
#ifndef TESTS_EXPECT_H
#define TESTS_EXPECT_H

#include "base/err.h"
#include "base/json.h"

#include <string.h>

static inline char *expect_text(const char *text)
{
    char *out = xstrdup(text);
    for (char *c = out; *c; c++)
        if (*c == '\'')
            *c = '"';
    return out;
}

static inline json_t *expect_json(const char *text)
{
    auto_free char *quoted = expect_text(text);
    json_t *value = json_loads(quoted, JSON_DECODE_ANY, NULL);
    if (!value)
        fail_msg("the test's own JSON is none: %s", text);
    return value;
}

/* Members that `want` does not name may be anything; null wants a member to be missing or null. */
static inline bool expect_fits(const json_t *got, json_t *want)
{
    const char *key;
    json_t *member;
    if (json_is_null(want))
        return !got || json_is_null(got);
    if (!json_is_object(want) || !json_is_object(got))
        return got && json_equal(got, want);
    json_object_foreach(want, key, member)
        if (!expect_fits(json_object_get(got, key), member))
            return false;
    return true;
}

static inline void expect_members(const json_t *got, const char *text)
{
    auto_json *want = expect_json(text);
    if (expect_fits(got, want))
        return;
    auto_free char *shown = json_compact(got);
    fail_msg("wanted %s\n       got    %s", text, shown);
}

static inline void expect_error(const struct err *e, const char *part)
{
    if (!strstr(err_text(e), part))
        fail_msg("wanted an error with '%s', got '%s'", part, err_text(e));
}

#endif
