/* stages/pipeline/variable_files.h: what a server's settings would add to a pipeline: variables that the user keeps in
 * files, some of them for some environments alone.
 *
 *     ~/.config/atelier/variables.env    KEY=value lines (stages/pipeline/env_file.h), for all projects
 *     ~/.config/atelier/variables.yml    global: {KEY: value}
 *                                        group: {gitlab.example.com/group: {KEY: value}}
 *                                        project: {gitlab.example.com/group/project: {KEY: value}}
 *     <checkout>/.atelier-variables.env  as the first, for this project
 *     <checkout>/.atelier-variables.yml  KEY: value
 *
 * Of one name, the later file's wins, and in a file the project's over a nearer group's over an outer one's over the
 * global one. In YAML a value may be a map of `value`, `values` (ENVIRONMENT: value; * is any text), `type` (variable or
 * file), `masked` and `expand`. */
#ifndef STAGES_PIPELINE_VARIABLE_FILES_H
#define STAGES_PIPELINE_VARIABLE_FILES_H

#include "base/err.h"
#include "base/strvec.h"
#include "stages/pipeline/remote.h"
#include "stages/variables.h"

struct scoped_variable {
    char *scope;    /* "*", or a pattern for the names of environments */
    unsigned layer; /* a later one's variables win, whatever the scopes */
    char *key;
    char *value;
    unsigned flags; /* enum variable_flag */
};

struct scoped_variables {
    struct scoped_variable *items;
    size_t n;
    size_t layers; /* so far */
};

#define SCOPED_VARIABLES_INIT { NULL, 0, 0 }

/* Those that a job of this environment has: of one layer, the name itself before longer patterns before shorter ones.
 * NULL: only those for all jobs. */
void scoped_variables_choose(const struct scoped_variables *s, const char *environment, struct variables *out);
/* A job's own of `all`, whose first `n_kept` are those for all jobs: what is kept for its environment (NULL: it has none)
 * wins over these, and loses against the rest, --variables. */
void scoped_variables_add(const struct scoped_variables *kept, const char *environment, const struct variables *all,
                          size_t n_kept, struct variables *out);
void scoped_variables_release(struct scoped_variables *s);

/* One of the YAML files. `remote`: whose groups and project are meant; NULL: the file has the project's own alone.
 * ERR_JOB says "FILE:LINE:COLUMN: problem". */
int variable_file_parse(const char *name, const char *text, size_t len, const struct remote *remote,
                        struct scoped_variables *out, struct err *e);
/* All of them that there are. `warnings`: of secrets that others on this machine can read. */
int variable_files_read(const char *top, const struct remote *remote, char *const *env, struct scoped_variables *out,
                        struct strvec *warnings, struct err *e);

#endif
