/* stages/pipeline/slug.h: names made fit for hosts, paths and labels, as GitLab makes them. */
#ifndef STAGES_PIPELINE_SLUG_H
#define STAGES_PIPELINE_SLUG_H

/* CI_COMMIT_REF_SLUG and its like: a-z, 0-9 and -, at most 63 bytes, no - at
 * either end. The caller's. */
char *slug_name(const char *text);
/* CI_ENVIRONMENT_SLUG: also begins with a letter, has at most 24 bytes, and ends in
 * a mark made of the whole name where letters were changed or left out. */
char *slug_environment(const char *name);

#endif
