/* cache/helper/helper.h: the runner's helper: what scripts that gitlab-runner writes call (contract 3).
 *
 * One row a command. A command returns 0, a status of its own, or -1 with the error:
 * main writes that as the FATAL line and ends with 1. */
#ifndef CACHE_HELPER_HELPER_H
#define CACHE_HELPER_HELPER_H

#include "cache/helper/flag.h"

struct helper {
    struct report report;
    char *const *env;
    char *const *args; /* what follows the options */
    int interrupt_fd;
};

struct helper_command {
    const char *name;
    const char *summary; /* NULL: not in the list of commands */
    const struct flag *flags;
    size_t options; /* size of its struct */
    int (*run)(const struct helper *h, void *options, struct err *e);
};

extern const struct helper_command artifacts_downloader, artifacts_uploader, cache_archiver, cache_extractor, cache_init,
    cache_verify, health_check, proxy_exec, read_logs;

#endif
