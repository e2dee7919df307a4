#include "base/interrupt.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/wait.h>

#include <cmocka.h>

static bool readable(int fd)
{
    return poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 0) == 1;
}

static void test_signals_arrive_by_descriptor(void **state)
{
    (void)state;
    static const int stops[] = { SIGTERM, SIGINT, SIGHUP };
    auto_close int fd = interrupt_open(NULL);
    assert_true(fd >= 0);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    for (size_t i = 0; i < ARRAY_SIZE(stops); i++) {
        assert_false(readable(fd));
        assert_int_equal(interrupt_take(fd), 0); /* does not block */
        assert_int_equal(raise(stops[i]), 0);
        assert_true(readable(fd));
        assert_int_equal(interrupt_take(fd), stops[i]);
    }
}

static void test_more_signals(void **state)
{
    (void)state;
    static const int numbers[] = { SIGWINCH, SIGQUIT, SIGTERM };
    auto_close int fd = interrupt_open(NULL);
    assert_int_equal(interrupt_add(fd, SIGWINCH, NULL), 0);
    assert_int_equal(interrupt_add(fd, SIGQUIT, NULL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        assert_int_equal(raise(numbers[i]), 0);
        assert_int_equal(interrupt_take(fd), numbers[i]);
        assert_int_equal(interrupt_take(fd), 0);
    }
}

static void test_a_closed_pipe_is_no_signal(void **state)
{
    (void)state;
    auto_close int fd = interrupt_open(NULL);
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    (void)close(fds[0]);
    assert_int_equal(write(fds[1], "x", 1), -1);
    (void)close(fds[1]);
    assert_int_equal(interrupt_take(fd), 0);
}

/* Also one that came before. */
static void test_signals_end_the_program_again(void **state)
{
    (void)state;
    static const int numbers[] = { SIGTERM, SIGINT, SIGHUP };
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        int status = 0;
        pid_t child = fork();
        assert_int_not_equal(child, -1);
        if (child == 0) {
            if (interrupt_open(NULL) < 0 || raise(numbers[i]) != 0)
                _exit(1);
            interrupt_default();
            _exit(0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), numbers[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signals_arrive_by_descriptor),
        cmocka_unit_test(test_more_signals),
        cmocka_unit_test(test_a_closed_pipe_is_no_signal),
        cmocka_unit_test(test_signals_end_the_program_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
