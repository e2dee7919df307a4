#include "cache/transfer/coordinator.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static void test_address(void **state)
{
    static const char *const bases[] = { "https://h", "https://h/", "https://h/ci", "https://h/ci/", "https://h//" };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bases); i++) {
        const struct coordinator c = { .url = bases[i], .id = 7 };
        auto_free char *plain = coordinator_artifacts_url(&c, "");
        auto_free char *query = coordinator_artifacts_url(&c, "a=b");
        assert_string_equal(plain, "https://h/api/v4/jobs/7/artifacts");
        assert_string_equal(query, "https://h/api/v4/jobs/7/artifacts?a=b");
    }
    auto_free char *below = coordinator_artifacts_url(&(const struct coordinator){ .url = "https://h/git/", .id = 7 }, "");
    assert_string_equal(below, "https://h/git/api/v4/jobs/7/artifacts");
}

static void test_token(void **state)
{
    static const char *const rows[][2] = {
        { "glcbt-64_abcdefghijk", "64_abcdef" }, { "glrt-abcdefghijk", "abcdefghi" },
        { "GR1348941abcdefghijk", "abcdefghi" }, { "eyJhbGciOiJSUzI1NiJ9", "eyJhbGciO" },
        { "short", "short" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_free char *got = coordinator_short_token(rows[i][0]);
        assert_string_equal(got, rows[i][1]);
    }
}

static int64_t wait_of(const char *header)
{
    auto_http_response r = HTTP_RESPONSE_INIT;

    if (header)
        strvec_push(&r.headers, header);
    return coordinator_wait_ms(&r, 1234);
}

static void test_wait(void **state)
{
    char header[128];
    const time_t soon = time(NULL) + 20;
    struct tm tm;

    (void)state;
    assert_int_equal(wait_of(NULL), 1234);
    assert_int_equal(wait_of("retry-after: 3"), 3000);
    assert_int_equal(wait_of("retry-after: 3600"), 60000);
    assert_int_equal(wait_of("retry-after: soon"), 1234);
    assert_int_equal(wait_of("ratelimit-resettime: Tue, 05 Jan 2021 11:00:00 GMT"), 0);
    assert_non_null(gmtime_r(&soon, &tm));
    assert_true(strftime(header, sizeof(header), "ratelimit-resettime: %a, %d %b %Y %H:%M:%S GMT", &tm) > 0);
    assert_in_range(wait_of(header), 1, 20000);
}

static void test_complaint(void **state)
{
    static const struct {
        const char *type, *body, *wanted;
    } rows[] = {
        { "application/json", "{\"message\": \"no\\nroom\"}", "POST http://h/x?a=b: 400 Bad Request (no\\nroom)" },
        { "application/json; charset=utf-8", "{\"message\": \"no\"}", "POST http://h/x?a=b: 400 Bad Request (no)" },
        { "application/json", "{}", "400 Bad Request" },
        { "application/json", "{", "400 Bad Request" },
        { "text/html", "{\"message\": \"no\"}", "400 Bad Request" },
    };
    const struct transfer_request q = { .method = "POST", .url = "http://user:secret@h/x?a=b" };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_http_response r = HTTP_RESPONSE_INIT;
        r.status = 400;
        strvec_pushf(&r.headers, "content-type: %s", rows[i].type);
        strbuf_puts(&r.body, rows[i].body);
        auto_free char *got = coordinator_complaint(&q, &r);
        assert_string_equal(got, rows[i].wanted);
    }
}

static void test_correlation(void **state)
{
    auto_http_response r = HTTP_RESPONSE_INIT;
    auto_free char *one = coordinator_request_id();
    auto_free char *two = coordinator_request_id();

    (void)state;
    assert_string_not_equal(one, two);
    assert_int_equal(strlen(coordinator_correlation(one, &r)), 32);
    strvec_push(&r.headers, "x-request-id: theirs");
    assert_string_equal(coordinator_correlation(one, &r), "theirs");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_address), cmocka_unit_test(test_token),       cmocka_unit_test(test_wait),
        cmocka_unit_test(test_complaint), cmocka_unit_test(test_correlation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
