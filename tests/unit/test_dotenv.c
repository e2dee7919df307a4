#include "stages/pipeline/dotenv.h"

#include "base/strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static int parse(const char *text, size_t len, struct variables *out, struct err *e)
{
    auto_variables predefined = VARIABLES_INIT;

    variables_add(&predefined, "CI_PROJECT_ID", "1", 0);
    variables_add(&predefined, "MINE", "1", 0);
    return dotenv_parse(text, len, &predefined, out, e);
}

static const struct {
    const char *text, *want; /* "KEY=value;…" */
} good[] = {
    { "", "" },
    { "A=b", "A=b;" },
    { "A=b\nC=d\n", "A=b;C=d;" },
    { "A=b\r\nC=d\r\n", "A=b;C=d;" },
    { " A = b c \n", "A=b c;" },
    { "A=\"quoted\"\nB='x'", "A=\"quoted\";B='x';" },
    { "A==b=c", "A==b=c;" },
    { "A=", "A=;" },
    { "A=1\nA=2", "A=1;A=2;" },
    { "MINE=2\nCI_MINE=3", "MINE=2;CI_MINE=3;" },
    { "A=$B ${C}", "A=$B ${C};" },
};

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        auto_variables v = VARIABLES_INIT;
        auto_err e = ERR_INIT;
        auto_strbuf is = STRBUF_TEXT;
        if (parse(good[i].text, strlen(good[i].text), &v, &e) < 0)
            fail_msg("%s: %s", good[i].text, err_text(&e));
        for (size_t k = 0; k < v.n; k++)
            strbuf_printf(&is, "%s=%s;", v.items[k].key, v.items[k].value);
        assert_string_equal(strbuf_text(&is), good[i].want);
    }
}

static const struct {
    const char *text, *message;
} bad[] = {
    { "A=b\n\nC=d", "line 2 is not KEY=value" },
    { "# A=b\n", "line 1: '# A' is no variable's name" },
    { "A", "line 1 is not KEY=value" },
    { "A-B=c", "line 1: 'A-B' is no variable's name" },
    { "1A=c", "line 1: '1A' is no variable's name" },
    { "=c", "line 1: '' is no variable's name" },
    { "X=y\nCI_PROJECT_ID=7", "line 2: 'CI_PROJECT_ID' is predefined; choose another name" },
    { "A\033[2J=c", "line 1: 'A\\x1b[2J' is no variable's name" },
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        auto_variables v = VARIABLES_INIT;
        auto_err e = ERR_INIT;
        if (parse(bad[i].text, strlen(bad[i].text), &v, &e) == 0)
            fail_msg("%s: taken", bad[i].text);
        assert_int_equal(e.kind, ERR_JOB);
        if (strncmp(err_text(&e), bad[i].message, strlen(bad[i].message)) != 0)
            fail_msg("%s: %s", bad[i].text, err_text(&e));
    }
}

static void test_limits(void **state)
{
    auto_variables v = VARIABLES_INIT;
    auto_err e = ERR_INIT;
    auto_strbuf text = STRBUF_TEXT;

    (void)state;
    assert_int_equal(parse("A=b\0c", 5, &v, &e), -1);
    err_release(&e);
    for (size_t i = 0; i < DOTENV_VARIABLES_MAX; i++)
        strbuf_printf(&text, "A%zu=\n", i);
    assert_int_equal(parse(strbuf_text(&text), text.len, &v, &e), 0);
    assert_int_equal(v.n, DOTENV_VARIABLES_MAX);
    assert_int_equal(parse("B=c", 3, &v, &e), -1);
    assert_string_equal(err_text(&e), "more than 150 variables");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
