#include "stages/pipeline/slot.h"

#include "base/file.h"
#include "base/strvec.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* More pipelines of one project at once than any machine of ours can run. */
#define SLOTS 64

char *slot_state_dir(char *const *env)
{
    const char *state = env_get(env, "XDG_STATE_HOME");
    if (state && *state == '/')
        return xasprintf("%s/atelier", state);
    const char *home = env_get(env, "HOME");
    if (!home || *home != '/') {
        const struct passwd *user = getpwuid(getuid());
        home = user ? user->pw_dir : NULL;
    }
    return home ? xasprintf("%s/.local/state/atelier", home) : NULL;
}

int slot_take(const char *state_dir, int64_t project_id, struct slot *out, struct err *e)
{
    auto_free char *dir = xasprintf("%s/slots/%" PRId64, state_dir, project_id);

    if (dir_make(dir, 0700, e) < 0)
        return -1;
    for (int i = 0; i < SLOTS; i++) {
        auto_free char *path = xasprintf("%s/%d", dir, i);
        auto_close int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
            return err_set(e, ERR_SYSTEM, errno, "open '%s': %s", path, strerror(errno));
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
            *out = (struct slot){ take_fd(&fd), i };
            return 0;
        }
        if (errno != EWOULDBLOCK)
            return err_set(e, ERR_SYSTEM, errno, "lock '%s': %s", path, strerror(errno));
    }
    return err_set(e, ERR_SYSTEM, 0, "%d pipelines of this project run already", SLOTS);
}

void slot_release(struct slot *s)
{
    if (s->fd >= 0)
        (void)close(s->fd);
    *s = (struct slot)SLOT_INIT;
}
