#include "cache/transfer/meter.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void test_size(void **state)
{
    static const struct {
        int64_t bytes;
        const char *wanted;
    } rows[] = {
        { 0, "0 B" },           { 999, "999 B" },           { 1000, "1.00 kB" },
        { 12340000, "12.34 MB" }, { 1500000000, "1.50 GB" }, { INT64_MAX, "9223.37 PB" },
    };
    char buf[32];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_string_equal(meter_size(rows[i].bytes, buf, sizeof(buf)), rows[i].wanted);
}

/* What a transfer of half of `total` shows at its end. */
static void show(int64_t frequency_ms, int64_t total, bool bar, char *out, size_t size)
{
    struct meter m;
    int fds[2];

    assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
    meter_begin(&m, "Uploading cache", frequency_ms, total);
    m.fd = fds[1];
    m.bar = bar;
    meter_add(&m, 500);
    meter_end(&m);
    ssize_t n = read(fds[0], out, size - 1);
    out[n > 0 ? n : 0] = '\0';
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void assert_begins(const char *text, const char *start)
{
    if (strncmp(text, start, strlen(start)) != 0)
        fail_msg("wanted '%s...', got '%s'", start, text);
}

static void test_line(void **state)
{
    char out[512];

    (void)state;
    show(0, 1000, false, out, sizeof(out));
    assert_string_equal(out, isatty(STDOUT_FILENO) ? out : "");
    show(60000, 1000, false, out, sizeof(out));
    assert_begins(out, "\rUploading cache 500 B/1.00 kB (");
    assert_string_equal(out + strlen(out) - 21, "B/s)                \n");
    show(60000, 0, false, out, sizeof(out));
    assert_begins(out, "\rUploading cache 500 B (");
    show(60000, 1000, true, out, sizeof(out));
    assert_begins(out, "\rUploading cache [###############               ] 500 B/1.00 kB (");
    show(60000, 100, true, out, sizeof(out)); /* more than was announced */
    assert_begins(out, "\rUploading cache [##############################] 500 B/100 B (");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_size), cmocka_unit_test(test_line) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
