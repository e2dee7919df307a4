#include "cache/transfer/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/expect.h"

static const struct {
    const char *text, *origin, *path, *shown, *host;
} good[] = {
    { "http://h", "http://h", "/", "http://h/", "h" },
    { "https://h:443/a?b=c", "https://h", "/a?b=c", "https://h/a", "h" },
    { "https://h:8443/a/../b//%2F?s=%2B", "https://h:8443", "/a/../b//%2F?s=%2B", "https://h:8443/a/../b//%2F", "h" },
    { "http://user:secret@h/x?y", "http://h", "/x?y", "http://h/x", "h" },
    { "http://[::1]:80/x#part", "http://[::1]", "/x", "http://[::1]/x", "[::1]" },
    { "http://[::1]:81/", "http://[::1]:81", "/", "http://[::1]:81/", "[::1]" },
};

static void test_parts(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        auto_url u = { 0 };
        assert_int_equal(url_parse(good[i].text, &u, NULL), 0);
        auto_free char *host = url_host(&u);
        assert_string_equal(u.origin, good[i].origin);
        assert_string_equal(u.path, good[i].path);
        assert_string_equal(u.shown, good[i].shown);
        assert_string_equal(host, good[i].host);
    }
}

static void test_none(void **state)
{
    static const char *const bad[] = { "", "h/x", "ftp://h/secret", "http://", "file:///etc/passwd", "http://a b/secret" };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        auto_url u = { 0 };
        auto_err e = ERR_INIT;
        assert_int_equal(url_parse(bad[i], &u, &e), -1);
        assert_int_equal(e.kind, ERR_USAGE);
        expect_error(&e, "this is no http:// or https:// address");
        assert_null(strstr(err_text(&e), "secret"));
    }
}

static void test_follow(void **state)
{
    static const struct {
        const char *location, *wanted;
        bool same;
    } rows[] = {
        { "/d?e", "http://h:1/d?e", true },
        { "d", "http://h:1/a/d", true },
        { "//h:1/x y", "http://h:1/x%20y", true },
        { "http://H:1/", "http://h:1/", true },
        { "http://h/", "http://h/", false },
        { "https://h:1/", "https://h:1/", false },
        { "http://other:1/", "http://other:1/", false },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_url from = { 0 };
        auto_url to = { 0 };
        assert_int_equal(url_parse("http://h:1/a/b?c", &from, NULL), 0);
        assert_int_equal(url_follow(&from, rows[i].location, &to, NULL), 0);
        auto_free char *got = xasprintf("%s%s", to.origin, to.path);
        assert_int_equal(strcasecmp(got, rows[i].wanted), 0);
        assert_int_equal(url_same_origin(&from, &to), rows[i].same);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_follow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
