#include "cache/helper/body.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define PIPE_BYTES (1 << 20)

static int push(void *ctx, const void *data, size_t len, struct err *e)
{
    const struct body *b = ctx;

    if (fd_write(b->in, data, len, NULL) < 0)
        return err_set(e, ERR_CANCELLED, errno, "the server took no more of the archive");
    return 0;
}

static void *make(void *ctx)
{
    struct body *b = ctx;

    b->rc = archive_write(b->spec, push, b, b->report, NULL, &b->e);
    (void)close(b->in);
    return NULL;
}

int body_begin(struct body *b, struct err *e)
{
    int fds[2];

    if (pipe2(fds, O_CLOEXEC) < 0)
        return err_set(e, ERR_SYSTEM, errno, "make a pipe: %s", strerror(errno));
    b->out = fds[0];
    b->in = fds[1];
    b->rc = 0;
    b->e = (struct err)ERR_INIT;
    (void)fcntl(b->in, F_SETPIPE_SZ, PIPE_BYTES); /* a smaller one does as well */
    int code = pthread_create(&b->thread, NULL, make, b);
    b->running = code == 0;
    if (code == 0)
        return 0;
    (void)close(b->in);
    (void)close(b->out);
    return err_set(e, ERR_SYSTEM, code, "start a thread: %s", strerror(code));
}

static ssize_t take_text(const char **text, char *buf, size_t size)
{
    size_t len = strlen(*text) < size ? strlen(*text) : size;

    memcpy(buf, *text, len);
    *text += len;
    return (ssize_t)len;
}

/* The archive's end is its own only if its maker ended well: a body that just stops would pass for a whole one. */
static ssize_t read_archive(struct body *b, char *buf, size_t size, struct err *e)
{
    ssize_t n = read(b->out, buf, size);

    if (n < 0)
        return err_set(e, ERR_SYSTEM, errno, "read the archive: %s", strerror(errno));
    if (n > 0) {
        meter_add(b->meter, n);
        return n;
    }
    (void)pthread_join(b->thread, NULL);
    b->running = false;
    return b->rc < 0 ? err_set(e, ERR_CONFLICT, 0, "the archive could not be made") : 0;
}

ssize_t body_read(void *ctx, char *buf, size_t size, struct err *e)
{
    struct body *b = ctx;

    if (*b->head)
        return take_text(&b->head, buf, size);
    ssize_t n = b->running ? read_archive(b, buf, size, e) : 0;
    return n != 0 ? n : take_text(&b->tail, buf, size);
}

int body_end(struct body *b, struct err *e)
{
    (void)close(b->out); /* the maker's next write fails, if it has one */
    if (b->running)
        (void)pthread_join(b->thread, NULL);
    b->running = false;
    if (b->rc < 0 && b->e.kind != ERR_CANCELLED)
        return err_move(e, &b->e);
    err_release(&b->e);
    return 0;
}
