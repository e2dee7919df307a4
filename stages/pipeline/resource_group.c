#include "stages/pipeline/resource_group.h"

#include "base/digest.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>

int resource_group_take(const char *state_dir, int64_t project_id, const char *name, int *fd, struct err *e)
{
    auto_free char *dir = xasprintf("%s/groups/%" PRId64, state_dir, project_id);
    auto_free char *file = digest_sha256_hex(name); /* a name may be long, and have anything in it */
    auto_free char *path = xasprintf("%s/%s", dir, file);

    *fd = -1;
    if (dir_make(dir, 0700, e) < 0)
        return -1;
    auto_close int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock < 0)
        return err_set(e, ERR_SYSTEM, errno, "open '%s': %s", path, strerror(errno));
    if (flock(lock, LOCK_EX | LOCK_NB) == 0)
        *fd = take_fd(&lock);
    else if (errno != EWOULDBLOCK)
        return err_set(e, ERR_SYSTEM, errno, "lock '%s': %s", path, strerror(errno));
    return 0;
}
