/* stages/deploy/compose_reader.h: what the parts of the compose reader share. No one else includes it.
 *
 * Nothing stops at a problem: it is written down with its place, and the reading goes on with what can be read. */
#ifndef STAGES_DEPLOY_COMPOSE_READER_H
#define STAGES_DEPLOY_COMPOSE_READER_H

#include "base/yaml.h"
#include "stages/deploy/compose.h"

struct compose_reader {
    const char *file;
    const struct compose_variables *variables;
    struct strvec *problems, *warnings;
    size_t unsaid; /* problems beyond those that are listed */
    size_t grown;  /* bytes of all texts with their variables put in */
    struct compose *compose;
    const struct yaml *services; /* the map of them */
};

/* ---- compose_value.c ---- */

/* "FILE:LINE:COLUMN: …" of the value, or of its key; each once. */
void compose_problem(struct compose_reader *r, const struct yaml *at, const char *fmt, ...) PRINTF_LIKE(3, 4);
void compose_key_problem(struct compose_reader *r, const struct yaml *at, const char *fmt, ...) PRINTF_LIKE(3, 4);
void compose_warning(struct compose_reader *r, const struct yaml *at, const char *fmt, ...) PRINTF_LIKE(3, 4);
void compose_key_warning(struct compose_reader *r, const struct yaml *at, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Nothing was written: the key is missing, or there is nothing behind it. */
bool compose_absent(const struct yaml *y);
/* Whether it is of that type; a problem that says what `keyword` must be, if not. */
bool compose_is(struct compose_reader *r, const struct yaml *y, enum yaml_type type, const char *keyword,
                const char *wanted);
/* A map's keys are all among `known`; the others are problems. */
void compose_check_keys(struct compose_reader *r, const struct yaml *map, const char *keyword,
                        const char *const *known);

enum compose_kind {
    COMPOSE_LINE, /* one line without control characters */
    COMPOSE_TEXT, /* lines and tabs are fine */
    COMPOSE_ANY,  /* whatever the variables bring */
};

/* The text with its variables put in, the caller's. NULL when a problem was said of it, or when a variable is not set
 * that need not be (compose_variables.unset): it is left unchecked. *secret says whether a secret is in it; where
 * `secret` is NULL there may be none. */
char *compose_text(struct compose_reader *r, const struct yaml *y, const char *keyword, enum compose_kind kind,
                   bool *secret);
/* Warn when docker-compose takes a plain scalar (0755, 22:22, 3.10, yes) for something else than its text. */
void compose_warn_of_number(struct compose_reader *r, const struct yaml *y);
void compose_read_bool(struct compose_reader *r, const struct yaml *y, const char *keyword, bool *out);
/* What is no duration is a problem. */
void compose_read_duration(struct compose_reader *r, const struct yaml *y, const char *keyword, int64_t *out_ms);

/* ---- the keys of a service (compose_key.c has the table) ---- */

typedef void compose_read_fn(struct compose_reader *r, const struct yaml *y, struct compose_service *s);

compose_read_fn compose_read_image, compose_read_command, compose_read_entrypoint, compose_read_restart,
    compose_read_read_only, compose_read_tty;                                       /* compose_run.c */
compose_read_fn compose_read_environment, compose_read_labels, compose_read_logging; /* compose_pairs.c */
compose_read_fn compose_read_healthcheck;                                           /* compose_health.c */
compose_read_fn compose_read_expose, compose_read_ports, compose_read_extra_hosts;  /* compose_network.c */
compose_read_fn compose_read_volumes;                                               /* compose_volume.c */
compose_read_fn compose_read_depends_on, compose_read_links;                        /* compose_depends.c */

/* Cycles, when all services are read. */
void compose_check_order(struct compose_reader *r);
/* Volumes within others, when all services are read. */
void compose_check_volumes(struct compose_reader *r);
/* All of them (compose_service.c). */
void compose_read_services(struct compose_reader *r, const struct yaml *services);

#endif
