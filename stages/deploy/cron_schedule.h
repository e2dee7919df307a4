/* stages/deploy/cron_schedule.h: when a cron job runs, by the five fields of crontab(5).
 *
 *     minute 0-59   hour 0-23   day 1-31   month 1-12 or jan-dec   weekday 0-7 or sun-sat (0 and 7: Sunday)
 *
 * A field is a list (`,`) of `*`, a value or a range, the first and the last with a step (`/`). When neither day nor
 * weekday begins with `*`, one of them is enough; else both must fit. @hourly, @daily, @midnight, @weekly, @monthly,
 * @yearly and @annually are what they are there; @reboot is once at each start of the job's container.
 *
 * Where clocks change, in the zone of TZ: a schedule of every hour goes by the time that really passes, so it
 * runs in both of two equal hours, and an hour that is not there is no run. Every other schedule goes by the day: of
 * two equal hours it takes the first, and what falls into a missing one runs once, as soon as that is over. */
#ifndef STAGES_DEPLOY_CRON_SCHEDULE_H
#define STAGES_DEPLOY_CRON_SCHEDULE_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

/* One bit for each value. */
struct cron_schedule {
    uint64_t minutes;
    uint32_t hours;
    uint32_t days;
    uint32_t months;
    uint8_t weekdays; /* Sunday is bit 0 */
    bool any_day, any_weekday; /* the field begins with `*` */
    bool reboot;               /* nothing else of it counts then */
};

/* ERR_JOB says which field is wrong, and what it may be. A schedule that no date ever fits ("0 0 31 2 *") is wrong. */
int cron_parse(const char *line, struct cron_schedule *out, struct err *e);
/* The first time to run that is later than `after`, in seconds since the epoch. -1: never (@reboot). */
int64_t cron_next(const struct cron_schedule *s, int64_t after);

#endif
