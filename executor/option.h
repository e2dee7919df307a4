/* executor/option.h: the command line's options, one row each. */
#ifndef EXECUTOR_OPTION_H
#define EXECUTOR_OPTION_H

#include "executor/command.h"

/* Take argv apart into `in` and the command that it names; argv is rearranged.
 * ERR_USAGE with the nearest right word. */
struct parsed {
    const struct command *command; /* NULL: help or version of the whole program */
    bool wants_help;
    bool wants_version;
};
int option_parse(int argc, char **argv, struct invocation *in, struct parsed *out, struct err *e);

/* One line an option of `letters`, for --help. */
void option_help(const char *letters, struct strbuf *out);

#endif
