#include "executor/cleaning.h"

#include "base/clock.h"
#include "base/file.h"
#include "executor/job_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define FOLDER  ".cleanup" /* beside the runners', whose names have no dot */
#define LOOK_MS 20

static char *folder_of(const struct config *c)
{
    return xasprintf("%s/" FOLDER, c->builds);
}

static int failed(const char *verb, const char *path, struct err *e)
{
    return err_set(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_SYSTEM, errno, "%s '%s': %s", verb, path, strerror(errno));
}

/* Whether the file that was opened is the one that bears the name: who ends removes it. */
static bool is_there(int fd, const char *path)
{
    struct stat opened, named;

    return fstat(fd, &opened) == 0 && lstat(path, &named) == 0 && opened.st_ino == named.st_ino &&
           opened.st_dev == named.st_dev;
}

/* 0 when it is ours, 1 when it went away meanwhile. */
static int lock(int fd, const char *path, int64_t wait_ms, struct err *e)
{
    for (int64_t end = clock_ms() + wait_ms; flock(fd, LOCK_EX | LOCK_NB) < 0; (void)poll(NULL, 0, LOOK_MS)) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return failed("lock", path, e);
        if (clock_ms() >= end)
            return err_set(e, ERR_CONFLICT, 0, "what the job left is still being removed ('%s' is locked)", path);
    }
    return is_there(fd, path) ? 0 : 1;
}

static int take_file(struct cleaning *x, const struct config *c, const char *key, int flags, int64_t wait_ms, struct err *e)
{
    auto_free char *folder = folder_of(c);
    int rc = 1;

    free(x->path);
    x->path = xasprintf("%s/%s", folder, key);
    while (rc == 1) {
        auto_close int fd = open(x->path, O_RDWR | O_NOFOLLOW | O_CLOEXEC | flags, 0600);
        if (fd < 0)
            return failed("open", x->path, e);
        rc = lock(fd, x->path, wait_ms, e);
        if (rc == 0)
            x->fd = take_fd(&fd);
    }
    return rc;
}

int cleaning_begin(struct cleaning *x, const struct config *c, const char *key, int64_t wait_ms, struct err *e)
{
    auto_free char *folder = folder_of(c);

    if (dir_make(folder, 0700, e) < 0)
        return -1;
    return take_file(x, c, key, O_CREAT, wait_ms, e);
}

int cleaning_take_over(struct cleaning *x, const struct config *c, const char *key, int64_t wait_ms, struct err *e)
{
    auto_err problem = ERR_INIT;

    if (take_file(x, c, key, 0, wait_ms, &problem) == 0 || problem.kind == ERR_NOT_FOUND)
        return 0;
    return err_move(e, &problem);
}

void cleaning_end(struct cleaning *x, const char *problem)
{
    if (x->fd < 0)
        return;
    if (problem && ftruncate(x->fd, 0) == 0)
        (void)!pwrite(x->fd, problem, strlen(problem), 0);
    else if (!problem)
        (void)unlink(x->path);
    cleaning_release(x);
}

void cleaning_release(struct cleaning *x)
{
    cleanup_close(&x->fd);
    free(x->path);
    *x = (struct cleaning)CLEANING_INIT;
}

/* ---- All of them ---- */

/* To try is to hold it for a moment ourselves: together with others who look, and those who wait for it look again. */
static bool is_held(const struct config *c, const char *key)
{
    auto_free char *folder = folder_of(c);
    auto_free char *path = xasprintf("%s/%s", folder, key);
    auto_close int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

    return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

bool cleaning_are_many(const struct config *c, size_t many)
{
    auto_strvec keys = STRVEC_INIT;
    size_t held = 0;

    job_folder_list(c, FOLDER, S_IFREG, INT64_MAX, &keys);
    for (size_t i = 0; keys.n >= many && held < many && i < keys.n; i++)
        held += is_held(c, keys.items[i]);
    return held >= many;
}

struct cleaning *cleaning_hold_abandoned(const struct config *c, struct strvec *keys)
{
    auto_strvec all = STRVEC_INIT;

    job_folder_list(c, FOLDER, S_IFREG, INT64_MAX, &all);
    struct cleaning *held = xcalloc(all.n + 1, sizeof(*held));
    for (size_t i = 0; i < all.n; i++) {
        struct cleaning x = CLEANING_INIT;
        if (cleaning_take_over(&x, c, all.items[i], 0, NULL) == 0 && x.fd >= 0) {
            held[keys->n] = x;
            strvec_push(keys, all.items[i]);
        } else {
            cleaning_release(&x);
        }
    }
    return held;
}

void cleaning_list_abandoned(const struct config *c, struct strvec *keys)
{
    struct cleaning *held = cleaning_hold_abandoned(c, keys);

    for (size_t i = 0; i < keys->n; i++)
        cleaning_release(&held[i]);
    free(held);
}
