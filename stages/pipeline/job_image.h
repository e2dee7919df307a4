/* stages/pipeline/job_image.h: a job's image before anything has run. */
#ifndef STAGES_PIPELINE_JOB_IMAGE_H
#define STAGES_PIPELINE_JOB_IMAGE_H

#include "stages/pipeline/project.h"

/* As the job, one of the project's file, will get it. As it is written while that is not known: it has variables of a running
 * job, of another job's report, of the server's settings, or secret ones. NULL: this machine's, or the job has none. The
 * caller's. Pure. */
char *job_image(const struct project *p, const struct ci_job *job);

#endif
