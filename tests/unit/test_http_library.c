/* What a process leaves out that loads libcurl for a Unix socket alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/http.h"

#include <dlfcn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <string.h>

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
    /* A provider of OpenSSL's own that does nothing. */
    static const char settings[] = "openssl_conf = start\n[start]\nproviders = wanted\n[wanted]\nnull = on\n[on]\nactivate = 1\n";
    auto_err e = ERR_INIT;
    auto_free char *folder = NULL;
    auto_http *h = NULL;

    assert_int_equal(dir_temporary("/tmp", "test_http_library.", &folder, &e), 0);
    auto_free char *path = xasprintf("%s/openssl.cnf", folder);
    assert_int_equal(file_write(path, settings, strlen(settings), 0600, &e), 0);
    assert_int_equal(setenv("OPENSSL_CONF", path, 1), 0);
    http_without_tls();
    assert_int_equal(http_open(&origin, &h, NULL), 0);
    assert_int_equal(dir_remove(folder, &e), 0);
    assert_false(OSSL_PROVIDER_available(NULL, "null"));
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
