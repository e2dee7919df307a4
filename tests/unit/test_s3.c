/* Addresses of objects, and what is signed. That signatures are right, tests/e2e/test_helper_s3.py asks a server. */
#include "cache/transfer/s3.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/expect.h"

static const struct {
    const char *address, *url, *region;
} rows[] = {
    { "s3://b/k", "https://b.s3.us-east-1.amazonaws.com/k", "us-east-1" },
    { "s3://b/p/k?region=eu-west-1", "https://b.s3.eu-west-1.amazonaws.com/p/k", "eu-west-1" },
    { "s3://b/k?region=r&dualstack=true", "https://b.s3.dualstack.r.amazonaws.com/k", "r" },
    { "s3://b/k?region=r&accelerate=true", "https://b.s3-accelerate.amazonaws.com/k", "r" },
    { "s3://b/k?region=r&accelerate=true&dualstack=true", "https://b.s3-accelerate.dualstack.amazonaws.com/k", "r" },
    { "s3://b/k?region=r&use_path_style=true", "https://s3.r.amazonaws.com/b/k", "r" },
    { "s3://b/k?region=r&s3ForcePathStyle=false", "https://b.s3.r.amazonaws.com/k", "r" },
    { "s3://b.c/k?region=r", "https://s3.r.amazonaws.com/b.c/k", "r" }, /* no certificate has such a name */
    { "s3://b/k?endpoint=http%3A%2F%2Fh%3A9000%2F", "http://h:9000/b/k", "us-east-1" },
    { "s3://b/k?endpoint=h:9000&disable_https=true", "http://h:9000/b/k", "us-east-1" },
    { "s3://b/k?endpoint=h&awssdk=v2&unknown=x&broken", "https://h/b/k", "us-east-1" },
    { "s3://b/a b/%2B+/%C3%A4~?endpoint=h", "https://h/b/a%20b/%2B%2B/%C3%A4~", "us-east-1" },
};

static void test_addresses(void **state)
{
    auto_strvec env = STRVEC_INIT;

    (void)state;
    strvec_push(&env, "AWS_ACCESS_KEY_ID=id");
    strvec_push(&env, "AWS_SECRET_ACCESS_KEY=key");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_object o = { 0 };
        assert_int_equal(s3_object(rows[i].address, &env, &o, NULL), 0);
        assert_string_equal(o.url, rows[i].url);
        assert_string_equal(o.signer.region, rows[i].region);
        assert_true(o.is_gocloud);
    }
}

static void test_environment(void **state)
{
    auto_strvec env = STRVEC_INIT;
    auto_object o = { 0 };

    (void)state;
    strvec_push(&env, "AWS_ACCESS_KEY_ID=id");
    strvec_push(&env, "AWS_SECRET_ACCESS_KEY=key");
    strvec_push(&env, "AWS_SESSION_TOKEN=token");
    strvec_push(&env, "AWS_DEFAULT_REGION=second");
    strvec_push(&env, "AWS_REGION=first");
    assert_int_equal(s3_object("s3://b/k?ssetype=aws:kms&kmskeyid=arn:1", &env, &o, NULL), 0);
    assert_string_equal(o.signer.region, "first");
    assert_string_equal(o.signer.key_id, "id");
    assert_string_equal(o.signer.key, "key");
    assert_string_equal(o.signer.token, "token");
    assert_int_equal(o.upload.n, 2);
    assert_string_equal(o.upload.items[0], "x-amz-server-side-encryption: aws:kms");
    assert_string_equal(o.upload.items[1], "x-amz-server-side-encryption-aws-kms-key-id: arn:1");
}

static void test_errors(void **state)
{
    static const char *const bad[][2] = {
        { "s3://", "names no bucket or no object" },
        { "s3://b", "names no bucket or no object" },
        { "s3://b/?region=x", "names no bucket or no object" },
        { "s3:///k", "names no bucket or no object" },
        { "s3://b/k", "AWS_ACCESS_KEY_ID" },
    };
    auto_strvec env = STRVEC_INIT;

    (void)state;
    strvec_push(&env, "AWS_ACCESS_KEY_ID=id");
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        auto_object o = { 0 };
        auto_err e = ERR_INIT;
        assert_int_equal(s3_object(bad[i][0], &env, &o, &e), -1);
        assert_int_equal(e.kind, ERR_CONFIG);
        expect_error(&e, bad[i][1]);
    }
}

static void test_signature(void **state)
{
    char region[] = "eu-west-1", id[] = "AKIDEXAMPLE", key[] = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    const struct signer signer = { .region = region, .key_id = id, .key = key };
    auto_strvec headers = STRVEC_INIT;
    auto_url u = { 0 };

    (void)state;
    assert_int_equal(url_parse("http://h:9000/b/a%20b", &u, NULL), 0);
    strvec_push(&headers, "Range: bytes=0-0");
    strvec_push(&headers, "X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id:  two   words ");
    strvec_push(&headers, "x-amz-server-side-encryption: aws:kms");
    signature_add(&signer, "PUT", &u, "text/plain", 1369353600, &headers);
    assert_true(strvec_has(&headers, "x-amz-date: 20130524T000000Z"));
    assert_string_equal(headers.items[headers.n - 1],
                        "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20130524/eu-west-1/s3/aws4_request, "
                        "SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date;x-amz-server-side-encryption;"
                        "x-amz-server-side-encryption-aws-kms-key-id, "
                        "Signature=75bae36729b173dca3c23c02d76d2423e67cdbbb9c52ad363ddb6cb16d16ef37");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_signature),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
