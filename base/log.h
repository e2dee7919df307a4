/* base/log.h: lines for people on stderr or stdout; one write a line.
 *
 * The hooks' stdout and stderr are the job log, so a line says what, which and
 * why, holds no secret, and has its control characters made visible before it
 * comes here (base/text.h). */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/err.h"

#include <stdbool.h>

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

struct log {
    int fd;                /* where lines go */
    enum log_level level;  /* lines above it are dropped */
    bool colour;           /* GitLab's job log and terminals understand it */
};

/* ERROR: and WARNING: are prefixed and coloured, info lines are plain. */
void log_line(const struct log *l, enum log_level level, const char *fmt, ...) PRINTF_LIKE(3, 4);

#define log_error(l, ...)   log_line((l), LOG_ERROR, __VA_ARGS__)
#define log_warning(l, ...) log_line((l), LOG_WARNING, __VA_ARGS__)
#define log_info(l, ...)    log_line((l), LOG_INFO, __VA_ARGS__)
#define log_debug(l, ...)   log_line((l), LOG_DEBUG, __VA_ARGS__)

#endif
