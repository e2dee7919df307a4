/* stages/pipeline/report_kind.h: the reports that `artifacts:reports` knows, and how GitLab keeps each. */
#ifndef STAGES_PIPELINE_REPORT_KIND_H
#define STAGES_PIPELINE_REPORT_KIND_H

struct report_kind {
    const char *name;   /* the keyword, and the artifact's type */
    const char *file;   /* its name */
    const char *format; /* of artifacts-uploader */
};

/* NULL when there is no such kind. */
const struct report_kind *report_kind_find(const char *name);
/* The one that was probably meant, or NULL. */
const char *report_kind_nearest(const char *name);
/* Variables for later jobs. */
#define REPORT_DOTENV "dotenv"

#endif
