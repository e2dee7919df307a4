#include "stages/variables.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* Go's os.Expand, as gitlab-runner uses it; SELF, A, B and RAW as below. */
static const struct {
    const char *text, *want;
} expansions[] = {
    { "", "" },
    { "plain", "plain" },
    { "$A", "one" },
    { "${A}", "one" },
    { "$A$A-${A}x", "oneone-onex" },
    { "$Ax", "" },
    { "$$A", "$A" },
    { "$${A}", "${A}" },
    { "${$}", "$" },
    { "costs 5$", "costs 5$" },
    { "$ A", "$ A" },
    { "$.A", "$.A" },
    { "$1$@$*$#$?$!$-", "" },
    { "$1A", "A" },
    { "${1}", "" },
    { "${}x", "x" },
    { "${A", "A" },
    { "$NONE.", "." },
    { "$B", "<one>" },
    { "$RAW", "$A" },
    { "$é", "$é" },
    { "$FILE", "/tmp/p.tmp/FILE" },
};

static void test_expansion(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(expansions); i++) {
        auto_variables v = VARIABLES_INIT;
        auto_variables out = VARIABLES_INIT;
        auto_err e = ERR_INIT;
        variables_add(&v, "X", expansions[i].text, 0);
        variables_add(&v, "B", "<$A>", 0);
        variables_add(&v, "A", "one", 0);
        variables_add(&v, "RAW", "$A", VARIABLE_RAW);
        variables_add(&v, "FILE", "content", VARIABLE_FILE);
        assert_int_equal(variables_resolve(&v, "/tmp/p.tmp", &out, &e), 0);
        assert_string_equal(variables_value(&out, "X"), expansions[i].want);
    }
}

static void test_the_last_one_counts(void **state)
{
    auto_variables v = VARIABLES_INIT;
    auto_variables out = VARIABLES_INIT;
    auto_err e = ERR_INIT;

    (void)state;
    variables_add(&v, "A", "first", VARIABLE_PUBLIC);
    variables_add(&v, "B", "$A", 0);
    variables_add(&v, "A", "last", VARIABLE_MASKED);
    assert_string_equal(variables_value(&v, "A"), "last");
    assert_int_equal(variables_resolve(&v, "", &out, &e), 0);
    assert_int_equal(out.n, 2);
    assert_string_equal(out.items[0].key, "A");
    assert_string_equal(out.items[0].value, "last");
    assert_int_equal(out.items[0].flags, VARIABLE_MASKED);
    assert_string_equal(out.items[1].value, "last");
    assert_null(variables_value(&out, "C"));
}

static void test_cycles_stay_as_written(void **state)
{
    auto_variables v = VARIABLES_INIT;
    auto_variables out = VARIABLES_INIT;
    auto_err e = ERR_INIT;

    (void)state;
    variables_add(&v, "SELF", "$SELF:/x", 0);
    variables_add(&v, "A", "a$B", 0);
    variables_add(&v, "B", "b$A", 0);
    assert_int_equal(variables_resolve(&v, "", &out, &e), 0);
    assert_string_equal(variables_value(&out, "SELF"), "$SELF:/x");
    assert_string_equal(variables_value(&out, "A"), "ab$A");
}

/* Each doubles the one before: 2^40 bytes if nothing stopped it. */
static void test_growth_is_bounded(void **state)
{
    auto_variables v = VARIABLES_INIT;
    auto_variables out = VARIABLES_INIT;
    auto_err e = ERR_INIT;

    (void)state;
    variables_add(&v, "V0", "x", 0);
    for (int i = 1; i < 40; i++) {
        auto_free char *key = xasprintf("V%d", i);
        variables_addf(&v, 0, key, "$V%d$V%d", i - 1, i - 1);
    }
    assert_int_equal(variables_resolve(&v, "", &out, &e), -1);
    assert_int_equal(e.kind, ERR_JOB);
    assert_non_null(strstr(err_text(&e), "grows beyond 128 KiB"));
    assert_int_equal(out.n, 0);
}

static void test_long_chains_are_an_error(void **state)
{
    auto_variables v = VARIABLES_INIT;
    auto_variables out = VARIABLES_INIT;
    auto_err e = ERR_INIT;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        auto_free char *key = xasprintf("V%d", i);
        variables_addf(&v, 0, key, "$V%d", i + 1);
    }
    assert_int_equal(variables_resolve(&v, "", &out, &e), -1);
    assert_int_equal(e.kind, ERR_JOB);
}

static void test_too_many(void **state)
{
    auto_variables v = VARIABLES_INIT;
    auto_variables out = VARIABLES_INIT;
    auto_err e = ERR_INIT;

    (void)state;
    for (size_t i = 0; i <= VARIABLES_MAX; i++)
        variables_add(&v, "A", "", 0);
    assert_int_equal(variables_resolve(&v, "", &out, &e), -1);
}

static void test_expand_text(void **state)
{
    auto_variables v = VARIABLES_INIT;
    auto_free char *out = NULL;
    auto_err e = ERR_INIT;

    (void)state;
    variables_add(&v, "A", "has $B in it", 0); /* resolved: a dollar is a dollar */
    assert_int_equal(variables_expand(&v, "<${A}>", &out, &e), 0);
    assert_string_equal(out, "<has $B in it>");
}

static const struct {
    const char *text, *want; /* NULL: it is not known */
} known[] = {
    { "plain", "plain" },       { "<$A>", "<a>" },     { "$B", "a-a" },      { "$RAW", "$NOWHERE" }, { "$$", "$" },
    { "$NOWHERE", NULL },       { "${A}$NO", NULL },   { "$LACKS", NULL },   { "$SECRET", NULL },    { "$HAS_SECRET", NULL },
    { "$FILE", NULL },          { "$LATER", "second" }, { "$CIRCLE", "$CIRCLE" },
};

static void test_what_is_known(void **state)
{
    static const struct {
        const char *key, *value;
        unsigned flags;
    } all[] = {
        { "A", "a", 0 },           { "B", "$A-$A", 0 },           { "RAW", "$NOWHERE", VARIABLE_RAW },
        { "LACKS", "$NOWHERE", 0 }, { "SECRET", "s", VARIABLE_MASKED }, { "HAS_SECRET", "$SECRET", 0 },
        { "FILE", "f", VARIABLE_FILE }, { "LATER", "$NOWHERE", 0 }, { "LATER", "second", 0 }, { "CIRCLE", "$CIRCLE", 0 },
    };
    auto_variables v = VARIABLES_INIT;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        variables_add(&v, all[i].key, all[i].value, all[i].flags);
    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        auto_free char *out = NULL;
        auto_err e = ERR_INIT;
        int rc = variables_expand_known(&v, known[i].text, &out, &e);
        if (known[i].want ? rc < 0 || strcmp(out, known[i].want) != 0 : rc == 0 || e.kind != ERR_NOT_FOUND)
            fail_msg("%s: %s", known[i].text, out ? out : err_text(&e));
    }
}

static const struct {
    const char *key;
    bool valid;
} keys[] = {
    { "A", true }, { "_a9", true }, { "", false }, { "9A", false }, { "A-B", false }, { "A=B", false }, { "é", false },
};

static void test_keys(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        assert_int_equal(variables_key_valid(keys[i].key), keys[i].valid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expansion),
        cmocka_unit_test(test_the_last_one_counts),
        cmocka_unit_test(test_cycles_stay_as_written),
        cmocka_unit_test(test_growth_is_bounded),
        cmocka_unit_test(test_long_chains_are_an_error),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_expand_text),
        cmocka_unit_test(test_what_is_known),
        cmocka_unit_test(test_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
