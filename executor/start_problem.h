/* executor/start_problem.h: why a container of a job's image does not start, in words that help whoever chose the image. */
#ifndef EXECUTOR_START_PROBLEM_H
#define EXECUTOR_START_PROBLEM_H

#include "base/err.h"

/* ERR_JOB: no script can run in that image. */
int start_problem_no_shell(const char *image, struct err *e);
/* What the daemon said of the start, moved to `e`: ERR_JOB where it is the image's fault. */
int start_problem(const char *image, struct err *from, struct err *e);

#endif
