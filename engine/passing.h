/* engine/passing.h: a registry that stumbles is asked again.
 *
 * After a wait that two hosts do not share. Not a long one: who waits for it has patience of their own. */
#ifndef ENGINE_PASSING_H
#define ENGINE_PASSING_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

/* So often in all. */
#define PASSING_TRIES 3

/* Whether the daemon says that the network or the registry failed it, and not that it was told no: the same pull may
 * succeed in a moment. */
bool passing_fault(const struct err *e);
/* How long to wait before the next try: 1 s to 3 s. */
int64_t passing_wait_ms(void);

#endif
