#include "stages/pipeline/expression.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void make_variables(struct variables *out)
{
    variables_add(out, "BRANCH", "feature/login", 0);
    variables_add(out, "EMPTY", "", 0);
    variables_add(out, "BLANK", " ", 0);
    variables_add(out, "ONE", "1", 0);
    variables_add(out, "PATTERN", "/^feature\\//", 0);
    variables_add(out, "LOUD", "/^FEATURE/i", 0);
    variables_add(out, "BROKEN", "/(/", 0);
    variables_add(out, "MESSAGE", "first line\n\nFixes: 12", 0);
}

static const struct {
    const char *text;
    bool want;
} good[] = {
    { "$ONE", true },
    { "$UNKNOWN", false },
    { "$EMPTY", false },
    { "$BLANK", false },
    { "null", false },
    { "\"x\"", true },
    { "''", false },
    { "$ONE == '1'", true },
    { "\"1\" == $ONE", true },
    { "$ONE==\"1\"", true },
    { "$ONE != \"1\"", false },
    { "$ONE == \"2\"", false },
    { "$UNKNOWN == null", true },
    { "null == $UNKNOWN", true },
    { "$UNKNOWN != null", false },
    { "$EMPTY == null", false },
    { "$EMPTY == \"\"", true },
    { "$UNKNOWN == ''", false },
    { "$UNKNOWN == $NEITHER", true },
    { "$BRANCH == \"it's\"", false },
    { "$BRANCH =~ /^feature/", true },
    { "$BRANCH =~ /^Feature/", false },
    { "$BRANCH =~ /^Feature/i", true },
    { "$BRANCH =~ /(?i)^Feature/", true },
    { "$BRANCH =~ /^feature\\/log/", true },
    { "$BRANCH !~ /^feature/", false },
    { "$BRANCH !~ /^hotfix/", true },
    { "$BRANCH =~ /^(?:feature|fix)\\/[a-z]+$/", true },
    { "$BRANCH =~ $PATTERN", true },
    { "$BRANCH =~ $LOUD", true },
    { "$BRANCH !~ $PATTERN", false },
    { "$BRANCH =~ \"/log/\"", true },
    { "$BRANCH =~ $UNKNOWN", false },
    { "$BRANCH !~ $UNKNOWN", true },
    { "$BRANCH =~ $ONE", false },
    { "$BRANCH =~ $BROKEN", false },
    { "$UNKNOWN =~ /x/", false },
    { "$UNKNOWN =~ /^$/", true },
    { "$UNKNOWN !~ /x/", true },
    { "$MESSAGE =~ /line.*Fixes/", false },
    { "$MESSAGE =~ /line.*Fixes/s", true },
    { "$MESSAGE =~ /^Fixes/", false },
    { "$MESSAGE =~ /^Fixes: \\d+$/m", true },
    { "$ONE && $BRANCH", true },
    { "$ONE && $UNKNOWN", false },
    { "$UNKNOWN || $ONE", true },
    { "$UNKNOWN || $NEITHER", false },
    /* && first: with || first the result would be the other. */
    { "$ONE || $ONE && $UNKNOWN", true },
    { "$UNKNOWN && $ONE || $ONE", true },
    { "$UNKNOWN && ($ONE || $ONE)", false },
    { "($ONE || $ONE) && $UNKNOWN", false },
    { "$ONE == \"1\" && $BRANCH =~ /login/ || $UNKNOWN", true },
    { "$ONE == \"2\" || $BRANCH == \"feature/login\"", true },
    { "($ONE == \"1\")", true },
    { "((($ONE)))", true },
    { " $ONE\n  && $BRANCH\n", true },
    { "$UNKNOWN && $BRANCH =~ /a/ && $ONE", false },
    /* GitLab's ways with a variable that is there and empty. */
    { "$EMPTY && $ONE", true },
    { "$EMPTY || $ONE", false },
    { "$EMPTY != \"\" || $ONE", true },
};

static void test_results(void **state)
{
    (void)state;
    auto_variables v = VARIABLES_INIT;
    make_variables(&v);
    const struct expression_scope scope = { &v, NULL };

    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        auto_err e = ERR_INIT;
        bool is = false;
        if (expression_check(good[i].text, &e) < 0 || expression_holds(good[i].text, &scope, &is, &e) < 0)
            fail_msg("%s: %s", good[i].text, err_text(&e));
        if (is != good[i].want)
            fail_msg("%s: %d", good[i].text, is);
    }
}

static const struct {
    const char *text, *message;
} bad[] = {
    { "", "at character 1: a variable, a text or `null` is missing" },
    { "$", "at character 1: a $ without a name" },
    { "${ONE}", "at character 1: a variable is written without braces here: $NAME" },
    { "$ONE ==", "at character 8: a variable, a text or `null` is missing" },
    { "$ONE == main", "at character 9: `main` is neither a variable nor a text; write $main or \"main\"" },
    { "nullable", "at character 1: `nullable` is neither" },
    { "$ONE = \"1\"", "at character 6: `= \"1\"`: an operator is wanted here" },
    { "$ONE & $BRANCH", "at character 6: `& $BRANCH`: an operator is wanted here" },
    { "$ONE \"1\"", "at character 6: `\"1\"`: an operator is wanted here" },
    { "!$ONE", "at character 1: `!$ONE`: a variable, a text or `null` is wanted here" },
    { "$ONE == \"1", "at character 9: a text begins here, and its closing \" is missing" },
    { "($ONE", "at character 1: this bracket is not closed" },
    { "$ONE)", "at character 5: this bracket closes nothing" },
    { "()", "at character 2: `)`: a variable" },
    { "$ONE &&", "at character 8: a variable" },
    { "$ONE =~ /x", "at character 9: a regular expression begins here, and its closing / is missing" },
    { "$ONE =~ //", "at character 9: an empty regular expression" },
    { "$ONE =~ /(/", "at character 9: the regular expression /(/: " },
    { "$ONE =~ /(?=x)/", "at character 9: the regular expression /(?=x)/: `(?=` is not supported in it" },
    { "$ONE == /x/", "at character 9: a /regular expression/ belongs to the right of =~ or !~" },
    /* Also where it decides nothing. */
    { "$ONE || $ONE =~ /(/", "at character 17: the regular expression" },
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        auto_err e = ERR_INIT;
        assert_int_equal(expression_check(bad[i].text, &e), -1);
        assert_int_equal(e.kind, ERR_JOB);
        if (strncmp(err_text(&e), bad[i].message, strlen(bad[i].message)) != 0)
            fail_msg("%s: %s", bad[i].text, err_text(&e));
    }
}

static void test_depth(void **state)
{
    (void)state;
    char text[200];
    auto_err e = ERR_INIT;

    memset(text, '(', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(expression_check(text, &e), -1);
    assert_string_equal(err_text(&e), "at character 51: more than 50 brackets in brackets");
}

static void test_scopes(void **state)
{
    (void)state;
    auto_variables inner = VARIABLES_INIT;
    auto_variables outer = VARIABLES_INIT;
    const struct expression_scope all = { &outer, NULL };
    const struct expression_scope scope = { &inner, &all };
    bool is;

    variables_add(&outer, "A", "out", 0);
    variables_add(&outer, "B", "out", 0);
    variables_add(&inner, "A", "in", 0);
    assert_int_equal(expression_holds("$A == 'in' && $B == 'out'", &scope, &is, NULL), 0);
    assert_true(is);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_results),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_scopes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
