/* Which release serves, where a rollback goes, what is forgotten. */
#include "stages/deploy/release.h"

#include "stages/deploy/labels.h"
#include "stages/deploy/release_list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* Volumes as the daemon lists them, in an order of its own, with a stranger among them. */
static json_t *volumes_of(const char *const *results, size_t n)
{
    json_t *list = json_array();

    for (size_t i = n; i-- > 0;) {
        int number = (int)i + 1;
        const struct release r = { .number = number, .commit = xasprintf("c%d", number), .result = xstrdup(results[i]) };
        auto_json *record = release_json(&r);
        auto_free char *text = json_compact(record);
        auto_free char *name = release_volume("unit", number);
        (void)json_array_append_new(list, json_pack("{s:s, s:{s:s, s:s}}", "Name", name, "Labels", LABEL_UNIT, "unit",
                                                    LABEL_RECORD, text));
        (void)json_array_append_new(list, json_pack("{s:s, s:{s:s, s:s}}", "Name", "copied", "Labels", LABEL_UNIT, "unit",
                                                    LABEL_RECORD, text));
        free(r.commit);
        free(r.result);
    }
    (void)json_array_append_new(list, json_pack("{s:s, s:{s:s}}", "Name", "x", "Labels", LABEL_RECORD, "no JSON"));
    return list;
}

static const struct {
    const char *results[6];
    int serves, before, next;
} rows[] = {
    { { NULL }, 0, 0, 1 },
    { { "deployed" }, 1, 0, 2 },
    { { "failed: it" }, 0, 0, 2 },
    { { "deployed", "deployed", "failed: it" }, 2, 1, 4 },
    { { "deployed", "failed: it", "deployed" }, 3, 1, 4 },
    { { "deployed", "deployed", "deployed", "rolled back to 2" }, 4, 1, 5 },
    { { "deployed", "deployed", "rolled back to 1" }, 3, 0, 4 },
    { { "deployed", "deployed", "rolled back to 1", "deployed" }, 4, 2, 5 },
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_releases all = { 0 };
        auto_err e = ERR_INIT;
        size_t n = 0;
        while (n < ARRAY_SIZE(rows[i].results) && rows[i].results[n])
            n++;
        auto_json *volumes = volumes_of(rows[i].results, n);
        releases_parse(volumes, &all);
        assert_int_equal(all.n, n);
        const struct release *live = releases_live(&all), *before = releases_back(&all, 0, &e);
        assert_int_equal(live ? live->number : 0, rows[i].serves);
        assert_int_equal(before ? before->number : 0, rows[i].before);
        assert_int_equal(releases_next(&all), rows[i].next);
        if (!before)
            assert_int_equal(e.kind, ERR_JOB);
    }
}

/* What somebody else wrote: it counts for nothing, and nothing breaks. */
static void test_forged(void **state)
{
    static const struct {
        const char *name, *record;
        size_t taken;
    } forged[] = {
        { "atelier-release-unit-1", "{\"number\": 1, \"result\": \"deployed\", \"services\": [1], \"variables\": \"x\", \"secrets\": {}}", 1 },
        { "atelier-release-unit-1", "{\"number\": \"x\"}", 0 },
        { "atelier-release-unit-1", "{\"number\": 1e300}", 0 },
        { "atelier-release-unit-1", "[1]", 0 },
        { "atelier-release-unit-0", "{\"number\": 0}", 0 },
        { "atelier-release-unit--1", "{\"number\": -1}", 0 },
        { "atelier-release-unit-1", "{\"number\": 4294967297}", 0 },
        { "atelier-release-unit-2147483647", "{\"number\": 2147483647}", 0 },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(forged); i++) {
        auto_json *volumes = json_pack("[{s:s, s:{s:s, s:s}}]", "Name", forged[i].name, "Labels", LABEL_UNIT, "unit",
                                       LABEL_RECORD, forged[i].record);
        auto_releases all = { 0 };
        releases_parse(volumes, &all);
        if (all.n != forged[i].taken)
            fail_msg("%s", forged[i].record);
        assert_int_equal(releases_next(&all), forged[i].taken + 1);
    }
}

static void test_back_to_a_number(void **state)
{
    static const char *const results[] = { "deployed", "failed: it", "deployed" };
    auto_json *volumes = volumes_of(results, ARRAY_SIZE(results));
    auto_releases all = { 0 };
    auto_err e = ERR_INIT;

    (void)state;
    releases_parse(volumes, &all);
    assert_int_equal(releases_back(&all, 1, &e)->number, 1);
    assert_null(releases_back(&all, 2, &e));
    assert_string_equal(err_text(&e), "release 2 failed, nothing to go back to; 'atelier releases' lists them");
    assert_null(releases_back(&all, 9, &e));
    assert_string_equal(err_text(&e), "there is no release 9; 'atelier releases' lists those that are kept");
}

static void test_old_ones(void **state)
{
    static const char *const results[] = { "failed: it", "deployed", "failed: it", "deployed", "failed: it" };
    static const struct {
        int keep;
        const char *gone;
    } keeps[] = { { -1, "" }, { 0, "5 4 3 2 1" }, { 1, "3 2 1" }, { 2, "1" }, { 3, "" } };
    auto_json *volumes = volumes_of(results, ARRAY_SIZE(results));
    auto_releases all = { 0 };

    (void)state;
    releases_parse(volumes, &all);
    for (size_t i = 0; i < ARRAY_SIZE(keeps); i++) {
        auto_strvec gone = STRVEC_INIT;
        releases_old(&all, keeps[i].keep, &gone);
        auto_free char *list = strvec_join(&gone, " ");
        assert_string_equal(list, keeps[i].gone);
    }
}

static void test_list(void **state)
{
    static const char *const results[] = { "deployed", "failed: it" };
    auto_json *volumes = volumes_of(results, ARRAY_SIZE(results));
    auto_releases all = { 0 };
    auto_strvec lines = STRVEC_INIT;

    (void)state;
    releases_parse(volumes, &all);
    release_list_lines(&all, &lines);
    assert_int_equal(lines.n, 2);
    assert_non_null(strstr(lines.items[0], "failed: it"));
    assert_int_equal(lines.items[0][0], ' ');
    assert_int_equal(lines.items[1][0], '*');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_forged),
        cmocka_unit_test(test_back_to_a_number),
        cmocka_unit_test(test_old_ones),
        cmocka_unit_test(test_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
