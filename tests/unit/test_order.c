#include "stages/pipeline/order.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    bool failed, blocked;
    enum ci_when when;
    bool named;
    enum job_state want;
} decisions[] = {
    { false, false, WHEN_ON_SUCCESS, false, JOB_CREATED },
    { true, false, WHEN_ON_SUCCESS, false, JOB_SKIPPED },
    { false, true, WHEN_ON_SUCCESS, false, JOB_SKIPPED },
    { false, false, WHEN_ON_FAILURE, false, JOB_SKIPPED },
    { true, false, WHEN_ON_FAILURE, false, JOB_CREATED },
    { false, false, WHEN_ALWAYS, false, JOB_CREATED },
    { true, false, WHEN_ALWAYS, false, JOB_CREATED },
    { true, true, WHEN_ALWAYS, false, JOB_SKIPPED },
    { false, false, WHEN_MANUAL, false, JOB_MANUAL },
    { true, false, WHEN_MANUAL, false, JOB_SKIPPED },
    { false, false, WHEN_MANUAL, true, JOB_CREATED },
    { false, false, WHEN_ON_FAILURE, true, JOB_CREATED },
    { true, false, WHEN_ON_SUCCESS, true, JOB_SKIPPED },
};

static void test_decisions(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(decisions); i++) {
        const struct order o = { .failed = decisions[i].failed, .blocked_by = decisions[i].blocked ? "x" : NULL };
        const struct ci_job job = { .when = decisions[i].when };
        const char *reason;
        enum job_state is = order_decide(&o, &job, decisions[i].named, &reason);
        assert_int_equal(is, decisions[i].want);
        assert_int_equal(reason != NULL, is != JOB_CREATED);
    }
}

/* A failure counts for later stages, not for the rest of its own. */
static void test_failure_counts_from_the_next_stage_on(void **state)
{
    struct order o = ORDER_INIT;
    const struct ci_job job = { .when = WHEN_ON_SUCCESS };
    const char *reason;

    (void)state;
    order_add(&o, &job, JOB_FAILED);
    assert_int_equal(order_decide(&o, &job, false, &reason), JOB_CREATED);
    order_end_stage(&o);
    assert_int_equal(order_decide(&o, &job, false, &reason), JOB_SKIPPED);
}

static void test_what_does_not_count(void **state)
{
    static const enum job_state harmless[] = { JOB_PASSED, JOB_WARNED, JOB_SKIPPED, JOB_CANCELED };
    struct order o = ORDER_INIT;
    const struct ci_job job = { .when = WHEN_ON_SUCCESS };
    const struct ci_job optional = { .when = WHEN_MANUAL, .allow_failure = true };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(harmless); i++)
        order_add(&o, &job, harmless[i]);
    order_add(&o, &optional, JOB_MANUAL);
    order_end_stage(&o);
    assert_false(o.failed);
    assert_null(o.blocked_by);
}

static void test_a_manual_job_that_may_not_be_passed_over(void **state)
{
    struct order o = ORDER_INIT;
    const struct ci_job job = { .name = (char[]){ "gate" }, .when = WHEN_MANUAL };

    (void)state;
    order_add(&o, &job, JOB_MANUAL);
    order_end_stage(&o);
    assert_string_equal(o.blocked_by, "gate");
}

static void test_failures_that_are_allowed(void **state)
{
    int codes[] = { 3, 5 };
    const struct ci_job strict = { .allow_failure = false };
    const struct ci_job lenient = { .allow_failure = true };
    const struct ci_job some = { .allow_failure = true, .allowed_codes = codes, .n_allowed_codes = 2 };

    (void)state;
    assert_int_equal(order_judge_failure(&strict, 1), JOB_FAILED);
    assert_int_equal(order_judge_failure(&lenient, 1), JOB_WARNED);
    assert_int_equal(order_judge_failure(&lenient, -1), JOB_WARNED);
    assert_int_equal(order_judge_failure(&some, 5), JOB_WARNED);
    assert_int_equal(order_judge_failure(&some, 1), JOB_FAILED);
    assert_int_equal(order_judge_failure(&some, -1), JOB_FAILED);
}

/* What becomes of a job that needs one that ended so. */
static void test_needs(void **state)
{
    static const struct {
        enum job_state needed;
        bool may_fail; /* the needed one */
        enum ci_when when;
        enum job_state want;
    } cases[] = {
        { JOB_PASSED, false, WHEN_ON_SUCCESS, JOB_CREATED },  { JOB_WARNED, true, WHEN_ON_SUCCESS, JOB_CREATED },
        { JOB_FAILED, false, WHEN_ON_SUCCESS, JOB_SKIPPED },  { JOB_FAILED, false, WHEN_DELAYED, JOB_SKIPPED },
        { JOB_FAILED, false, WHEN_ON_FAILURE, JOB_CREATED },  { JOB_FAILED, false, WHEN_ALWAYS, JOB_CREATED },
        { JOB_PASSED, false, WHEN_ON_FAILURE, JOB_SKIPPED },  { JOB_SKIPPED, false, WHEN_ON_SUCCESS, JOB_SKIPPED },
        { JOB_SKIPPED, false, WHEN_ON_FAILURE, JOB_SKIPPED }, { JOB_SKIPPED, false, WHEN_ALWAYS, JOB_CREATED },
        { JOB_MANUAL, true, WHEN_ON_SUCCESS, JOB_SKIPPED },   { JOB_MANUAL, false, WHEN_ON_SUCCESS, JOB_SKIPPED },
        { JOB_MANUAL, false, WHEN_ALWAYS, JOB_SKIPPED },      { JOB_PASSED, false, WHEN_DELAYED, JOB_CREATED },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct order o = ORDER_INIT;
        char name[] = "n";
        const struct ci_job needed = { .name = name, .allow_failure = cases[i].may_fail };
        const struct ci_job job = { .when = cases[i].when };
        const char *reason;
        order_add_need(&o, &needed, cases[i].needed);
        if (order_decide(&o, &job, false, &reason) != cases[i].want)
            fail_msg("case %zu", i);
    }
}

static void test_retry(void **state)
{
    char script_failure[] = "script_failure", any[] = "always";
    char *script[] = { script_failure, NULL };
    char *always[] = { any, NULL };
    int codes[] = { 7 };
    const struct {
        struct ci_retry retry;
        const char *failure;
        int code;
        int64_t tries;
        bool want;
    } cases[] = {
        { { .max = 0 }, "script_failure", 1, 0, false },
        { { .max = 2 }, "script_failure", 1, 0, true },
        { { .max = 2 }, "script_failure", 1, 1, true },
        { { .max = 2 }, "script_failure", 1, 2, false },
        { { .max = 2 }, NULL, -1, 0, false },
        { { .max = 1, .when = { script, 1, 1 } }, "script_failure", 1, 0, true },
        { { .max = 1, .when = { script, 1, 1 } }, "runner_system_failure", -1, 0, false },
        { { .max = 1, .when = { always, 1, 1 } }, "job_execution_timeout", -1, 0, true },
        { { .max = 1, .codes = codes, .n_codes = 1 }, "script_failure", 7, 0, true },
        { { .max = 1, .codes = codes, .n_codes = 1 }, "script_failure", 8, 0, false },
        { { .max = 1, .when = { script, 1, 1 }, .codes = codes, .n_codes = 1 }, "script_failure", 8, 0, true },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct ci_job job = { .retry = cases[i].retry };
        if (order_tries_again(&job, cases[i].failure, cases[i].code, cases[i].tries) != cases[i].want)
            fail_msg("case %zu", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_needs),
        cmocka_unit_test(test_retry),
        cmocka_unit_test(test_decisions),
        cmocka_unit_test(test_failure_counts_from_the_next_stage_on),
        cmocka_unit_test(test_what_does_not_count),
        cmocka_unit_test(test_a_manual_job_that_may_not_be_passed_over),
        cmocka_unit_test(test_failures_that_are_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
