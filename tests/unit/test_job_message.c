#include "stages/pipeline/job_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void write_one(struct strbuf *out)
{
    struct job_outcome outcome = { JOB_WARNED, (char[]){ "exit code 3" }, "script_failure", 3, "81.5" };
    struct job_left left = { .root = (char[]){ "/cache" }, .folder = (char[]){ ".artifacts/0-1/1-a" }, .has_archive = true };

    variables_add(&left.dotenv, "A", "one\ntwo", 0);
    variables_add(&left.dotenv, "EMPTY", "", VARIABLE_RAW);
    variables_add(&left.dotenv, "BYTES", "\xff\xfe", VARIABLE_MASKED);
    strvec_push(&left.rows, "child/a");
    strvec_push(&left.rows, "");
    job_message_write(&outcome, &left, out);
    strvec_release(&left.rows);
    variables_release(&left.dotenv);
}

static void test_all_of_it_arrives(void **state)
{
    auto_strbuf message = STRBUF_INIT(JOB_MESSAGE_MAX);
    struct ci_job job = { .stage = 0 };
    struct job_outcome outcome = { .code = -1 };
    struct job_left left = { .job = &job, .id = 7 };

    (void)state;
    write_one(&message);
    assert_int_equal(job_message_read(&message, &outcome, &left), 0);
    assert_int_equal(outcome.state, JOB_WARNED);
    assert_string_equal(outcome.reason, "exit code 3");
    assert_string_equal(outcome.failure, "script_failure");
    assert_int_equal(outcome.code, 3);
    assert_string_equal(outcome.coverage, "81.5");
    assert_ptr_equal(left.job, &job);
    assert_int_equal(left.id, 7);
    assert_string_equal(left.root, "/cache");
    assert_true(left.has_archive);
    assert_int_equal(left.dotenv.n, 3);
    assert_string_equal(variables_value(&left.dotenv, "A"), "one\ntwo");
    assert_string_equal(variables_value(&left.dotenv, "EMPTY"), "");
    assert_string_equal(variables_value(&left.dotenv, "BYTES"), "\xff\xfe");
    assert_int_equal(left.dotenv.items[1].flags, VARIABLE_RAW);
    assert_int_equal(left.rows.n, 2);
    assert_string_equal(left.rows.items[0], "child/a");
    assert_string_equal(left.rows.items[1], "");
    free(outcome.reason);
    job_left_release(&left);
}

static void test_what_was_not_there_is_not_there(void **state)
{
    auto_strbuf message = STRBUF_INIT(JOB_MESSAGE_MAX);
    const struct job_outcome none = { .state = JOB_PASSED, .code = -1 };
    const struct job_left nothing = { .root = NULL };
    struct job_outcome outcome = { .code = 5 };
    struct job_left left = { .id = 7 };

    (void)state;
    job_message_write(&none, &nothing, &message);
    assert_int_equal(job_message_read(&message, &outcome, &left), 0);
    assert_int_equal(outcome.state, JOB_PASSED);
    assert_null(outcome.reason);
    assert_null(outcome.failure);
    assert_int_equal(outcome.code, -1);
    assert_null(left.folder);
    assert_int_equal(left.dotenv.n, 0);
    assert_int_equal(left.rows.n, 0);
}

/* Of a process that was killed. */
static void test_a_part_of_it_is_nothing(void **state)
{
    auto_strbuf message = STRBUF_INIT(JOB_MESSAGE_MAX);

    (void)state;
    write_one(&message);
    for (size_t len = 0; len < message.len; len++) {
        auto_strbuf part = STRBUF_INIT(JOB_MESSAGE_MAX);
        struct job_outcome outcome = { .code = 5 };
        struct job_left left = { .id = 7 };
        strbuf_putn(&part, message.data, len);
        assert_int_equal(job_message_read(&part, &outcome, &left), -1);
        assert_int_equal(outcome.code, 5);
        assert_null(left.root);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_of_it_arrives),
        cmocka_unit_test(test_what_was_not_there_is_not_there),
        cmocka_unit_test(test_a_part_of_it_is_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
