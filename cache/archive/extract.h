/* cache/archive/extract.h: an archive into a tree, safely, by several threads.
 *
 * The archive is taken for hostile and the tree for the job's own:
 * - Nothing is made outside of `root`, and no link is followed on the way. A link where a folder is needed gives way.
 * - A name that is absolute or has "..", and a limit passed, end the extraction with ERR_JOB.
 * - A link that leads outside, a device, a FIFO or a socket is left out, with a line.
 * - Existing files are removed first and never written to; what is not in the archive stays.
 * - Missing folders are made with 0777 and the umask; modes and times of folders are set last, and links made
 *   after all files, so that no file is written through one.
 * - An archive that is broken before its first file leaves the tree as it was. */
#ifndef CACHE_ARCHIVE_EXTRACT_H
#define CACHE_ARCHIVE_EXTRACT_H

#include "cache/archive/limits.h"
#include "cache/archive/write.h"

struct extract_rules {
    struct extract_limits limits;
    bool owners;        /* files belong to who the archive says, where that is allowed (as root) */
    bool special_modes; /* setuid, setgid and sticky bits are kept */
    bool links_outside; /* links that lead outside are made all the same; they are still not followed */
};

#define EXTRACT_RULES { EXTRACT_LIMITS, false, false, false }

/* `fd` is read from its beginning where it is a file, else from where it stands. `out` may be NULL.
 * ERR_JOB: the archive is to blame; the message names the entry. */
int archive_extract(int fd, const char *root, const struct extract_rules *rules, const struct report *report,
                    struct archive_totals *out, struct err *e);

#endif
