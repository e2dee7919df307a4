/* stages/pipeline/ci_inputs.h: `spec: inputs`, a document of its own at the start of a file, and `$[[ inputs.NAME ]]` in
 * the rest of it. Pure. */
#ifndef STAGES_PIPELINE_CI_INPUTS_H
#define STAGES_PIPELINE_CI_INPUTS_H

#include "base/yaml.h"
#include "stages/variables.h"

#include <stdbool.h>
#include <stddef.h>

/* What a file gets. All borrowed. */
struct ci_given {
    const struct yaml *map;  /* `inputs` of who includes it; NULL: none */
    const struct strvec *words; /* "NAME=VALUE" of the command line; NULL: none */
    const struct yaml *at;   /* who includes it; NULL: nobody does */
    const struct variables *variables; /* for expand_vars, resolved; NULL: none */
    const struct variables *component; /* name, sha, version and reference of what the file is; NULL: it is none */
    const char *folder;      /* of the copied project that the file is of; NULL: it is the project's own */
    bool may_be_unused;      /* the file need not take inputs: they were put into it already */
};

enum ci_input_mark { INPUT_NEW, INPUT_OPEN, INPUT_SETTLED };

struct ci_input {
    const struct yaml *spec; /* its key is the name */
    const struct yaml *value; /* a YAML_NULL: it is there, and there is nothing in it */
    enum ci_input_mark mark;
    struct yaml *owned;      /* the value, where it was written as one word */
};

struct ci_inputs {
    struct yaml *header;     /* NULL: the file has none */
    struct ci_input *items;
    size_t n;
    const struct variables *component; /* as it is given */
};

/* How long the header is, with the line that ends it; 0: there is none. */
size_t ci_inputs_header(const char *text, size_t len);
/* Read the header: out->header. ERR_JOB with file and line. */
int ci_inputs_open(const char *name, const char *text, size_t len, struct ci_inputs *out, struct err *e);
/* More inputs for a map of them, whose they become: none may be there yet. `more` may be NULL, and is gone afterwards. */
int ci_inputs_add(struct yaml *inputs, struct yaml *more, struct err *e);
/* The inputs of a file that has nothing else, as `spec: include` takes them; the caller's. */
int ci_inputs_alone(const char *name, const char *text, size_t len, struct yaml **out, struct err *e);
/* See that each input of the header has a value that it may have. */
int ci_inputs_read(const char *name, const struct ci_given *given, struct ci_inputs *out, struct err *e);
/* NULL: there is none of this name. */
struct ci_input *ci_input_find(const struct ci_inputs *inputs, const char *name, size_t len);
/* The input that the next `$[[ inputs.NAME ]]` of a condition names. *rest: what follows it. NULL: there is none. */
struct ci_input *ci_input_named(const struct ci_inputs *inputs, const char *text, const char **rest);
/* Whether the condition of one of an input's rules holds. What it names has its value. */
int ci_input_condition(const struct ci_inputs *inputs, const struct yaml *condition, bool *out, struct err *e);
/* Put the values in. Nodes that they bring are taken from *budget. */
int ci_interpolate(struct yaml *root, const struct ci_inputs *inputs, const struct variables *variables, size_t *budget,
                   struct err *e);
void ci_inputs_release(struct ci_inputs *x);

#define auto_ci_inputs __attribute__((cleanup(ci_inputs_release))) struct ci_inputs

#endif
