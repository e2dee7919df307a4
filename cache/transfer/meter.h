/* cache/transfer/meter.h: how far a transfer is, on stdout (contract 3.1). */
#ifndef CACHE_TRANSFER_METER_H
#define CACHE_TRANSFER_METER_H

#include <stdbool.h>
#include <stdint.h>

struct meter {
    int fd;             /* where it is shown */
    const char *label;  /* "Uploading cache" */
    int64_t every_ms;   /* how often; 0: never */
    int64_t total;      /* bytes; 0: not known */
    bool bar;           /* a terminal: drawn in place, with a bar */

    /* Its own. */
    int64_t done, began, shown;
    bool started;
};

/* `frequency_ms` as gitlab-runner's option has it: less than a second is a second, 0 shows nothing,
 * but for a terminal, which always gets its bar. */
void meter_begin(struct meter *m, const char *label, int64_t frequency_ms, int64_t total);
void meter_add(struct meter *m, int64_t bytes);
/* The last state, and the end of its line. */
void meter_end(struct meter *m);

/* "12.34 MB", "512 B": decimal units. Pure; for tests. */
const char *meter_size(int64_t bytes, char *buf, unsigned len);

#endif
