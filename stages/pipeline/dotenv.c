#include "stages/pipeline/dotenv.h"

#include "base/text.h"

#include <ctype.h>
#include <string.h>

static char *trimmed(const char *start, const char *end)
{
    while (start < end && isspace((unsigned char)*start))
        start++;
    while (end > start && isspace((unsigned char)end[-1]))
        end--;
    return xstrndup(start, (size_t)(end - start));
}

static int add_line(const char *start, const char *end, size_t number, const struct variables *predefined,
                    struct variables *out, struct err *e)
{
    const char *equals = memchr(start, '=', (size_t)(end - start));

    if (!equals)
        return err_set(e, ERR_JOB, 0, "line %zu is not KEY=value; comments and empty lines are not allowed either", number);
    auto_free char *key = trimmed(start, equals);
    auto_free char *value = trimmed(equals + 1, end);
    auto_free char *shown = text_quote(key);
    if (!variables_key_valid(key))
        return err_set(e, ERR_JOB, 0, "line %zu: '%s' is no variable's name: letters, digits and _, no digit first",
                       number, shown);
    if (text_starts(key, "CI_") && variables_find(predefined, key))
        return err_set(e, ERR_JOB, 0, "line %zu: '%s' is predefined; choose another name", number, shown);
    if (out->n >= DOTENV_VARIABLES_MAX)
        return err_set(e, ERR_JOB, 0, "more than %zu variables", DOTENV_VARIABLES_MAX);
    variables_add(out, key, value, 0);
    return 0;
}

int dotenv_parse(const char *text, size_t len, const struct variables *predefined, struct variables *out, struct err *e)
{
    const char *end = text + len;
    size_t number = 0;

    if (memchr(text, '\0', len))
        return err_set(e, ERR_JOB, 0, "a NUL byte is in it");
    while (text < end) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        const char *stop = newline ? newline : end;
        if (add_line(text, stop, ++number, predefined, out, e) < 0)
            return -1;
        text = stop + (newline ? 1 : 0);
    }
    return 0;
}
