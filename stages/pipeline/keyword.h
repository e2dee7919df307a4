/* stages/pipeline/keyword.h: every keyword of .gitlab-ci.yml, and what becomes of it here.
 *
 * No keyword is silently ignored: it works, or a line says that it has no effect,
 * or, where leaving it out would run the wrong thing, it is an error. */
#ifndef STAGES_PIPELINE_KEYWORD_H
#define STAGES_PIPELINE_KEYWORD_H

enum keyword_place {
    IN_FILE = 1,    /* at the top of the file */
    IN_DEFAULT = 2, /* below default: */
    IN_JOB = 4,
    IN_ENVIRONMENT = 8,
    IN_IMAGE = 16,
    IN_VARIABLE = 32,
    IN_SERVICE = 64,
    IN_DOCKER = 128, /* below docker: of an image or service */
    IN_ONLY = 256,
    IN_EXCEPT = 512,
    IN_CACHE = 1024,
    IN_CACHE_KEY = 2048,
    IN_ARTIFACTS = 4096,
    IN_COVERAGE = 8192, /* below coverage_report: of artifacts:reports */
    IN_RULE = 1 << 14,  /* an entry of a job's rules: */
    IN_WORKFLOW = 1 << 15,
    IN_WORKFLOW_RULE = 1 << 16,
    IN_INCLUDE_RULE = 1 << 17,
    IN_CHANGES = 1 << 18, /* below changes: of a rule */
    IN_EXISTS = 1 << 19,
    IN_NEED = 1 << 20,
    IN_PARALLEL = 1 << 21,
    IN_RETRY = 1 << 22,
    IN_HOOKS = 1 << 23,
    IN_INHERIT = 1 << 24,
    IN_TRIGGER = 1 << 25,
    IN_FORWARD = 1 << 26,
    IN_AUTO_CANCEL = 1 << 27,
    IN_JOB_VARIABLE = 1 << 28, /* IN_VARIABLE is one of the file's */
    IN_RULE_VARIABLE = 1 << 29,
};

enum keyword_use {
    KEYWORD_TAKEN,   /* it works */
    KEYWORD_IDLE,    /* it has no effect, and the job is the same job without it */
    KEYWORD_BARRED,  /* of a job: it can be listed, but not run, since without it another job would run */
    KEYWORD_REFUSED, /* without it another pipeline would run */
};

struct keyword {
    const char *name;
    unsigned where; /* enum keyword_place, or'ed */
    enum keyword_use use;
    const char *text; /* what this means for the user; NULL for KEYWORD_TAKEN */
};

/* NULL when there is no such keyword in that place. */
const struct keyword *keyword_find(const char *name, enum keyword_place place);
/* The keyword of that place that was probably meant, or NULL. */
const char *keyword_nearest(const char *name, enum keyword_place place);

#endif
