/* stages/pipeline/hook.h: starting the executor's four hooks as gitlab-runner starts them. */
#ifndef STAGES_PIPELINE_HOOK_H
#define STAGES_PIPELINE_HOOK_H

#include "base/err.h"
#include "base/strvec.h"
#include "stages/pipeline/cancel.h"
#include "stages/variables.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The executor: the same for every job. All borrowed. */
struct hook_driver {
    const char *program;
    const char *config; /* --config FILE; NULL: none */
    char *const *env;   /* the runner's own environment */
    struct cancel *cancel;
};

/* What a hook prints, piece by piece, as it prints it. */
typedef void hook_sink_fn(void *ctx, const char *data, size_t len);

/* One try at a job: its private folder and what config answered. */
struct hook {
    const struct hook_driver *driver;
    hook_sink_fn *sink;
    void *sink_ctx;
    char *dir;             /* cwd and TMPDIR of the hooks; removed by hook_release() */
    char *response_file;   /* path, for response_write() */
    struct strvec job_env; /* KEY=value, from config */
    char *sources_file;    /* what prepare is asked for (snapshot_request); NULL: nothing */
};

#define HOOK_INIT { .driver = NULL }

/* What config answered; a member is NULL when it was left out. */
struct hook_answer {
    char *driver_name, *driver_version;
    char *hostname;
    char *builds_dir, *cache_dir;
    char *shell;
    bool builds_dir_is_shared;
};

enum hook_result {
    HOOK_DONE,
    HOOK_BUILD_FAILED,  /* the job's fault; *code is its script's exit code */
    HOOK_SYSTEM_FAILED, /* the host's, or the hook misbehaved */
    HOOK_CANCELLED,
};

/* `temporary`: the folder below which the private one is made. */
int hook_open(const struct hook_driver *driver, const char *temporary, hook_sink_fn *sink, void *sink_ctx,
              struct hook *out, struct err *e);
void hook_release(struct hook *h);

/* Each starts one hook, with CUSTOM_ENV_* from resolved variables, and waits for
 * its end. `e` is set unless the result is HOOK_DONE. */
enum hook_result hook_call_config(struct hook *h, const struct variables *v, struct hook_answer *out, struct err *e);
enum hook_result hook_call_prepare(struct hook *h, const struct variables *v, struct err *e);
/* timeout_ms 0: none. */
enum hook_result hook_call_run(struct hook *h, const struct variables *v, const char *script, const char *substage,
                          int64_t timeout_ms, int *code, struct err *e);
/* Runs to its end also when we were told to stop: it is what leaves nothing behind. */
enum hook_result hook_call_cleanup(struct hook *h, const struct variables *v, struct err *e);

/* Read what config printed; for the unit test. */
int hook_answer_parse(const char *text, size_t len, struct hook_answer *out, struct strvec *job_env, struct err *e);
/* The first line of BUILD_EXIT_CODE_FILE. -1 when it holds no number. */
int hook_exit_code_parse(const char *text, int *out);
void hook_answer_release(struct hook_answer *a);

#define auto_hook_answer __attribute__((cleanup(hook_answer_release))) struct hook_answer

#endif
