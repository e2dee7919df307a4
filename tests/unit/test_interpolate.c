#include "stages/deploy/interpolate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/compose_case.h"

static const struct {
    const char *text, *want;
} good[] = {
    { "", "" },
    { "plain", "plain" },
    { "$X_NAME", "value" },
    { "${X_NAME}", "value" },
    { "a${X_NAME}b$X_NAME.c", "avaluebvalue.c" },
    { "$$", "$" },
    { "$$X_NAME $${X_NAME}", "$X_NAME ${X_NAME}" },
    { "$$$X_NAME", "$value" },
    { "bob:$$apr1$$FNdSDLrp$$TAXy", "bob:$apr1$FNdSDLrp$TAXy" },
    { "${X_NAME:-d}", "value" },
    { "${X_EMPTY:-d}", "d" },
    { "${X_EMPTY-d}", "" },
    { "${NONE:-d}", "d" },
    { "${NONE-d}", "d" },
    { "${NONE:-}", "" },
    { "${NONE-}", "" },
    { "${X_NAME:?e}", "value" },
    { "${X_NAME?e}", "value" },
    { "${X_EMPTY?e}", "" },
    { "${X_NAME:+a}", "a" },
    { "${X_EMPTY:+a}", "" },
    { "${X_EMPTY+a}", "a" },
    { "${NONE:+a}${NONE+a}", "" },
    { "${NONE:-$X_NAME}", "value" },
    { "${NONE:-${X_NAME}}", "value" },
    { "${NONE:-${NEITHER:-${X_NAME}-b}-c}", "value-b-c" },
    { "${NONE:-a$$b}", "a$b" },
    { "${NONE:-$${x}", "${x" },
    { "${NONE:-{}}", "{}" }, /* as in a shell: the first brace closes */
    { "${X_NAME:-${NEITHER}}", "value" }, /* a default that is not needed is not looked up */
    { "${X_NAME:-${NEITHER:?e}}", "value" },
    { "${NONE:-a:-b}", "a:-b" },
    { "${NONE:--}", "-" },
    { "$X_DOLLAR", "$X_NAME ${X_NAME} $$" }, /* values are not looked at again */
    { "{X_NAME} }", "{X_NAME} }" },
    { "h\xc3\xa9 ${X_NAME}", "h\xc3\xa9 value" },
};

static void test_variables_are_put_in(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        auto_interpolated is = { 0 };
        interpolate(good[i].text, &compose_case_variables, &is);
        if (is.unset.n + is.problems.n > 0)
            fail_msg("%s: %s", good[i].text, (is.unset.n ? is.unset : is.problems).items[0]);
        assert_string_equal(is.text, good[i].want);
        assert_false(is.secret);
    }
}

static const struct {
    const char *text, *want;
} missing[] = {
    { "$NONE", "variable `NONE` is not set; create SV_STAGING_NONE" },
    { "${NONE}", "variable `NONE` is not set; create SV_STAGING_NONE" },
    { "${NONE:?}", "variable `NONE` is not set; create SV_STAGING_NONE" },
    { "${NONE:?ask ops}", "variable `NONE` is not set: ask ops; create SV_STAGING_NONE" },
    { "${NONE?ask\x1b[1m}", "variable `NONE` is not set: ask\\x1b[1m; create SV_STAGING_NONE" },
    { "${X_EMPTY:?is empty}", "variable `X_EMPTY` is not set: is empty; create SV_STAGING_X_EMPTY" },
    { "${NONE:?$API_KEY}", "variable `NONE` is not set: $API_KEY; create SV_STAGING_NONE" }, /* no secret in a message */
    { "${A:-$NONE}", "variable `NONE` is not set; create SV_STAGING_NONE" },
    { "${X_NAME:+$NONE}", "variable `NONE` is not set; create SV_STAGING_NONE" },
};

static void test_missing_variables_are_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(missing); i++) {
        auto_interpolated is = { 0 };
        interpolate(missing[i].text, &compose_case_variables, &is);
        assert_int_equal(is.problems.n, 0);
        assert_int_equal(is.unset.n, 1);
        assert_string_equal(is.unset.items[0], missing[i].want);
    }
}

static void test_all_missing_variables_are_named_once(void **state)
{
    (void)state;
    auto_interpolated is = { 0 };
    interpolate("$A ${B} $A ${C:-${D}}", &compose_case_variables, &is);
    auto_free char *all = strvec_join(&is.unset, "|");
    assert_string_equal(all, "variable `A` is not set; create SV_STAGING_A|variable `B` is not set; create "
                             "SV_STAGING_B|variable `D` is not set; create SV_STAGING_D");
}

static void test_without_a_hint_a_default_is_proposed(void **state)
{
    (void)state;
    const struct compose_variables v = { compose_case_find, NULL, NULL, NULL };
    auto_interpolated is = { 0 };
    interpolate("$A", &v, &is);
    assert_string_equal(is.unset.items[0], "variable `A` is not set; set it, or give it a default: ${A:-…}");
}

static const struct {
    const char *text, *want;
} bad[] = {
    { "$", "`$` has a dollar that names no variable; write $$" },
    { "cost: 5$", "`$` has a dollar" },
    { "$1", "`$1` has a dollar" },
    { "$ x", "`$ x` has a dollar" },
    { "$(cmd)", "`$(cmd)` has a dollar" },
    { "$-", "`$-` has a dollar" },
    { "${", "`${` has no closing brace; write ${NAME}" },
    { "${X_NAME", "`${X_NAME` has no closing brace" },
    { "${NONE:-${X_NAME}", "`${NONE:-${X_NAME}` has no closing brace" },
    { "${}", "`${}` names no variable" },
    { "${1}", "`${1}` names no variable" },
    { "${ X_NAME}", "`${ X_NAME}` names no variable" },
    { "${\xc3\xa9}", "names no variable" },
    { "${X_NAME }", "`${X_NAME }` is not understood; after the name may come :- - :? ? :+ or +" },
    { "${X_NAME^^}", "`${X_NAME^^}` is not understood" },
    { "${X_NAME:0:2}", "`${X_NAME:0:2}` is not understood" },
    { "${X_NAME#a}", "`${X_NAME#a}` is not understood" },
    { "${!X_NAME}", "`${!X_NAME}` names no variable" },
    { "${NONE:-$}", "`$` has a dollar" },
};

static void test_what_is_no_reference_is_a_problem(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        auto_interpolated is = { 0 };
        interpolate(bad[i].text, &compose_case_variables, &is);
        if (is.problems.n != 1 || !strstr(is.problems.items[0], bad[i].want))
            fail_msg("%s: wanted '%s', got %zu: %s", bad[i].text, bad[i].want, is.problems.n,
                     is.problems.n ? is.problems.items[0] : is.text);
    }
}

static const struct {
    const char *text;
    bool secret;
} secrets[] = {
    { "$API_KEY", true },
    { "x${API_KEY}y", true },
    { "${API_KEY:-x}", true },
    { "${API_KEY?x}", true },
    { "${NONE:-$API_KEY}", true },
    { "${X_NAME:+${API_KEY}}", true },
    { "${API_KEY:?e}${API_KEY}", true },
    { "${API_KEY:+given}", false }, /* only that it is set */
    { "${X_NAME:-$API_KEY}", false },
    { "$$API_KEY", false },
};

static void test_a_text_with_a_secret_is_secret(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(secrets); i++) {
        auto_interpolated is = { 0 };
        interpolate(secrets[i].text, &compose_case_variables, &is);
        if (is.secret != secrets[i].secret)
            fail_msg("%s", secrets[i].text);
        assert_true((strstr(is.text, "s3cr3t") != NULL) == secrets[i].secret);
    }
}

static char *nested(size_t n)
{
    auto_strbuf text = STRBUF_TEXT;

    for (size_t i = 0; i < n; i++)
        strbuf_puts(&text, "${NONE:-");
    strbuf_puts(&text, "x");
    for (size_t i = 0; i < n; i++)
        strbuf_puts(&text, "}");
    return strbuf_take(&text);
}

static void test_depth_is_bounded(void **state)
{
    (void)state;
    auto_free char *fine = nested(10), *deep = nested(11), *abyss = nested(100000);
    auto_interpolated a = { 0 }, b = { 0 }, c = { 0 };
    interpolate(fine, &compose_case_variables, &a);
    assert_string_equal(a.text, "x");
    interpolate(deep, &compose_case_variables, &b);
    assert_non_null(strstr(b.problems.items[0], "is too deep"));
    interpolate(abyss, &compose_case_variables, &c);
    assert_int_equal(c.problems.n, 1);
}

static const char *large(void *ctx, const char *name, bool *secret)
{
    (void)name, (void)secret;
    return ctx;
}

static void test_size_is_bounded(void **state)
{
    (void)state;
    auto_free char *value = xcalloc(1, 1001);
    memset(value, 'x', 1000);
    const struct compose_variables v = { large, NULL, value, NULL };
    auto_strbuf text = STRBUF_TEXT;
    for (int i = 0; i < 132; i++)
        strbuf_puts(&text, "$A-");
    auto_interpolated is = { 0 };
    interpolate(strbuf_text(&text), &v, &is);
    assert_int_equal(is.problems.n, 1);
    assert_string_equal(is.problems.items[0], "it grows beyond 128 KiB when its variables are put in");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_variables_are_put_in),
        cmocka_unit_test(test_missing_variables_are_named),
        cmocka_unit_test(test_all_missing_variables_are_named_once),
        cmocka_unit_test(test_without_a_hint_a_default_is_proposed),
        cmocka_unit_test(test_what_is_no_reference_is_a_problem),
        cmocka_unit_test(test_a_text_with_a_secret_is_secret),
        cmocka_unit_test(test_depth_is_bounded),
        cmocka_unit_test(test_size_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
