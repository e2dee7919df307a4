#include "executor/direct.h"

#include "base/file.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* A container's first process, the other end of the connection: takes the start and, once there is one more order, says
 * `last` without having read that. */
static pid_t peer_start(int fd, int ours, const struct order *last)
{
    struct pollfd more = { .fd = fd, .events = POLLIN };
    struct order start;
    pid_t pid = fork();

    if (pid != 0)
        return pid;
    (void)close(ours);
    bool told = recv(fd, &start, sizeof(start), 0) == (ssize_t)sizeof(start) && start.kind == ORDER_START &&
                poll(&more, 1, -1) == 1 && (!last || send(fd, last, sizeof(*last), 0) == (ssize_t)sizeof(*last));
    _exit(told ? 0 : 1);
}

static ssize_t nothing(void *ctx, char *buf, size_t size, struct err *e)
{
    (void)ctx, (void)buf, (void)size, (void)e;
    return 0;
}

/* Something is told before anything is heard, which waits for the other end's close. */
static int tell(void *ctx, int64_t *next_ms, struct err *e)
{
    struct direct *d = ctx;
    struct pollfd closed = { .fd = d->fd };

    (void)e;
    *next_ms = -1;
    direct_stop(d);
    return poll(&closed, 1, -1) == 1 ? 0 : -1;
}

static int run_beside(const struct order *last, int *code, struct err *e)
{
    struct direct d = DIRECT_INIT;
    int fds[2], status;

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
    pid_t peer = peer_start(fds[1], fds[0], last);
    assert_true(peer > 0);
    (void)close(fds[1]);
    d.fd = fds[0];
    auto_strvec none = STRVEC_INIT;
    const struct direct_script script = {
        .argv = &none, .env = &none, .input = nothing, .watch = { tell, &d, -1 },
    };
    int rc = direct_run(&d, &script, code, e);
    assert_int_equal(waitpid(peer, &status, 0), peer);
    assert_int_equal(status, 0);
    direct_close(&d);
    return rc;
}

/* The script ended while `run` had still something to say to it. */
static void test_an_end_that_crossed_an_order(void **state)
{
    static const struct order ended = { ORDER_ENDED, 3, 0 };
    auto_err e = ERR_INIT;
    int code = -1;

    (void)state;
    assert_int_equal(run_beside(&ended, &code, &e), 0);
    assert_int_equal(code, 3);
}

static void test_a_peer_that_goes_without_a_word(void **state)
{
    auto_err e = ERR_INIT;
    int code = -1;

    (void)state;
    assert_int_equal(run_beside(NULL, &code, &e), -1);
    assert_int_equal(e.kind, ERR_SYSTEM);
    assert_string_equal(err_text(&e), "the container's first process went away while the script ran");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_end_that_crossed_an_order),
        cmocka_unit_test(test_a_peer_that_goes_without_a_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
