/* cache/helper/read_logs.c: `read-logs`: follows a file, each line with the place where it ends (contract 3.9). */
#include "base/file.h"
#include "cache/helper/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_MAX_BYTES 16384
#define POLL_MS        500
#define MISSING        100 /* the exit status for a file that is not there */

struct options {
    const char *path;
    int64_t offset;
    int64_t wait_ms;
};

#define O(member) offsetof(struct options, member)

static const struct flag flags[] = {
    { "path", NULL, NULL, FLAG_TEXT, O(path), "the file" },
    { "offset", NULL, "0", FLAG_NUMBER, O(offset), "where to begin, in bytes" },
    { "wait-file-timeout", NULL, "1s", FLAG_DURATION, O(wait_ms), "how long to wait for the file" },
    { NULL, NULL, NULL, FLAG_TEXT, 0, NULL },
};

/* 1 when a signal has come. */
static int pause_ms(const struct helper *h, int ms)
{
    struct pollfd stop = { .fd = h->interrupt_fd, .events = POLLIN };

    return poll(&stop, 1, ms) > 0;
}

static int open_file(const struct helper *h, const struct options *o)
{
    int fd = open(o->path, O_RDONLY | O_CLOEXEC);

    for (int64_t waited = 0; fd < 0 && errno == ENOENT && waited < o->wait_ms; waited += POLL_MS / 5) {
        if (pause_ms(h, POLL_MS / 5))
            return -1;
        fd = open(o->path, O_RDONLY | O_CLOEXEC);
    }
    return fd;
}

static int put_line(const char *line, size_t len, int64_t end, struct err *e)
{
    auto_strbuf text = STRBUF_TEXT;

    strbuf_printf(&text, "%lld ", (long long)end);
    strbuf_putn(&text, line, len);
    strbuf_putc(&text, '\n');
    return fd_write(STDOUT_FILENO, text.data, text.len, e);
}

/* The whole lines of the buffer leave it; so does a piece that is as long as a line may be. */
static int put_lines(struct strbuf *buf, int64_t *end, struct err *e)
{
    for (;;) {
        const char *newline = buf->len > 0 ? memchr(buf->data, '\n', buf->len) : NULL;
        size_t len = newline ? (size_t)(newline - buf->data) : buf->len;
        if (len > LINE_MAX_BYTES)
            len = LINE_MAX_BYTES, newline = NULL;
        if (!newline && len < LINE_MAX_BYTES)
            return 0;
        *end += (int64_t)len + (newline ? 1 : 0);
        if (put_line(buf->data, len, *end, e) < 0)
            return -1;
        strbuf_drop(buf, len + (newline ? 1 : 0));
    }
}

static int follow(const struct helper *h, int fd, const struct options *o, struct err *e)
{
    char piece[8192];
    auto_strbuf buf = STRBUF_INIT(LINE_MAX_BYTES + sizeof(piece));
    int64_t end = o->offset;
    struct stat st;

    for (int64_t at = o->offset;;) {
        ssize_t n = pread(fd, piece, sizeof(piece), at);
        if (n < 0)
            return err_set(e, ERR_SYSTEM, errno, "error reading logs from %s: %s", o->path, strerror(errno));
        at += n;
        if (n > 0 && (strbuf_add(&buf, piece, (size_t)n) < 0 || put_lines(&buf, &end, e) < 0))
            return -1;
        if (n > 0)
            continue;
        if (fstat(fd, &st) < 0 || st.st_nlink == 0)
            return MISSING;
        if (pause_ms(h, POLL_MS))
            return 0;
    }
}

static int run(const struct helper *h, void *options, struct err *e)
{
    const struct options *o = options;

    if (!o->path || !*o->path)
        return err_set(e, ERR_USAGE, 0, "Missing --path");
    auto_close int fd = open_file(h, o);
    if (fd < 0 && errno == ENOENT)
        return MISSING;
    if (fd < 0)
        return err_set(e, ERR_SYSTEM, errno, "error reading logs from %s: %s", o->path, strerror(errno));
    return follow(h, fd, o, e);
}

const struct helper_command read_logs = { "read-logs", "Follow a file of log lines", flags, sizeof(struct options), run };
