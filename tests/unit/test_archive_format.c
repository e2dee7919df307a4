#include "cache/archive/format.h"

#include "base/memory.h"
#include "cache/archive/hardlink.h"
#include "cache/archive/limits.h"
#include "cache/archive/seen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_words(void **state)
{
    enum archive_format format;
    enum archive_level level;
    (void)state;
    static const struct { const char *word; enum archive_format format; const char *extension; } rows[] = {
        { "zip", FORMAT_ZIP, ".zip" }, { "", FORMAT_ZIP, ".zip" }, { "TarZstd", FORMAT_TAR_ZSTD, ".tar.zst" },
        { "zipzstd", FORMAT_TAR_ZSTD, ".tar.zst" }, { "raw", FORMAT_RAW, "" }, { "gzip", FORMAT_GZIP, ".gz" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_int_equal(archive_format_parse(rows[i].word, &format), 0);
        assert_int_equal(format, rows[i].format);
        assert_string_equal(archive_format_extension(format), rows[i].extension);
    }
    assert_int_equal(archive_format_parse("tar", &format), -1);
    assert_int_equal(archive_level_parse("slowest", &level), 0);
    assert_int_equal(level, LEVEL_SLOWEST);
    assert_int_equal(archive_level_parse("", &level), 0);
    assert_int_equal(level, LEVEL_DEFAULT);
    assert_int_equal(archive_level_parse("9", &level), -1);
}

static void test_first_bytes(void **state)
{
    (void)state;
    assert_int_equal(archive_format_of("\x28\xB5\x2F\xFD", 4), FORMAT_TAR_ZSTD);
    assert_int_equal(archive_format_of("\x28\xB5\x2F", 3), FORMAT_ZIP);
    assert_int_equal(archive_format_of("\x1F\x8B\x08\x00", 4), FORMAT_GZIP);
    assert_int_equal(archive_format_of("PK\x03\x04", 4), FORMAT_ZIP);
    assert_int_equal(archive_format_of("", 0), FORMAT_ZIP);
}

static void test_abilities(void **state)
{
    auto_free char *text = archive_abilities();
    (void)state;
    assert_non_null(strstr(text, "libarchive 3."));
    assert_non_null(strstr(text, "(threads: "));
    assert_non_null(strstr(text, "zlib 1."));
}

static void test_limits(void **state)
{
    const struct extract_limits limits = { 2, 1000, 10 }, ratio = { 0, 0, 10 }, none = { 0, 0, 0 };
    struct counted c = { 0 };
    auto_err e = ERR_INIT;
    (void)state;
    assert_int_equal(limits_entry(&limits, &c, &e), 0);
    assert_int_equal(limits_entry(&limits, &c, &e), 0);
    assert_int_equal(limits_entry(&limits, &c, &e), -1);
    assert_int_equal(e.kind, ERR_JOB);
    assert_non_null(strstr(err_text(&e), "2 entries"));
    assert_int_equal(limits_bytes(&limits, &c, 1000, 1, &e), 0); /* 1000 times as much, but little */
    assert_int_equal(limits_bytes(&limits, &c, 1, 1, &e), -1);
    assert_int_equal(limits_bytes(&none, &c, -1, -1, &e), -1);
    assert_int_equal(limits_bytes(&none, &c, INT64_MAX, -1, &e), -1);

    struct counted much = { 0 };
    assert_int_equal(limits_bytes(&ratio, &much, LIMITS_RATIO_FROM, 1, &e), 0);
    assert_int_equal(limits_bytes(&ratio, &much, 10, LIMITS_RATIO_FROM, &e), 0);
    assert_int_equal(limits_bytes(&ratio, &much, 10, -1, &e), 0); /* how much went in is not known */
    assert_int_equal(limits_bytes(&ratio, &much, 10, LIMITS_RATIO_FROM / 100, &e), -1);
    assert_non_null(strstr(err_text(&e), "10 bytes"));
}

static void test_seen(void **state)
{
    struct seen s = { 0 };
    (void)state;
    assert_int_equal(seen_last(&s, seen_hash("x")), 0);
    for (uint32_t i = 1; i <= 5000; i++) {
        auto_free char *name = xasprintf("dir/%u", i);
        assert_false(seen_add(&s, seen_hash(name), i));
    }
    assert_true(seen_add(&s, seen_hash("dir/17"), 5001));
    assert_int_equal(seen_last(&s, seen_hash("dir/17")), 5001);
    assert_int_equal(seen_last(&s, seen_hash("dir/18")), 18);
    assert_int_equal(seen_last(&s, seen_hash("dir/0")), 0);
    seen_release(&s);
}

static void test_hardlinks(void **state)
{
    struct hardlinks h = { 0 };
    char names[300][8];
    (void)state;
    for (int round = 0; round < 2; round++)
        for (ino_t i = 0; i < 300; i++) {
            struct stat st = { .st_dev = i % 3, .st_ino = i / 3, .st_nlink = 2 };
            (void)snprintf(names[i], sizeof names[i], "n%d", (int)i);
            const char *first = hardlinks_first(&h, &st, round ? "again" : names[i]);
            assert_ptr_equal(first, round ? names[i] : NULL);
        }
    struct stat alone = { .st_dev = 1, .st_ino = 1, .st_nlink = 1 };
    assert_null(hardlinks_first(&h, &alone, "alone"));
    hardlinks_release(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),  cmocka_unit_test(test_first_bytes), cmocka_unit_test(test_abilities),
        cmocka_unit_test(test_limits), cmocka_unit_test(test_seen),        cmocka_unit_test(test_hardlinks),
    };
    return cmocka_run_group_tests_name("archive_format", tests, NULL, NULL);
}
