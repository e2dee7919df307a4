/* atelier-init: the first process of a job's build and helper container, for any image.
 *
 * It waits on a socket in a folder that only this container has mounted, starts what the host's `run` asks for with
 * the descriptors that it gets, and tells how that ended when nothing of it is left (executor/init/order.h). It buries
 * every orphan, and hears no signal from inside of the container. Its arguments are the image's ENTRYPOINT, which it
 * puts before the words of each script. A static program: an image need have nothing for it. */
#include "base/clock.h"
#include "executor/init/order.h"
#include "executor/init/script.h"
#include "executor/init/tree.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define BACKLOG 16
/* A look at what still lives, while a script is to end and when it has. */
#define LOOK_MS 20
/* What forks faster than it is killed one by one goes with everything else in the container; and what is still there
 * in the end, the kernel does not let go of. Not before so many looks: a machine that stood still has only let time pass. */
#define PATIENT_MS ((int64_t)2500)
#define END_MS     ((int64_t)5000)
#define LOOKS      10

struct init {
    struct setting setting; /* of each script */
    int signals;            /* a signalfd */
    int listener;           /* -1: nobody can reach us, and scripts come by the daemon's exec */
    bool leaving;           /* told so from outside */
};

/* What runs for one connection. */
struct script {
    int conn;
    int refusal;   /* readable when the program could not be executed; -1: none was asked for */
    pid_t pid;     /* our child; 0: it has ended, or was never there */
    pid_t shell;   /* the outermost shell of the script: the child, or behind an ENTRYPOINT; 0: not known */
    int status;    /* of the child */
    bool stopping;
};

/* ---- Ends of processes ---- */

/* Bury all that are dead. False when we have no child at all any more. */
static bool bury(struct script *s)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        if (s && pid == s->pid) {
            s->status = status;
            s->pid = 0;
        }
    return pid == 0;
}

static void hear(struct init *in, struct script *s)
{
    struct signalfd_siginfo info;

    /* Only what is sent from outside of the container has no sender here. */
    while (read(in->signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
        if (info.ssi_signo == SIGTERM && info.ssi_pid == 0 && getpid() == 1)
            in->leaving = true;
    (void)bury(s);
}

static void wait_a_look(struct init *in, struct script *s)
{
    struct pollfd fd = { .fd = in->signals, .events = POLLIN };

    (void)poll(&fd, 1, LOOK_MS);
    hear(in, s);
}

/* Kill all that is below us, and wait until it is gone. The number of those that are not, being another user's. */
static unsigned end_all(struct init *in, struct script *s)
{
    int64_t begin = clock_ms();
    struct tree_count count = { 0 };

    for (int looks = 1; bury(s); looks++) {
        int64_t taken = looks > LOOKS ? clock_ms() - begin : 0;
        bool told = tree_signal(SIGKILL, 0, 0, &count);
        if ((told && count.alive == 0 && count.denied > 0) || taken > END_MS)
            return count.alive + count.denied;
        if (getpid() == 1 && (!told || taken > PATIENT_MS))
            (void)kill(-1, SIGKILL);
        wait_a_look(in, s);
    }
    return 0;
}

/* ---- An orderly end ---- */

/* The outermost shell is stopped meanwhile: bash would print the whole script, secrets included, when the part that it
 * waits for is killed by a signal. An ENTRYPOINT that waits for that shell ends with it. */
static void begin_stop(struct script *s)
{
    struct tree_count count;

    if (s->stopping)
        return;
    s->stopping = true;
    if (s->shell)
        (void)kill(s->shell, SIGSTOP);
    (void)tree_signal(SIGTERM, s->shell, s->shell ? s->pid : 0, &count);
}

/* When all others are gone, the shell is killed. */
static void go_on_stopping(const struct script *s)
{
    struct tree_count count;

    if (s->shell && tree_signal(0, s->shell, s->pid, &count) && count.alive == 0)
        (void)kill(s->shell, SIGKILL);
}

/* ---- One connection ---- */

static void send_order(const struct script *s, enum order_kind kind, int value, unsigned left)
{
    const struct order order = { (uint32_t)kind, value, left };

    (void)send(s->conn, &order, sizeof(order), MSG_NOSIGNAL);
}

/* The descriptors that came with a message, -1 for each that did not. */
static void take_fds(struct msghdr *message, int fds[ORDER_FDS])
{
    struct cmsghdr *c = CMSG_FIRSTHDR(message); /* there is room for one */

    for (int i = 0; i < ORDER_FDS; i++)
        fds[i] = -1;
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(ORDER_FDS * sizeof(int)))
        memcpy(fds, CMSG_DATA(c), ORDER_FDS * sizeof(int));
}

/* A message, and its descriptors. False when the other end is gone. */
static bool receive(int conn, struct order *out, int fds[ORDER_FDS])
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(ORDER_FDS * sizeof(int))];
    } control;
    struct iovec data = { out, sizeof(*out) };
    struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control,
                              .msg_controllen = sizeof(control) };

    ssize_t n = recvmsg(conn, &message, MSG_CMSG_CLOEXEC);
    if (n < 0)
        return false;
    take_fds(&message, fds);
    return n == (ssize_t)sizeof(*out);
}

static void start(struct init *in, struct script *s, const struct order *order, const int fds[ORDER_FDS])
{
    bool whole = fds[ORDER_STDIN] >= 0 && order->value >= 0 && s->refusal < 0;

    if (!whole)
        return;
    s->pid = script_start(&in->setting, fds, (size_t)order->value, &s->refusal);
    if (!s->pid)
        send_order(s, ORDER_REFUSED, errno, 0);
    else if (in->setting.entrypoint_n == 0)
        s->shell = s->pid;
}

/* False when the other end is gone. */
static bool obey(struct init *in, struct script *s)
{
    struct order order;
    int fds[ORDER_FDS];

    if (!receive(s->conn, &order, fds))
        return false;
    switch (order.kind) {
    case ORDER_START: start(in, s, &order, fds); break;
    case ORDER_SHELL: s->shell = order.value > 1 ? order.value : 0; break;
    case ORDER_STOP: begin_stop(s); break;
    default: break;
    }
    for (int i = 0; i < ORDER_FDS; i++)
        if (fds[i] >= 0)
            (void)close(fds[i]);
    return true;
}

/* The child has ended, and with it the script. */
static void finish(struct init *in, struct script *s)
{
    int why;
    bool refused = read(s->refusal, &why, sizeof(why)) == (ssize_t)sizeof(why);
    unsigned left = end_all(in, s);

    if (refused)
        send_order(s, ORDER_REFUSED, why, left);
    else
        send_order(s, ORDER_ENDED, WIFSIGNALED(s->status) ? 128 + WTERMSIG(s->status) : WEXITSTATUS(s->status), left);
}

static void serve(struct init *in, struct script *s)
{
    struct pollfd fds[] = { { .fd = s->conn, .events = POLLIN }, { .fd = in->signals, .events = POLLIN } };

    for (;;) {
        (void)poll(fds, 2, s->stopping ? LOOK_MS : -1);
        hear(in, s);
        if (s->refusal >= 0 && !s->pid) {
            finish(in, s);
            return;
        }
        if (fds[0].revents && !obey(in, s))
            break;
        if (in->leaving)
            begin_stop(s);
        if (s->stopping)
            go_on_stopping(s);
    }
    (void)end_all(in, s);
}

/* ---- The socket ---- */

/* Processes of this container have an id here, and those of the host have none. */
static bool is_from_outside(int conn)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);

    return getsockopt(conn, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.pid == 0;
}

static void greet(const struct init *in, int conn)
{
    const struct order_hello hello = {
        .version = ORDER_VERSION,
        .uid = getuid(),
        .gid = getgid(),
        .entrypoint = in->setting.entrypoint_n > 0,
        .shell = script_has_sh(),
    };

    (void)send(conn, &hello, sizeof(hello), MSG_NOSIGNAL);
}

static void answer(struct init *in)
{
    struct script s = { .conn = accept4(in->listener, NULL, NULL, SOCK_CLOEXEC), .refusal = -1 };

    if (s.conn < 0)
        return;
    if (is_from_outside(s.conn)) {
        greet(in, s.conn);
        serve(in, &s);
    }
    (void)close(s.conn);
    if (s.refusal >= 0)
        (void)close(s.refusal);
}

/* Open to all: who may speak, is asked of each. */
static int listen_in(const char *folder)
{
    static const struct sockaddr_un address = { AF_UNIX, ORDER_SOCKET };
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0 || chdir(folder) < 0)
        return -1;
    (void)unlink(ORDER_SOCKET);
    if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 && chmod(ORDER_SOCKET, 0666) == 0 &&
        listen(fd, BACKLOG) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

static int watch_signals(void)
{
    sigset_t all;

    (void)sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, NULL);
    return signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
}

int main(int argc, char **argv)
{
    static const char root[] = "/";
    char *folder = getcwd(NULL, 0);
    struct init in = {
        .setting = { argv + 1, (size_t)(argc > 0 ? argc - 1 : 0), folder ? folder : root },
        .signals = watch_signals(),
    };

    if (getpid() != 1)
        (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    in.listener = listen_in(ORDER_FOLDER);
    (void)!chdir(in.setting.folder);
    while (!in.leaving) {
        struct pollfd fds[] = { { .fd = in.listener, .events = POLLIN }, { .fd = in.signals, .events = POLLIN } };
        (void)poll(fds, 2, -1);
        hear(&in, NULL);
        if (fds[0].revents)
            answer(&in);
    }
    return 0;
}
