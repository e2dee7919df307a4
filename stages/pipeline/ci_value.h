/* stages/pipeline/ci_value.h: reading the value of one keyword of .gitlab-ci.yml. */
#ifndef STAGES_PIPELINE_CI_VALUE_H
#define STAGES_PIPELINE_CI_VALUE_H

#include "base/yaml.h"
#include "stages/pipeline/ci_file.h"
#include "stages/pipeline/keyword.h"

/* GitLab's, of the names of jobs and stages. */
#define CI_NAME_MAX ((size_t)255)

/* Where we are in the file, for messages. */
struct ci_reader {
    const char *file;
    const char *job; /* NULL: at the top, or below default: */
    struct strvec *warnings;
    struct strvec *problems; /* what is wrong with jobs: all of it. NULL: the first problem ends the reading */
    const struct variables *matrix; /* the job's own combination, for $[[ matrix.NAME ]]; NULL: it has none */
    struct strvec *said; /* of keywords without effect, so that each is named once; NULL: each time */
};

/* "FILE:LINE:COLUMN: " of the value, or of its key; return -1. */
int ci_problem(const struct ci_reader *r, const struct yaml *at, struct err *e, const char *fmt, ...) PRINTF_LIKE(4, 5);
int ci_key_problem(const struct ci_reader *r, const struct yaml *at, struct err *e, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

/* Look at each key of a map: unknown and refused ones are errors, idle ones warnings. */
int ci_check_key(const struct ci_reader *r, const struct yaml *member, enum keyword_place place, struct err *e);
int ci_check_keys(const struct ci_reader *r, const struct yaml *map, enum keyword_place place, struct err *e);

/* Whether the problem is one of several that are wanted: it is among them now, and the reading goes on. */
bool ci_noted(const struct ci_reader *r, struct err *e);
/* Whether there is no value: NULL, or null. */
bool ci_absent(const struct yaml *y);
/* "`KEYWORD` is a list here; it must be WANTED", or about its tag; returns -1. */
int ci_wrong_type(const struct ci_reader *r, const struct yaml *y, const char *keyword, const char *wanted,
                  struct err *e);

/* Each reads one value; `y` may be NULL or null, which leaves *out as it is. */
int ci_text(const struct ci_reader *r, const struct yaml *y, const char *keyword, char **out, struct err *e);
/* The same, when nothing is wrong with "". */
int ci_text_or_empty(const struct ci_reader *r, const struct yaml *y, const char *keyword, char **out, struct err *e);
int ci_script(const struct ci_reader *r, const struct yaml *y, const char *keyword, struct strvec *out, struct err *e);
/* Text, or a list of texts. */
int ci_texts(const struct ci_reader *r, const struct yaml *y, const char *keyword, struct strvec *out, struct err *e);
/* A list of texts, and no text alone. */
int ci_list(const struct ci_reader *r, const struct yaml *y, const char *keyword, struct strvec *out, struct err *e);
int ci_flag(const struct ci_reader *r, const struct yaml *y, const char *keyword, bool *out, struct err *e);
/* Whether it is a length of time, or `never`. */
int ci_period(const struct ci_reader *r, const struct yaml *y, const char *keyword, struct err *e);
/* One of these words (NULL-terminated). `out` may be NULL. */
int ci_choice(const struct ci_reader *r, const struct yaml *y, const char *keyword, const char *const *choices, char **out,
              struct err *e);
int ci_image(const struct ci_reader *r, const struct yaml *y, struct ci_image *out, struct err *e);
/* The list is the job's to release, also after an error. */
int ci_services(const struct ci_reader *r, const struct yaml *y, struct ci_job *out, struct err *e);
void ci_image_release(struct ci_image *image);
void ci_services_release(struct ci_job *job);
/* The job's to release, also after an error. */
int ci_caches(const struct ci_reader *r, const struct yaml *y, struct ci_job *out, struct err *e);
int ci_artifacts(const struct ci_reader *r, const struct yaml *y, struct ci_artifacts *out, struct err *e);
/* Of the job, with `pages` or called so. */
int ci_pages(const struct ci_reader *r, const struct yaml *job, struct ci_artifacts *out, struct err *e);
int ci_dependencies(const struct ci_reader *r, const struct yaml *y, struct ci_job *out, struct err *e);
/* What a job takes of memory is counted: a value of the file, or so many bytes. -1: all of them take too much. */
#define CI_VALUE_WEIGHT ((size_t)64)
int ci_weigh(struct ci_file *f, const struct yaml *job, size_t more, struct err *e);
int ci_weigh_value(struct ci_file *f, const struct yaml *job, const struct yaml *value, struct err *e);
/* Whether they do: then the reading ends, also when all problems are wanted. */
bool ci_too_heavy(const struct ci_file *f);
/* When all jobs have been read: whether the job can have what it names. A parallel job's name becomes those of
 * its jobs. */
int ci_check_dependencies(const struct ci_reader *r, const struct yaml *y, struct ci_file *f, struct ci_job *job,
                          struct err *e);
/* Take out the jobs from the `from`th on again. */
void ci_file_drop(struct ci_file *f, size_t from);
/* All jobs are there: ci_file_named() finds them from now on. */
void ci_file_sort(struct ci_file *f);
/* `place`: IN_VARIABLE, IN_JOB_VARIABLE, or IN_RULE_VARIABLE where a variable is its value alone. */
int ci_variables(const struct ci_reader *r, const struct yaml *y, enum keyword_place place, struct variables *out,
                 struct err *e);
int ci_environment(const struct ci_reader *r, const struct yaml *y, struct ci_environment *out, struct err *e);
/* When all jobs have been read: whether the job that it names by `on_stop` can stop it. */
int ci_check_environment(const struct ci_file *f, const struct ci_job *job, struct err *e);
int ci_when(const struct ci_reader *r, const struct yaml *y, enum ci_when *out, struct err *e);
int ci_rules(const struct ci_reader *r, const struct yaml *y, enum keyword_place place, struct ci_rules *out,
             struct err *e);
/* The value of `stages`, or what stands for it: with .pre and .post. */
int ci_stages(const struct ci_reader *r, const struct yaml *y, struct strvec *out, struct err *e);
/* Which of them a job is in. */
int ci_stage(const struct ci_reader *r, const struct yaml *job, const struct strvec *stages, size_t *out, struct err *e);
/* `stages` may be in a file that is missing: what jobs name comes after all that is known. */
void ci_add_missing_stages(const struct yaml *root, struct ci_file *f);
int ci_auto_cancel(const struct ci_reader *r, const struct yaml *y, struct ci_auto_cancel *out, struct err *e);
int ci_workflow(const struct ci_reader *r, const struct yaml *y, struct ci_file *out, struct err *e);
/* `needs: {pipeline: PROJECT}`, a job that only shows how another project's pipeline stands: the project; NULL: it is none. */
const struct yaml *ci_needs_mirror(const struct yaml *y);
int ci_needs(const struct ci_reader *r, const struct yaml *y, struct ci_needs *out, struct err *e);
/* Whether `other`, one of all n of the name that is needed, is meant: of a parallel job, those whose names its combinations
 * make. GitLab knows no others; here it may name some of the matrix's variables, or all in another order: *in_part. */
bool ci_need_means(const struct ci_need *need, const struct ci_job *other, struct ci_job *const *all, size_t n, bool *in_part);
/* When all jobs have been read: whether there is what it needs. */
int ci_check_needs(const struct ci_file *f, const struct ci_job *job, struct err *e);
int ci_retry(const struct ci_reader *r, const struct yaml *y, struct ci_retry *out, struct err *e);
int ci_timeout(const struct ci_reader *r, const struct yaml *y, int64_t *out, struct err *e);
int ci_trigger(const struct ci_reader *r, const struct yaml *y, struct ci_trigger *out, struct err *e);
/* The job that has it: whether nothing else is in it that wants a script. */
int ci_check_trigger_job(const struct ci_reader *r, const struct yaml *job, struct err *e);
int ci_coverage(const struct ci_reader *r, const struct yaml *y, char **out, struct err *e);
int ci_hooks(const struct ci_reader *r, const struct yaml *y, struct ci_job *out, struct err *e);
/* A number, or a list of numbers, from 0 to 255. */
int ci_exit_codes(const struct ci_reader *r, const struct yaml *y, int **codes, size_t *n, struct err *e);
/* `when: delayed`, which wants a `start_in`: in seconds. */
int ci_delay(const struct ci_reader *r, const struct yaml *at, const struct yaml *start_in, int64_t *out, struct err *e);

int ci_parallel(const struct ci_reader *r, const struct yaml *y, const char *base, struct ci_parallel *out,
                struct err *e);
/* The same of a job that another one needs: a map with `matrix`. */
int ci_parallel_needed(const struct ci_reader *r, const struct yaml *y, const char *base, struct ci_parallel *out,
                       struct err *e);
void ci_parallel_release(struct ci_parallel *p);

int ci_only(const struct ci_reader *r, const struct yaml *y, struct ci_job *out, struct err *e);
int ci_except(const struct ci_reader *r, const struct yaml *y, struct ci_job *out, struct err *e);
int ci_allow_failure(const struct ci_reader *r, const struct yaml *y, struct ci_job *out, struct err *e);

#endif
