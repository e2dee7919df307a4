#include "base/number.h"

#include "base/text.h"

#include "base/memory.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define BILLION 1000000000

struct unit {
    const char *name;
    int64_t size;
};

/* ctype.h asks the locale; a configuration file does not. */
static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

int number_parse(const char *text, int64_t min, int64_t max, int64_t *out)
{
    /* strtoll takes white space and a plus sign, which nobody means to write. */
    if (!is_digit(text[text[0] == '-']))
        return -1;
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno || *end || value < min || value > max)
        return -1;
    *out = value;
    return 0;
}

int bool_parse(const char *text, bool *out)
{
    static const char *const yes[] = { "1", "t", "T", "TRUE", "true", "True", NULL };
    static const char *const no[] = { "0", "f", "F", "FALSE", "false", "False", NULL };
    bool value = text_is_any(text, yes);

    if (!value && !text_is_any(text, no))
        return -1;
    *out = value;
    return 0;
}

/* The digits at *text; *text is moved behind them. */
static int digits_parse(const char **text, int64_t *out)
{
    if (!is_digit(**text))
        return -1;
    int64_t value = 0;
    for (; is_digit(**text); (*text)++)
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, **text - '0', &value))
            return -1;
    *out = value;
    return 0;
}

/* "12" or "12.345" at *text, as a whole part and billionths; *text is moved behind it. */
static int decimal_parse(const char **text, int64_t *whole, int64_t *billionths)
{
    int64_t fraction = 0;
    if (digits_parse(text, whole) < 0)
        return -1;
    if (**text == '.') {
        const char *start = ++*text;
        if (digits_parse(text, &fraction) < 0 || *text - start > 9)
            return -1;
        for (ptrdiff_t n = *text - start; n < 9; n++)
            fraction *= 10;
    }
    *billionths = fraction;
    return 0;
}

static const struct unit *duration_unit(const char **text)
{
    static const struct unit units[] = {
        { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 },
    };
    for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
        const char *name = units[i].name, *end = *text;
        while (*name && *name == *end)
            name++, end++;
        if (!*name) {
            *text = end;
            return &units[i];
        }
    }
    return NULL;
}

int duration_parse(const char *text, int64_t *out_ms)
{
    int64_t total = 0, value;
    if (number_parse(text, 0, INT64_MAX / 1000, &value) == 0) {
        *out_ms = value * 1000;
        return 0;
    }
    do {
        if (digits_parse(&text, &value) < 0)
            return -1;
        const struct unit *unit = duration_unit(&text);
        if (!unit)
            return -1;
        if (__builtin_mul_overflow(value, unit->size, &value) || __builtin_add_overflow(total, value, &total))
            return -1;
    } while (*text);
    *out_ms = total;
    return 0;
}

int age_parse(const char *text, int64_t *out_ms)
{
    int64_t ms;
    bool bare = text[strspn(text, "0123456789")] == '\0';

    if (duration_parse(text, &ms) < 0 || (bare && ms != 0))
        return -1;
    *out_ms = ms;
    return 0;
}

int size_parse(const char *text, int64_t *out_bytes)
{
    static const struct unit units[] = {
        { "", 1 },
        { "b", 1 },
        { "k", 1LL << 10 }, { "kb", 1LL << 10 }, { "kib", 1LL << 10 },
        { "m", 1LL << 20 }, { "mb", 1LL << 20 }, { "mib", 1LL << 20 },
        { "g", 1LL << 30 }, { "gb", 1LL << 30 }, { "gib", 1LL << 30 },
        { "t", 1LL << 40 }, { "tb", 1LL << 40 }, { "tib", 1LL << 40 },
    };
    int64_t whole, billionths, bytes;
    if (decimal_parse(&text, &whole, &billionths) < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
        if (strcasecmp(text, units[i].name) != 0)
            continue;
        /* A fraction of a unit is below 2^40, which a double holds exactly. */
        int64_t part = (int64_t)((double)billionths / BILLION * (double)units[i].size);
        if (__builtin_mul_overflow(whole, units[i].size, &bytes) ||
            __builtin_add_overflow(bytes, part, &bytes))
            return -1;
        *out_bytes = bytes;
        return 0;
    }
    return -1;
}

int cpus_parse(const char *text, int64_t *out_nano)
{
    int64_t whole, billionths, nano;
    if (decimal_parse(&text, &whole, &billionths) < 0 || *text)
        return -1;
    if (__builtin_mul_overflow(whole, BILLION, &nano) || __builtin_add_overflow(nano, billionths, &nano))
        return -1;
    *out_nano = nano;
    return 0;
}

/* "Z", "+02:00": seconds to the east. */
static int zone_parse(const char *text, int64_t *out)
{
    if (strcmp(text, "Z") == 0) {
        *out = 0;
        return 0;
    }
    if (strlen(text) != strlen("+02:00") || !strchr("+-", text[0]) || text[3] != ':')
        return -1;
    for (size_t i = 1; i < strlen("+02:00"); i++)
        if (i != 3 && !is_digit(text[i]))
            return -1;
    int minutes = (text[1] - '0') * 600 + (text[2] - '0') * 60 + (text[4] - '0') * 10 + (text[5] - '0');
    *out = (text[0] == '-' ? -60 : 60) * (int64_t)minutes;
    return 0;
}

int timestamp_parse(const char *text, int64_t *out_seconds)
{
    struct tm tm = { 0 };
    int64_t east;
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (!rest)
        return -1;
    if (*rest == '.')
        rest += 1 + strspn(rest + 1, "0123456789");
    if (zone_parse(rest, &east) < 0)
        return -1;
    *out_seconds = (int64_t)timegm(&tm) - east;
    return 0;
}

const char *duration_format(int64_t ms, char *buf, unsigned len)
{
    int64_t s = ms / 1000, m = s / 60, h = m / 60;
    if (ms < 1000)
        (void)snprintf(buf, len, "%" PRId64 " ms", ms);
    else if (m < 1)
        (void)snprintf(buf, len, "%" PRId64 ".%" PRId64 " s", s, ms % 1000 / 100);
    else if (h < 1)
        (void)snprintf(buf, len, "%" PRId64 " m %02" PRId64 " s", m, s % 60);
    else if (h < 24)
        (void)snprintf(buf, len, "%" PRId64 " h %02" PRId64 " m", h, m % 60);
    else
        (void)snprintf(buf, len, "%" PRId64 " d %02" PRId64 " h", h / 24, h % 24);
    return buf;
}

const char *size_format(int64_t bytes, char *buf, unsigned len)
{
    static const char *const names[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    unsigned power = 0;
    while (power < 6 && bytes >= INT64_C(1) << (10 * (power + 1)))
        power++;
    int64_t whole = bytes >> (10 * power);
    /* Only the ten bits below matter for one decimal, so nothing can overflow. */
    int64_t tenths = power ? ((bytes >> (10 * (power - 1))) & 1023) * 10 / 1024 : 0;
    if (tenths)
        (void)snprintf(buf, len, "%" PRId64 ".%" PRId64 " %s", whole, tenths, names[power]);
    else
        (void)snprintf(buf, len, "%" PRId64 " %s", whole, names[power]);
    return buf;
}
