#include "stages/deploy/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void put(struct strbuf *out, char kind, const char *text)
{
    wire_put(out, (enum wire_kind)kind, text, strlen(text));
}

/* Fields as "KIND text", one after the other, and the end. */
static int read_fields(const char *const *list, struct wire_request *out, const char **why)
{
    auto_strbuf text = STRBUF_INIT(WIRE_REQUEST_MAX);

    for (; *list; list++)
        put(&text, (*list)[0], *list + 2);
    wire_put(&text, WIRE_DONE, "", 0);
    return wire_request_get(text.data, text.len, out, why);
}

static void test_request_arrives_as_it_was_sent(void **state)
{
    char staging[] = "staging-server", file[] = "docker-compose.yml", bytes[] = "a\0b\n", accent[] = "é", t[] = "t",
         empty[] = "";
    const struct wire_request requests[] = {
        { .action = WIRE_UP, .target = staging, .file = file,
          .text = bytes, .len = 4 },
        { .action = WIRE_DRY_RUN, .target = accent, .file = t, .text = empty },
        { .action = WIRE_ROLLBACK, .target = t },
        { .action = WIRE_ROLLBACK, .target = t, .release = 999999999 },
        { .action = WIRE_RELEASES, .target = t },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
        const struct wire_request *q = &requests[i];
        struct wire_request got = { 0 };
        auto_strbuf text = STRBUF_INIT(WIRE_REQUEST_MAX);
        const char *why = NULL;
        wire_request_put(&text, q);
        for (size_t len = 0; len < text.len; len++)
            assert_int_equal(wire_request_get(text.data, len, &got, &why), 0);
        assert_int_equal(wire_request_get(text.data, text.len, &got, &why), 1);
        assert_int_equal(got.action, q->action);
        assert_int_equal(got.release, q->release);
        assert_string_equal(got.target, q->target);
        assert_int_equal(got.len, q->len);
        if (q->file) {
            assert_string_equal(got.file, q->file);
            assert_memory_equal(got.text, q->text, q->len + 1);
        } else {
            assert_null(got.file);
            assert_null(got.text);
        }
        wire_request_release(&got);
    }
}

static const struct {
    const char *fields[8];
    const char *why;
} refused[] = {
    { { NULL }, "different versions" },
    { { "v 2", "a releases", "t x" }, "different versions" },
    { { "v 1", "t x" }, "what to do" },
    { { "v 1", "a destroy", "t x" }, "does not know what it asks for" },
    { { "v 1", "a up ", "t x", "f a", "c b" }, "does not know what it asks for" },
    { { "v 1", "a releases" }, "names no target" },
    { { "v 1", "a releases", "t " }, "empty" },
    { { "v 1", "a releases", "t a\nb" }, "control characters" },
    { { "v 1", "a releases", "t a\x1b[2J" }, "control characters" },
    { { "v 1", "v 1" }, "twice" },
    { { "v 1", "a up", "t x" }, "needs a file" },
    { { "v 1", "a up", "t x", "f a" }, "needs a file" },
    { { "v 1", "a up", "t x", "c a" }, "needs a file" },
    { { "v 1", "a releases", "t x", "f a", "c b" }, "does not need" },
    { { "v 1", "a rollback", "t x", "c b" }, "does not need" },
    { { "v 1", "a releases", "t x", "r 1" }, "release" },
    { { "v 1", "a up", "t x", "f a", "c b", "r 1" }, "release" },
    { { "v 1", "a rollback", "t x", "r 0" }, "release" },
    { { "v 1", "a rollback", "t x", "r -1" }, "release" },
    { { "v 1", "a rollback", "t x", "r 1 " }, "release" },
    { { "v 1", "a rollback", "t x", "r 9999999999" }, "release" },
    { { "v 1", "q what" }, "does not know" },
};

static void test_refuses_what_is_no_request(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        struct wire_request got = { 0 };
        const char *why = NULL;
        assert_int_equal(read_fields(refused[i].fields, &got, &why), -1);
        if (!strstr(why, refused[i].why))
            fail_msg("%zu: '%s' does not say '%s'", i, why, refused[i].why);
        assert_null(got.target);
    }
}

static void test_refuses_what_is_too_long_before_it_came(void **state)
{
    static const struct {
        const char *header;
        int want;
    } headers[] = { { "c\x00\x10\x00\x00", 0 }, { "c\x00\x10\x00\x01", -1 }, { "c\xff\xff\xff\xff", -1 } };
    auto_strbuf target = STRBUF_INIT(WIRE_REQUEST_MAX);
    struct wire_request got = { 0 };
    char name[256];
    const char *why = NULL;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(headers); i++)
        assert_int_equal(wire_request_get(headers[i].header, 5, &got, &why), headers[i].want);
    memset(name, 't', sizeof(name));
    wire_put(&target, WIRE_TARGET, name, sizeof(name));
    assert_int_equal(wire_request_get(target.data, target.len, &got, &why), -1);
    assert_string_equal(why, "a field is too long");
}

static void test_number(void **state)
{
    (void)state;
    assert_int_equal(wire_number("0", 1, 255), 0);
    assert_int_equal(wire_number("255", 3, 255), 255);
    assert_int_equal(wire_number("256", 3, 255), -1);
    assert_int_equal(wire_number("", 0, 255), -1);
    assert_int_equal(wire_number("+1", 2, 255), -1);
    assert_int_equal(wire_number("4294967296", 10, 999999999), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request_arrives_as_it_was_sent),
        cmocka_unit_test(test_refuses_what_is_no_request),
        cmocka_unit_test(test_refuses_what_is_too_long_before_it_came),
        cmocka_unit_test(test_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
