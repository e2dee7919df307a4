#include "base/memory.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

static void test_zero_bytes_are_no_exhaustion(void **state)
{
    (void)state;
    auto_free char *a = xmalloc(0);
    auto_free char *b = xcalloc(0, 8);
    auto_free char *c = xrealloc(NULL, 0);
    auto_free char *d = xreallocarray(NULL, 0, 0);
    assert_true(a && b && c && d);
}

static void test_text(void **state)
{
    (void)state;
    auto_free char *copy = xstrdup("abc");
    auto_free char *part = xstrndup("abc", 2);
    auto_free char *longer = xstrndup("abc", 9);
    auto_free char *made = xasprintf("%s-%d", "a", 7);
    assert_string_equal(copy, "abc");
    assert_null(xstrdup(NULL));
    assert_string_equal(part, "ab");
    assert_string_equal(longer, "abc");
    assert_string_equal(made, "a-7");
}

static void test_calloc_clears(void **state)
{
    (void)state;
    auto_free unsigned char *p = xcalloc(16, 4);
    for (int i = 0; i < 64; i++)
        assert_int_equal(p[i], 0);
}

static void test_ownership_leaves(void **state)
{
    (void)state;
    char *p = xstrdup("x");
    auto_free char *q = take(&p);
    assert_null(p);
    assert_string_equal(q, "x");

    int fd = 7;
    int taken = take_fd(&fd);
    assert_int_equal(fd, -1);
    assert_int_equal(taken, 7);
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static void test_scopes_close(void **state)
{
    (void)state;
    int seen = -1, seen_stream = -1;
    {
        auto_close int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        auto_close int none = -1;
        auto_fclose FILE *f = fopen("/dev/null", "re");
        auto_fclose FILE *nothing = NULL;
        seen = fd;
        seen_stream = fileno(f);
        assert_true(is_open(seen) && is_open(seen_stream) && none == -1 && !nothing);
    }
    assert_false(is_open(seen));
    assert_false(is_open(seen_stream));
}

/* Otherwise AddressSanitizer ends the program itself before malloc can answer NULL. */
__attribute__((visibility("default"))) const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

/* Exhaustion ends the process with one line; tried in a child. */
static void test_exhaustion(void **state)
{
    (void)state;
    int fds[2], status;
    char text[4096] = "";
    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    if (pid == 0) {
        (void)dup2(fds[1], STDERR_FILENO);
        (void)signal(SIGABRT, SIG_DFL);
        free(xreallocarray(NULL, SIZE_MAX / 2, 4)); /* overflows, so no allocator is even asked */
        _exit(0);
    }
    (void)close(fds[1]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    for (size_t n = 0; n < sizeof(text) - 1;) {
        ssize_t got = read(fds[0], text + n, sizeof(text) - 1 - n);
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    (void)close(fds[0]);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(strstr(text, "ERROR: out of memory\n")); /* after AddressSanitizer's warning, if any */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zero_bytes_are_no_exhaustion),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_calloc_clears),
        cmocka_unit_test(test_ownership_leaves),
        cmocka_unit_test(test_scopes_close),
        cmocka_unit_test(test_exhaustion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
