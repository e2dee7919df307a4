#include "stages/pipeline/cancel.h"

#include "base/memory.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* A line as the process that takes a job through has it, and its other end. */
static struct cancel line_open(int *other)
{
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    *other = fds[1];
    return (struct cancel){ .fd = fds[0], .is_line = true };
}

static void signal_by(int fd)
{
    const char number = SIGINT;

    assert_int_equal(write(fd, &number, 1), 1);
}

static void test_signals_by_a_line(void **state)
{
    int other;
    struct cancel c = line_open(&other);

    (void)state;
    assert_false(cancel_check(&c));
    assert_false(cancel_is_due(&c));
    signal_by(other);
    assert_true(cancel_is_due(&c));
    assert_int_equal(c.signal, SIGINT);
    assert_int_equal(c.count, 1);
    assert_true(cancel_spend(&c));
    assert_true(cancel_check(&c));
    assert_false(cancel_is_due(&c)); /* after_script may run */
    signal_by(other);
    assert_true(cancel_is_due(&c));
    assert_int_equal(c.count, 2); /* and is ended at once */
    assert_false(cancel_spend(&c));
    (void)close(other);
    (void)close(c.fd);
}

static void test_two_at_once_are_not_spent(void **state)
{
    int other;
    struct cancel c = line_open(&other);

    (void)state;
    signal_by(other);
    signal_by(other);
    assert_true(cancel_check(&c));
    assert_false(cancel_spend(&c));
    assert_true(cancel_is_due(&c));
    (void)close(other);
    (void)close(c.fd);
}

/* Then nobody waits, nobody would say so twice, and there is nothing more to poll. */
static void test_whoever_was_there_is_gone(void **state)
{
    int other;
    struct cancel c = line_open(&other);
    auto_close int ours = c.fd;

    (void)state;
    (void)close(other);
    assert_true(cancel_check(&c));
    assert_int_equal(c.count, 2);
    assert_int_equal(c.signal, SIGHUP);
    assert_int_equal(c.fd, -1);
    assert_true(cancel_check(&c));
    assert_int_equal(c.count, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signals_by_a_line),
        cmocka_unit_test(test_two_at_once_are_not_spent),
        cmocka_unit_test(test_whoever_was_there_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
