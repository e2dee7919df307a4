/* stages/pipeline/ci_value.h: reading the value of one keyword of .gitlab-ci.yml. */
#ifndef STAGES_PIPELINE_CI_VALUE_H
#define STAGES_PIPELINE_CI_VALUE_H

#include "base/yaml.h"
#include "stages/pipeline/ci_file.h"
#include "stages/pipeline/keyword.h"

/* Where we are in the file, for messages. */
struct ci_reader {
    const char *file;
    const char *job; /* NULL: at the top, or below default: */
    struct strvec *warnings;
};

/* "FILE:LINE:COLUMN: " of the value, or of its key; return -1. */
int ci_problem(const struct ci_reader *r, const struct yaml *at, struct err *e, const char *fmt, ...) PRINTF_LIKE(4, 5);
int ci_key_problem(const struct ci_reader *r, const struct yaml *at, struct err *e, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

/* Look at each key of a map: unknown and refused ones are errors, idle ones warnings. */
int ci_check_key(const struct ci_reader *r, const struct yaml *member, enum keyword_place place, struct err *e);
int ci_check_keys(const struct ci_reader *r, const struct yaml *map, enum keyword_place place, struct err *e);

/* Whether there is no value: NULL, or null. */
bool ci_absent(const struct yaml *y);
/* "`KEYWORD` is a list here; it must be WANTED", or about its tag; returns -1. */
int ci_wrong_type(const struct ci_reader *r, const struct yaml *y, const char *keyword, const char *wanted,
                  struct err *e);

/* Each reads one value; `y` may be NULL or null, which leaves *out as it is. */
int ci_text(const struct ci_reader *r, const struct yaml *y, const char *keyword, char **out, struct err *e);
int ci_script(const struct ci_reader *r, const struct yaml *y, const char *keyword, struct strvec *out, struct err *e);
/* Text, or a list of texts. */
int ci_texts(const struct ci_reader *r, const struct yaml *y, const char *keyword, struct strvec *out, struct err *e);
int ci_image(const struct ci_reader *r, const struct yaml *y, struct ci_image *out, struct err *e);
/* The list is the job's to release, also after an error. */
int ci_services(const struct ci_reader *r, const struct yaml *y, struct ci_job *out, struct err *e);
void ci_image_release(struct ci_image *image);
void ci_services_release(struct ci_job *job);
/* The job's to release, also after an error. */
int ci_caches(const struct ci_reader *r, const struct yaml *y, struct ci_job *out, struct err *e);
int ci_artifacts(const struct ci_reader *r, const struct yaml *y, struct ci_artifacts *out, struct err *e);
int ci_dependencies(const struct ci_reader *r, const struct yaml *y, struct ci_job *out, struct err *e);
/* When all jobs have been read: whether the job can have what it names. */
int ci_check_dependencies(const struct ci_reader *r, const struct yaml *y, const struct ci_file *f,
                          const struct ci_job *job, struct err *e);
int ci_variables(const struct ci_reader *r, const struct yaml *y, struct variables *out, struct err *e);
int ci_environment(const struct ci_reader *r, const struct yaml *y, struct ci_environment *out, struct err *e);
int ci_when(const struct ci_reader *r, const struct yaml *y, enum ci_when *out, struct err *e);
int ci_only(const struct ci_reader *r, const struct yaml *y, struct ci_job *out, struct err *e);
int ci_except(const struct ci_reader *r, const struct yaml *y, struct ci_job *out, struct err *e);
int ci_allow_failure(const struct ci_reader *r, const struct yaml *y, struct ci_job *out, struct err *e);

#endif
