#include "stages/pipeline/period.h"

#include "base/text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A year is as long as GitLab has it. No job takes longer than 100 of them. */
#define YEAR    ((int64_t)31557600)
#define MAXIMUM (100 * YEAR)

static const struct {
    const char *names[6];
    int64_t seconds;
} units[] = {
    { { "s", "sec", "secs", "second", "seconds" }, 1 },
    { { "m", "min", "mins", "minute", "minutes" }, 60 },
    { { "h", "hr", "hrs", "hour", "hours" }, 3600 },
    { { "d", "day", "days" }, 86400 },
    { { "w", "wk", "wks", "week", "weeks" }, 604800 },
    { { "mo", "mos", "month", "months" }, YEAR / 12 },
    { { "y", "yr", "yrs", "year", "years" }, YEAR },
};

/* 0 when it is none. */
static int64_t unit_of(const char *word, size_t len)
{
    auto_free char *name = xstrndup(word, len);

    for (size_t i = 0; i < ARRAY_SIZE(units); i++)
        for (size_t k = 0; units[i].names[k]; k++)
            if (strcasecmp(name, units[i].names[k]) == 0)
                return units[i].seconds;
    return 0;
}

static const char *skip_between(const char *at)
{
    at += strspn(at, " ,");
    return strncasecmp(at, "and ", 4) == 0 ? at + 4 + strspn(at + 4, " ") : at;
}

int period_parse(const char *text, int64_t *seconds)
{
    const char *at = skip_between(text);
    double sum = 0;

    if (!*at)
        return -1;
    while (*at) {
        char *end;
        if (!isdigit((unsigned char)*at))
            return -1;
        double number = strtod(at, &end);
        const char *word = end + strspn(end, " ");
        size_t len = 0;
        while (isalpha((unsigned char)word[len]))
            len++;
        int64_t unit = len > 0 ? unit_of(word, len) : 1;
        if (unit == 0 || (len == 0 && *word))
            return -1;
        sum += number * (double)unit;
        if (sum > (double)MAXIMUM)
            return -1;
        at = skip_between(word + len);
    }
    *seconds = (int64_t)sum;
    return 0;
}
