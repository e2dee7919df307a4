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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decisions),
        cmocka_unit_test(test_failure_counts_from_the_next_stage_on),
        cmocka_unit_test(test_what_does_not_count),
        cmocka_unit_test(test_a_manual_job_that_may_not_be_passed_over),
        cmocka_unit_test(test_failures_that_are_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
