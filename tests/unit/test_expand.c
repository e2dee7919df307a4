#include "cache/select/expand.h"

#include "base/strbuf.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static char home[] = "HOME=/home/caf\xc3\xa9", name[] = "N=7", file[] = "FILE=dir/a.tar.gz", empty[] = "EMPTY=",
            star[] = "STAR=*", same[] = "TWICE=old", later[] = "TWICE=new";
static char *const env[] = { home, name, file, empty, star, same, later, NULL };

static const struct {
    const char *text, *wanted;
} rows[] = {
    { "plain/**/*.o", "plain/**/*.o" },
    { "$HOME/x", "/home/caf\xc3\xa9/x" },
    { "${HOME}x$UNSET-", "/home/caf\xc3\xa9x-" },
    { "$HOMEx", "" },
    { "$TWICE", "new" },
    { "~ 'q' \"$N\" a b", "~ 'q' \"7\" a b" },
    { "\\$N \\\\ \\` \\\" \\[a\\] x\\", "$N \\ ` \\\" \\[a\\] x\\" },
    { "$ a$/ $", "$ a$/ $" },
    { "$1$@$?${1}${10}${#}", "" },
    { "${UNSET-d}${UNSET:-e}${EMPTY-f}${EMPTY:-g}${N:-h}", "deg7" },
    { "${N+a}${EMPTY+b}${EMPTY:+c}${UNSET+d}", "ab" },
    { "${N:=x}${N?x}", "77" },
    { "${UNSET:-$HOME/${UNSET:-\"a b\"}'$N'}", "/home/caf\xc3\xa9/a b$N" },
    { "${UNSET:-a\\}b}", "a}b" },
    { "${N:-${UNSET:?not looked at}}", "7" },
    { "${#HOME}${#UNSET}", "100" },
    { "${HOME:1:4}|${HOME: -1}|${HOME:6:-1}|${HOME:99}|${HOME:N-6}", "home|\xc3\xa9|caf||home/caf\xc3\xa9" },
    { "${FILE%.*} ${FILE%%.*} ${FILE#*/} ${FILE##*.}", "dir/a.tar dir/a a.tar.gz gz" },
    { "${FILE%'.gz'}${FILE%$STAR}|${FILE%%$STAR}|${FILE%%\"$STAR\"}", "dir/a.tardir/a.tar.gz||dir/a.tar.gz" },
    { "${FILE#[a-e]?r}${FILE%[!a-y]}${FILE%\\*}", "/a.tar.gzdir/a.tar.gdir/a.tar.gz" },
    { "${FILE/a/A}|${FILE//a/$N}|${FILE/#dir/d}|${FILE/%gz/z}|${FILE/#a/b}|${FILE//.}",
      "dir/A.tar.gz|dir/7.t7r.gz|d/a.tar.gz|dir/a.tar.z|dir/a.tar.gz|dir/atargz" },
    { "${FILE^}${FILE^^}${FILE,,}", "Dir/a.tar.gzDIR/A.TAR.GZdir/a.tar.gz" },
    { "$((1+2*3))$(((1+2)*3))$((2**3**2))", "79512" },
    { "$((N%4-10))$((-7/2))$((7>6&&!0))$((0x1f))$((UNSET))$(($N<<2))", "-7-3131028" },
    { "$((1?2:1/0))$((0&&1/0))$((1||1/0))", "201" },
    { "$((9223372036854775807+1))", "-9223372036854775808" },
    { "$(((-9223372036854775807-1)/-1))$((5%-1))", "-92233720368547758080" },
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_free char *got = NULL;
        auto_err e = ERR_INIT;
        if (expand_text(rows[i].text, env, &got, &e) < 0)
            fail_msg("'%s': %s", rows[i].text, err_text(&e));
        if (strcmp(got, rows[i].wanted) != 0)
            fail_msg("'%s': wanted '%s', got '%s'", rows[i].text, rows[i].wanted, got);
    }
}

static const struct {
    const char *text, *error;
} errors[] = {
    { "$(ls)", "unexpected command substitution at 1:1" },
    { "a`ls`", "unexpected command substitution at 1:2" },
    { "${UNSET:-a$(b)}", "unexpected command substitution at 1:11" },
    { "${", "invalid parameter name" },
    { "${}", "invalid parameter name" },
    { "${N", "reached the end" },
    { "${N:-x", "reached the end" },
    { "${N:-'x}", "reached the end" },
    { "${N@Q}", "not a valid parameter expansion operator" },
    { "${N x}", "not a valid parameter expansion operator" },
    { "${UNSET:=x}", "variables cannot be set" },
    { "${UNSET:?is missing}", "UNSET: is missing" },
    { "$((1/0))", "division by zero" },
    { "$((1+))", "expression is missing" },
    { "$((N=1))", "left over" },
    { "$((1)", "needs ))" },
    { "$((1+(2", "reached the end" },
    { "$((1) + 2)", "needs ))" },
    { "$((2x))", "not a number" },
};

static void test_errors(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
        auto_free char *got = NULL;
        auto_err e = ERR_INIT;
        if (expand_text(errors[i].text, env, &got, &e) == 0)
            fail_msg("'%s' is taken", errors[i].text);
        if (e.kind != ERR_JOB || !strstr(err_text(&e), errors[i].error))
            fail_msg("'%s': '%s' is not about '%s'", errors[i].text, err_text(&e), errors[i].error);
    }
}

static int expand_repeated(const char *begin, const char *piece, const char *end, int n)
{
    auto_strbuf text = STRBUF_TEXT;
    auto_free char *got = NULL;
    strbuf_puts(&text, begin);
    for (int i = 0; i < n; i++)
        strbuf_puts(&text, piece);
    strbuf_puts(&text, end);
    return expand_text(strbuf_text(&text), env, &got, NULL);
}

static void test_limits(void **state)
{
    (void)state;
    assert_int_equal(expand_repeated("", "$FILE", "", 1000), 0);
    assert_int_equal(expand_repeated("", "$FILE", "", 2000), -1);
    assert_int_equal(expand_repeated("", "${UNSET:-", "", 100000), -1);
    assert_int_equal(expand_repeated("$((", "(", "1))", 100000), -1);
    assert_int_equal(expand_repeated("$((", "-", "1))", 10000), -1);
    assert_int_equal(expand_repeated("${FILE%", "*a", "}", 1000), -1);
}

static void test_paths(void **state)
{
    int fds[2];
    char got[256] = "";
    auto_strvec paths = STRVEC_INIT;
    (void)state;
    strvec_push(&paths, "$N/x");
    strvec_push(&paths, "$(rm)");
    strvec_push(&paths, "$UNSET");
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    struct report r = { .fd = fds[1] };
    expand_paths(&paths, env, &r);
    (void)close(fds[1]);
    assert_true(read(fds[0], got, sizeof(got) - 1) > 0);
    (void)close(fds[0]);
    assert_string_equal(got, "WARNING: invalid path \"\": unexpected command substitution at 1:1 \n");
    assert_string_equal(paths.items[0], "7/x");
    assert_string_equal(paths.items[1], "$(rm)");
    assert_string_equal(paths.items[2], "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
