#include "base/memory.h"
#include "base/number.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { REFUSED = -77 }; /* *out is left alone */

static const struct {
    const char *text;
    int64_t min, max, wanted;
} numbers[] = {
    { "0", 0, 10, 0 },
    { "10", 0, 10, 10 },
    { "11", 0, 10, REFUSED },
    { "-5", -5, 0, -5 },
    { "-6", -5, 0, REFUSED },
    { "007", 0, 10, 7 },
    { "9223372036854775807", 0, INT64_MAX, INT64_MAX },
    { "-9223372036854775808", INT64_MIN, 0, INT64_MIN },
    { "9223372036854775808", 0, INT64_MAX, REFUSED },
    { "99999999999999999999999", 0, INT64_MAX, REFUSED },
    { "", 0, 10, REFUSED },
    { "-", -10, 10, REFUSED },
    { "--1", -10, 10, REFUSED },
    { "+1", 0, 10, REFUSED },
    { " 1", 0, 10, REFUSED },
    { "1 ", 0, 10, REFUSED },
    { "- 1", -10, 10, REFUSED },
    { "0x1", 0, 10, REFUSED },
    { "1.0", 0, 10, REFUSED },
};

static void test_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        int64_t got = REFUSED;
        int result = number_parse(numbers[i].text, numbers[i].min, numbers[i].max, &got);
        if (got != numbers[i].wanted || result != (numbers[i].wanted == REFUSED ? -1 : 0))
            fail_msg("'%s': %d, %" PRId64, numbers[i].text, result, got);
    }
}

struct reading {
    const char *text;
    int64_t wanted;
};

static const struct reading durations[] = {
    { "90", 90000 },
    { "0", 0 },
    { "90s", 90000 },
    { "10m", 600000 },
    { "1h30m", 5400000 },
    { "1m30s500ms", 90500 },
    { "2d", 172800000 },
    { "500ms", 500 },
    { "", REFUSED },
    { "s", REFUSED },
    { "5x", REFUSED },
    { "5 s", REFUSED },
    { "1h30", REFUSED },
    { "-5s", REFUSED },
    { "-5", REFUSED },
    { "1.5h", REFUSED },
    { "5mss", REFUSED },
    { "9223372036854775807", REFUSED },
    { "9223372036854775807ms", INT64_MAX },
    { "9223372036854775807s", REFUSED },
    { "9223372036854775807ms1ms", REFUSED },
    { "9999999999999999999h", REFUSED },
};

static const struct reading ages[] = {
    { "0", 0 },
    { "00", 0 },
    { "0s", 0 },
    { "5s", 5000 },
    { "2d", 172800000 },
    { "1h30m", 5400000 },
    { "5", REFUSED },
    { "90", REFUSED },
    { "", REFUSED },
    { "1h30", REFUSED },
    { "old", REFUSED },
};

static const struct reading sizes[] = {
    { "1048576", 1048576 },
    { "0", 0 },
    { "512m", INT64_C(512) << 20 },
    { "2g", INT64_C(2) << 30 },
    { "1GiB", INT64_C(1) << 30 },
    { "1gb", INT64_C(1) << 30 },
    { "64k", 65536 },
    { "100b", 100 },
    { "1.5g", INT64_C(3) << 29 },
    { "0.5", 0 },
    { "0.000000001t", 1099 },
    { "3T", INT64_C(3) << 40 },
    { "8388607t", INT64_C(8388607) << 40 },
    { "8388608t", REFUSED },
    { "", REFUSED },
    { "m", REFUSED },
    { "5 m", REFUSED },
    { "5x", REFUSED },
    { "5mm", REFUSED },
    { "-5m", REFUSED },
    { "1.", REFUSED },
    { ".5m", REFUSED },
    { "9223372036854775808", REFUSED },
    { "1.0000000001g", REFUSED },
};

static const struct reading cpus[] = {
    { "1.5", 1500000000 },
    { "2", 2000000000 },
    { "0.25", 250000000 },
    { "0.000000001", 1 },
    { "0", 0 },
    { "9223372036", INT64_C(9223372036000000000) },
    { "9223372037", REFUSED },
    { "0.0000000001", REFUSED },
    { "", REFUSED },
    { "1.5x", REFUSED },
    { "-1", REFUSED },
    { "1,5", REFUSED },
};

static void check(const char *what, int (*parse)(const char *, int64_t *), const struct reading *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int64_t got = REFUSED;
        int result = parse(rows[i].text, &got);
        if (got != rows[i].wanted || result != (rows[i].wanted == REFUSED ? -1 : 0))
            fail_msg("%s '%s': %d, %" PRId64, what, rows[i].text, result, got);
    }
}

static void test_units(void **state)
{
    (void)state;
    check("duration", duration_parse, durations, ARRAY_SIZE(durations));
    check("age", age_parse, ages, ARRAY_SIZE(ages));
    check("size", size_parse, sizes, ARRAY_SIZE(sizes));
    check("cpus", cpus_parse, cpus, ARRAY_SIZE(cpus));
}

struct writing {
    int64_t value;
    const char *wanted;
};

static const struct writing durations_shown[] = {
    { 0, "0 ms" },
    { 999, "999 ms" },
    { 1000, "1.0 s" },
    { 1299, "1.2 s" },
    { 59999, "59.9 s" },
    { 60000, "1 m 00 s" },
    { 185000, "3 m 05 s" },
    { 3600000, "1 h 00 m" },
    { 86399000, "23 h 59 m" },
    { 90000000, "1 d 01 h" },
};

static const struct writing sizes_shown[] = {
    { 0, "0 B" },
    { 1023, "1023 B" },
    { 1024, "1 KiB" },
    { 1536, "1.5 KiB" },
    { INT64_C(512) << 20, "512 MiB" },
    { INT64_C(3) << 29, "1.5 GiB" },
    { (INT64_C(1) << 30) - 1, "1023.9 MiB" },
    { INT64_MAX, "7.9 EiB" },
};

static void check_format(const char *(*format)(int64_t, char *, unsigned), const struct writing *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char buf[32];
        assert_string_equal(format(rows[i].value, buf, sizeof(buf)), rows[i].wanted);
    }
}

static void test_formats(void **state)
{
    (void)state;
    check_format(duration_format, durations_shown, ARRAY_SIZE(durations_shown));
    check_format(size_format, sizes_shown, ARRAY_SIZE(sizes_shown));
    char small[4];
    assert_string_equal(size_format(1536, small, sizeof(small)), "1.5");
}

static const struct {
    const char *text;
    int64_t wanted;
} timestamps[] = {
    { "1970-01-01T00:00:00Z", 0 },
    { "2023-11-14T22:13:20Z", 1700000000 },
    { "2023-11-14T22:13:20.999999999Z", 1700000000 },
    { "2023-11-15T00:13:20+02:00", 1700000000 },
    { "2023-11-14T16:43:20.5-05:30", 1700000000 },
    { "0001-01-01T00:00:00Z", -62135596800 },
    { "", REFUSED },
    { "1700000000", REFUSED },
    { "2023-11-14", REFUSED },
    { "2023-11-14T22:13:20", REFUSED },
    { "2023-11-14T22:13:20z", REFUSED },
    { "2023-11-14T22:13:20Z ", REFUSED },
    { "2023-11-14T22:13:20+0200", REFUSED },
    { "2023-11-14T22:13:20+02: 0", REFUSED },
    { "2023-11-14T22:13:20+02:00x", REFUSED },
    { "2023-13-14T22:13:20Z", REFUSED },
};

static void test_timestamps(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(timestamps); i++) {
        int64_t got = REFUSED;
        print_message("    '%s'\n", timestamps[i].text);
        assert_int_equal(timestamp_parse(timestamps[i].text, &got), timestamps[i].wanted == REFUSED ? -1 : 0);
        assert_int_equal(got, timestamps[i].wanted);
    }
}

static void test_bool(void **state)
{
    (void)state;
    static const char *const yes[] = { "1", "t", "T", "TRUE", "true", "True" };
    static const char *const no[] = { "0", "f", "F", "FALSE", "false", "False" };
    static const char *const neither[] = { "", "yes", "on", "tRUE", "true ", "2", "-1" };
    bool value;

    for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
        value = false;
        assert_int_equal(bool_parse(yes[i], &value), 0);
        assert_true(value);
        assert_int_equal(bool_parse(no[i], &value), 0);
        assert_false(value);
    }
    for (size_t i = 0; i < ARRAY_SIZE(neither); i++) {
        value = true;
        assert_int_equal(bool_parse(neither[i], &value), -1);
        assert_true(value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bool),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_units),
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_timestamps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
