/* executor/program.h: where the other programs of this project are. */
#ifndef EXECUTOR_PROGRAM_H
#define EXECUTOR_PROGRAM_H

#include "base/err.h"

/* The path of `name`, the caller's: where it was built, one of `built` (relative to the folder of `self`, the path of
 * this program; ends with NULL), or where it is installed. NULL, and ERR_NOT_FOUND, when it is nowhere. */
char *program_find(const char *self, const char *name, const char *const *built, struct err *e);

#endif
