#include "base/strbuf.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

static const struct {
    const char *name;
    size_t max;
    const char *pieces[4];
    int last; /* what adding the last piece answers */
    const char *text;
} appends[] = {
    { "nothing", 10, { "" }, 0, "" },
    { "pieces", 10, { "ab", "", "cd" }, 0, "abcd" },
    { "just full", 4, { "ab", "cd" }, 0, "abcd" },
    { "one too many", 4, { "ab", "cde" }, -1, "ab" },
    { "full and empty", 2, { "ab", "" }, 0, "ab" },
    { "no room at all", 0, { "a" }, -1, "" },
};

static void test_append(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(appends); i++) {
        auto_strbuf b = STRBUF_INIT(appends[i].max);
        int last = 1;
        for (size_t k = 0; k < 4 && appends[i].pieces[k]; k++)
            last = strbuf_add(&b, appends[i].pieces[k], strlen(appends[i].pieces[k]));
        if (last != appends[i].last || strcmp(strbuf_text(&b), appends[i].text) != 0 ||
            b.len != strlen(appends[i].text))
            fail_msg("%s: %d '%s'", appends[i].name, last, strbuf_text(&b));
    }
}

static void test_grows(void **state)
{
    (void)state;
    auto_strbuf b = STRBUF_TEXT;
    for (int i = 0; i < 100000; i++) {
        strbuf_putc(&b, (char)('a' + i % 26));
        assert_int_equal(b.data[b.len], '\0');
    }
    assert_int_equal(b.len, 100000);
    for (int i = 0; i < 100000; i++)
        assert_int_equal(b.data[i], 'a' + i % 26);
    assert_true(b.size < 200000);
}

static void test_bytes(void **state)
{
    (void)state;
    auto_strbuf b = STRBUF_INIT(16);
    assert_int_equal(strbuf_add(&b, "a\0b", 3), 0);
    strbuf_printf(&b, "%d-%s", 42, "x");
    strbuf_putn(&b, "yz", 1);
    strbuf_puts(&b, "!");
    assert_int_equal(b.len, 9);
    assert_memory_equal(b.data, "a\0b42-xy!", 10);
}

static const struct {
    size_t drop;
    const char *rest;
} drops[] = { { 0, "abcdef" }, { 1, "bcdef" }, { 5, "f" }, { 6, "" }, { 99, "" } };

static void test_drop(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(drops); i++) {
        auto_strbuf b = STRBUF_INIT(16);
        strbuf_puts(&b, "abcdef");
        strbuf_drop(&b, drops[i].drop);
        assert_string_equal(strbuf_text(&b), drops[i].rest);
        assert_int_equal(b.len, strlen(drops[i].rest));
    }
    auto_strbuf empty = STRBUF_INIT(16);
    strbuf_drop(&empty, 3);
    assert_string_equal(strbuf_text(&empty), "");
}

static void test_take_clear_release(void **state)
{
    (void)state;
    auto_strbuf b = STRBUF_INIT(4);
    auto_free char *nothing = strbuf_take(&b);
    assert_string_equal(nothing, "");

    strbuf_puts(&b, "abcd");
    auto_free char *text = strbuf_take(&b);
    assert_string_equal(text, "abcd");
    assert_int_equal(b.len, 0);

    strbuf_puts(&b, "wxyz"); /* the limit is of what it holds now */
    strbuf_clear(&b);
    assert_string_equal(strbuf_text(&b), "");
    strbuf_puts(&b, "1234");
    strbuf_release(&b);
    assert_string_equal(strbuf_text(&b), "");
    strbuf_puts(&b, "5");
    assert_string_equal(strbuf_text(&b), "5");
}

/* Our own text past the limit is a broken promise. */
static void test_own_text_past_the_limit(void **state)
{
    (void)state;
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        struct strbuf b = STRBUF_INIT(3);
        (void)signal(SIGABRT, SIG_DFL);
        strbuf_puts(&b, "abcd");
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_append), cmocka_unit_test(test_grows),
        cmocka_unit_test(test_bytes),  cmocka_unit_test(test_drop),
        cmocka_unit_test(test_take_clear_release), cmocka_unit_test(test_own_text_past_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
