/* stages/pipeline/job_message.h: how a job ended, as one process tells it another. Pure. */
#ifndef STAGES_PIPELINE_JOB_MESSAGE_H
#define STAGES_PIPELINE_JOB_MESSAGE_H

#include "base/strbuf.h"
#include "stages/pipeline/job_run.h"

/* More than all dotenv reports that GitLab takes. */
#define JOB_MESSAGE_MAX ((size_t)16 << 20)

void job_message_write(const struct job_outcome *outcome, const struct job_left *left, struct strbuf *out);
/* Fills both, without left->job and left->id. -1 when it is not whole: then nothing is filled. */
int job_message_read(const struct strbuf *message, struct job_outcome *outcome, struct job_left *left);

#endif
