#include "engine/registry_auth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define HEX32  "0123456789abcdef0123456789abcdef"
#define TAG128 HEX32 HEX32 HEX32 HEX32
#define DIGEST "sha256:" HEX32 HEX32

static const struct {
    const char *name, *host, *path, *tag, *digest;
} good[] = {
    { "debian", "docker.io", "library/debian", NULL, NULL },
    { "debian:12", "docker.io", "library/debian", "12", NULL },
    { "user/app", "docker.io", "user/app", NULL, NULL },
    { "docker.io/debian", "docker.io", "library/debian", NULL, NULL },
    { "index.docker.io/user/app", "docker.io", "user/app", NULL, NULL },
    { "localhost/app", "localhost", "app", NULL, NULL },
    { "localhost:5000/app:v1", "localhost:5000", "app", "v1", NULL },
    { "127.0.0.1:5000/a/b/c", "127.0.0.1:5000", "a/b/c", NULL, NULL },
    { "registry.example.org/group/app:1.2-rc_3", "registry.example.org", "group/app", "1.2-rc_3", NULL },
    { "REGISTRY/app", "registry", "app", NULL, NULL },
    { "Registry.Example.ORG:443/app", "registry.example.org:443", "app", NULL, NULL },
    { "[2001:db8::1]:5000/app:x", "[2001:db8::1]:5000", "app", "x", NULL },
    { "app@" DIGEST, "docker.io", "library/app", NULL, DIGEST },
    { "r.io/a:t@" DIGEST, "r.io", "a", "t", DIGEST },
    { "foo_bar/b__c--d.e", "docker.io", "foo_bar/b__c--d.e", NULL, NULL },
    { "app:" TAG128, "docker.io", "library/app", TAG128, NULL },
    { "app:5000", "docker.io", "library/app", "5000", NULL },
};

static const struct {
    const char *name, *says;
} bad[] = {
    { "", "empty" },
    { "Debian", "path" },
    { "debian:", "tag" },
    { "debian:a b", "tag" },
    { "debian:.x", "tag" },
    { "app:" TAG128 "x", "tag" },
    { "/debian", "path" },
    { "debian/", "path" },
    { "r.io//app", "path" },
    { "r.io/../app", "path" },
    { "a..b", "path" },
    { "a___b", "path" },
    { "-app", "path" },
    { "a.b__c/app", "host" },
    { "r.io:port/app", "host" },
    { "-r.io/app", "host" },
    { "app@sha256:12", "digest" },
    { "app@" DIGEST "@" DIGEST, "digest" },
    { "app\nFROM evil", "app\\nFROM evil" },
    { "https://r.io/app", "host" },
};

static void test_good_references(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        auto_image_reference r = { 0 };
        auto_err e = ERR_INIT;
        if (image_reference_parse(good[i].name, &r, &e) < 0)
            fail_msg("%s: %s", good[i].name, err_text(&e));
        assert_string_equal(r.host, good[i].host);
        assert_string_equal(r.path, good[i].path);
        assert_string_equal(r.tag ? r.tag : "-", good[i].tag ? good[i].tag : "-");
        assert_string_equal(r.digest ? r.digest : "-", good[i].digest ? good[i].digest : "-");
    }
}

static void test_bad_references(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        auto_image_reference r = { 0 };
        auto_err e = ERR_INIT;
        if (image_reference_parse(bad[i].name, &r, &e) == 0)
            fail_msg("'%s' was taken", bad[i].name);
        assert_int_equal(e.kind, ERR_JOB);
        if (!strstr(err_text(&e), bad[i].says))
            fail_msg("'%s': %s", bad[i].name, err_text(&e));
        assert_null(r.host);
    }
}

static void test_long_references(void **state)
{
    (void)state;
    static const size_t lengths[] = { 250, 300, 700, 100000 };
    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        auto_free char *name = xmalloc(lengths[i] + 1);
        memset(name, 'a', lengths[i]);
        name[lengths[i]] = '\0';
        auto_image_reference r = { 0 };
        auto_err e = ERR_INIT;
        assert_int_equal(image_reference_parse(name, &r, &e), -1);
        assert_true(strlen(err_text(&e)) < 600);
    }
}

static const struct {
    struct registry_auth auth;
    const char *want;
} headers[] = {
    /* by Python: base64.urlsafe_b64encode(json.dumps(…, separators=(",", ":")).encode()) */
    { { "ada", "secret", "r.io:5000" },
      "X-Registry-Auth: "
      "eyJ1c2VybmFtZSI6ImFkYSIsInBhc3N3b3JkIjoic2VjcmV0Iiwic2VydmVyYWRkcmVzcyI6InIuaW86NTAwMCJ9" },
    { { .server = "r.io", .identity_token = "tok" }, "X-Registry-Auth: eyJzZXJ2ZXJhZGRyZXNzIjoici5pbyIsImlkZW50aXR5dG9rZW4iOiJ0b2sifQ==" },
    { { .server = "r.io", .registry_token = "t2" }, "X-Registry-Auth: eyJzZXJ2ZXJhZGRyZXNzIjoici5pbyIsInJlZ2lzdHJ5dG9rZW4iOiJ0MiJ9" },
};

static void test_headers(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
        auto_free char *header = registry_auth_header(&headers[i].auth);
        assert_string_equal(header, headers[i].want);
    }
    auto_free char *nobody = registry_auth_header(NULL);
    assert_string_equal(nobody, "X-Registry-Auth: e30=");
    /* '?' and '>' beside each other make the two characters that differ from plain base64. */
    const struct registry_auth odd = { "\"u\"", "~~~?~?>~>~\xc3\xbf\xc3\xbf", "r" };
    auto_free char *url_safe = registry_auth_header(&odd);
    assert_null(strpbrk(url_safe, "+/"));
    assert_non_null(strpbrk(strchr(url_safe, ' '), "-_"));
    const struct registry_auth latin1 = { "ada", "\xff", "r" };
    assert_null(registry_auth_header(&latin1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_references),
        cmocka_unit_test(test_bad_references),
        cmocka_unit_test(test_long_references),
        cmocka_unit_test(test_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
