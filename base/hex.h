/* base/hex.h: bytes as hexadecimal digits. */
#ifndef BASE_HEX_H
#define BASE_HEX_H

#include <stddef.h>

/* Two lower-case digits a byte; the caller's. */
char *hex_text(const void *bytes, size_t n);

#endif
