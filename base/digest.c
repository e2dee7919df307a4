#include "base/digest.h"

#include "base/hex.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

void digest_sha256(const char *text, unsigned char out[DIGEST_BYTES])
{
    if (EVP_Digest(text, strlen(text), out, NULL, EVP_sha256(), NULL) != 1)
        abort();
}

void digest_hmac(const void *key, size_t key_len, const char *text, unsigned char out[DIGEST_BYTES])
{
    unsigned char sum[DIGEST_BYTES];

    if (!HMAC(EVP_sha256(), key, (int)key_len, (const unsigned char *)text, strlen(text), sum, NULL))
        abort();
    memcpy(out, sum, sizeof(sum));
}

char *digest_sha256_hex(const char *text)
{
    unsigned char sum[DIGEST_BYTES];

    digest_sha256(text, sum);
    return hex_text(sum, sizeof(sum));
}

char *digest_sha1_hex(const char *text)
{
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned int len = 0;

    if (EVP_Digest(text, strlen(text), sum, &len, EVP_sha1(), NULL) != 1)
        abort();
    return hex_text(sum, len);
}
