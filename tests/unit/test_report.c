#include "stages/pipeline/report.h"

#include "base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* A report into memory, and what was written there. */
static struct report report_open(bool colour)
{
    return (struct report){ .fd = memfd_create("report", MFD_CLOEXEC), .colour = colour };
}

static char *report_close(struct report *r)
{
    auto_free char *path = xasprintf("/proc/self/fd/%d", r->fd);
    char *text = NULL;

    assert_int_equal(file_read(path, 1 << 16, &text, NULL, NULL), 0);
    (void)close(r->fd);
    return text;
}

static const struct {
    bool colour;
    const char *in, *out;
} outputs[] = {
    { false, "one\ntwo\n", "    one\n    two\n" },
    { false, "no end", "    no end\n" },
    { false, "\n\n", "    \n    \n" },
    { false, "dos\r\n", "    dos\n" },
    { false, "10%\r20%\r", "    10%\n    20%\n" },
    { false, "\033[32;1mgreen\033[0;m\n", "    green\n" },
    { false, "\033]0;title\a\033]0;title\033\\x\033(B\n", "    x\n" },
    { false, "\033[31\nbroken\n", "    \n    broken\n" },
    { true, "10%\r20%\n", "    10%\r    20%\n" },
    { true, "\033[32mgreen", "    \033[32mgreen\033[0m\n" },
};

static void test_outputs(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(outputs); i++) {
        struct report whole = report_open(outputs[i].colour);
        struct report bytes = report_open(outputs[i].colour);
        report_output(&whole, outputs[i].in, strlen(outputs[i].in));
        for (const char *p = outputs[i].in; *p; p++)
            report_output(&bytes, p, 1);
        report_output_end(&whole);
        report_output_end(&bytes);
        auto_free char *text = report_close(&whole);
        auto_free char *same = report_close(&bytes);
        assert_string_equal(text, outputs[i].out);
        assert_string_equal(same, outputs[i].out);
    }
}

static void test_lines_end_what_was_open(void **state)
{
    struct report r = report_open(true);

    (void)state;
    report_output(&r, "half", 4);
    report_line(&r, STYLE_GOOD, "%d passed", 3);
    report_line(&r, STYLE_PLAIN, "plain");
    auto_free char *text = report_close(&r);
    assert_string_equal(text, "    half\033[0m\n\033[32;1m3 passed\033[0m\nplain\n");
}

static void test_table(void **state)
{
    static const char *const cells[] = { "JOB", "TIME", "caf\xc3\xa9", NULL, "x", "1 s" };
    static const enum report_style styles[] = { STYLE_BOLD, STYLE_DIM, STYLE_GOOD };
    struct report r = report_open(false);

    (void)state;
    report_table(&r, cells, styles, 3, 2);
    auto_free char *text = report_close(&r);
    assert_string_equal(text, "JOB   TIME\ncaf\xc3\xa9\nx     1 s\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outputs),
        cmocka_unit_test(test_lines_end_what_was_open),
        cmocka_unit_test(test_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
