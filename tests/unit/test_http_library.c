/* What a process leaves out that loads libcurl for a Unix socket alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/digest.h"
#include "base/http.h"

#include <dlfcn.h>
#include <openssl/err.h>
#include <openssl/pem.h>

/* GnuTLS finds it only if the program exports it. */
static void test_gnutls_is_told(void **state)
{
    (void)state;
    assert_non_null(dlsym(RTLD_DEFAULT, "_gnutls_global_init_skip"));
}

static void test_openssl_is_told(void **state)
{
    (void)state;
    static const struct http_origin origin = { .unix_socket = "/nonexistent", .base = "http://docker" };
    auto_http *h = NULL;

    http_without_tls();
    assert_int_equal(http_open(&origin, &h, NULL), 0);
    assert_null(ERR_reason_error_string(ERR_PACK(ERR_LIB_PEM, 0, PEM_R_NO_START_LINE)));
}

/* Ours are asked for by what they are, not by their names. */
static void test_digests_are_still_made(void **state)
{
    (void)state;
    unsigned char sum[DIGEST_BYTES];

    http_without_tls();
    auto_free char *sha256 = digest_sha256_hex("abc");
    auto_free char *sha1 = digest_sha1_hex("abc");
    assert_string_equal(sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_string_equal(sha1, "a9993e364706816aba3e25717850c26c9cd0d89d");
    digest_hmac("key", 3, "abc", sum);
    assert_int_equal(sum[0], 0x9c);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gnutls_is_told),
        cmocka_unit_test(test_openssl_is_told),
        cmocka_unit_test(test_digests_are_still_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
