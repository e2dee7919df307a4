#include "executor/job_list.h"
#include "executor/kept.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/expect.h"

static const char containers[] =
    "[{'Id':'b1', 'State':'running', 'Labels':{'atelier.job':'r-1', 'atelier.role':'build', 'atelier.project':'g/p'}},"
    " {'Id':'h1', 'State':'running', 'Labels':{'atelier.job':'r-1', 'atelier.role':'helper', 'atelier.project':'g/p'}},"
    " {'Id':'b2', 'State':'exited', 'Labels':{'atelier.job':'s-1', 'atelier.role':'build'}},"
    " {'Id':'d2', 'Labels':{'atelier.job':'s-1', 'atelier.role':'service', 'atelier.service':'db'}},"
    " {'Id':'w2', 'Labels':{'atelier.job':'s-1', 'atelier.role':'service', 'atelier.service':'web'}},"
    " {'Id':'h3', 'Labels':{'atelier.job':'r-a-31', 'atelier.role':'helper'}},"
    " {'Id':'x', 'Labels':{}}, {'Id':'y', 'Labels':null}, {}, null, 7,"
    " {'Labels':{'atelier.job':'r-4', 'atelier.role':'build'}}]";
static const char volumes[] =
    "[{'Name':'v', 'Labels':{'atelier.job':'s-1', 'atelier.role':'kept', 'atelier.expires':'170'}},"
    " {'Name':'w', 'Labels':{'atelier.job':'r-1', 'atelier.role':'kept', 'atelier.expires':'soon'}},"
    " {'Name':'u', 'Labels':{'atelier.job':'gone-1', 'atelier.role':'kept', 'atelier.expires':'180'}}, null]";

static void make(struct job_list *list)
{
    job_list_make(expect_json(containers), expect_json(volumes), list);
}

static void test_list(void **state)
{
    (void)state;
    static const struct {
        const char *key, *project, *build;
        int64_t kept_until;
    } want[] = { { "r-1", "g/p", "b1", -1 }, { "s-1", "", "b2", 170 }, { "r-a-31", "", "", -1 } };
    auto_job_list list = { 0 };
    make(&list);
    assert_int_equal(list.n, ARRAY_SIZE(want));
    for (size_t i = 0; i < list.n; i++) {
        assert_string_equal(list.jobs[i].key, want[i].key);
        assert_string_equal(list.jobs[i].project, want[i].project);
        assert_string_equal(json_text(list.jobs[i].build, "Id"), want[i].build);
        assert_int_equal(list.jobs[i].kept_until, want[i].kept_until);
    }
}

static void test_find(void **state)
{
    (void)state;
    static const struct {
        const char *word, *key, *error;
    } rows[] = {
        { "r-1", "r-1", NULL },
        { "s-1", "s-1", NULL },
        { "31", "r-a-31", NULL },
        { "a-31", "r-a-31", NULL },
        { "1", NULL, "'1' is the id of several jobs here; name one by its key: r-1, s-1" },
        { "2", NULL, "job '2' has no containers on this host; 'atelier shell' lists" },
        { "", NULL, "job ''" },
        { "-1", NULL, "job '-1'" },
        { "r", NULL, "job 'r'" },
        { "gone-1", NULL, "job 'gone-1'" },
        { "\x1b[2J", NULL, "job '\\x1b[2J'" },
    };
    auto_job_list list = { 0 };
    make(&list);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_err e = ERR_INIT;
        const struct listed_job *job = job_list_find(&list, rows[i].word, &e);
        if (job ? !rows[i].key || strcmp(job->key, rows[i].key) != 0
                : !rows[i].error || e.kind != ERR_USAGE || !strstr(err_text(&e), rows[i].error))
            fail_msg("'%s': %s, %s", rows[i].word, job ? job->key : "none", err_text(&e));
    }
}

static void test_container(void **state)
{
    (void)state;
    static const struct {
        const char *job;
        struct wanted wanted;
        const char *id, *error;
    } rows[] = {
        { "r-1", { false, NULL }, "b1", NULL },
        { "r-1", { true, NULL }, "h1", NULL },
        { "s-1", { false, "db" }, "d2", NULL },
        { "s-1", { false, "web" }, "w2", NULL },
        { "s-1", { true, NULL }, NULL, "job 's-1' has no helper container: it is being prepared or cleaned up" },
        { "s-1", { false, "x" }, NULL, "job 's-1' has no service 'x'; its services: db, web" },
        { "r-1", { false, "db" }, NULL, "job 'r-1' has no service 'db'; its services: none" },
        { "r-a-31", { false, NULL }, NULL, "job 'r-a-31' has no build container" },
    };
    auto_job_list list = { 0 };
    make(&list);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_err e = ERR_INIT;
        const struct listed_job *job = job_list_find(&list, rows[i].job, NULL);
        assert_non_null(job);
        const json_t *found = job_list_container(&list, job, &rows[i].wanted, &e);
        if (found ? !rows[i].id || strcmp(json_text(found, "Id"), rows[i].id) != 0
                  : !rows[i].error || e.kind != ERR_USAGE || !strstr(err_text(&e), rows[i].error))
            fail_msg("row %zu: %s, %s", i, json_text(found, "Id"), err_text(&e));
    }
}

static void test_odd_listings(void **state)
{
    (void)state;
    static const char *const odd[] = { "[]", "{}", "[null]", "7" };
    for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
        auto_job_list list = { 0 };
        job_list_make(expect_json(odd[i]), expect_json(odd[i]), &list);
        assert_int_equal(list.n, 0);
    }
}

static void test_what_failed(void **state)
{
    (void)state;
    static const struct {
        const char *status;
        bool kept;
    } rows[] = { { "failed", true },    { "timedout", true }, { "canceled", false }, { "success", false },
                 { "running", false },  { "", false },        { "failed ", false } };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_free char *entry = xasprintf("CUSTOM_ENV_CI_JOB_STATUS=%s", rows[i].status);
        char *env[] = { entry, NULL };
        assert_int_equal(kept_is_failure(env), rows[i].kept);
    }
    char *none[] = { NULL };
    assert_false(kept_is_failure(none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list),      cmocka_unit_test(test_find),        cmocka_unit_test(test_container),
        cmocka_unit_test(test_odd_listings), cmocka_unit_test(test_what_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
