#include "executor/garbage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/expect.h"

#define NOW 1000000 /* 1970-01-12T13:46:40Z */

enum { THINGS_MAX = 5 };

/* What the daemon lists: a job, its date (NULL: no label), and when it was made. */
struct listed {
    enum thing_kind kind;
    const char *job;
    const char *expires;
    int64_t created;
    bool want;
    const char *role; /* NULL: one that does not matter */
};

static const struct {
    const char *what;
    int64_t older_than;
    struct listed things[THINGS_MAX];
    size_t n;
} cases[] = {
    { "nothing", GARBAGE_BY_LABEL, { { 0 } }, 0 },
    { "its time is over", GARBAGE_BY_LABEL, { { THING_CONTAINER, "r-1", "999999", 1, true } }, 1 },
    { "this very second", GARBAGE_BY_LABEL, { { THING_CONTAINER, "r-1", "1000000", 1, true } }, 1 },
    { "one second too early", GARBAGE_BY_LABEL, { { THING_CONTAINER, "r-1", "1000001", 1, false } }, 1 },
    { "what bears no date stays, however old", GARBAGE_BY_LABEL, { { THING_VOLUME, "r-1", NULL, 1, false } }, 1 },
    { "dates that are none",
      GARBAGE_BY_LABEL,
      { { THING_VOLUME, "r-1", "", 1, false },
        { THING_VOLUME, "r-2", "soon", 1, false },
        { THING_VOLUME, "r-3", "-1", 1, false },
        { THING_VOLUME, "r-4", "999999999999999999999", 1, false },
        { THING_VOLUME, "r-5", "1 ", 1, false } },
      5 },
    { "each kind",
      GARBAGE_BY_LABEL,
      { { THING_CONTAINER, "r-1", "5", 1, true },
        { THING_NETWORK, "r-1", "5", 1, true },
        { THING_VOLUME, "r-1", "5", 1, true } },
      3 },
    { "two jobs, one of which runs",
      GARBAGE_BY_LABEL,
      { { THING_CONTAINER, "r-1", "5", 1, true },
        { THING_CONTAINER, "r-2", "2000000", 1, false },
        { THING_NETWORK, "r-1", "5", 1, true },
        { THING_NETWORK, "r-2", "2000000", 1, false } },
      4 },
    { "a job that runs keeps what an earlier try left",
      GARBAGE_BY_LABEL,
      { { THING_CONTAINER, "r-1", "2000000", 1, false }, { THING_NETWORK, "r-1", "5", 1, false } },
      2 },
    { "what bears no date goes with its job",
      GARBAGE_BY_LABEL,
      { { THING_NETWORK, "r-1", "5", 1, true }, { THING_VOLUME, "r-1", NULL, 1, true } },
      2 },
    { "things of no job are judged alone",
      GARBAGE_BY_LABEL,
      { { THING_NETWORK, NULL, "5", 1, true },
        { THING_NETWORK, NULL, "2000000", 1, false },
        { THING_VOLUME, NULL, NULL, 1, false } },
      3 },
    { "a job's name is compared whole",
      GARBAGE_BY_LABEL,
      { { THING_NETWORK, "r-1", "5", 1, true }, { THING_NETWORK, "r-11", NULL, 1, false } },
      2 },

    { "a kept job goes when it was kept long enough",
      GARBAGE_BY_LABEL,
      { { THING_CONTAINER, "r-1", "2000000", 1, true, "build" },
        { THING_NETWORK, "r-1", "2000000", 1, true, "network" },
        { THING_VOLUME, "r-1", "1000000", 1, true, "kept" } },
      3 },
    { "and stays until then, also longer than it could",
      GARBAGE_BY_LABEL,
      { { THING_CONTAINER, "r-1", "5", 1, false, "build" },
        { THING_NETWORK, "r-1", NULL, 1, false, "network" },
        { THING_VOLUME, "r-1", "1000001", 1, false, "kept" } },
      3 },
    { "another job's date is another's",
      GARBAGE_BY_LABEL,
      { { THING_CONTAINER, "r-1", "2000000", 1, false, "build" },
        { THING_CONTAINER, "r-2", "2000000", 1, true, "build" },
        { THING_VOLUME, "r-2", "5", 1, true, "kept" } },
      3 },
    { "a kept job without a date is like any other",
      GARBAGE_BY_LABEL,
      { { THING_CONTAINER, "r-1", "5", 1, true, "build" }, { THING_VOLUME, "r-1", NULL, 1, true, "kept" } },
      2 },
    { "only a volume says it",
      GARBAGE_BY_LABEL,
      { { THING_CONTAINER, "r-1", "5", 1, false, "kept" }, { THING_NETWORK, "r-1", "2000000", 1, false, "kept" } },
      2 },

    { "by age: a kept job's age is from its end on",
      100,
      { { THING_CONTAINER, "r-1", "5", NOW - 500, false, "build" },
        { THING_VOLUME, "r-1", "5", NOW - 99, false, "kept" } },
      2 },
    { "by age: old enough, label or none",
      100,
      { { THING_CONTAINER, "r-1", "2000000", NOW - 100, true }, { THING_VOLUME, "r-2", NULL, NOW - 101, true } },
      2 },
    { "by age: too young, though its time is over", 100, { { THING_CONTAINER, "r-1", "5", NOW - 99, false } }, 1 },
    { "by age: the youngest counts",
      100,
      { { THING_CONTAINER, "r-1", "5", NOW - 10, false }, { THING_NETWORK, "r-1", "5", NOW - 500, false } },
      2 },
    { "by age: what is kept for later jobs stays", 0, { { THING_VOLUME, NULL, NULL, 1, false } }, 1 },
    { "by age: nobody knows how old", 0, { { THING_CONTAINER, "r-1", "5", -1, false } }, 1 },
    { "by age: made in the future", 0, { { THING_CONTAINER, "r-1", "5", NOW + 1, false } }, 1 },
    { "by age: everything", 0, { { THING_CONTAINER, "r-1", "2000000", NOW, true } }, 1 },
};

static void list(json_t *lists[THING_KINDS], const struct listed *t, size_t i)
{
    auto_free char *name = xasprintf("thing-%zu", i);
    json_t *labels = json_pack("{s:s, s:s*, s:s*, s:s*}", "atelier.managed", "0", "atelier.job", t->job,
                               "atelier.expires", t->expires, "atelier.role", t->role);
    json_t *item = json_pack("{s:s, s:s, s:[s], s:o}", "Id", name, "Name", name, "Names", name, "Labels", labels);
    if (t->created >= 0)
        json_object_set_new(item, "Created", json_integer(t->created));
    json_array_append_new(lists[t->kind], item);
}

static void test_what_is_garbage(void **state)
{
    (void)state;
    for (size_t c = 0; c < ARRAY_SIZE(cases); c++) {
        json_t *lists[THING_KINDS] = { json_array(), json_array(), json_array() };
        const struct garbage_rule rule = { NOW, cases[c].older_than };
        auto_garbage g = { 0 };
        size_t want = 0;
        print_message("    %s\n", cases[c].what);
        for (size_t i = 0; i < cases[c].n; i++)
            list(lists, &cases[c].things[i], i);
        garbage_judge(lists, &rule, &g);
        assert_int_equal(g.n, cases[c].n);
        /* The rows are in the order of the kinds, as the things are. */
        for (size_t i = 0; i < g.n; i++) {
            assert_int_equal(g.things[i].kind, cases[c].things[i].kind);
            assert_int_equal(g.things[i].garbage, cases[c].things[i].want);
            want += cases[c].things[i].want;
        }
        assert_int_equal(g.n_garbage, want);
    }
}

static void test_what_docker_lists(void **state)
{
    (void)state;
    json_t *lists[THING_KINDS] = {
        expect_json("[{'Id':'c1', 'Names':['/atelier-r-1-build'], 'Created':1700000000,"
                    " 'Labels':{'atelier.job':'r-1', 'atelier.project':'group/p', 'atelier.expires':'17'}}]"),
        expect_json("[{'Id':'n0', 'Name':'atelier-net-1', 'Created':'2023-11-14T22:13:20Z', 'Labels':{}}," /* waits for jobs */
                    " {'Id':'n1', 'Name':'atelier-r-1', 'Created':'2023-11-14T22:13:20.123456789Z',"
                    " 'Labels':{'atelier.expires':'18'}}]"),
        expect_json("[{'Name':'v1', 'CreatedAt':'2023-11-15T00:13:20+02:00', 'Labels':null}]"),
    };
    const struct garbage_rule rule = { NOW, GARBAGE_BY_LABEL };
    static const struct thing want[] = {
        { THING_CONTAINER, "c1", "atelier-r-1-build", "r-1", "group/p", 1700000000, 17, false, true },
        { THING_NETWORK, "n1", "atelier-r-1", "", "", 1700000000, 18, false, true },
        { THING_VOLUME, "v1", "v1", "", "", 1700000000, -1, false, false },
    };
    auto_garbage g = { 0 };
    garbage_judge(lists, &rule, &g);
    assert_int_equal(g.n, ARRAY_SIZE(want));
    for (size_t i = 0; i < g.n; i++) {
        assert_string_equal(g.things[i].id, want[i].id);
        assert_string_equal(g.things[i].name, want[i].name);
        assert_string_equal(g.things[i].job, want[i].job);
        assert_string_equal(g.things[i].project, want[i].project);
        assert_int_equal(g.things[i].created, want[i].created);
        assert_int_equal(g.things[i].expires, want[i].expires);
        assert_int_equal(g.things[i].garbage, want[i].garbage);
    }
}

/* Containers that were made before their job was known: the job's dates count. */
static void test_a_job_that_took_what_stood_by(void **state)
{
    (void)state;
    static const struct {
        int64_t older_than;
        struct garbage_job late;
        bool garbage;
    } rows[] = {
        { GARBAGE_BY_LABEL, { "r-standby-0-1", NOW - 5, NOW + 1 }, false },
        { GARBAGE_BY_LABEL, { "r-standby-0-1", NOW - 5, NOW - 1 }, true },
        { GARBAGE_BY_LABEL, { "r-standby-0-1", -1, -1 }, true },
        { GARBAGE_BY_LABEL, { "r-standby-0-11", NOW - 5, NOW + 1 }, true },
        { 100, { "r-standby-0-1", NOW - 99, NOW - 1 }, false },
        { 100, { "r-standby-0-1", NOW - 101, NOW + 1 }, true },
        { 100, { "r-standby-0-1", -1, -1 }, true },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        json_t *lists[THING_KINDS] = {
            expect_json("[{'Id':'c', 'Created':17, 'Labels':{'atelier.job':'r-standby-0-1', 'atelier.expires':'17'}}]"), NULL, NULL
        };
        const struct garbage_rule rule = { .now = NOW, .older_than = rows[i].older_than, .late = &rows[i].late, .n_late = 1 };
        auto_garbage g = { 0 };
        print_message("    %zu\n", i);
        garbage_judge(lists, &rule, &g);
        assert_int_equal(g.things[0].garbage, rows[i].garbage);
    }
}

static void test_odd_listings(void **state)
{
    (void)state;
    static const char *const odd[] = {
        "[]", "[null]", "[1]", "[{}]", "[{'Id':''}]", "{}", "[{'Labels':[]}]", "[{'Id':5}]",
    };
    for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
        json_t *lists[THING_KINDS] = { expect_json(odd[i]), NULL, NULL };
        const struct garbage_rule rule = { NOW, 0 };
        auto_garbage g = { 0 };
        garbage_judge(lists, &rule, &g);
        assert_int_equal(g.n, 0); /* without an id there is nothing to remove */
    }
    json_t *lists[THING_KINDS] = { expect_json("[{'Id':'c1', 'Names':[]}]"), NULL, NULL };
    const struct garbage_rule rule = { NOW, 0 };
    auto_garbage g = { 0 };
    garbage_judge(lists, &rule, &g);
    assert_string_equal(g.things[0].name, "c1");
    assert_false(g.things[0].garbage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_garbage),
        cmocka_unit_test(test_what_docker_lists),
        cmocka_unit_test(test_a_job_that_took_what_stood_by),
        cmocka_unit_test(test_odd_listings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
