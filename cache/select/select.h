/* cache/select/select.h: which files go into an archive, and the lines that say so (contract 3.3). */
#ifndef CACHE_SELECT_SELECT_H
#define CACHE_SELECT_SELECT_H

#include "cache/report.h"

#include "base/err.h"
#include "base/strvec.h"

#include <stdbool.h>

struct select_rules {
    const struct strvec *paths;    /* files, folders and patterns; expanded already */
    const struct strvec *excludes; /* patterns of whole names; may be NULL, as may `paths` */
    bool untracked;                /* what git does not know, too */
};

/* The names that `rules` select in the project's folder `root` (absolute), appended to `out`:
 * relative, unique, sorted by bytes, folders among them, never "." itself. They were in the folder
 * and reached without a link below a pattern, but may have changed when they are opened: open
 * them so that no link leads out.
 *
 * A rule that is wrong, leads out of the folder or finds nothing is a line and no error, as with
 * gitlab-runner. Sockets, devices and fifos are selected and counted as there; to leave them out
 * with a warning is the archiver's, who looks at what a name is when it opens it. An error is a
 * root that cannot be opened. */
int select_files(const char *root, const struct select_rules *rules, const struct report *report,
                 struct strvec *out, struct err *e);

#endif
