/* stages/deploy/compose_key.h: every key of a compose file, and what becomes of it. */
#ifndef STAGES_DEPLOY_COMPOSE_KEY_H
#define STAGES_DEPLOY_COMPOSE_KEY_H

#include "stages/deploy/compose_reader.h"

enum compose_use {
    KEY_TAKEN,      /* it works */
    KEY_DEPRECATED, /* it works; `text` says what is done, and what to write */
    KEY_REFUSED,    /* `text` says why, and what to use instead */
};

struct compose_key {
    const char *name;
    enum compose_use use;
    const char *text;
    compose_read_fn *read; /* of a service's keys that work */
};

enum compose_place { IN_COMPOSE_FILE, IN_COMPOSE_SERVICE };

/* The key, when it works there. NULL when it does not, or is x-*: a problem is said of it, or nothing. */
const struct compose_key *compose_key_check(struct compose_reader *r, const struct yaml *member,
                                            enum compose_place place);

#endif
