#include "stages/deploy/cron_schedule.h"

#include "base/memory.h"
#include "base/number.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static int64_t at(const char *timestamp)
{
    int64_t seconds = -1;

    if (timestamp_parse(timestamp, &seconds) < 0)
        fail_msg("%s: no time", timestamp);
    return seconds;
}

static void in_zone(const char *zone)
{
    assert_int_equal(setenv("TZ", zone, 1), 0);
    tzset();
}

static const struct {
    const char *line, *after, *next; /* UTC */
} rows[] = {
    { "* * * * *", "2026-03-01T10:00:00Z", "2026-03-01T10:01:00Z" },
    { "* * * * *", "2026-03-01T10:00:59Z", "2026-03-01T10:01:00Z" },
    /* Cronjob: "Ce service sera lancé toutes les heures" */
    { "0 * * * *", "2026-03-01T10:00:00Z", "2026-03-01T11:00:00Z" },
    { "*/15 * * * *", "2026-03-01T10:31:00Z", "2026-03-01T10:45:00Z" },
    { "5-20/7 * * * *", "2026-03-01T10:12:00Z", "2026-03-01T10:19:00Z" },
    { "5-20/7 * * * *", "2026-03-01T10:19:00Z", "2026-03-01T11:05:00Z" },
    { "0,30 8-10 * * *", "2026-03-01T10:30:00Z", "2026-03-02T08:00:00Z" },
    { "59 23 31 12 *", "2026-12-31T23:59:00Z", "2027-12-31T23:59:00Z" },
    { "0 0 1 JAN *", "2026-03-01T10:00:00Z", "2027-01-01T00:00:00Z" },
    { "0 0 * apr-jun *", "2026-07-01T00:00:00Z", "2027-04-01T00:00:00Z" },
    { "0 9 * * Mon", "2026-11-22T06:00:00Z", "2026-11-23T09:00:00Z" },
    { "0 9 * * 0", "2026-11-22T06:00:00Z", "2026-11-22T09:00:00Z" },
    { "0 9 * * 7", "2026-11-22T06:00:00Z", "2026-11-22T09:00:00Z" },
    { "0 9 * * 1-5", "2026-11-20T09:00:00Z", "2026-11-23T09:00:00Z" },
    { "0 9 * * fri-sun", "2026-11-22T09:00:00Z", "2026-11-27T09:00:00Z" },
    { "0 9 * * 6-7", "2026-11-21T09:00:00Z", "2026-11-22T09:00:00Z" },
    /* one of two restricted days is enough; one that begins with `*` restricts the other */
    { "0 0 13 * 5", "2026-11-01T00:00:00Z", "2026-11-06T00:00:00Z" },
    { "0 0 13 * 5", "2026-12-11T00:00:00Z", "2026-12-13T00:00:00Z" },
    { "0 0 13 * *", "2026-11-01T00:00:00Z", "2026-11-13T00:00:00Z" },
    { "0 0 */2 * 5", "2026-11-06T00:00:00Z", "2026-11-13T00:00:00Z" },
    { "0 0 31 * *", "2026-01-31T00:00:00Z", "2026-03-31T00:00:00Z" },
    { "0 0 31 2 5", "2026-01-31T00:00:00Z", "2026-02-06T00:00:00Z" },
    { "30 2 29 2 *", "2026-11-22T00:00:00Z", "2028-02-29T02:30:00Z" },
    { "30 2 29 2 *", "2096-03-01T00:00:00Z", "2104-02-29T02:30:00Z" },
    { "0 0 29 2 */7", "2088-03-01T00:00:00Z", "2128-02-29T00:00:00Z" },
    { " \t0 0\t1  *   * \n", "2026-11-22T00:00:00Z", "2026-12-01T00:00:00Z" },
    { "@hourly", "2026-11-22T06:00:00Z", "2026-11-22T07:00:00Z" },
    { "@daily", "2026-11-22T06:00:00Z", "2026-11-23T00:00:00Z" },
    { "@midnight", "2026-11-22T06:00:00Z", "2026-11-23T00:00:00Z" },
    { "@weekly", "2026-11-22T06:00:00Z", "2026-11-29T00:00:00Z" },
    { "@monthly", "2026-11-22T06:00:00Z", "2026-12-01T00:00:00Z" },
    { "@yearly", "2026-11-22T06:00:00Z", "2027-01-01T00:00:00Z" },
    { " @Annually\n", "2026-11-22T06:00:00Z", "2027-01-01T00:00:00Z" },
};

static int64_t next_of(const char *line, int64_t after)
{
    struct cron_schedule s;
    auto_err e = ERR_INIT;

    if (cron_parse(line, &s, &e) < 0)
        fail_msg("%s", err_text(&e));
    return cron_next(&s, after);
}

static void test_next(void **state)
{
    (void)state;
    in_zone("UTC0");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int64_t next = next_of(rows[i].line, at(rows[i].after));
        if (next != at(rows[i].next))
            fail_msg("`%s` after %s: %lld, not %s", rows[i].line, rows[i].after, (long long)next, rows[i].next);
    }
    assert_int_equal(next_of("* * * * *", INT64_MAX), -1);
    assert_int_equal(next_of("* * * * *", -1), -1);
}

/* Zones as rules, so that no file of them is needed. */
#define PARIS     "CET-1CEST,M3.5.0,M10.5.0/3"             /* 29 March 2026, 02:00 -> 03:00; 25 October, 03:00 -> 02:00 */
#define NEW_YORK  "EST5EDT,M3.2.0,M11.1.0"                 /* 8 March 2026, 1 November */
#define LORD_HOWE "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0"   /* half an hour; 5 April, 4 October 2026 */
#define CHILE     "<-04>4<-03>,M9.1.6/24,M4.1.6/24"        /* at midnight: 6 September 2026, 00:00 -> 01:00 */

static const struct {
    const char *zone, *line, *after, *next;
} changes[] = {
    /* what falls into the missing hour runs once, when that is over */
    { PARIS, "30 2 * * *", "2026-03-28T02:30:00+01:00", "2026-03-29T03:00:00+02:00" },
    { PARIS, "30 2 * * *", "2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00" },
    { PARIS, "0,15,30 2 * * *", "2026-03-29T03:00:00+02:00", "2026-03-30T02:00:00+02:00" },
    { PARIS, "30 1-4 * * *", "2026-03-29T03:00:00+02:00", "2026-03-29T03:30:00+02:00" },
    /* of two equal hours, the first */
    { PARIS, "30 2 * * *", "2026-10-25T02:00:00+02:00", "2026-10-25T02:30:00+02:00" },
    { PARIS, "30 2 * * *", "2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00" },
    { PARIS, "30 2 * * *", "2026-10-25T02:10:00+01:00", "2026-10-26T02:30:00+01:00" },
    { PARIS, "0 3 * * *", "2026-10-25T02:30:00+02:00", "2026-10-25T03:00:00+01:00" },
    /* every hour goes by the time that passes */
    { PARIS, "30 * * * *", "2026-03-29T01:30:00+01:00", "2026-03-29T03:30:00+02:00" },
    { PARIS, "30 * * * *", "2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00" },
    { PARIS, "*/20 * * * *", "2026-10-25T02:40:00+02:00", "2026-10-25T02:00:00+01:00" },
    { PARIS, "0 * 26 10 *", "2026-10-25T02:30:00+02:00", "2026-10-26T00:00:00+01:00" },
    { NEW_YORK, "30 2 * * *", "2026-03-08T00:00:00-05:00", "2026-03-08T03:00:00-04:00" },
    { NEW_YORK, "30 1 * * *", "2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00" },
    { NEW_YORK, "30 1 * * *", "2026-06-01T01:29:30-04:00", "2026-06-01T01:30:00-04:00" },
    { LORD_HOWE, "15 2 * * *", "2026-10-04T01:00:00+10:30", "2026-10-04T02:30:00+11:00" },
    { LORD_HOWE, "45 1 * * *", "2026-04-05T01:45:00+11:00", "2026-04-06T01:45:00+10:30" },
    { LORD_HOWE, "45 * * * *", "2026-04-05T01:45:00+11:00", "2026-04-05T01:45:00+10:30" },
    { CHILE, "@daily", "2026-09-05T12:00:00-04:00", "2026-09-06T01:00:00-03:00" },
    { CHILE, "5 * 6 9 *", "2026-09-05T12:00:00-04:00", "2026-09-06T01:05:00-03:00" },
};

static void test_clock_changes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
        in_zone(changes[i].zone);
        int64_t next = next_of(changes[i].line, at(changes[i].after));
        if (next != at(changes[i].next))
            fail_msg("%s: `%s` after %s: %lld, not %s (%lld)", changes[i].zone, changes[i].line, changes[i].after,
                     (long long)next, changes[i].next, (long long)at(changes[i].next));
    }
}

static void test_reboot(void **state)
{
    (void)state;
    struct cron_schedule s;
    auto_err e = ERR_INIT;

    assert_int_equal(cron_parse(" @reboot ", &s, &e), 0);
    assert_true(s.reboot);
    assert_int_equal(cron_next(&s, 0), -1);
    assert_int_equal(cron_parse("@daily", &s, &e), 0);
    assert_false(s.reboot);
}

static const struct {
    const char *line, *message; /* behind "the schedule `LINE`: " */
} refused[] = {
    { "", "0 fields, and not five: minute, hour, day, month, weekday" },
    { "* * * *", "4 fields, and not five: minute, hour, day, month, weekday" },
    { "0 * * * * *", "6 fields, and not five: minute, hour, day, month, weekday" },
    { "60 * * * *", "minute: `60` is not in its range: 0 to 59" },
    { "-1 * * * *", "minute: `` is not in its range: 0 to 59" },
    { "0 24 * * *", "hour: `24` is not in its range: 0 to 23" },
    { "0 0 0 * *", "day of the month: `0` is not in its range: 1 to 31" },
    { "0 0 L * *", "day of the month: `L` is not in its range: 1 to 31" },
    { "0 0 * 13 *", "month: `13` is not in its range: 1 to 12 or jan to dec" },
    { "0 0 * january *", "month: `january` is not in its range: 1 to 12 or jan to dec" },
    { "0 0 * * 8", "weekday: `8` is not in its range: 0 to 7 or sun to sat" },
    { "0 0 * * 5#2", "weekday: `5#2` is not in its range: 0 to 7 or sun to sat" },
    { "0 0 * * mon-9", "weekday: `9` is not in its range: 0 to 7 or sun to sat" },
    { "0 22-2 * * *", "hour: the range `22-2` runs backwards; write 22-23,0-2" },
    { "0 0 * * sat-tue", "weekday: the range `sat-tue` runs backwards; write 6-6,0-2" },
    { "1,,2 * * * *", "minute: `` is not in its range: 0 to 59" },
    { "1, * * * *", "minute: `` is not in its range: 0 to 59" },
    { "*/0 * * * *", "minute: `0` is no step: a number from 1 to its largest value" },
    { "*/ * * * *", "minute: `` is no step: a number from 1 to its largest value" },
    { "*/x * * * *", "minute: `x` is no step: a number from 1 to its largest value" },
    { "5/10 * * * *", "minute: a step needs a range: write 5-59/10" },
    { "99999999999999999999 * * * *", "minute: `99999999999999999999` is not in its range: 0 to 59" },
    { "0 0 31 2 *", "no month of it has such a day, so it would never run" },
    { "0 0 31 4,6,9,11 *", "no month of it has such a day, so it would never run" },
    { "0 0 30-31 2 */2", "no month of it has such a day, so it would never run" },
    { "@every 5m", "is none of @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually, @reboot" },
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        struct cron_schedule s;
        auto_err e = ERR_INIT;
        auto_free char *want = xasprintf("the schedule `%s`: %s", refused[i].line, refused[i].message);
        if (cron_parse(refused[i].line, &s, &e) == 0)
            fail_msg("%s: taken", refused[i].line);
        assert_string_equal(err_text(&e), want);
        assert_int_equal(e.kind, ERR_JOB);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_next),
        cmocka_unit_test(test_clock_changes),
        cmocka_unit_test(test_reboot),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
