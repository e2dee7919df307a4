#include "base/log.h"

#include "base/file.h"
#include "base/strbuf.h"

/* What gitlab-runner itself writes, so that the job log looks of one piece. */
static const struct {
    const char *prefix;
    const char *colour;
} styles[] = {
    [LOG_ERROR] = { "ERROR: ", "\033[31;1m" },
    [LOG_WARNING] = { "WARNING: ", "\033[0;33m" },
    [LOG_INFO] = { "", NULL },
    [LOG_DEBUG] = { "debug: ", NULL },
};

void log_line(const struct log *l, enum log_level level, const char *fmt, ...)
{
    if (level > l->level)
        return;
    va_list ap;
    va_start(ap, fmt);
    auto_free char *text = xvasprintf(fmt, ap);
    va_end(ap);

    const char *colour = l->colour ? styles[level].colour : NULL;
    auto_strbuf line = STRBUF_TEXT;
    strbuf_printf(&line, "%s%s%s%s\n", colour ? colour : "", styles[level].prefix, text,
                  colour ? "\033[0;m" : "");
    /* A log that cannot be written has nowhere left to say so. */
    (void)fd_write(l->fd, line.data, line.len, NULL);
}
