/* cache/helper/proxy_exec.c: `proxy-exec -- COMMAND...`: runs it and keeps secrets out of its output (contract 3.9).
 *
 * What one command says to be secret, later ones keep too: it is in a file in --temp-dir, which the
 * runner removes at the job's end. Whoever may read it runs as the job, and knows the secrets. */
#include "base/file.h"
#include "base/interrupt.h"
#include "base/process.h"
#include "cache/helper/add_mask.h"
#include "cache/helper/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>

#define STORE     "masking.db"
#define STORE_MAX ((size_t)1 << 20)
#define COPY      "gitlab-runner-helper"
#define ITSELF    "/proc/self/exe"
#define PIECE     16384
#define PIPE_MAX  (1 << 20) /* what a pipe can hold */

struct options {
    bool bootstrap;
    const char *folder;
};

#define O(member) offsetof(struct options, member)

static const struct flag flags[] = {
    { "bootstrap", NULL, NULL, FLAG_SWITCH, O(bootstrap), "copy this program to the folder first" },
    { "temp-dir", "RUNNER_TEMP_PROJECT_DIR", NULL, FLAG_TEXT, O(folder), "the job's folder for such things" },
    { NULL, NULL, NULL, FLAG_TEXT, 0, NULL },
};

struct stream {
    int from, to;
    struct add_mask lines;
};

struct work {
    const struct helper *h;
    const char *folder; /* NULL: none, and secrets are kept for this command alone */
    struct stream streams[2];
};

/* ---- Secrets of earlier commands ---- */

static int open_store(const struct work *w, int how)
{
    auto_free char *path = w->folder ? xasprintf("%s/" STORE, w->folder) : NULL;
    auto_close int fd = path ? open(path, how | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600) : -1;
    struct stat st;

    return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? take_fd(&fd) : -1;
}

static void keep_secret(struct work *w, const char *value)
{
    for (size_t i = 0; i < ARRAY_SIZE(w->streams); i++)
        mask_add(&w->streams[i].lines.mask, value);
}

static void read_store(struct work *w)
{
    auto_close int fd = open_store(w, O_RDONLY);
    auto_free char *text = xcalloc(1, STORE_MAX + 1);
    ssize_t len = fd < 0 ? 0 : read(fd, text, STORE_MAX);
    char *rest = len > 0 ? text : NULL;

    for (char *line; (line = strsep(&rest, "\n"));)
        keep_secret(w, line);
}

static void on_value(void *ctx, const char *value)
{
    struct work *w = ctx;
    auto_free char *line = xasprintf("%s\n", value);

    keep_secret(w, value);
    if (!w->folder)
        return;
    auto_close int fd = open_store(w, O_WRONLY | O_APPEND | O_CREAT);
    if (fd < 0 || fd_write(fd, line, strlen(line), NULL) < 0)
        report_line(&w->h->report, LOG_WARNING, "a secret cannot be kept in '%s/" STORE "': later commands will show it",
                    w->folder);
}

/* ---- The command ---- */

/* 1: there was something; 0: not now, or never again. */
static int pass_on(struct stream *s, struct err *e)
{
    char piece[PIECE];
    auto_strbuf out = STRBUF_TEXT;
    ssize_t n = s->from < 0 ? 0 : read(s->from, piece, sizeof(piece));

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n <= 0) {
        s->from = -1;
        return 0;
    }
    add_mask_feed(&s->lines, piece, (size_t)n, &out);
    return fd_write(s->to, strbuf_text(&out), out.len, e) < 0 ? -1 : 1;
}

/* What it left in the pipe. A process that it left in the background does not hold us, not even one that writes on. */
static int drain(struct stream *s, struct err *e)
{
    auto_strbuf out = STRBUF_TEXT;
    int rc = 1;

    for (int left = PIPE_MAX / PIECE; left > 0 && rc > 0; left--)
        rc = pass_on(s, e);
    add_mask_flush(&s->lines, &out);
    return rc < 0 ? -1 : fd_write(s->to, strbuf_text(&out), out.len, e);
}

static int watch(struct work *w, struct process *p, struct err *e)
{
    for (;;) {
        struct pollfd fds[] = { { p->pidfd, POLLIN, 0 },
                                { w->h->interrupt_fd, POLLIN, 0 },
                                { w->streams[0].from, POLLIN, 0 },
                                { w->streams[1].from, POLLIN, 0 } };
        if (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
            return err_set(e, ERR_SYSTEM, errno, "wait for the command: %s", strerror(errno));
        int number = interrupt_take(w->h->interrupt_fd);
        if (number > 0)
            process_kill(p, false, number);
        for (size_t i = 0; i < ARRAY_SIZE(w->streams); i++)
            if (pass_on(&w->streams[i], e) < 0)
                return -1;
        if (fds[0].revents)
            return 0;
    }
}

static int run_command(struct work *w, struct err *e)
{
    const struct process_spec spec = { .argv = (const char *const *)w->h->args, .out = PROCESS_PIPE, .err = PROCESS_PIPE };
    auto_process p = PROCESS_INIT;
    int status = 0;

    if (process_start(&spec, &p, e) < 0)
        return -1;
    w->streams[0].from = p.out;
    w->streams[1].from = p.err;
    if (watch(w, &p, e) < 0 || drain(&w->streams[0], e) < 0 || drain(&w->streams[1], e) < 0 ||
        process_wait(&p, -1, &status, e) < 0)
        return -1;
    return process_exit_code(status);
}

/* ---- The program, for containers that have none ---- */

static int copy_itself(const char *folder, struct err *e)
{
    auto_free char *path = xasprintf("%s/" COPY, folder);
    auto_free char *text = NULL;
    size_t len = 0;

    if (dir_make(folder, 0777, e) < 0 || file_read(ITSELF, (size_t)64 << 20, &text, &len, e) < 0 ||
        file_write(path, text, len, 0755, e) < 0)
        return err_wrap(e, "--bootstrap");
    return 0;
}

static int run(const struct helper *h, void *options, struct err *e)
{
    const struct options *o = options;
    struct work w = { .h = h, .folder = o->folder && *o->folder ? o->folder : NULL };

    if (!h->args[0])
        return err_set(e, ERR_USAGE, 0, "no command: proxy-exec [OPTION]... -- COMMAND [ARGUMENT]...");
    if (o->bootstrap && !w.folder)
        return err_set(e, ERR_USAGE, 0, "--bootstrap needs --temp-dir");
    if (o->bootstrap && copy_itself(w.folder, e) < 0)
        return -1;
    for (int i = 0; i < 2; i++)
        w.streams[i] = (struct stream){ -1, i == 0 ? STDOUT_FILENO : STDERR_FILENO, ADD_MASK_INIT(on_value, &w) };
    read_store(&w);
    int rc = run_command(&w, e);
    for (int i = 0; i < 2; i++)
        add_mask_release(&w.streams[i].lines);
    return rc;
}

const struct helper_command proxy_exec = { "proxy-exec", "Run a command and keep secrets out of its output", flags,
                                           sizeof(struct options), run };
