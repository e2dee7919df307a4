#include "executor/direct_output.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

/* As much as users other than root may ask for. */
#define PIPE_SIZE (1 << 20)

/* Every user of the container may open it again, as /dev/stdout: only who holds it can. */
int direct_output_open(struct direct_output *o, struct err *e)
{
    int fds[2];

    if (pipe2(fds, O_CLOEXEC) < 0)
        return err_set(e, ERR_SYSTEM, errno, "open a pipe for the script's output: %s", strerror(errno));
    o->read_fd = fds[0];
    o->write_fd = fds[1];
    (void)fcntl(fds[1], F_SETPIPE_SZ, PIPE_SIZE);
    (void)fchmod(fds[1], 0622);
    return 0;
}

static int write_stdout(void *ctx, const char *data, size_t len, struct err *e)
{
    (void)ctx;
    return fd_write(STDOUT_FILENO, data, len, e);
}

static size_t waiting(int fd)
{
    int n = 0;

    return ioctl(fd, FIONREAD, &n) == 0 && n > 0 ? (size_t)n : 0;
}

static void end(struct direct_output *o)
{
    cleanup_close(&o->read_fd);
    o->read_fd = -1;
}

static int fail(const char *what, struct err *e)
{
    return err_set(e, ERR_SYSTEM, errno, "%s: %s", what, strerror(errno));
}

/* Somebody may shrink our pipe or read from it, so what was there may be gone: hence no blocking read. */
static ssize_t carry(struct direct_output *o, size_t most, struct err *e)
{
    char chunk[65536];
    struct pollfd fd = { .fd = o->read_fd, .events = POLLIN };

    if (poll(&fd, 1, 0) <= 0)
        return 0;
    ssize_t n = read(o->read_fd, chunk, most < sizeof(chunk) ? most : sizeof(chunk));
    if (n < 0)
        return errno == EINTR || errno == EAGAIN ? 0 : fail("read the script's output", e);
    if (n == 0) {
        end(o);
        return 0;
    }
    if (!o->mark)
        return write_stdout(NULL, chunk, (size_t)n, e) < 0 ? -1 : n;
    if (mark_filter(o->mark, chunk, (size_t)n, write_stdout, NULL, e) < 0)
        return -1;
    return n;
}

/* At most so many bytes; how many went. */
static ssize_t move(struct direct_output *o, size_t most, struct err *e)
{
    bool looks = o->mark && o->mark->seen == 0;

    if (looks || o->by_hand)
        return carry(o, most, e);
    if (o->mark) { /* it has come; what may have looked like another one is the script's own */
        if (mark_finish(o->mark, write_stdout, NULL, e) < 0)
            return -1;
        o->mark = NULL;
    }
    ssize_t n = splice(o->read_fd, NULL, STDOUT_FILENO, NULL, most, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (n == 0)
        end(o);
    if (n >= 0)
        return n;
    if (errno == EAGAIN)
        o->full = waiting(o->read_fd) > 0;
    else if (errno == EINVAL)
        o->by_hand = true; /* a file that is appended to, or a terminal */
    else if (errno != EINTR)
        return fail("write the script's output", e);
    return 0;
}

int direct_output_move(struct direct_output *o, struct err *e)
{
    o->full = false;
    return move(o, PIPE_SIZE, e) < 0 ? -1 : 0;
}

int direct_output_finish(struct direct_output *o, struct err *e)
{
    size_t left = o->read_fd >= 0 ? waiting(o->read_fd) : 0;

    while (left > 0 && o->read_fd >= 0 && waiting(o->read_fd) > 0) {
        struct pollfd out = { .fd = STDOUT_FILENO, .events = POLLOUT };
        ssize_t n = move(o, left, e);
        if (n < 0)
            return -1;
        left -= (size_t)n;
        if (o->full)
            (void)poll(&out, 1, -1);
        o->full = false;
    }
    return o->mark ? mark_finish(o->mark, write_stdout, NULL, e) : 0;
}

void direct_output_release(struct direct_output *o)
{
    end(o);
    cleanup_close(&o->write_fd);
    o->write_fd = -1;
}
