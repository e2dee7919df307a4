/* cache/report.h: the helper's lines in the job log, to the byte as gitlab-runner's helper writes them.
 *
 * Scripts and people read these lines, so the format is a contract (3.1): the message fills
 * 50 columns with its prefix, then a blank, then the fields. Texts and values may come from a
 * job: their control characters are made visible here, so a file's name neither begins a line
 * nor a section. One write a line. */
#ifndef CACHE_REPORT_H
#define CACHE_REPORT_H

#include "base/log.h"
#include "base/strvec.h"

#include <stdbool.h>

struct report {
    int fd;      /* gitlab-runner's goes to stderr */
    bool colour; /* GitLab's log understands it; info lines then bear the reset code, as theirs do */
    bool debug;  /* LOG_DEBUG lines too */
};

/* Whether lines to `fd` are coloured: always, as gitlab-runner does it, except on a terminal
 * that knows no colour or whose user wants none. `env` as programs get it. */
bool report_wants_colour(int fd, char *const *env);

void report_line(const struct report *r, enum log_level level, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* `fields` are "key=value", written sorted by key; may be NULL. */
void report_fields(const struct report *r, enum log_level level, const struct strvec *fields, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
/* The last line of a program that ends with 1: "FATAL: ...". It does not end it. */
void report_fatal(const struct report *r, const struct strvec *fields, const char *fmt, ...) PRINTF_LIKE(3, 4);

#endif
