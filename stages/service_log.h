/* stages/service_log.h: the output of a job's services as lines of its log (CI_DEBUG_SERVICES, contract 5.5).
 *
 * Hooks are short and each reads a service's log anew, so that a hook has to know where an earlier one stopped:
 * nothing is lost between two of them and nothing is shown twice. Times alone do not tell, since several messages may
 * have the same one; and those of a service's two streams are not quite in order with each other. So each stream has
 * a mark of its own: the time of its last message, and how many of that time there were. */
#ifndef STAGES_SERVICE_LOG_H
#define STAGES_SERVICE_LOG_H

#include "base/strbuf.h"
#include "engine/stream.h"

#include <jansson.h>
#include <stdbool.h>

#define SERVICE_LOG_TIME_MAX 40

struct service_log_mark {
    char time[SERVICE_LOG_TIME_MAX]; /* "" before the first message */
    long long n;                     /* messages of that time */
};

struct service_log {
    const char *id;                   /* of the container; borrowed */
    const char *name;                 /* its aliases, with - between; borrowed */
    struct service_log_mark last[2];  /* of stdout and stderr */
    struct service_log_mark until[2]; /* what comes again now is passed over up to here */
};

/* Whether the job wants to see its services' output: the words are those of Go's ParseBool. 1: yes; 0: no; -1: what
 * CI_DEBUG_SERVICES says is neither, which counts as no. */
int service_log_asked(char *const *env);

/* Begin to read from where the marks are; what to ask the daemon for: the caller's, NULL for all there is. A second
 * more than is needed, because two streams' times are not quite in order. */
char *service_log_begin(struct service_log *l);

/* Append the line for a message (engine/logs.h) to `out`, control characters made visible; nothing when it was shown
 * before. */
void service_log_line(struct service_log *l, enum stream_kind kind, const char *text, size_t len, bool colour,
                      struct strbuf *out);

/* The marks of one service as a member of `all`, and back; what is not there leaves none. */
void service_log_save(const struct service_log *l, json_t *all);
void service_log_load(struct service_log *l, const json_t *all);

#endif
