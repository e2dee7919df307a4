/* Digests of text, as their standards' own examples have them (FIPS 180, RFC 4231), and their digits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/digest.h"
#include "base/hex.h"
#include "base/memory.h"

#include <string.h>

static void test_hex(void **state)
{
    (void)state;
    auto_free char *none = hex_text("", 0);
    auto_free char *all = hex_text("\x00\x7f\x80\xff\x0a", 5);

    assert_string_equal(none, "");
    assert_string_equal(all, "007f80ff0a");
}

static const struct {
    const char *text, *sha1, *sha256;
} plain[] = {
    { "", "da39a3ee5e6b4b0d3255bfef95601890afd80709",
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
    { "abc", "a9993e364706816aba3e25717850c26c9cd0d89d",
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
};

static void test_plain(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(plain); i++) {
        unsigned char sum[DIGEST_BYTES];
        digest_sha256(plain[i].text, sum);
        auto_free char *digits = hex_text(sum, sizeof(sum));
        auto_free char *longer = digest_sha256_hex(plain[i].text);
        auto_free char *shorter = digest_sha1_hex(plain[i].text);
        assert_string_equal(digits, plain[i].sha256);
        assert_string_equal(longer, plain[i].sha256);
        assert_string_equal(shorter, plain[i].sha1);
    }
}

static const struct {
    const char *key, *text, *hmac;
} keyed[] = {
    { "Jefe", "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
    { "\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b", "Hi There",
      "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
};

static void test_keyed(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(keyed); i++) {
        unsigned char sum[DIGEST_BYTES];
        digest_hmac(keyed[i].key, strlen(keyed[i].key), keyed[i].text, sum);
        auto_free char *digits = hex_text(sum, sizeof(sum));
        assert_string_equal(digits, keyed[i].hmac);
    }
}

static void test_keyed_in_its_key(void **state)
{
    unsigned char key[DIGEST_BYTES] = "a key of thirty-two bytes, or so", sum[DIGEST_BYTES];

    (void)state;
    digest_hmac(key, sizeof(key), "text", sum);
    digest_hmac(key, sizeof(key), "text", key);
    assert_memory_equal(key, sum, sizeof(sum));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hex),
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_keyed),
        cmocka_unit_test(test_keyed_in_its_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
