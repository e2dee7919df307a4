/* Copies of this process where the kernel gives less than is asked for. */
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Apart from the other tests, which want to open files. The exit status of what it returns. */
static int in_child(int (*what)(void))
{
    int status = -1;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0)
        _exit(what());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return process_exit_code(status);
}

static int await_end(void *ctx, int stop_fd)
{
    struct pollfd stop = { .fd = stop_fd, .events = POLLIN };

    (void)ctx;
    return poll(&stop, 1, 20000) == 1 ? 7 : 1;
}

/* Linux before 5.9, as far as this is concerned. */
static int without_close_range(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog filter = { .len = ARRAY_SIZE(code), .filter = code };
    static const int none = -1;
    struct process plain = PROCESS_INIT, followed = PROCESS_INIT;
    int first = 1, second = 1;

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0)
        return 9;
    if (process_fork(await_end, NULL, &plain, NULL) < 0 ||
        process_fork_followed(await_end, NULL, &none, &followed, NULL) < 0)
        return 8;
    process_tell(&followed); /* the last one first: the next copy of us has the ends of those before it */
    process_tell(&plain);
    (void)process_wait(&followed, 60000, &first, NULL);
    (void)process_wait(&plain, 60000, &second, NULL);
    return process_exit_code(first) == 7 && process_exit_code(second) == 7 ? 0 : 1;
}

static void test_a_copy_does_not_hold_its_own_line(void **state)
{
    (void)state;
    assert_int_equal(in_child(without_close_range), 0);
}

/* Nobody waits for it: what goes wrong must be heard of before. */
static int detach_without_descriptors(void)
{
    int keep = open("/dev/full", O_RDONLY | O_CLOEXEC);
    struct rlimit limit;

    if (keep < 0 || getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 9;
    limit.rlim_cur = (rlim_t)keep + 1;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 9;
    return process_detach(await_end, NULL, keep, NULL) < 0 ? 0 : 1;
}

static void test_one_that_cannot_be_detached(void **state)
{
    (void)state;
    assert_int_equal(in_child(detach_without_descriptors), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_copy_does_not_hold_its_own_line),
        cmocka_unit_test(test_one_that_cannot_be_detached),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
