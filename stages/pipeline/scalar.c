#include "stages/pipeline/scalar.h"

#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DIGITS "0123456789"
/* No double needs more of them to be read as itself. */
#define DIGITS_MAX 17

/* Whether the text is one or more of these alone. */
static bool is_all(const char *text, const char *letters)
{
    return *text && !text[strspn(text, letters)];
}

static const char *skip_sign(const char *text)
{
    return text + (*text == '-' || *text == '+');
}

static bool is_plain_integer(const char *text)
{
    const char *at = skip_sign(text);

    if (*at != '0')
        return *at >= '1' && *at <= '9' && is_all(at, DIGITS "_,");
    if (at[1] == 'x' || at[1] == 'X')
        return is_all(at + 2, DIGITS "abcdefABCDEF_,");
    return !at[1] || (at[1] == 'b' ? is_all(at + 2, "01_,") : is_all(at + 1, "01234567_,"));
}

/* "2:01:30", and "1:30", which are hours and minutes to Ruby; -1 when it is none. */
static int64_t parse_sixties(const char *text)
{
    const char *at = skip_sign(text);
    int64_t sum = 0;
    int parts = 0;

    while (parts < 3 && strspn(at, DIGITS) > 0) {
        size_t len = strspn(at, DIGITS);
        if (len > (parts ? 2 : 9) || (parts && len == 2 && *at > '5'))
            return -1;
        sum = sum * 60 + strtol(at, NULL, 10);
        parts++;
        at += len;
        if (!*at)
            return parts < 2 ? -1 : parts == 2 ? sum * 60 : sum;
        if (*at++ != ':')
            return -1;
    }
    return -1;
}

/* As Ruby shows a number without end, or one that is none; NULL: it is neither. */
static const char *unbounded(const char *text)
{
    static const struct {
        const char *text, *shown;
    } words[] = { { ".inf", "Infinity" }, { "+.inf", "Infinity" }, { "-.inf", "-Infinity" }, { ".nan", "NaN" } };

    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (strcasecmp(text, words[i].text) == 0)
            return words[i].shown;
    return NULL;
}

static bool is_fraction(const char *text)
{
    const char *at = skip_sign(text);
    size_t whole = strspn(at, DIGITS "_,");
    bool starts = whole == 0 || (*at >= '0' && *at <= '9');

    if (!starts || at[whole] != '.')
        return false;
    const char *rest = at + whole + 1;
    size_t part = strspn(rest, DIGITS);
    rest += part;
    if (whole + part == 0)
        return false;
    if (!*rest)
        return true;
    return (*rest == 'e' || *rest == 'E') && (rest[1] == '-' || rest[1] == '+') && is_all(rest + 2, DIGITS);
}

/* "2024-1-31"; whatever follows it must begin like a time of the day. */
static bool is_date(const char *text)
{
    static const size_t lengths[][2] = { { 4, 4 }, { 1, 2 }, { 1, 2 } };
    const char *at = text;

    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        size_t len = strspn(at, DIGITS);
        if (len < lengths[i][0] || len > lengths[i][1])
            return false;
        at += len;
        if (i + 1 < ARRAY_SIZE(lengths) && *at++ != '-')
            return false;
    }
    if (!*at)
        return true;
    return strchr("Tt ", *at) && strspn(at + 1, DIGITS) > 0 && at[1 + strspn(at + 1, DIGITS)] == ':';
}

/* In any case of its letters, unlike base/yaml.h's own. */
static bool is_boolean(const char *text, bool *out)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = { { "true", true }, { "yes", true }, { "on", true }, { "false", false }, { "no", false }, { "off", false } };

    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (strcasecmp(text, words[i].word) != 0)
            continue;
        *out = words[i].value;
        return true;
    }
    return false;
}

enum scalar_kind scalar_kind(const struct yaml *y)
{
    bool flag;

    if (y->type != YAML_SCALAR || y->quoted || y->tag)
        return SCALAR_TEXT;
    if (is_boolean(y->text, &flag))
        return SCALAR_BOOLEAN;
    if (is_plain_integer(y->text) || parse_sixties(y->text) >= 0)
        return SCALAR_INTEGER;
    if (is_fraction(y->text) || unbounded(y->text))
        return SCALAR_FRACTION;
    return is_date(y->text) ? SCALAR_DATE : SCALAR_TEXT;
}

const char *scalar_kind_name(enum scalar_kind kind)
{
    static const char *const names[] = {
        [SCALAR_TEXT] = "text",           [SCALAR_INTEGER] = "a number", [SCALAR_FRACTION] = "a number",
        [SCALAR_BOOLEAN] = "a boolean", [SCALAR_DATE] = "a date",
    };
    return names[kind];
}

/* Without the marks between its digits. */
static char *bare_digits(const char *text)
{
    char *bare = xstrdup(text), *to = bare;

    for (const char *at = text; *at; at++)
        if (*at != '_' && *at != ',')
            *to++ = *at;
    *to = '\0';
    return bare;
}

static char *integer_value(const char *text)
{
    auto_free char *bare = bare_digits(text);
    int64_t sixties = parse_sixties(bare);
    const char *digits = skip_sign(bare);
    bool binary = digits[0] == '0' && digits[1] == 'b';

    errno = 0;
    long long value = sixties >= 0 ? sixties : strtoll(binary ? digits + 2 : digits, NULL, binary ? 2 : 0);
    if (errno)
        return xstrdup(*bare == '+' ? bare + 1 : bare);
    return xasprintf("%s%lld", *bare == '-' && value ? "-" : "", value);
}

/* As few digits as tell it from others, and one behind the point at least. */
static char *fraction_value(const char *text)
{
    if (unbounded(text))
        return xstrdup(unbounded(text));
    auto_free char *bare = bare_digits(text);
    double value = strtod(bare, NULL);
    char shown[64] = "";

    for (int digits = 1; digits <= DIGITS_MAX; digits++) {
        (void)snprintf(shown, sizeof(shown), "%.*g", digits, value);
        if (strtod(shown, NULL) == value && !strchr(shown, 'e'))
            break;
    }
    return xasprintf("%s%s", shown, strpbrk(shown, ".e") ? "" : ".0");
}

char *scalar_value(const struct yaml *y)
{
    bool flag = false;

    switch (scalar_kind(y)) {
    case SCALAR_BOOLEAN:
        return xstrdup(is_boolean(y->text, &flag) && flag ? "true" : "false");
    case SCALAR_INTEGER:
        return integer_value(y->text);
    case SCALAR_FRACTION:
        return fraction_value(y->text);
    case SCALAR_TEXT:
    case SCALAR_DATE:
        break;
    }
    return xstrdup(y->text);
}
