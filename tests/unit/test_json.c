#include "base/json.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static json_t *parse(const char *text)
{
    json_t *doc = NULL;
    auto_err e = ERR_INIT;
    if (json_parse(text, strlen(text), "the test", &doc, &e) < 0)
        fail_msg("%s", err_text(&e));
    return doc;
}

static const struct {
    const char *text;
    const char *wanted; /* compact, or NULL and an error */
    const char *error;
} documents[] = {
    { "{\"a\": [1, null, \"x\"]}", "{\"a\":[1,null,\"x\"]}", NULL },
    { "\"text\"", "\"text\"", NULL },
    { " 5 ", "5", NULL },
    { "{\"a\":1,\"a\":2}", "{\"a\":2}", NULL },
    { "{\"limit\":18446744073709551615}", "{\"limit\":1.8446744073709552e19}", NULL },
    { "", NULL, "the test is not JSON: line 1, column 0" },
    { "{} x", NULL, "the test is not JSON: line 1, column 4: end of file expected" },
    { "{\n\"password\": hunter2}", NULL, "the test is not JSON: line 2, column 18: invalid token" },
    { "{\"a\":", NULL, "the test is not JSON: line 1" },
    /* Docker takes such labels, keys as well. */
    { "[{\"a\": \"x\\u0000y\"}]", "[{\"a\":\"x\xef\xbf\xbdy\"}]", NULL },
    { "{\"a\\u0000\": \"\\\\u0000\"}", "{\"a\xef\xbf\xbd\":\"\\\\u0000\"}", NULL },
    { "{\"limit\":18446744073709551615, \"a\": \"\\u0000\"}", "{\"limit\":1.8446744073709552e19,\"a\":\"\xef\xbf\xbd\"}", NULL },
    { "\"\\u0000", NULL, "the test is not JSON: line 1" },
    { "\"\xff\"", NULL, "the test is not JSON: line 1" },
};

static void test_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(documents); i++) {
        auto_json *doc = NULL;
        auto_err e = ERR_INIT;
        int got = json_parse(documents[i].text, strlen(documents[i].text), "the test", &doc, &e);
        if (got != (documents[i].wanted ? 0 : -1))
            fail_msg("'%s': %d '%s'", documents[i].text, got, err_text(&e));
        if (documents[i].wanted) {
            auto_free char *compact = json_compact(doc);
            assert_string_equal(compact, documents[i].wanted);
        } else if (!strstr(err_text(&e), documents[i].error) || strstr(err_text(&e), "hunter2")) {
            fail_msg("'%s': '%s'", documents[i].text, err_text(&e));
        }
    }
}

static void test_parse_takes_a_length(void **state)
{
    (void)state;
    auto_json *doc = NULL;
    assert_int_equal(json_parse("[1]garbage", 3, "x", &doc, NULL), 0);
    assert_int_equal(json_array_size(doc), 1);
}

static const char members[] = "{\"text\":\"t\",\"empty\":\"\",\"seven\":7,\"real\":1.5,\"digits\":\"42\",\"yes\":true,"
                              "\"no\":false,\"yes text\":\"true\",\"no text\":\"false\",\"null\":null,"
                              "\"list\":[\"a\",1,null,\"b\"],\"huge\":1e300,\"map\":{\"in\":{\"x\":\"deep\"}}}";

static const struct {
    const char *key, *text, *text_any;
    int64_t number; /* -1: the default */
    char flag;      /* 't', 'f', or the default '-' */
} reads[] = {
    { "text", "t", "t", -1, '-' },
    { "empty", "", "", -1, '-' },
    { "seven", "", "7", 7, '-' },
    { "real", "", "1.5", 1, '-' },
    { "digits", "42", "42", 42, '-' },
    { "yes", "", "", -1, 't' },
    { "no", "", "", -1, 'f' },
    { "yes text", "true", "true", -1, 't' },
    { "no text", "false", "false", -1, 'f' },
    { "null", "", "", -1, '-' },
    { "list", "", "", -1, '-' },
    { "huge", "", "1e+300", -1, '-' },
    { "missing", "", "", -1, '-' },
};

static char flag_of(const json_t *doc, const char *key)
{
    bool without = json_flag(doc, key, false), with = json_flag(doc, key, true);
    return without != with ? '-' : with ? 't' : 'f';
}

static void test_members(void **state)
{
    (void)state;
    auto_json *doc = parse(members);
    for (size_t i = 0; i < ARRAY_SIZE(reads); i++) {
        auto_free char *any = json_text_any(doc, reads[i].key);
        int64_t number = json_number(doc, reads[i].key, -1);
        if (strcmp(json_text(doc, reads[i].key), reads[i].text) != 0 || strcmp(any, reads[i].text_any) != 0 ||
            number != reads[i].number || flag_of(doc, reads[i].key) != reads[i].flag)
            fail_msg("%s: '%s', '%s', %" PRId64 ", %c", reads[i].key, json_text(doc, reads[i].key), any, number,
                     flag_of(doc, reads[i].key));
    }
}

static void test_nothing_to_read(void **state)
{
    (void)state;
    auto_json *list = parse("[]");
    const json_t *const odd[] = { NULL, list };
    for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
        auto_strvec v = STRVEC_INIT;
        json_list(odd[i], "x", &v);
        assert_int_equal(v.n, 0);
        assert_string_equal(json_text(odd[i], "x"), "");
        assert_int_equal(json_number(odd[i], "x", 9), 9);
        assert_true(json_flag(odd[i], "x", true));
        assert_null(json_at(odd[i], "x", "y"));
    }
}

static void test_lists(void **state)
{
    (void)state;
    auto_json *doc = parse(members);
    auto_strvec v = STRVEC_INIT;
    strvec_push(&v, "before");
    json_list(doc, "list", &v);
    auto_free char *joined = strvec_join(&v, ",");
    assert_string_equal(joined, "before,a,b");
}

static void test_at(void **state)
{
    (void)state;
    auto_json *doc = parse(members);
    assert_string_equal(json_string_value(json_at(doc, "map", "in", "x")), "deep");
    assert_null(json_at(doc, "map", "out", "x"));
    assert_null(json_at(doc, "text", "in"));
}

static void test_strings(void **state)
{
    (void)state;
    auto_strvec v = STRVEC_INIT;
    auto_json *nothing = json_strings(&v);
    strvec_push(&v, "A=\"1\"\n");
    strvec_push(&v, "caf\xc3\xa9");
    strvec_push(&v, "bad \xff byte");
    auto_json *list = json_strings(&v);
    auto_free char *empty = json_compact(nothing);
    auto_free char *text = json_compact(list);
    assert_string_equal(empty, "[]");
    assert_string_equal(text, "[\"A=\\\"1\\\"\\n\",\"caf\xc3\xa9\",\"bad ? byte\"]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),           cmocka_unit_test(test_parse_takes_a_length),
        cmocka_unit_test(test_members),         cmocka_unit_test(test_nothing_to_read),
        cmocka_unit_test(test_lists),           cmocka_unit_test(test_at),
        cmocka_unit_test(test_strings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
