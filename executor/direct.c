#include "executor/direct.h"

#include "base/file.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

/* A first process does nothing but answer, but the container may be paused. */
#define HELLO_MS 5000
/* From the daemon's word that a container has started, to its socket. */
#define WAIT_LOOKS 600
#define WAIT_MS    5

/* ---- The connection ---- */

/* The job may have put there whatever it likes: a link is not followed, and what is no socket not touched. */
static int open_socket(const char *folder)
{
    auto_close int dir = open(folder, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    auto_close int fd = dir >= 0 ? openat(dir, ORDER_SOCKET, O_PATH | O_NOFOLLOW | O_CLOEXEC) : -1;
    struct stat st;

    return fd >= 0 && fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode) ? take_fd(&fd) : -1;
}

static int connect_in(const char *folder)
{
    auto_close int place = open_socket(folder);
    auto_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    (void)snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d", place);
    if (place < 0 || fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        return -1;
    return take_fd(&fd);
}

bool direct_open(const char *folder, struct direct *out)
{
    auto_close int fd = connect_in(folder);
    struct pollfd ready = { .fd = fd, .events = POLLIN };

    if (fd < 0 || poll(&ready, 1, HELLO_MS) <= 0 ||
        recv(fd, &out->hello, sizeof(out->hello), 0) != (ssize_t)sizeof(out->hello) ||
        out->hello.version != ORDER_VERSION)
        return false;
    out->fd = take_fd(&fd);
    return true;
}

bool direct_is_there(const char *folder)
{
    auto_close int fd = connect_in(folder);

    return fd >= 0;
}

bool direct_wait(const char *folder, struct direct *out)
{
    for (int i = 0; i < WAIT_LOOKS; i++) {
        if (direct_open(folder, out))
            return true;
        (void)poll(NULL, 0, WAIT_MS);
    }
    return false;
}

/* One who does not take it is no process of ours any more. */
static void tell(const struct direct *d, enum order_kind kind, int64_t value)
{
    const struct order order = { (uint32_t)kind, (int32_t)value, 0 };

    (void)send(d->fd, &order, sizeof(order), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void direct_stop(struct direct *d)
{
    tell(d, ORDER_STOP, 0);
}

void direct_close(struct direct *d)
{
    cleanup_close(&d->fd);
    d->fd = -1;
    direct_output_release(&d->output);
}

/* ---- The start ---- */

/* In memory and not a pipe: a shell reads a file in blocks, and a pipe byte by byte. Nobody can change it any more. */
static int seal(int fd, struct err *e)
{
    if (lseek(fd, 0, SEEK_SET) < 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
        return err_set(e, ERR_SYSTEM, errno, "seal a file in memory: %s", strerror(errno));
    return 0;
}

static int make_file(const char *name, struct err *e)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

    return fd >= 0 ? fd : err_set(e, ERR_SYSTEM, errno, "make a file in memory: %s", strerror(errno));
}

static int keep(int fd, const void *data, size_t len, struct err *e)
{
    auto_err problem = ERR_INIT;

    if (fd_write(fd, data, len, &problem) == 0)
        return 0;
    bool full = problem.code == ENOSPC || problem.code == ENOMEM;
    return err_set(e, ERR_SYSTEM, problem.code, "keep the script in memory: %s%s", strerror(problem.code),
                   full ? ": this host has none left to give (or vm.overcommit_memory forbids it); let fewer jobs run at "
                          "once, or set direct: off" : "");
}

static int make_input(const struct direct_script *s, int *out, struct err *e)
{
    char chunk[65536];
    ssize_t n;
    auto_close int fd = make_file("script", e);

    if (fd < 0)
        return -1;
    while ((n = s->input(s->input_ctx, chunk, sizeof(chunk), e)) > 0)
        if (keep(fd, chunk, (size_t)n, e) < 0)
            return -1;
    if (n < 0 || seal(fd, e) < 0)
        return -1;
    *out = take_fd(&fd);
    return 0;
}

static int add_words(struct strbuf *out, const struct strvec *words, struct err *e)
{
    for (size_t i = 0; i < words->n; i++)
        if (strbuf_add(out, words->items[i], strlen(words->items[i]) + 1) < 0)
            return err_set(e, ERR_JOB, 0, "the job's variables take more than %zu MiB", ORDER_WORDS_MAX >> 20);
    return 0;
}

static int make_words(const struct direct_script *s, int *out, struct err *e)
{
    auto_strbuf text = STRBUF_INIT(ORDER_WORDS_MAX);
    auto_close int fd = make_file("words", e);

    if (fd < 0 || add_words(&text, s->argv, e) < 0 || add_words(&text, s->env, e) < 0 ||
        keep(fd, strbuf_text(&text), text.len, e) < 0 || seal(fd, e) < 0)
        return -1;
    *out = take_fd(&fd);
    return 0;
}

static int send_start(const struct direct *d, size_t arguments, const int fds[ORDER_FDS], struct err *e)
{
    struct order order = { ORDER_START, (int32_t)arguments, 0 };
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(ORDER_FDS * sizeof(int))];
    } control = { 0 };
    struct iovec data = { &order, sizeof(order) };
    struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control,
                              .msg_controllen = sizeof(control) };
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);

    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(ORDER_FDS * sizeof(int));
    memcpy(CMSG_DATA(c), fds, ORDER_FDS * sizeof(int));
    if (sendmsg(d->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof(order))
        return 0;
    return err_set(e, ERR_SYSTEM, errno, "hand the script to the container's first process: %s", strerror(errno));
}

static int start(struct direct *d, const struct direct_script *s, struct err *e)
{
    auto_close int input = -1;
    auto_close int words = -1;

    d->output.mark = s->mark;
    if (make_input(s, &input, e) < 0 || make_words(s, &words, e) < 0 || direct_output_open(&d->output, e) < 0)
        return -1;
    const int fds[ORDER_FDS] = { [ORDER_STDIN] = input, [ORDER_OUTPUT] = d->output.write_fd, [ORDER_WORDS] = words };
    int rc = send_start(d, s->argv->n, fds, e);
    cleanup_close(&d->output.write_fd);
    d->output.write_fd = -1;
    return rc;
}

/* ---- The end ---- */

static int refused(const struct direct_script *s, int why, struct err *e)
{
    static const int lacking[] = { ENOENT, EACCES, ENOEXEC, ENOTDIR, ELOOP, EISDIR, ELIBBAD };
    enum err_kind kind = ERR_SYSTEM;

    for (size_t i = 0; i < ARRAY_SIZE(lacking); i++)
        if (why == lacking[i])
            kind = ERR_JOB;
    return err_set(e, kind, why, "the script's first program%s cannot be started in the container: %s",
                   s->argv->n > 0 ? "" : ", a shell,", strerror(why));
}

/* 1: the script has ended. */
static int hear(struct direct *d, const struct direct_script *s, int *code, struct err *e)
{
    struct order order;
    ssize_t n = recv(d->fd, &order, sizeof(order), 0);

    /* Where it closed with an order of ours unread, that is heard first, and then what it had said. */
    if (n < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNRESET))
        return 0;
    bool ended = n == (ssize_t)sizeof(order) && order.kind == ORDER_ENDED && order.value >= 0 && order.value <= 255;
    if (n == (ssize_t)sizeof(order) && order.kind == ORDER_REFUSED)
        return refused(s, order.value, e);
    d->gone = !ended;
    if (!ended)
        return err_set(e, ERR_SYSTEM, 0, "the container's first process went away while the script ran");
    *code = order.value;
    d->left = order.left;
    return 1;
}

/* ---- Between them ---- */

static int move_output(struct direct *d, const struct direct_script *s, struct err *e)
{
    unsigned before = s->mark ? s->mark->seen : 1;

    if (direct_output_move(&d->output, e) < 0)
        return -1;
    if (before > 0 || s->mark->seen == 0)
        return 0;
    if (s->mark->pid > 0)
        tell(d, ORDER_SHELL, s->mark->pid);
    return s->on_mark(s->watch.ctx, e);
}

static int carry(struct direct *d, const struct direct_script *s, int *code, struct err *e)
{
    for (;;) {
        int64_t next_ms = -1;
        if (s->watch.tick(s->watch.ctx, &next_ms, e) < 0)
            return -1;
        struct pollfd fds[] = { { .fd = d->fd, .events = POLLIN },
                                { .fd = s->watch.wake_fd, .events = POLLIN },
                                { .fd = d->output.full ? -1 : d->output.read_fd, .events = POLLIN },
                                { .fd = d->output.full ? STDOUT_FILENO : -1, .events = POLLOUT } };
        int timeout = next_ms < 0 ? -1 : next_ms > 60000 ? 60000 : (int)next_ms;
        if (poll(fds, ARRAY_SIZE(fds), timeout) < 0 && errno != EINTR)
            return err_set(e, ERR_SYSTEM, errno, "wait for the script: %s", strerror(errno));
        if ((fds[2].revents || fds[3].revents) && move_output(d, s, e) < 0)
            return -1;
        int rc = fds[0].revents ? hear(d, s, code, e) : 0;
        if (rc != 0)
            return rc < 0 ? -1 : 0;
    }
}

int direct_run(struct direct *d, const struct direct_script *script, int *code, struct err *e)
{
    auto_err why = ERR_INIT;

    if (start(d, script, e) < 0)
        return -1;
    int rc = carry(d, script, code, &why);
    /* What it wrote is shown, however it ended. */
    if (direct_output_finish(&d->output, rc < 0 ? NULL : &why) < 0)
        rc = -1;
    return rc < 0 ? err_move(e, &why) : 0;
}
