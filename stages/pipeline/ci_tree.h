/* stages/pipeline/ci_tree.h: .gitlab-ci.yml as one tree, before anybody asks what its keywords mean: what it
 * includes, extends and refers to is in its place, in the order in which GitLab does it.
 *
 * Each node remembers its file and line. What a file may grow to is bounded: by the number of files, and by the
 * nodes that are read and copied all in all. */
#ifndef STAGES_PIPELINE_CI_TREE_H
#define STAGES_PIPELINE_CI_TREE_H

#include "base/strvec.h"
#include "base/yaml.h"
#include "stages/pipeline/ci_inputs.h"
#include "stages/pipeline/project_files.h"
#include "stages/variables.h"

/* GitLab's: of all included files; of jobs that extend one another; of references in what is referred to. */
#define CI_INCLUDES_MAX   ((size_t)150)
#define CI_EXTENDS_MAX    ((size_t)11)
#define CI_REFERENCES_MAX ((size_t)10)
/* Lines about what is missing. */
#define CI_MISSING_MAX    ((size_t)1000)

/* What is there to be included, and for which pipeline. All borrowed. */
struct ci_world {
    const struct project_files *files;
    const struct variables *variables; /* resolved: of the project and the pipeline */
    /* A folder with copies of what is on servers: project/GROUP/NAME/FILE, template/NAME, remote/HOST/PATH,
     * component/HOST/PATH.yml. NULL: none. */
    const char *copies;
    const struct ci_given *given; /* the inputs of the file itself; NULL: none */
    bool goes_without;  /* what only a server has may be missing: see ci_tree.missing */
};

struct ci_tree {
    struct yaml *root;
    struct strvec names;   /* of the files: the nodes point to them */
    struct strvec notes;   /* "FILE:LINE:COLUMN: …" about what was not included, and what is there twice */
    size_t budget;         /* nodes that may still be made */
    size_t files;          /* included so far */
    struct strvec *problems; /* borrowed: all that is wrong is wanted, here; NULL: the first problem ends the reading */
    /* "FILE:LINE:COLUMN: …" about each file that only a server has, and what names something that is nowhere else: with
     * ci_world.goes_without. Empty: all is there. */
    struct strvec missing;
    struct strvec parts; /* the jobs that lack something of it, sorted */
};

#define CI_TREE_INIT { .root = NULL }

/* `w` may be NULL: then nothing can be included. ERR_JOB says "FILE:LINE:COLUMN: problem; what to do". */
int ci_tree_read(const char *name, const char *text, size_t len, const struct ci_world *w, struct ci_tree *out,
                 struct err *e);
void ci_tree_release(struct ci_tree *t);

/* The steps. Each leaves nothing of its keyword in the tree. */
int ci_include(struct ci_tree *t, const struct ci_world *w, struct err *e);
/* The same for `spec: include`, in the header of a file that gets `given`: inputs that are in files of their own. */
int ci_include_inputs(struct ci_tree *t, const struct ci_world *w, const struct ci_given *given, struct yaml *header,
                      struct err *e);
int ci_extends(struct ci_tree *t, struct err *e);
int ci_references(struct ci_tree *t, struct err *e);

/* Whether the problem is one of several that are wanted: it is among them now, and the step goes on. */
bool ci_tree_noted(struct ci_tree *t, struct err *e);
/* Whether the problem may come from what is missing: it is a line about that now, and the step goes on. */
bool ci_tree_excused(struct ci_tree *t, struct err *e);
/* Whether to look for the one of so many names that somebody meant: what is missing may have it rather than another
 * name, and who has very many problems has read enough of them. */
bool ci_tree_seeks(const struct ci_tree *t, size_t names);
/* The last step when something is missing: what could not be followed is taken out, and the jobs that had it are
 * `parts`. */
void ci_missing_prune(struct ci_tree *t);
/* Whether the job is one of them. */
bool ci_missing_part(const struct ci_tree *t, const char *job);
/* One file more, with its inputs put in. NULL with the error set; the caller's. */
struct yaml *ci_tree_load(struct ci_tree *t, const struct ci_world *w, const char *name, const char *text, size_t len,
                          const struct ci_given *given, struct err *e);
/* What of its budget these nodes take. */
int ci_tree_pay(struct ci_tree *t, const struct yaml *y, struct err *e);
/* "FILE:LINE:COLUMN: the pipeline would be larger than …"; returns -1. */
int ci_tree_too_large(const struct yaml *at, struct err *e);

#define auto_ci_tree __attribute__((cleanup(ci_tree_release))) struct ci_tree

#endif
