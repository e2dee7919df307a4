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

/* As GitLab has them, its odd one included. */
static const char *const number_words[] = {
    "zero",    "one",     "two",       "three",    "four",     "five",   "six",     "seven",  "eight",   "nine",   "ten",
    "eleven",  "twelve",  "thirteen",  "fourteen", "fifteen",  "sixteen", "seventeen", "eighteen", "nineteen", NULL,
};
static const struct {
    const char *word;
    int number;
} tens[] = { { "twenty", 20 }, { "thirty", 30 }, { "forty", 40 }, { "fourty", 40 }, { "fifty", 50 },
             { "sixty", 60 }, { "seventy", 70 }, { "eighty", 80 }, { "ninety", 90 } };

static size_t word_length(const char *at)
{
    size_t len = 0;

    while (isalpha((unsigned char)at[len]))
        len++;
    return len;
}

static bool is_word(const char *at, const char *word)
{
    return word_length(at) == strlen(word) && strncasecmp(at, word, strlen(word)) == 0;
}

/* Behind the commas, blanks and words that only join. */
static const char *skip_between(const char *at)
{
    static const char *const joints[] = { "and", "with", "plus" };
    const char *before;

    do {
        before = at;
        at += strspn(at, " ,");
        for (size_t i = 0; i < ARRAY_SIZE(joints); i++)
            if (is_word(at, joints[i]))
                at += strlen(joints[i]);
    } while (at != before);
    return at;
}

/* "two", "ninety"; -1 when it is none. */
static int word_number(const char *at)
{
    for (int i = 0; number_words[i]; i++)
        if (is_word(at, number_words[i]))
            return i;
    for (size_t i = 0; i < ARRAY_SIZE(tens); i++)
        if (is_word(at, tens[i].word))
            return tens[i].number;
    return -1;
}

/* In digits or words. */
static int parse_number(const char *at, const char **end, double *out)
{
    if (isdigit((unsigned char)*at)) {
        size_t len = strspn(at, "0123456789.");
        auto_free char *digits = xstrndup(at, len);
        char *stop;
        *out = strtod(digits, &stop);
        *end = at + len;
        return *stop ? -1 : 0;
    }
    int number = word_number(at);
    *out = number;
    *end = at + word_length(at);
    return number < 0 ? -1 : 0;
}

/* "1:30" and "2:01:05": minutes, or hours first. */
static int parse_clock(const char *text, int64_t *seconds)
{
    double sum = 0, part;
    int parts = 1;

    for (const char *at = text;; at++, parts++) {
        if (!isdigit((unsigned char)*at) || parse_number(at, &at, &part) < 0)
            return -1;
        sum = sum * 60 + part;
        if (!*at)
            break;
        if (*at != ':' || parts == 3)
            return -1;
    }
    *seconds = (int64_t)sum;
    return parts > 1 && sum <= (double)MAXIMUM ? 0 : -1;
}

int period_parse(const char *text, int64_t *seconds)
{
    const char *at = skip_between(text);
    double sum = 0;

    if (!*at)
        return -1;
    if (strchr(at, ':'))
        return parse_clock(at, seconds);
    while (*at) {
        double number;
        if (parse_number(at, &at, &number) < 0)
            return -1;
        const char *word = at + strspn(at, " ");
        size_t len = word_length(word);
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
