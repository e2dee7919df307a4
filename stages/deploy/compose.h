/* stages/deploy/compose.h: a compose file, read with its variables put in, and checked.
 *
 * The keys are those of Factory's list (stages/deploy/compose_key.c). Each other key is refused with what to use
 * instead, so that nothing in a file is silently without effect. What is here is fit to be made: paths are clean and
 * below the project's data, names are names, every service that is named exists. */
#ifndef STAGES_DEPLOY_COMPOSE_H
#define STAGES_DEPLOY_COMPOSE_H

#include "base/err.h"
#include "base/strbuf.h"
#include "base/strvec.h"

#include <stdbool.h>
#include <stdint.h>

struct compose_volume {
    char *source; /* "data/db": clean, relative, without "./", always "data" or below it */
    char *target; /* an absolute path, clean */
    bool read_only;
};

struct compose_health {
    bool given, disabled;
    struct strvec test; /* as the API has it: "CMD", … or "CMD-SHELL", …; empty: the image's */
    int64_t interval_ms, timeout_ms, start_ms; /* 0: not given */
    int retries;                               /* 0: not given */
};

enum compose_condition { DEPENDS_STARTED, DEPENDS_HEALTHY, DEPENDS_COMPLETED };

struct compose_depends {
    char *service;
    enum compose_condition condition;
};

struct compose_service {
    char *name;
    int line;
    char *image;
    bool command_given, entrypoint_given;
    struct strvec command, entrypoint; /* words; given and empty clears the image's */
    struct compose_depends *depends;   /* links are in it too; each service once */
    size_t n_depends;
    struct strvec environment; /* "KEY=value", sorted by key */
    struct strvec secret_keys; /* the keys of those whose value has a secret in it, sorted */
    struct strvec expose;      /* "9000/tcp", each once; the container's side of `ports` too */
    struct strvec extra_hosts; /* "name:address" */
    struct compose_health health;
    struct strvec labels;      /* "key=value", sorted by key */
    int *label_lines;          /* where each of them stands in the file */
    bool labels_unset;         /* some are not here: they wait for a variable (compose_variables.unset) */
    char *log_driver;          /* NULL: the daemon's own */
    struct strvec log_options; /* "key=value", sorted by key */
    bool read_only, tty;
    char *restart; /* "no", "always", "unless-stopped", "on-failure", "on-failure:3"; NULL: not given */
    struct compose_volume *volumes;
    size_t n_volumes;
};

struct compose {
    char *version; /* NULL: not given */
    struct compose_service *services; /* in the file's order; what depends on what has no cycle */
    size_t n;
};

#define COMPOSE_INIT { NULL, NULL, 0 }

/* Where the file's variables come from. */
struct compose_variables {
    /* NULL: it is not set; *secret may be so all the same, when one of that name would be. */
    const char *(*find)(void *ctx, const char *name, bool *secret);
    /* Appends what to do about one that is not set: "create SV_PROD_API_KEY in …". May be NULL. */
    void (*missing)(void *ctx, const char *name, struct strbuf *hint);
    void *ctx;
    /* Not NULL: one that is not set is no problem; a line goes here, and the text with it is not checked. */
    struct strvec *unset;
};

/* Read `text`, which errors call `file`. Every problem of the file goes to `problems`, each
 * "FILE:LINE:COLUMN: problem; what to do", and ERR_JOB says the first of them and how many there are; *out is empty
 * then. `warnings` are of the same form. A secret may be interpolated in `environment` alone: labels, commands and
 * images are public on the target. No value of a variable is in any of these texts. */
int compose_read(const char *file, const char *text, size_t len, const struct compose_variables *v, struct compose *out,
                 struct strvec *problems, struct strvec *warnings, struct err *e);
/* NULL when there is none. */
const struct compose_service *compose_find(const struct compose *c, const char *name);
void compose_release(struct compose *c);

#define auto_compose __attribute__((cleanup(compose_release))) struct compose

#endif
