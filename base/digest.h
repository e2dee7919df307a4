/* base/digest.h: digests of text. A libcrypto without one of them is a broken installation: the program ends. */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stddef.h>

#define DIGEST_BYTES 32

void digest_sha256(const char *text, unsigned char out[DIGEST_BYTES]);
/* HMAC with SHA-256; `out` may be the key. */
void digest_hmac(const void *key, size_t key_len, const char *text, unsigned char out[DIGEST_BYTES]);

/* As hexadecimal digits, the caller's. */
char *digest_sha256_hex(const char *text);
char *digest_sha1_hex(const char *text); /* for names alone: it can be forged */

#endif
