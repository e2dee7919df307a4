/* cache/helper/cache_verify.c: `cache-verify FILE...`: reads caches whole, for `atelier cache verify`.
 *
 * No script calls it. For each FILE, in order, a line on stdout: "ok", "broken: WHY" or "failed: WHY".
 * It runs on the host and reads what jobs wrote: once the files are open, it is
 * nobody and can become nobody else. */
#include "base/file.h"
#include "base/text.h"
#include "cache/archive/verify.h"
#include "cache/helper/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOBODY 65534

static const struct flag flags[] = { { NULL, NULL, NULL, FLAG_TEXT, 0, NULL } };

/* -1 with errno. */
static int open_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat st;

    if (fd < 0)
        return -1;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        return fd;
    (void)close(fd);
    errno = EINVAL;
    return -1;
}

static int become_nobody(struct err *e)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return err_set(e, ERR_SYSTEM, errno, "give up further rights: %s", strerror(errno));
    if (geteuid() == 0 && (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
                           setresuid(NOBODY, NOBODY, NOBODY) < 0)) /* the user last: whoever sees that one sees all */
        return err_set(e, ERR_SYSTEM, errno, "give up root's rights: %s", strerror(errno));
    return 0;
}

static int say(const char *verdict, const char *why, struct err *e)
{
    auto_free char *shown = text_quote(why);
    auto_free char *line = xasprintf("%s%s%s\n", verdict, *why ? ": " : "", shown);

    return fd_write(STDOUT_FILENO, line, strlen(line), e);
}

static int verify(int fd, struct err *e)
{
    static const struct extract_limits limits = EXTRACT_LIMITS;
    auto_err problem = ERR_INIT;

    if (archive_verify(fd, &limits, NULL, &problem) == 0)
        return say("ok", "", e);
    return say(problem.kind == ERR_JOB ? "broken" : "failed", err_text(&problem), e);
}

static int run(const struct helper *h, void *options, struct err *e)
{
    size_t n = 0;
    int rc = 0;

    (void)options;
    while (h->args[n])
        n++;
    auto_free int *files = xcalloc(n + 1, sizeof(*files));
    auto_free int *why = xcalloc(n + 1, sizeof(*why));
    for (size_t i = 0; i < n; i++) {
        files[i] = open_file(h->args[i]);
        why[i] = errno;
    }
    rc = become_nobody(e);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = files[i] < 0 ? say("failed", strerror(why[i]), e) : verify(files[i], e);
    for (size_t i = 0; i < n; i++)
        cleanup_close(&files[i]);
    return rc;
}

const struct helper_command cache_verify = { "cache-verify", NULL, flags, 1, run };
