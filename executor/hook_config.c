/* executor/hook_config.c: tells gitlab-runner where jobs are built (contract 1.5). */
#include "base/file.h"
#include "base/json.h"
#include "executor/host.h"

#include <string.h>
#include <unistd.h>

/* The folder is private to the runner, project and slot already, so the runner
 * need not make it so (builds_dir_is_shared). */
static json_t *answer(const struct host *h)
{
    char hostname[256] = "";

    (void)gethostname(hostname, sizeof(hostname) - 1);
    return json_pack("{s:{s:s, s:s}, s:s, s:s, s:s, s:b, s:s, s:{s:s}}", "driver", "name", "atelier", "version",
                     ATELIER_VERSION, "hostname", hostname, "builds_dir", h->place.builds_dir, "cache_dir",
                     h->place.cache_dir, "builds_dir_is_shared", 0, "shell", "bash", "job_env", "ATELIER_JOB",
                     h->place.key);
}

int hook_config(const struct invocation *in, struct err *e)
{
    auto_host h = { 0 };

    if (host_init(in, &h, e) < 0)
        return -1;
    auto_json *json = answer(&h);
    auto_free char *text = json_compact(json);
    return fd_write(STDOUT_FILENO, text, strlen(text), e);
}
