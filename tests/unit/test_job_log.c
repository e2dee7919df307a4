#include "cache/report.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define RESET  "\033[0;m"
#define YELLOW "\033[0;33m"
#define RED    "\033[31;1m"
#define WHITE  "\033[37;1m"

/* What was written to a pipe. */
struct paper {
    int fds[2];
    char text[4096];
};

static struct report paper_open(struct paper *p, bool colour, bool debug)
{
    assert_int_equal(pipe2(p->fds, O_CLOEXEC), 0);
    return (struct report){ .fd = p->fds[1], .colour = colour, .debug = debug };
}

static const char *paper_close(struct paper *p)
{
    (void)close(p->fds[1]);
    ssize_t n = read(p->fds[0], p->text, sizeof(p->text) - 1);
    (void)close(p->fds[0]);
    assert_true(n >= 0);
    p->text[n] = '\0';
    return p->text;
}

static const struct {
    enum log_level level;
    bool colour;
    const char *text, *wanted;
} lines[] = {
    { LOG_INFO, true, "No URL", "No URL                                            " RESET " \n" },
    { LOG_INFO, false, "No URL", "No URL                                             \n" },
    { LOG_WARNING, true, "No files", YELLOW "WARNING: No files                                 " RESET " \n" },
    { LOG_ERROR, true, "gone", RED "ERROR: gone                                       " RESET " \n" },
    { LOG_ERROR, false, "gone", "ERROR: gone                                        \n" },
    { LOG_DEBUG, true, "why", WHITE "why                                               " RESET " \n" },
    /* 50 columns and more are not padded, and characters count, not bytes */
    { LOG_INFO, false, "12345678901234567890123456789012345678901234567890",
      "12345678901234567890123456789012345678901234567890 \n" },
    { LOG_WARNING, false, "123456789012345678901234567890123456789012345",
      "WARNING: 123456789012345678901234567890123456789012345 \n" },
    { LOG_INFO, false, "caf\xc3\xa9", "caf\xc3\xa9                                               \n" },
    /* a name can neither begin a line nor a section, nor colour anything */
    { LOG_INFO, false, "a\nsection_start:1:x\r\033[0K\xff, twelve characters more ...........",
      "a\\nsection_start:1:x\\r\\x1b[0K\\xff, twelve characters more ........... \n" },
};

static void test_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        struct paper p;
        struct report r = paper_open(&p, lines[i].colour, true);
        report_line(&r, lines[i].level, "%s", lines[i].text);
        assert_string_equal(paper_close(&p), lines[i].wanted);
    }
}

static void test_fields(void **state)
{
    (void)state;
    struct paper p;
    auto_strvec fields = STRVEC_INIT;
    strvec_push(&fields, "status=500 Oh no");
    strvec_push(&fields, "id-b=2");
    strvec_push(&fields, "id=1=1\n");
    strvec_push(&fields, "empty=");

    struct report r = paper_open(&p, true, false);
    report_fields(&r, LOG_WARNING, &fields, "Retrying %d", 1);
    assert_string_equal(paper_close(&p), YELLOW "WARNING: Retrying 1                               " RESET
                        "  " YELLOW "empty" RESET "= " YELLOW "id" RESET "=1=1\\n " YELLOW "id-b" RESET "=2 " YELLOW
                        "status" RESET "=500 Oh no\n");
    r = paper_open(&p, true, false);
    report_fields(&r, LOG_INFO, &fields, "x");
    assert_string_equal(paper_close(&p), "x                                                 " RESET
                        "  empty" RESET "= id" RESET "=1=1\\n id-b" RESET "=2 status" RESET "=500 Oh no\n");
    r = paper_open(&p, false, false);
    report_fatal(&r, &fields, "over");
    assert_string_equal(paper_close(&p), "FATAL: over                                       "
                        "  empty= id=1=1\\n id-b=2 status=500 Oh no\n");
}

static void test_debug_is_asked_for(void **state)
{
    (void)state;
    struct paper p;
    struct report r = paper_open(&p, true, false);
    report_line(&r, LOG_DEBUG, "x");
    report_fields(&r, LOG_DEBUG, NULL, "x");
    assert_string_equal(paper_close(&p), "");
}

/* Only a terminal can do without: a job's log is never one. */
static void test_colours_of_a_log(void **state)
{
    (void)state;
    int fds[2];
    char none[] = "NO_COLOR=1", dumb[] = "TERM=dumb";
    char *const env[] = { none, dumb, NULL };
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    assert_true(report_wants_colour(fds[1], env));
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void test_colours_of_a_terminal(void **state)
{
    (void)state;
    char none[] = "NO_COLOR=1", dumb[] = "TERM=dumb", xterm[] = "TERM=xterm";
    char *const plain[] = { xterm, NULL }, *const refused[] = { xterm, none, NULL }, *const old[] = { dumb, NULL };
    int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(terminal >= 0);
    assert_true(report_wants_colour(terminal, plain));
    assert_false(report_wants_colour(terminal, refused));
    assert_false(report_wants_colour(terminal, old));
    assert_false(report_wants_colour(terminal, NULL));
    (void)close(terminal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_debug_is_asked_for),
        cmocka_unit_test(test_colours_of_a_log),
        cmocka_unit_test(test_colours_of_a_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
