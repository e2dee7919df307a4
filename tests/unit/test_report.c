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

/* Beside others: from the left, each line whole, nothing that goes elsewhere on the screen. */
static const struct {
    bool colour;
    const char *in, *out;
} beside[] = {
    { false, "one\n  two\n\n", "j | one\nj |   two\nj |\n" },
    { false, "10%\r20%\r\ndos\r\n", "j | 10%\nj | 20%\nj | dos\n" },
    { false, "\033[32mgreen\033[0m\n", "j | green\n" },
    { false, "no end", "j | no end\n" },
    { true, "one\n", "\033[36mj |\033[0m one\n" },
    { true, "\033[32mgreen\n", "\033[36mj |\033[0m \033[32mgreen\033[0m\n" },
    { true, "a\033[2Kb\033[1Ac\033[?25ld\033c\033[>4;1me\033]0;t\af\n", "\033[36mj |\033[0m abcdef\n" },
    { true, "\033[\033[1mx\n", "\033[36mj |\033[0m \033[1mx\033[0m\n" },
    { true, "\033[0000000000000000000000000000000000000001mx\n", "\033[36mj |\033[0m x\n" },
    { true, "10%\r20%\n", "\033[36mj |\033[0m 10%\n\033[36mj |\033[0m 20%\n" },
};

static char *show_beside(size_t row, size_t step)
{
    struct report job = report_open(beside[row].colour);
    struct report ours = report_open(beside[row].colour);
    struct report_lines lines = REPORT_LINES_INIT;

    job.beside = true;
    lines.name = "j";
    for (const char *p = beside[row].in; *p; p += strlen(p) < step ? strlen(p) : step)
        report_output(&job, p, strlen(p) < step ? strlen(p) : step);
    auto_free char *log = report_close(&job);
    for (const char *p = log; *p; p += strlen(p) < step ? strlen(p) : step)
        report_lines(&ours, &lines, p, strlen(p) < step ? strlen(p) : step);
    report_lines_end(&ours, &lines);
    return report_close(&ours);
}

static void test_jobs_side_by_side(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(beside); i++) {
        auto_free char *whole = show_beside(i, 1000);
        auto_free char *bytes = show_beside(i, 1);
        assert_string_equal(whole, beside[i].out);
        assert_string_equal(bytes, beside[i].out);
    }
}

static void test_a_very_long_line_becomes_several(void **state)
{
    struct report ours = { .fd = memfd_create("report", MFD_CLOEXEC) };
    struct report_lines lines = REPORT_LINES_INIT;
    auto_free char *path = xasprintf("/proc/self/fd/%d", ours.fd);
    auto_free char *text = NULL;
    char piece[1 << 16];
    size_t len = 0;

    (void)state;
    memset(piece, 'x', sizeof(piece));
    lines.name = "j";
    report_lines(&ours, &lines, piece, sizeof(piece));
    report_lines(&ours, &lines, "\n", 1);
    report_lines(&ours, &lines, piece, sizeof(piece));
    report_lines(&ours, &lines, "y\n", 2);
    report_lines_end(&ours, &lines);
    assert_int_equal(file_read(path, 1 << 20, &text, &len, NULL), 0);
    assert_int_equal(len, 2 * (sizeof(piece) + 5) + 6);
    assert_string_equal(text + len - 6, "j | y\n");
    (void)close(ours.fd);
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
        cmocka_unit_test(test_jobs_side_by_side),
        cmocka_unit_test(test_a_very_long_line_becomes_several),
        cmocka_unit_test(test_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
