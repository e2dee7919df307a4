/* stages/deploy/release_source.h: what is deployed: a compose file's text, and where its variables come from. */
#ifndef STAGES_DEPLOY_RELEASE_SOURCE_H
#define STAGES_DEPLOY_RELEASE_SOURCE_H

#include "stages/deploy/compose.h"
#include "stages/deploy/deploy.h"
#include "stages/deploy/release.h"

struct release_source {
    struct deploy_environment *environment;
    const char *file, *text;
    size_t len;
    const struct release *back; /* the release to go back to; NULL: none */
    struct release own;         /* what `back` points to */
    json_t *variables;          /* the public ones that the file used: name -> value */
    json_t *secrets;            /* the names of the others */
};

void release_source_of_request(struct release_source *s, struct deploy_environment *environment,
                       const struct deploy_request *request);
/* The release's own public variables, whatever they are today; its secrets are today's. `back` is copied. */
void release_source_of_release(struct release_source *s, struct deploy_environment *environment, const struct release *back);
/* For compose_read(): remembers which it asked for. */
struct compose_variables release_source_variables(struct release_source *s);
void release_source_release(struct release_source *s);

#endif
