#include "stages/pull_policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Lists are words with blanks between. */
static const struct {
    const char *of_job, *of_host, *allowed;
    const char *want; /* NULL: refused */
    enum err_kind kind;
} choices[] = {
    { "", "if-not-present", "", "if-not-present", ERR_NONE },
    { "", "always never", "", "always never", ERR_NONE },
    { "always", "if-not-present", "", NULL, ERR_JOB },
    { "always", "if-not-present", "if-not-present always", "always", ERR_NONE },
    { "never always", "always if-not-present never", "", "never always", ERR_NONE },
    { "always if-not-present", "if-not-present", "", "if-not-present", ERR_NONE },
    { "never", "always", "always if-not-present", NULL, ERR_JOB },
    { "sometimes", "always", "always", NULL, ERR_JOB },
    { "", "always", "never", NULL, ERR_CONFIG },
    { "never", "always", "never", "never", ERR_NONE },
    { "", "always never", "never", "never", ERR_NONE },
};

static void split(const char *words, struct strvec *out)
{
    auto_free char *copy = xstrdup(words);
    char *rest = copy;

    for (char *word = strsep(&rest, " "); word; word = strsep(&rest, " "))
        if (*word)
            strvec_push(out, word);
}

static void test_choices(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(choices); i++) {
        auto_strvec job = STRVEC_INIT, host = STRVEC_INIT, allowed = STRVEC_INIT, got = STRVEC_INIT;
        auto_err e = ERR_INIT;
        split(choices[i].of_job, &job);
        split(choices[i].of_host, &host);
        split(choices[i].allowed, &allowed);
        int rc = pull_policy_choose("ruby:3", &job, &host, &allowed, &got, &e);
        auto_free char *words = strvec_join(&got, " ");
        assert_int_equal(rc, choices[i].want ? 0 : -1);
        assert_string_equal(words, choices[i].want ? choices[i].want : "");
        assert_int_equal(e.kind, choices[i].kind);
    }
}

static void test_words_of_a_refusal(void **state)
{
    (void)state;
    auto_strvec job = STRVEC_INIT, host = STRVEC_INIT, got = STRVEC_INIT;
    auto_err e = ERR_INIT;
    split("never some\033times", &job);
    split("always if-not-present", &host);
    assert_int_equal(pull_policy_choose("ruby:3", &job, &host, NULL, &got, &e), -1);
    assert_string_equal(err_text(&e),
                        "invalid pull policy for image \"ruby:3\": pull_policy ([never some\\x1btimes]) defined in GitLab "
                        "pipeline config is not one of the allowed_pull_policies ([always if-not-present])");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choices),
        cmocka_unit_test(test_words_of_a_refusal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
