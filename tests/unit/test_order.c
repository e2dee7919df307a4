#include "stages/pipeline/order.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    bool failed, blocked;
    enum ci_when when;
    bool named;
    enum job_state want;
} decisions[] = {
    { false, false, WHEN_ON_SUCCESS, false, JOB_READY },
    { true, false, WHEN_ON_SUCCESS, false, JOB_SKIPPED },
    { false, true, WHEN_ON_SUCCESS, false, JOB_SKIPPED },
    { false, false, WHEN_ON_FAILURE, false, JOB_SKIPPED },
    { true, false, WHEN_ON_FAILURE, false, JOB_READY },
    { false, false, WHEN_ALWAYS, false, JOB_READY },
    { true, false, WHEN_ALWAYS, false, JOB_READY },
    { true, true, WHEN_ALWAYS, false, JOB_SKIPPED },
    { false, false, WHEN_MANUAL, false, JOB_MANUAL },
    { true, false, WHEN_MANUAL, false, JOB_SKIPPED },
    { false, false, WHEN_MANUAL, true, JOB_READY },
    { false, false, WHEN_ON_FAILURE, true, JOB_READY },
    { true, false, WHEN_ON_SUCCESS, true, JOB_SKIPPED },
};

static void test_decisions(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(decisions); i++) {
        const struct order o = { .failed = decisions[i].failed, .gates = { decisions[i].blocked ? "x" : NULL, decisions[i].blocked } };
        const struct ci_job job = { .when = decisions[i].when };
        const char *reason;
        enum job_state is = order_decide(&o, &job, decisions[i].named, &reason);
        assert_int_equal(is, decisions[i].want);
        assert_int_equal(reason != NULL, is != JOB_READY);
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
    assert_int_equal(order_decide(&o, &job, false, &reason), JOB_READY);
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
    assert_null(o.gates.first);
}

static void test_a_manual_job_that_may_not_be_passed_over(void **state)
{
    struct order o = ORDER_INIT;
    const struct ci_job job = { .name = (char[]){ "gate" }, .when = WHEN_MANUAL };

    (void)state;
    order_add(&o, &job, JOB_MANUAL);
    assert_null(o.gates.first);
    order_end_stage(&o);
    assert_string_equal(o.gates.first, "gate");
    order_end_stage(&o);
    assert_int_equal(o.gates.n, 1);
}

static void check_reason(const char *name, size_t n, const char *want)
{
    const struct order_job x = { .skipped = "waits for a manual job", .gates = { name, n } };
    auto_free char *reason = order_reason(&x);

    assert_string_equal(reason, want);
}

static void test_reasons(void **state)
{
    const struct order_job passed = { .skipped = NULL };
    const struct order_job skipped = { .skipped = "an earlier job failed" };
    auto_free char *none = order_reason(&passed);
    auto_free char *one = order_reason(&skipped);

    (void)state;
    assert_null(none);
    assert_string_equal(one, "an earlier job failed");
    check_reason("gate", 1, "waits for the manual job 'gate'");
    check_reason("two\nlines", 3, "waits for the manual job 'two\\nlines' and 2 more");
    check_reason("0123456789012345678901234567890123456789012345678901234567890123456789", 1,
                 "waits for the manual job '012345678901234567890123456789012345678901234567890123456789...'");
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
        { JOB_PASSED, false, WHEN_ON_SUCCESS, JOB_READY },  { JOB_WARNED, true, WHEN_ON_SUCCESS, JOB_READY },
        { JOB_FAILED, false, WHEN_ON_SUCCESS, JOB_SKIPPED },  { JOB_FAILED, false, WHEN_DELAYED, JOB_SKIPPED },
        { JOB_FAILED, false, WHEN_ON_FAILURE, JOB_READY },  { JOB_FAILED, false, WHEN_ALWAYS, JOB_READY },
        { JOB_PASSED, false, WHEN_ON_FAILURE, JOB_SKIPPED },  { JOB_SKIPPED, false, WHEN_ON_SUCCESS, JOB_SKIPPED },
        { JOB_SKIPPED, false, WHEN_ON_FAILURE, JOB_SKIPPED }, { JOB_SKIPPED, false, WHEN_ALWAYS, JOB_READY },
        { JOB_MANUAL, true, WHEN_ON_SUCCESS, JOB_SKIPPED },   { JOB_MANUAL, false, WHEN_ON_SUCCESS, JOB_SKIPPED },
        { JOB_MANUAL, false, WHEN_ALWAYS, JOB_SKIPPED },      { JOB_PASSED, false, WHEN_DELAYED, JOB_READY },
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

/* ---- Jobs that end in any order ---- */

#define JOBS   24
#define STAGES 4

/* A pipeline made by chance, and how each of its jobs would end if it ran. */
struct chance {
    struct ci_job jobs[JOBS];
    struct ci_needed needed[JOBS][3];
    enum job_state ends[JOBS];
    bool named[JOBS], left_out[JOBS];
    char names[JOBS][4];
};

static unsigned below(uint64_t *seed, unsigned limit)
{
    *seed = *seed * 6364136223846793005U + 1442695040888963407U;
    return (unsigned)(*seed >> 33) % limit;
}

static void make(struct chance *c, uint64_t *seed)
{
    static const enum ci_when whens[] = { WHEN_ON_SUCCESS, WHEN_ON_SUCCESS, WHEN_ON_SUCCESS, WHEN_DELAYED,
                                          WHEN_ON_FAILURE, WHEN_ALWAYS, WHEN_MANUAL };
    static const enum job_state ends[] = { JOB_PASSED, JOB_PASSED, JOB_PASSED, JOB_FAILED, JOB_WARNED };

    for (size_t i = 0; i < JOBS; i++) {
        struct ci_job *job = &c->jobs[i];
        (void)snprintf(c->names[i], sizeof(c->names[i]), "%zu", i);
        *job = (struct ci_job){ .name = c->names[i], .stage = i * STAGES / JOBS };
        job->when = whens[below(seed, ARRAY_SIZE(whens))];
        job->allow_failure = below(seed, 3) == 0;
        job->by_needs = below(seed, 3) == 0;
        job->needed = c->needed[i];
        if (job->by_needs && i > 0)
            job->n_needed = below(seed, 4);
        for (size_t k = 0; k < job->n_needed; k++)
            c->needed[i][k] = (struct ci_needed){ &c->jobs[below(seed, (unsigned)i)], true };
        c->ends[i] = ends[below(seed, ARRAY_SIZE(ends))];
        c->named[i] = below(seed, 4) == 0;
        c->left_out[i] = below(seed, 8) == 0;
    }
}

struct play {
    struct order_jobs jobs;
    struct order_job items[JOBS];
    struct order_job *of[JOBS];
};

static void begin(struct play *p, const struct chance *c)
{
    *p = (struct play){ .jobs = { .items = p->items, .first = c->jobs, .of = p->of } };
    for (size_t i = 0; i < JOBS; i++) {
        if (c->left_out[i])
            continue;
        p->of[i] = &p->items[p->jobs.n];
        p->items[p->jobs.n++] = (struct order_job){ .job = &c->jobs[i], .named = c->named[i] };
    }
}

/* Whoever starts has nobody to wait for. */
static void check_start(const struct play *p, const struct order_job *x)
{
    for (size_t i = 0; i < x->job->n_needed; i++) {
        const struct order_job *needed = p->of[x->job->needed[i].job - p->jobs.first];
        assert_true(!needed || job_state_is_end(needed->state));
    }
    for (const struct order_job *other = p->items; !x->job->by_needs && other < p->items + p->jobs.n; other++)
        assert_true(other->job->stage >= x->job->stage || job_state_is_end(other->state));
}

static size_t count(const struct play *p, enum job_state s)
{
    size_t n = 0;

    for (size_t i = 0; i < p->jobs.n; i++)
        n += p->items[i].state == s;
    return n;
}

static struct order_job *pick(struct play *p, enum job_state s, unsigned which)
{
    for (size_t i = 0; i < p->jobs.n; i++)
        if (p->items[i].state == s && which-- == 0)
            return &p->items[i];
    return NULL;
}

/* At most `most` at once; which one starts or ends next, chance decides. *overlapped: whether two ran at once. */
static struct order play(struct play *p, const struct chance *c, size_t most, uint64_t *seed, bool *overlapped)
{
    struct order whole;

    begin(p, c);
    for (;;) {
        (void)order_settle(&p->jobs, &whole);
        assert_false(order_settle(&p->jobs, &whole)); /* all at once */
        size_t ready = count(p, JOB_READY), running = count(p, JOB_RUNNING);
        *overlapped |= running > 1;
        if (ready > 0 && running < most && (running == 0 || below(seed, 2) == 0)) {
            struct order_job *x = pick(p, JOB_READY, below(seed, (unsigned)ready));
            check_start(p, x);
            x->state = JOB_RUNNING;
        } else if (running > 0) {
            struct order_job *x = pick(p, JOB_RUNNING, below(seed, (unsigned)running));
            x->state = c->ends[x->job - c->jobs];
        } else {
            assert_int_equal(count(p, JOB_CREATED), 0); /* nobody waits for ever */
            return whole;
        }
    }
}

static void test_any_order_of_ends_leads_to_the_same(void **state)
{
    static struct chance c;
    static struct play one, many;
    bool overlapped = false;

    (void)state;
    for (uint64_t round = 1; round <= 400; round++) {
        uint64_t seed = round;
        bool never = false;
        make(&c, &seed);
        struct order alone = play(&one, &c, 1, &seed, &never);
        assert_false(never);
        for (size_t most = 2; most <= JOBS; most += 11) {
            struct order beside = play(&many, &c, most, &seed, &overlapped);
            assert_int_equal(beside.failed, alone.failed);
            assert_ptr_equal(beside.gates.first, alone.gates.first);
            assert_int_equal(beside.gates.n, alone.gates.n);
            for (size_t i = 0; i < one.jobs.n; i++)
                if (one.items[i].state != many.items[i].state || one.items[i].skipped != many.items[i].skipped ||
                    one.items[i].gates.first != many.items[i].gates.first || one.items[i].gates.n != many.items[i].gates.n)
                    fail_msg("round %d, job %zu: %s, and not %s", (int)round, i, job_state_name(many.items[i].state),
                             job_state_name(one.items[i].state));
        }
    }
    assert_true(overlapped);
}

/* A job with needs does not wait for its stage; one without them waits for all of the stages before it. */
static void test_needs_go_ahead(void **state)
{
    struct ci_job jobs[4] = { { .stage = 0 }, { .stage = 0 }, { .stage = 1 }, { .stage = 1 } };
    struct ci_needed needed = { &jobs[0], true };
    struct order_job items[4];
    struct order_job *of[4];
    struct order_jobs all = { items, 4, jobs, of };
    struct order whole;

    (void)state;
    jobs[2].by_needs = true;
    jobs[2].needed = &needed;
    jobs[2].n_needed = 1;
    for (size_t i = 0; i < 4; i++) {
        items[i] = (struct order_job){ .job = &jobs[i] };
        of[i] = &items[i];
    }
    assert_true(order_settle(&all, &whole));
    items[0].state = items[1].state = JOB_RUNNING;
    assert_false(order_settle(&all, &whole));
    items[0].state = JOB_PASSED;
    assert_true(order_settle(&all, &whole));
    assert_int_equal(items[2].state, JOB_READY);
    assert_int_equal(items[3].state, JOB_CREATED);
    items[1].state = JOB_FAILED;
    assert_true(order_settle(&all, &whole));
    assert_int_equal(items[2].state, JOB_READY);
    assert_int_equal(items[3].state, JOB_SKIPPED);
    assert_true(whole.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_order_of_ends_leads_to_the_same),
        cmocka_unit_test(test_needs_go_ahead),
        cmocka_unit_test(test_needs),
        cmocka_unit_test(test_retry),
        cmocka_unit_test(test_decisions),
        cmocka_unit_test(test_failure_counts_from_the_next_stage_on),
        cmocka_unit_test(test_what_does_not_count),
        cmocka_unit_test(test_a_manual_job_that_may_not_be_passed_over),
        cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_failures_that_are_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
