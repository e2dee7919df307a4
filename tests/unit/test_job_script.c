#include "executor/job_script.h"

#include "base/file.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>

#include <cmocka.h>

static void ignore(int number)
{
    (void)number;
}

/* One that writes only when somebody has waited for it through some signals. */
static pid_t write_late(const char *path)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    (void)poll(NULL, 0, 300);
    _exit(write(fd, "echo", 4) == 4 ? 0 : 1);
}

static void test_a_signal_is_no_end(void **state)
{
    const struct sigaction noted = { .sa_handler = ignore }; /* without SA_RESTART */
    const struct itimerval soon = { { 0, 20000 }, { 0, 20000 } }, never = { 0 };
    const struct secret_variables none = { 0 };
    auto_free char *folder = NULL;
    auto_job_script script = JOB_SCRIPT_INIT;
    auto_strbuf all = STRBUF_TEXT;
    char some[64];
    ssize_t n;

    (void)state;
    assert_int_equal(dir_temporary("/tmp", "atelier-test-", &folder, NULL), 0);
    auto_free char *path = xasprintf("%s/script", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    pid_t writer = write_late(path);
    assert_int_equal(job_script_open(&script, &none, path, true, NULL), 0);
    assert_int_equal(sigaction(SIGALRM, &noted, NULL), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
    while ((n = job_script_read(&script, some, sizeof(some), NULL)) > 0)
        strbuf_putn(&all, some, (size_t)n);
    assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
    assert_int_equal(n, 0);
    assert_string_equal(strbuf_text(&all), "echo\nexit\n");
    assert_int_equal(waitpid(writer, NULL, 0), writer);
    assert_int_equal(dir_remove(folder, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_signal_is_no_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
