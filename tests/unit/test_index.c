#include "cache/store/index.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define NOW 1000000

enum { ENTRIES_MAX = 5 };

static struct store_entry *add(struct store_index *x, const char *path, const char *said_key)
{
    struct store_entry *t = store_index_add(x);
    const char *id = strchr(path, '/');

    t->path = xstrdup(path);
    t->below = (size_t)(strchr(id + 1, '/') - path) + 1;
    t->said_key = xstrdup(said_key);
    t->has_archive = true;
    return t;
}

static const struct {
    const char *what;
    struct {
        const char *path, *said, *project, *key;
    } entries[ENTRIES_MAX];
} names[] = {
    { "metadata tell", { { "r/7/group/proj/feature/x", "feature/x", "group/proj", "feature/x" } } },
    { "and tell it for the others",
      { { "r/7/group/sub/proj/default", NULL, "group/sub/proj", "default" },
        { "r/7/group/sub/proj/feature/x", "feature/x", "group/sub/proj", "feature/x" },
        { "r/7/group/sub/proj/a/b/c", NULL, "group/sub/proj", "a/b/c" } } },
    { "but not for another folder",
      { { "r/7.protected/group/sub/proj/default", NULL, "group/sub/proj", "default" },
        { "r/7/group/sub/default", "default", "group/sub", "default" } } },
    { "nor for a project that was renamed",
      { { "r/7/group/new/default", "default", "group/new", "default" },
        { "r/7/group/old/default", NULL, "group/old", "default" } } },
    { "alone: all but the last", { { "r/7/group/sub/proj/default", NULL, "group/sub/proj", "default" } } },
    { "several: what they have in common",
      { { "r/7/group/sub/proj/a/x", NULL, "group/sub/proj", "a/x" },
        { "r/7/group/sub/proj/b", NULL, "group/sub/proj", "b" } } },
    { "a group and a name at least",
      { { "r/7/group/proj/x", NULL, "group/proj", "x" }, { "r/7/grape/proj/y", NULL, "grape/proj", "y" } } },
    { "one key within another",
      { { "r/7/group/proj/a", NULL, "group/proj", "a" }, { "r/7/group/proj/a/b", NULL, "group/proj", "a/b" } } },
    { "no group", { { "r/7/proj/x", NULL, "proj", "x" } } },
    { "no project", { { "r/7/x", NULL, "", "x" } } },
    { "metadata that lie",
      { { "r/7/group/proj/x", "y", "group/proj", "x" },
        { "r/7/group/proj/y", "roj/y", "group/proj", "y" },
        { "r/7/group/proj/z", "/z", "group/proj", "z" },
        { "r/7/group/proj/v", "group/proj/v", "group/proj", "v" },
        { "r/7/group/proj/w", "r/7/group/proj/w", "group/proj", "w" } } },
};

static void test_where_keys_begin(void **state)
{
    (void)state;
    for (size_t c = 0; c < ARRAY_SIZE(names); c++) {
        auto_store_index x = { 0 };
        size_t n = 0;
        print_message("    %s\n", names[c].what);
        for (; n < ENTRIES_MAX && names[c].entries[n].path; n++)
            add(&x, names[c].entries[n].path, names[c].entries[n].said);
        store_index_arrange(&x);
        assert_int_equal(x.n, n);
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < n; k++) {
                if (strcmp(x.entries[i].path, names[c].entries[k].path) != 0)
                    continue;
                auto_free char *project = store_entry_project(&x.entries[i]);
                assert_string_equal(project, names[c].entries[k].project);
                assert_string_equal(store_entry_key(&x.entries[i]), names[c].entries[k].key);
            }
    }
}

struct judged {
    int64_t size, used;
    bool has_archive;
    size_t leftovers;
    enum store_fate want;
};

static const struct {
    const char *what;
    struct store_limits limits;
    struct judged entries[ENTRIES_MAX];
    size_t n;
} cases[] = {
    { "nothing", { NOW, 1, 1 }, { { 0 } }, 0 },
    { "no limit", { NOW, 0, 0 }, { { INT64_MAX / 2, 0, true, 0, FATE_STAYS }, { 1, 5, true, 0, FATE_STAYS } }, 2 },
    { "just enough room", { NOW, 30, 0 }, { { 10, 1, true, 0, FATE_STAYS }, { 20, 2, true, 0, FATE_STAYS } }, 2 },
    { "what was used longest ago goes first",
      { NOW, 29, 0 },
      { { 10, 3, true, 0, FATE_STAYS }, { 10, 1, true, 0, FATE_SIZE }, { 10, 2, true, 0, FATE_STAYS } },
      3 },
    { "and not the largest",
      { NOW, 1000, 0 },
      { { 1000, 3, true, 0, FATE_STAYS }, { 1, 1, true, 0, FATE_SIZE }, { 1, 2, true, 0, FATE_SIZE } },
      3 },
    { "also the last one, when it is too large alone", { NOW, 9, 0 }, { { 10, NOW, true, 0, FATE_SIZE } }, 1 },
    { "the age's very end",
      { NOW, 0, 100 },
      { { 1, NOW - 100, true, 0, FATE_STAYS }, { 1, NOW - 101, true, 0, FATE_AGE } },
      2 },
    { "what age takes makes room",
      { NOW, 20, 100 },
      { { 10, NOW - 500, true, 0, FATE_AGE }, { 10, NOW - 50, true, 0, FATE_STAYS }, { 10, NOW, true, 0, FATE_STAYS } },
      3 },
    { "both",
      { NOW, 10, 100 },
      { { 10, NOW - 500, true, 0, FATE_AGE }, { 10, NOW - 50, true, 0, FATE_SIZE }, { 10, NOW, true, 0, FATE_STAYS } },
      3 },
    { "leftovers go without a limit",
      { NOW, 0, 0 },
      { { 10, NOW, true, 2, FATE_LEFTOVER }, { 0, 0, false, 1, FATE_LEFTOVER }, { 0, 0, false, 0, FATE_LEFTOVER } },
      3 },
    { "and do not count as caches",
      { NOW, 10, 100 },
      { { 10, NOW, true, 0, FATE_STAYS }, { 0, 1, false, 1, FATE_LEFTOVER } },
      2 },
    { "a cache with leftovers goes as one that has none",
      { NOW, 1, 100 },
      { { 10, 1, true, 1, FATE_AGE }, { 10, NOW, true, 1, FATE_SIZE } },
      2 },
};

static void test_what_goes(void **state)
{
    (void)state;
    for (size_t c = 0; c < ARRAY_SIZE(cases); c++) {
        auto_store_index x = { 0 };
        print_message("    %s\n", cases[c].what);
        for (size_t i = 0; i < cases[c].n; i++) {
            const struct judged *j = &cases[c].entries[i];
            auto_free char *path = xasprintf("r/7/g/p/%zu", i);
            struct store_entry *t = add(&x, path, NULL);
            t->size = j->size;
            t->used = j->used;
            t->has_archive = j->has_archive;
            t->leftovers = j->leftovers;
        }
        store_index_arrange(&x);
        store_index_judge(&x, &cases[c].limits);
        for (size_t i = 0; i < x.n; i++)
            assert_int_equal(x.entries[i].fate, cases[c].entries[atoi(store_entry_key(&x.entries[i]))].want);
        for (size_t i = 1; i < x.n; i++)
            assert_true(x.entries[i - 1].used >= x.entries[i].used);
    }
}

static bool is_of(const struct store_entry *t, void *ctx)
{
    auto_free char *runner = store_entry_runner(t);

    return strcmp(runner, ctx) == 0;
}

static void test_filter_and_sum(void **state)
{
    (void)state;
    auto_store_index x = { 0 };
    struct store_totals sum;
    char two[] = "two";

    add(&x, "one/7/g/p/a", "a")->size = 5;
    add(&x, "two/7/g/p/a", "a")->size = 7;
    add(&x, "two/8/g/q/a", NULL)->hits = 3;
    struct store_entry *rest = add(&x, "two/8/g/q/b", NULL);
    rest->has_archive = false;
    rest->leftovers = 2;
    rest->leftover_size = 11;
    store_index_arrange(&x);
    store_index_filter(&x, is_of, two);
    assert_int_equal(x.n, 3);
    store_index_sum(&x, &sum);
    assert_int_equal(sum.caches, 2);
    assert_int_equal(sum.size, 7);
    assert_int_equal(sum.hits, 3);
    assert_int_equal(sum.leftovers, 3); /* and the folder itself */
    assert_int_equal(sum.leftover_size, 11);
}

static void test_leftovers(void **state)
{
    (void)state;
    static const char *const yes[] = { "archive_123", "archive_", "cache1234", ".cache.zip.new", ".metadata.json.new" };
    static const char *const no[] = { "cache.zip", "metadata.json", "hits",    ".lock",
                                      "cache",     "cache12x",      "archive", "x.new" };

    for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
        assert_true(store_is_leftover(yes[i]));
    for (size_t i = 0; i < ARRAY_SIZE(no); i++)
        assert_false(store_is_leftover(no[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_where_keys_begin),
        cmocka_unit_test(test_what_goes),
        cmocka_unit_test(test_filter_and_sum),
        cmocka_unit_test(test_leftovers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
