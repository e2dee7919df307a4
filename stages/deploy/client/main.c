/* deploy-master: a deploy job's command. It asks the job's host, over the socket of this job alone, and prints what
 * comes back. It holds no secret and decides nothing. A static program, for any image. */
#include "stages/deploy/client/relay.h"
#include "stages/deploy/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define DEFAULT_FILE "docker-compose.yml"
/* The host starts to listen when the job's script starts. */
#define CONNECT_TRIES   100
#define CONNECT_WAIT_MS 100
/* How often a client that nobody has answered looks whether anybody still can. */
#define LOOK_MS 1000

enum { EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_HOST = 3 };

static const char usage[] =
    "Usage: deploy-master [-f FILE] [--dry-run] TARGET\n"
    "       deploy-master --rollback [N] TARGET\n"
    "       deploy-master --releases TARGET\n"
    "\n"
    "Deploys the services of a compose file to TARGET, as the job's host knows it by its configuration.\n"
    "\n"
    "  -f, --file FILE  the compose file (" DEFAULT_FILE ")\n"
    "      --dry-run    only say what would be created, replaced, kept and removed\n"
    "      --rollback   deploy an earlier release again: number N, else the one before\n"
    "      --releases   list the releases that are known on the target\n"
    "  -h, --help       show this\n"
    "\n"
    "The host reads the variables, the secret ones (SV_<ENVIRONMENT>_NAME) too, and puts them into the file:\n"
    "neither the job nor this program has them. It deploys for the job's project and environment alone.\n"
    "\n"
    "Exit status: 0 done; 1 refused or failed, and what ran before still runs; 2 wrong arguments;\n"
    "3 the host or the target could not do it.\n";

static void complain(const char *format, ...) PRINTF_LIKE(1, 2);
static void complain(const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    auto_free char *text = xvasprintf(format, ap);
    va_end(ap);
    (void)fprintf(stderr, "deploy-master: %s\n", text);
}

/* ---- The command line ---- */

static int wrong(const char *what)
{
    complain("%s; `deploy-master --help` shows how", what);
    return -1;
}

static int read_names(int n, char **names, struct wire_request *q)
{
    if (n == 2 && q->action == WIRE_ROLLBACK) {
        q->release = wire_number(names[0], strlen(names[0]), 999999999);
        if (q->release < 1)
            return wrong("the release to go back to is a number from 1");
        names++;
        n--;
    }
    if (n != 1 || !*names[0])
        return wrong(n == 0 ? "no target is named" : "one target is to be named");
    q->target = xstrdup(names[0]);
    return 0;
}

/* 0: go on; 1: help was shown. */
static int read_arguments(int argc, char **argv, struct wire_request *q)
{
    static const struct option options[] = {
        { "file", required_argument, NULL, 'f' },       { "dry-run", no_argument, NULL, WIRE_DRY_RUN },
        { "rollback", no_argument, NULL, WIRE_ROLLBACK }, { "releases", no_argument, NULL, WIRE_RELEASES },
        { "help", no_argument, NULL, 'h' },             { NULL, 0, NULL, 0 },
    };
    int c;

    while ((c = getopt_long(argc, argv, "f:h", options, NULL)) != -1) {
        if (c == 'h') {
            (void)fputs(usage, stdout);
            return 1;
        }
        if (c == '?')
            return wrong("it was called wrongly");
        if (c == 'f') {
            free(q->file);
            q->file = xstrdup(optarg);
        } else if (q->action != WIRE_UP && q->action != (enum wire_action)c) {
            return wrong("only one of --dry-run, --rollback and --releases can be done");
        } else {
            q->action = (enum wire_action)c;
        }
    }
    bool deploys = q->action == WIRE_UP || q->action == WIRE_DRY_RUN;
    if (q->file && !deploys)
        return wrong("--rollback and --releases take no file: the target keeps each release's own");
    if (!q->file && deploys)
        q->file = xstrdup(DEFAULT_FILE);
    return read_names(argc - optind, argv + optind, q);
}

static int read_file(struct wire_request *q)
{
    auto_strbuf text = STRBUF_INIT(WIRE_TEXT_MAX);
    char chunk[16384];
    ssize_t n;
    auto_close int fd = open(q->file, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        complain("open '%s': %s; the compose file is %s in this folder, and -f FILE names another", q->file,
                 strerror(errno), DEFAULT_FILE);
        return -1;
    }
    while ((n = read(fd, chunk, sizeof(chunk))) > 0)
        if (strbuf_add(&text, chunk, (size_t)n) < 0) {
            complain("'%s' is larger than 1 MiB: no compose file is", q->file);
            return -1;
        }
    if (n < 0) {
        complain("read '%s': %s", q->file, strerror(errno));
        return -1;
    }
    q->len = text.len;
    q->text = strbuf_take(&text);
    return 0;
}

/* ---- The host ---- */

static const char *from_env(const char *name)
{
    const char *value = getenv(name);

    return value ? value : "";
}

/* Nobody gave this job a socket. */
static void explain_absence(void)
{
    const char *project = from_env("CI_PROJECT_PATH"), *environment = from_env("CI_ENVIRONMENT_NAME");

    if (!*environment) {
        complain("this job may not deploy: it has no environment; give it one in .gitlab-ci.yml: `environment: {name: "
                 "staging, url: https://…}`");
        return;
    }
    complain("this job may not deploy: no target of its host allows project '%s' in environment '%s'; whoever runs the "
             "host adds both to one of `targets` in its configuration", project, environment);
    complain("or the root of this container is read-only, and nothing could be put there (the job log's beginning says so): "
             "on the host: atelier deploy --project '%s' --environment '%s' TARGET", project, environment);
}

static const struct sockaddr_un address = { AF_UNIX, WIRE_FOLDER "/" WIRE_SOCKET };

/* Whether another socket has taken the place of the one whose file that was. */
static bool is_replaced(const struct stat *file)
{
    struct stat now;

    return stat(address.sun_path, &now) == 0 &&
           (now.st_dev != file->st_dev || now.st_ino != file->st_ino || now.st_ctim.tv_sec != file->st_ctim.tv_sec ||
            now.st_ctim.tv_nsec != file->st_ctim.tv_nsec);
}

static int try_to_connect(struct stat *file)
{
    auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || stat(address.sun_path, file) < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        return -1;
    if (!is_replaced(file))
        return take_fd(&fd);
    errno = EAGAIN; /* one of the two was connected to, and nobody knows which */
    return -1;
}

/* *file: of the socket. */
static int connect_to_host(struct stat *file)
{
    if (access(WIRE_FOLDER, F_OK) < 0) {
        explain_absence();
        return -1;
    }
    for (int i = 0; i < CONNECT_TRIES; i++) {
        int fd = try_to_connect(file);
        if (fd >= 0)
            return fd;
        if (errno != ENOENT && errno != ECONNREFUSED && errno != EAGAIN && errno != EINTR)
            break;
        (void)poll(NULL, 0, CONNECT_WAIT_MS);
    }
    complain("the job's host does not answer on %s: %s; the job log says why, and whether a process of this job has ended "
             "what listened there", address.sun_path, strerror(errno));
    return -1;
}

static int write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno != EINTR)
            return -1;
        if (n > 0) {
            data += n;
            len -= (size_t)n;
        }
    }
    return 0;
}

/* ---- Signals ---- */

static sigset_t ending_signals(void)
{
    sigset_t ends;

    (void)sigemptyset(&ends);
    (void)sigaddset(&ends, SIGTERM);
    (void)sigaddset(&ends, SIGINT);
    (void)sigaddset(&ends, SIGHUP);
    return ends;
}

static int open_signals(void)
{
    const sigset_t ends = ending_signals();

    (void)sigprocmask(SIG_BLOCK, &ends, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* ---- The conversation ---- */

struct talk {
    int fd;
    struct stat file; /* of the socket */
    const struct strbuf *request;
    size_t sent; /* of it */
    int signals;
    int signal; /* what told us to end; 0: nothing */
    bool heard; /* the host has said something */
    int code;   /* -1 until it has said that */
    struct strbuf in;
};

static int open_talk(struct talk *t)
{
    t->sent = 0;
    t->fd = connect_to_host(&t->file);
    return t->fd < 0 ? -1 : 0;
}

/* A host that refuses early has said why, and that is read all the same. */
static void ask(struct talk *t)
{
    ssize_t n = send(t->fd, t->request->data + t->sent, t->request->len - t->sent, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (n >= 0)
        t->sent += (size_t)n;
    else if (errno != EAGAIN && errno != EINTR)
        t->sent = t->request->len;
}

static int show(struct talk *t, const struct wire_frame *f)
{
    switch (f->kind) {
    case WIRE_OUT: return write_all(STDOUT_FILENO, f->data, f->len);
    case WIRE_ERR: return write_all(STDERR_FILENO, f->data, f->len);
    case WIRE_EXIT: t->code = wire_number(f->data, f->len, 255); return t->code < 0 ? -1 : 0;
    default: return -1;
    }
}

/* What has come from the host. -1 at the end. */
static int hear(struct talk *t)
{
    char chunk[16384];
    struct wire_frame frame;
    size_t at = 0;
    long taken = 0;
    ssize_t n = read(t->fd, chunk, sizeof(chunk));

    if (n < 0 && errno == EINTR)
        return 0;
    if (n <= 0 || strbuf_add(&t->in, chunk, (size_t)n) < 0)
        return -1;
    t->heard = true;
    while ((taken = wire_get(strbuf_text(&t->in) + at, t->in.len - at, WIRE_LINE_MAX, &frame)) > 0) {
        if (show(t, &frame) < 0)
            return -1;
        at += (size_t)taken;
    }
    strbuf_drop(&t->in, at);
    return taken < 0 || t->code >= 0 ? -1 : 0;
}

/* The first signal tells the host that nobody wants it any more, and we go on to show how it ends; the second one
 * does not wait. */
static int heed(struct talk *t)
{
    struct signalfd_siginfo info;

    if (read(t->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
        return 0;
    if (t->signal)
        return -1;
    t->signal = (int)info.ssi_signo;
    complain("told to end (%s): the deploy is called off, unless it has been switched over already",
             strsignal(t->signal));
    (void)shutdown(t->fd, SHUT_WR);
    return 0;
}

/* A relay that the job has stopped keeps its clients for ever, and the next script's has taken its place. What such a one
 * has passed on ended with its own script, so this asks for nothing twice. Who wants to end need not wait for it. */
static int ask_anew(struct talk *t)
{
    const sigset_t ends = ending_signals();

    (void)close(t->fd);
    (void)sigprocmask(SIG_UNBLOCK, &ends, NULL);
    int rc = open_talk(t);
    (void)sigprocmask(SIG_BLOCK, &ends, NULL);
    return rc;
}

static int end_of(const struct talk *t)
{
    if (t->signal)
        return 128 + t->signal;
    if (t->code >= 0)
        return t->code;
    complain("the job's host went away in the middle; the next deploy puts in order what this one left");
    return EXIT_HOST;
}

static int talk(struct talk *t)
{
    while (t->code < 0) {
        short events = t->sent < t->request->len ? POLLIN | POLLOUT : POLLIN;
        struct pollfd fds[] = { { .fd = t->fd, .events = events }, { .fd = t->signals, .events = POLLIN } };
        int ready = poll(fds, ARRAY_SIZE(fds), t->heard ? -1 : LOOK_MS);
        if (ready < 0 && errno != EINTR)
            break;
        if (ready == 0 && is_replaced(&t->file)) {
            if (t->signal)
                break;
            if (ask_anew(t) < 0)
                return EXIT_FAILED;
        }
        if (fds[0].revents & POLLOUT)
            ask(t);
        if ((fds[1].revents && heed(t) < 0) || ((fds[0].revents & ~POLLOUT) && hear(t) < 0))
            break;
    }
    return end_of(t);
}

int main(int argc, char **argv)
{
    __attribute__((cleanup(wire_request_release))) struct wire_request q = { .action = WIRE_UP };
    auto_strbuf request = STRBUF_INIT(WIRE_REQUEST_MAX);

    if (argc == 2 && strcmp(argv[1], RELAY_OPTION) == 0)
        return relay_run();
    int rc = read_arguments(argc, argv, &q);
    if (rc != 0)
        return rc < 0 ? EXIT_USAGE : 0;
    if (strlen(q.target) > 255 || (q.file && strlen(q.file) > 4000)) {
        complain("the name of the target or of the file is too long");
        return EXIT_USAGE;
    }
    if (q.file && read_file(&q) < 0)
        return EXIT_FAILED;
    wire_request_put(&request, &q);
    struct talk t = { .request = &request, .code = -1, .in = STRBUF_INIT(WIRE_LINE_MAX + 32768) };
    if (open_talk(&t) < 0)
        return EXIT_FAILED;
    t.signals = open_signals();
    int code = talk(&t);
    if (t.fd >= 0)
        (void)close(t.fd);
    strbuf_release(&t.in);
    return code;
}
