#include "stages/pipeline/path_answers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *pattern;
    bool in_all, in_changed;
} patterns[] = {
    { "go.mod", true, false },        { "src/main.c", true, true }, { "src", false, false }, { "src/", true, true },
    { "docs/", true, false },         { "docs/*/", true, false },   { "**/*.c", true, true }, { "*.{mod,sum}", true, false },
    { "docs/**/*.md", true, false },  { "*.c", false, false },      { "", false, false },
};

static void make(struct strvec *all, struct strvec *changed)
{
    strvec_push(all, "go.mod");
    strvec_push(all, "src/main.c");
    strvec_push(all, "docs/a/b.md");
    strvec_push(changed, "src/main.c");
}

/* Twice: found, and remembered. */
static void test_each_list_has_its_own_answers(void **state)
{
    auto_strvec all = STRVEC_INIT;
    auto_strvec changed = STRVEC_INIT;
    struct path_answers a = PATH_ANSWERS_INIT;

    (void)state;
    make(&all, &changed);
    for (size_t i = 0; i < 2 * ARRAY_SIZE(patterns); i++) {
        size_t k = i % ARRAY_SIZE(patterns);
        if (path_answers_any(&a, patterns[k].pattern, &all) != patterns[k].in_all ||
            path_answers_any(&a, patterns[k].pattern, &changed) != patterns[k].in_changed)
            fail_msg("`%s`, %s time", patterns[k].pattern, i == k ? "first" : "second");
    }
    path_answers_release(&a);
}

static void test_an_empty_list_has_none(void **state)
{
    struct strvec none = STRVEC_INIT;
    struct path_answers a = PATH_ANSWERS_INIT;

    (void)state;
    assert_false(path_answers_any(&a, "**/*", &none));
    assert_false(path_answers_any(&a, "**/*", &none));
    path_answers_release(&a);
}

/* Nobody may change a list: here it shows that its paths are not looked at again. */
static void test_an_answer_is_found_once(void **state)
{
    auto_strvec all = STRVEC_INIT;
    struct path_answers a = PATH_ANSWERS_INIT;

    (void)state;
    strvec_push(&all, "a.c");
    assert_true(path_answers_any(&a, "*.c", &all));
    all.items[0][2] = 'h';
    assert_true(path_answers_any(&a, "*.c", &all));
    assert_true(path_answers_any(&a, "*.h", &all));
    path_answers_release(&a);
}

static void test_what_is_too_large_is_found_anew(void **state)
{
    auto_strvec all = STRVEC_INIT;
    struct path_answers a = PATH_ANSWERS_INIT;
    size_t len = (size_t)17 << 20;
    auto_free char *large = xcalloc(len + 1, 1);

    (void)state;
    strvec_push(&all, "a.c");
    memset(large, 'x', len);
    assert_false(path_answers_any(&a, large, &all));
    assert_int_equal(a.room_used, 0);
    assert_true(path_answers_any(&a, "*.c", &all));
    assert_true(a.room_used > 0);
    path_answers_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_list_has_its_own_answers),
        cmocka_unit_test(test_an_empty_list_has_none),
        cmocka_unit_test(test_an_answer_is_found_once),
        cmocka_unit_test(test_what_is_too_large_is_found_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
