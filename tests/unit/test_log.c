#include "base/log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    enum log_level limit, level;
    bool colour;
    const char *wanted;
} lines[] = {
    { LOG_INFO, LOG_ERROR, false, "ERROR: 5 of x\n" },
    { LOG_INFO, LOG_WARNING, false, "WARNING: 5 of x\n" },
    { LOG_INFO, LOG_INFO, false, "5 of x\n" },
    { LOG_INFO, LOG_DEBUG, false, "" },
    { LOG_DEBUG, LOG_DEBUG, true, "debug: 5 of x\n" },
    { LOG_ERROR, LOG_WARNING, true, "" },
    { LOG_ERROR, LOG_ERROR, true, "\033[31;1mERROR: 5 of x\033[0;m\n" },
    { LOG_INFO, LOG_WARNING, true, "\033[0;33mWARNING: 5 of x\033[0;m\n" },
    { LOG_INFO, LOG_INFO, true, "5 of x\n" },
};

static void test_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        int fds[2];
        char got[128] = "";
        assert_int_equal(pipe(fds), 0);
        struct log l = { .fd = fds[1], .level = lines[i].limit, .colour = lines[i].colour };
        log_line(&l, lines[i].level, "%d of %s", 5, "x");
        (void)close(fds[1]);
        assert_true(read(fds[0], got, sizeof(got) - 1) >= 0);
        (void)close(fds[0]);
        assert_string_equal(got, lines[i].wanted);
    }
}

/* Lines of two processes must not mix, so a line is one write: one message of a packet pipe. */
static void test_one_write(void **state)
{
    (void)state;
    int fds[2];
    char got[4096], text[2000];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(pipe2(fds, O_DIRECT), 0);
    struct log l = { .fd = fds[1], .level = LOG_INFO, .colour = true };
    log_error(&l, "%s", text);
    size_t wanted = strlen(text) + strlen("\033[31;1mERROR: \033[0;m\n");
    assert_int_equal(read(fds[0], got, sizeof(got)), wanted);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_lines), cmocka_unit_test(test_one_write) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
