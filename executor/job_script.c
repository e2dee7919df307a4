#include "executor/job_script.h"

#include "base/file.h"
#include "stages/script_secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* A half-closed connection says the same, but not every proxy passes that on; and
 * runners before 15.0 write no newline after the last word. */
static const char end[] = "\nexit\n";

int job_script_open(struct job_script *s, const struct secret_variables *secrets, const char *path, bool authors_own,
                    struct err *e)
{
    const struct script_secrets with = { secrets, authors_own };
    auto_free char *text = NULL;
    size_t len = 0;

    s->path = path;
    s->rest = end;
    if (secrets->n == 0) {
        s->fd = open(path, O_RDONLY | O_CLOEXEC);
        return s->fd >= 0 ? 0 : err_set(e, ERR_SYSTEM, errno, "open script '%s': %s", path, strerror(errno));
    }
    if (file_read(path, s->clean.max, &text, &len, e) < 0)
        return err_wrap(e, "script");
    return script_secrets_remove(&with, text, len, &s->clean, e);
}

static size_t give(const char *text, size_t left, char *buf, size_t size)
{
    size_t n = left < size ? left : size;

    if (n > 0)
        memcpy(buf, text, n);
    return n;
}

ssize_t job_script_read(void *ctx, char *buf, size_t size, struct err *e)
{
    struct job_script *s = ctx;
    ssize_t n;

    do
        n = s->fd >= 0 ? read(s->fd, buf, size) : 0;
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return err_set(e, ERR_SYSTEM, errno, "read script '%s': %s", s->path, strerror(errno));
    if (n > 0)
        return n;
    size_t len = give(strbuf_text(&s->clean) + s->given, s->clean.len - s->given, buf, size);
    s->given += len;
    if (len == 0) {
        len = give(s->rest, strlen(s->rest), buf, size);
        s->rest += len;
    }
    return (ssize_t)len;
}

void job_script_release(struct job_script *s)
{
    if (s->fd >= 0)
        (void)close(s->fd);
    strbuf_release(&s->clean);
}
