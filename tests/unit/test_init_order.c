#include "executor/init/order.h"
#include "executor/init/script.h"
#include "stages/shell.h"

#include "base/memory.h"
#include "base/strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define BYTES(text) text, sizeof(text) - 1

static const struct {
    const char *data;
    size_t len;
    size_t arguments;
    const char *want; /* arguments with ' ' behind, then variables with ',' behind; NULL: refused */
} rows[] = {
    { BYTES(""), 0, "" },
    { BYTES("sh\0-c\0echo\0"), 3, "sh -c echo " },
    { BYTES("A=1\0B=\0"), 0, "A=1,B=," },
    { BYTES("sh\0A=1\0"), 1, "sh A=1," },
    { BYTES("\0\0"), 2, "  " },
    { BYTES("A=b=c\0"), 0, "A=b=c," },
    { BYTES("sh\0A=1"), 1, NULL },  /* does not end */
    { BYTES("sh"), 1, NULL },
    { BYTES("sh\0"), 2, NULL },     /* fewer than it says */
    { BYTES(""), 1, NULL },
    { BYTES("sh\0"), SIZE_MAX, NULL },
    { BYTES("sh\0A\0"), 1, NULL },  /* no variable */
    { BYTES("sh\0=1\0"), 1, NULL },
    { BYTES("sh\0\0"), 1, NULL },
};

static void test_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        for (size_t room = 0; room < 3; room++) {
            auto_free char *data = xmalloc(rows[i].len); /* of exactly that size: a byte beyond it is seen */
            struct order_words words = { 0 };
            auto_strbuf got = STRBUF_TEXT;
            memcpy(data, rows[i].data, rows[i].len);
            int rc = order_words_read(data, rows[i].len, rows[i].arguments, room, &words);
            assert_int_equal(rc, rows[i].want ? 0 : -1);
            if (rc < 0)
                continue;
            for (size_t n = 0; n < room; n++)
                assert_null(words.argv[n]);
            for (char **word = words.argv + room; *word; word++)
                strbuf_printf(&got, "%s ", *word);
            for (char **variable = words.env; *variable; variable++)
                strbuf_printf(&got, "%s,", *variable);
            assert_string_equal(strbuf_text(&got), rows[i].want);
            free(words.argv);
            free(words.env);
        }
}

/* Both ways look for the image's shell in the same places, in the same order. */
static void test_shells(void **state)
{
    auto_strbuf list = STRBUF_TEXT;

    (void)state;
    strbuf_puts(&list, "for shell in");
    for (const char *const *shell = script_shells; *shell; shell++)
        strbuf_printf(&list, " %s", *shell);
    strbuf_puts(&list, "; do");
    assert_non_null(strstr(shell_runner, strbuf_text(&list)));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_words), cmocka_unit_test(test_shells) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
