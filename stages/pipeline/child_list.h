/* stages/pipeline/child_list.h: the child pipelines of jobs that are listed, before anything has run. */
#ifndef STAGES_PIPELINE_CHILD_LIST_H
#define STAGES_PIPELINE_CHILD_LIST_H

#include "stages/pipeline/listing.h"
#include "stages/pipeline/project.h"

struct child_list; /* the pipelines that belong to one listing */

/* `l` has its file and jobs; its `children` are filled in. What is not known, or wrong with one of them, becomes a line of
 * `notes`: on a server too, it is known only when the job runs. `place`: of `project`. */
struct child_list *child_list_open(const struct project *project, const struct project_place *place, struct listing *l,
                                   struct strvec *notes);
void child_list_close(struct child_list *c);

#endif
