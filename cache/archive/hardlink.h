/* cache/archive/hardlink.h: files with several names, in a tar. For this folder alone.
 *
 * gitlab-runner's helper makes an empty file of a tar's hard link. So each name is stored with all its bytes, as
 * that helper stores it, and bears a mark that names the first: only ours reads it, and links. */
#ifndef CACHE_ARCHIVE_HARDLINK_H
#define CACHE_ARCHIVE_HARDLINK_H

#include <stddef.h>
#include <sys/stat.h>

#define HARDLINK_MARK "user.atelier.same-as" /* an extended attribute of the entry, never of a file */

struct hardlinks {
    struct hardlink *items; /* open addressing by device and inode; n <= size / 2 */
    size_t n, size;
};

/* The name that the same file was met under before; NULL: this is its first. `name` is borrowed. */
const char *hardlinks_first(struct hardlinks *h, const struct stat *st, const char *name);
void hardlinks_release(struct hardlinks *h);

#endif
