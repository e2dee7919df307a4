/* stages/pipeline/scalar.h: what a plain scalar of .gitlab-ci.yml is to GitLab, whose YAML is Ruby's: of YAML 1.1, with
 * octal numbers, yes and no, minutes of 60 seconds, and dates. */
#ifndef STAGES_PIPELINE_SCALAR_H
#define STAGES_PIPELINE_SCALAR_H

#include "base/yaml.h"

enum scalar_kind { SCALAR_TEXT, SCALAR_INTEGER, SCALAR_FRACTION, SCALAR_BOOLEAN, SCALAR_DATE };

/* SCALAR_TEXT for what is quoted, and for what is no scalar. */
enum scalar_kind scalar_kind(const struct yaml *y);
/* "text", "a number", …: for messages. */
const char *scalar_kind_name(enum scalar_kind kind);
/* What becomes of it where GitLab wants a text and takes others too: 010 is "8", yes is "true", 1.10 is "1.1". The caller's. */
char *scalar_value(const struct yaml *y);

#endif
