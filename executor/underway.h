/* executor/underway.h: whether a `prepare` of this try was killed in the middle, cancelled there, or lost the daemon.
 *
 * A request that it had sent may then be carried out later, when `cleanup` has been
 * there. So prepare leaves a file in the runner's folder of the try (TMPDIR, contract
 * 1.3) while it works, and only then does cleanup wait for what may still come. */
#ifndef EXECUTOR_UNDERWAY_H
#define EXECUTOR_UNDERWAY_H

#include "executor/command.h"

#include <stdbool.h>

void underway_begin(const struct invocation *in);
void underway_end(const struct invocation *in);
/* Also when nobody can know, because there is no such folder. */
bool underway_was_cut_short(const struct invocation *in);

#endif
