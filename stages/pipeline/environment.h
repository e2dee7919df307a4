/* stages/pipeline/environment.h: reading an environment that was handed down. */
#ifndef STAGES_PIPELINE_ENVIRONMENT_H
#define STAGES_PIPELINE_ENVIRONMENT_H

/* The value of `key` in a list of KEY=value, borrowed; NULL when there is none. */
const char *environment_get(char *const *env, const char *key);

#endif
