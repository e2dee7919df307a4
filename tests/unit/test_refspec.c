#include "stages/pipeline/refspec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const char offered[] = "1 refs/pipelines/7\n"
                              "1 refs/heads/main\n"
                              "2 refs/heads/main/not\n"
                              "3 refs/heads/it's, a\n" /* no name, but text is text */
                              "4 refs/tags/v1\n"
                              "broken\n"
                              "5 \n"
                              "6 refs/tags/v1.1";

static const struct {
    const char *refspec, *got; /* NULL: nothing */
} cases[] = {
    { "+refs/pipelines/7:refs/pipelines/7", "1 refs/pipelines/7" },
    { "refs/heads/main:refs/remotes/origin/main", "1 refs/remotes/origin/main" },
    { "+refs/heads/*:refs/remotes/origin/*",
      "1 refs/remotes/origin/main|2 refs/remotes/origin/main/not|3 refs/remotes/origin/it's, a" },
    { "+refs/tags/*:refs/tags/*", "4 refs/tags/v1|6 refs/tags/v1.1" },
    { "+refs/tags/v1:refs/tags/v1", "4 refs/tags/v1" },
    { "+refs/tags/v:refs/tags/v", NULL },
    { "+refs/heads/main", NULL },
    { "", NULL },
};

static void test_what_is_fetched(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        auto_strvec refspecs = STRVEC_INIT, out = STRVEC_INIT;
        strvec_push(&refspecs, cases[i].refspec);
        refspecs_apply(&refspecs, offered, &out);
        auto_free char *got = strvec_join(&out, "|");
        assert_string_equal(got, cases[i].got ? cases[i].got : "");
    }
}

static void test_one_after_the_other(void **state)
{
    auto_strvec refspecs = STRVEC_INIT, out = STRVEC_INIT;

    (void)state;
    strvec_push(&refspecs, "+refs/tags/v1.1:refs/tags/v1.1");
    strvec_push(&refspecs, "+refs/tags/*:refs/tags/*");
    refspecs_apply(&refspecs, offered, &out);
    auto_free char *got = strvec_join(&out, "|");
    assert_string_equal(got, "6 refs/tags/v1.1|4 refs/tags/v1|6 refs/tags/v1.1");
    refspecs_apply(&refspecs, "", &out);
    assert_int_equal(out.n, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_fetched),
        cmocka_unit_test(test_one_after_the_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
