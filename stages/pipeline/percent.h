/* stages/pipeline/percent.h: %NAME%, which GitLab takes for ${NAME} in all that it expands itself. */
#ifndef STAGES_PIPELINE_PERCENT_H
#define STAGES_PIPELINE_PERCENT_H

#include "stages/variables.h"

/* The text with ${NAME} for each %NAME% that there is a variable for; others stay: `date +%Y%m%d`. The caller's. */
char *percent_names(const char *text, const struct variables *known);
/* The same in all values that are expanded. */
void percent_values(struct variables *v);

#endif
