#include "stages/deploy/cron_schedule.h"

#include "base/text.h"

#include <string.h>
#include <strings.h>
#include <time.h>

#define SPACES       " \t\r\n"
#define DAY          86400
#define LAST_YEAR    5000 /* beyond it nothing is asked of the C library */
/* A 29 February that is a certain weekday comes again after 40 years at most, around 2100. */
#define SEARCH_DAYS  (41 * 366)
#define CLOCK_WINDOW (2 * DAY) /* no zone changes its clock twice within it */

struct field {
    const char *name;
    int min, max;
    const char *const *words; /* of the values from `min`; NULL: only numbers */
};

static const char *const month_words[] = { "jan", "feb", "mar", "apr", "may", "jun", "jul",
                                           "aug", "sep", "oct", "nov", "dec", NULL };
static const char *const weekday_words[] = { "sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL };

enum { MINUTE, HOUR, DAY_OF_MONTH, MONTH, WEEKDAY, FIELDS };
static const struct field fields[FIELDS] = {
    { "minute", 0, 59, NULL },
    { "hour", 0, 23, NULL },
    { "day of the month", 1, 31, NULL },
    { "month", 1, 12, month_words },
    { "weekday", 0, 7, weekday_words },
};

/* ---- Reading ---- */

static int refuse(const struct field *f, const char *item, const char *why, struct err *e)
{
    auto_free char *shown = text_quote(item);

    return err_set(e, ERR_JOB, 0, "%s: `%s` %s", f->name, shown, why);
}

static int refuse_value(const struct field *f, const char *item, struct err *e)
{
    auto_free char *why = xasprintf("is not in its range: %d to %d%s%s%s%s", f->min, f->max,
                                    f->words ? " or " : "", f->words ? f->words[0] : "", f->words ? " to " : "",
                                    !f->words ? "" : f->words == month_words ? "dec" : "sat");

    return refuse(f, item, why, e);
}

/* A number of at most three digits, or -1. */
static int small_number(const char *text)
{
    size_t len = strspn(text, "0123456789");
    int value = 0;

    if (len == 0 || len > 3 || text[len])
        return -1;
    for (; *text; text++)
        value = value * 10 + (*text - '0');
    return value;
}

/* -1: none. */
static int field_value(const struct field *f, const char *text)
{
    for (int i = 0; f->words && f->words[i]; i++)
        if (strcasecmp(text, f->words[i]) == 0)
            return f->min + i;
    int value = small_number(text);
    return value >= f->min && value <= f->max ? value : -1;
}

/* "3-5", in its two halves. */
static int parse_range(const struct field *f, const char *item, char *dash, int *low, int *high, struct err *e)
{
    *dash = '\0';
    *low = field_value(f, item);
    *high = field_value(f, dash + 1);
    if (*low < 0 || *high < 0)
        return refuse_value(f, *low < 0 ? item : dash + 1, e);
    if (f->words == weekday_words && *high == 0 && *low > 0)
        *high = 7; /* fri-sun */
    if (*low <= *high)
        return 0;
    return err_set(e, ERR_JOB, 0, "%s: the range `%s-%s` runs backwards; write %d-%d,%d-%d", f->name, item, dash + 1, *low,
                   f->words == weekday_words ? 6 : f->max, f->min, *high);
}

/* "*", "5", "3-5", "*" or a range with "/2"; `item` is cut apart. */
static int parse_item(const struct field *f, char *item, uint64_t *bits, struct err *e)
{
    int low = f->min, high = f->max, step = 1;
    char *slash = strchr(item, '/');

    if (slash) {
        *slash = '\0';
        step = small_number(slash + 1);
        if (step < 1 || step > f->max)
            return refuse(f, slash + 1, "is no step: a number from 1 to its largest value", e);
    }
    char *dash = strchr(item, '-');
    if (dash) {
        if (parse_range(f, item, dash, &low, &high, e) < 0)
            return -1;
    } else if (strcmp(item, "*") != 0) {
        low = high = field_value(f, item);
        if (low < 0)
            return refuse_value(f, item, e);
        if (slash)
            return err_set(e, ERR_JOB, 0, "%s: a step needs a range: write %d-%d/%d", f->name, low, f->max, step);
    }
    for (int i = low; i <= high; i += step)
        *bits |= UINT64_C(1) << i;
    return 0;
}

static int parse_field(const struct field *f, char *text, uint64_t *bits, struct err *e)
{
    *bits = 0;
    for (char *item; (item = strsep(&text, ","));)
        if (parse_item(f, item, bits, e) < 0)
            return -1;
    return 0;
}

/* The most days that each month ever has. */
static int month_days(int month)
{
    return month == 2 ? 29 : month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

static bool ever_fits(const struct cron_schedule *s)
{
    if (s->any_day || !s->any_weekday)
        return true;
    for (int month = 1; month <= 12; month++)
        if (s->months >> month & 1 && s->days & ((UINT64_C(2) << month_days(month)) - 1))
            return true;
    return false;
}

static int parse_fields(char *line, struct cron_schedule *out, struct err *e)
{
    char *texts[FIELDS], *save = NULL;
    size_t n = 0;

    for (char *word = strtok_r(line, SPACES, &save); word; word = strtok_r(NULL, SPACES, &save), n++)
        if (n < FIELDS)
            texts[n] = word;
    if (n != FIELDS)
        return err_set(e, ERR_JOB, 0, "%zu fields, and not five: minute, hour, day, month, weekday", n);
    uint64_t bits[FIELDS];
    bool any_day = *texts[DAY_OF_MONTH] == '*', any_weekday = *texts[WEEKDAY] == '*';
    for (size_t i = 0; i < FIELDS; i++)
        if (parse_field(&fields[i], texts[i], &bits[i], e) < 0)
            return -1;
    *out = (struct cron_schedule){
        .minutes = bits[MINUTE],
        .hours = (uint32_t)bits[HOUR],
        .days = (uint32_t)bits[DAY_OF_MONTH],
        .months = (uint32_t)bits[MONTH],
        .weekdays = (uint8_t)((bits[WEEKDAY] | bits[WEEKDAY] >> 7) & 0x7f),
        .any_day = any_day,
        .any_weekday = any_weekday,
    };
    return ever_fits(out) ? 0 : err_set(e, ERR_JOB, 0, "no month of it has such a day, so it would never run");
}

static int parse_word(const char *word, struct cron_schedule *out, struct err *e)
{
    static const struct {
        const char *word, *fields;
    } words[] = {
        { "@hourly", "0 * * * *" },  { "@daily", "0 0 * * *" },   { "@midnight", "0 0 * * *" },
        { "@weekly", "0 0 * * 0" },  { "@monthly", "0 0 1 * *" }, { "@yearly", "0 0 1 1 *" },
        { "@annually", "0 0 1 1 *" },
    };

    if (strcasecmp(word, "@reboot") == 0) {
        *out = (struct cron_schedule){ .reboot = true };
        return 0;
    }
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (strcasecmp(word, words[i].word) == 0) {
            auto_free char *copy = xstrdup(words[i].fields);
            return parse_fields(copy, out, e);
        }
    return err_set(e, ERR_JOB, 0, "is none of @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually, @reboot");
}

int cron_parse(const char *line, struct cron_schedule *out, struct err *e)
{
    auto_free char *copy = xstrdup(line + strspn(line, SPACES));
    size_t len = strlen(copy);

    while (len > 0 && strchr(SPACES, copy[len - 1]))
        copy[--len] = '\0';
    if ((*copy == '@' ? parse_word(copy, out, e) : parse_fields(copy, out, e)) == 0)
        return 0;
    auto_free char *shown = text_quote(line);
    return err_wrap(e, "the schedule `%s`", shown);
}

/* ---- The next time ----
 *
 * A wall time is what clocks show, as seconds since 1970 as if that had been in UTC. */

static int64_t wall_of(int64_t instant)
{
    time_t t = (time_t)instant;
    struct tm tm;

    return localtime_r(&t, &tm) ? (int64_t)timegm(&tm) : instant;
}

/* When clocks show `wall`: the first of two such times. When none does: -1, and `*over` is when that gap ends. */
static int64_t instant_of(int64_t wall, int64_t *over)
{
    int64_t before = wall_of(wall - CLOCK_WINDOW) - (wall - CLOCK_WINDOW);
    int64_t after = wall_of(wall + CLOCK_WINDOW) - (wall + CLOCK_WINDOW);
    int64_t early = wall - (before > after ? before : after);
    int64_t late = wall - (before > after ? after : before);

    if (wall_of(early) == wall)
        return early;
    if (wall_of(late) == wall)
        return late;
    while (early < late) {
        int64_t middle = early + (late - early) / 2;
        if (wall_of(middle) < wall)
            early = middle + 1;
        else
            late = middle;
    }
    *over = late;
    return -1;
}

static bool fits_day(const struct cron_schedule *s, const struct tm *day)
{
    bool in_days = s->days >> day->tm_mday & 1, in_weekdays = s->weekdays >> day->tm_wday & 1;

    if (!(s->months >> (day->tm_mon + 1) & 1))
        return false;
    return s->any_day || s->any_weekday ? in_days && in_weekdays : in_days || in_weekdays;
}

static bool goes_by_hours(const struct cron_schedule *s)
{
    return s->hours == 0xffffff;
}

/* The first time on the day that begins at the wall time `midnight`; -1: none later than `after`. */
static int64_t next_of_day(const struct cron_schedule *s, int64_t midnight, int64_t after)
{
    for (int minute = 0; minute < 24 * 60; minute++) {
        if (!(s->hours >> (minute / 60) & 1) || !(s->minutes >> (minute % 60) & 1))
            continue;
        int64_t over = 0;
        int64_t instant = instant_of(midnight + (int64_t)minute * 60, &over);
        if (instant < 0 && !goes_by_hours(s))
            instant = over;
        if (instant > after)
            return instant;
    }
    return -1;
}

/* By real time, minute after minute, as far as one change of the clock reaches. */
static int64_t next_by_hours(const struct cron_schedule *s, int64_t after)
{
    int64_t first = after - ((after % 60) + 60) % 60 + 60;

    for (int64_t t = first; t < first + 2 * 3600; t += 60) {
        time_t instant = (time_t)t;
        struct tm tm;
        if (localtime_r(&instant, &tm) && tm.tm_sec == 0 && s->minutes >> tm.tm_min & 1 && fits_day(s, &tm))
            return t;
    }
    return -1;
}

int64_t cron_next(const struct cron_schedule *s, int64_t after)
{
    if (s->reboot || after < 0 || after / DAY / 366 > LAST_YEAR - 1970)
        return -1;
    int64_t found = goes_by_hours(s) ? next_by_hours(s, after) : -1;
    int64_t midnight = wall_of(after) / DAY * DAY;
    for (int day = 0; found < 0 && day < SEARCH_DAYS; day++, midnight += DAY) {
        time_t t = (time_t)midnight;
        struct tm tm;
        if (gmtime_r(&t, &tm) && fits_day(s, &tm))
            found = next_of_day(s, midnight, after);
    }
    return found;
}
