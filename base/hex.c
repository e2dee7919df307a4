#include "base/hex.h"

#include "base/memory.h"

char *hex_text(const void *bytes, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *byte = bytes;
    char *text = xmalloc(2 * n + 1);

    for (size_t i = 0; i < n; i++) {
        text[2 * i] = digits[byte[i] >> 4];
        text[2 * i + 1] = digits[byte[i] & 15];
    }
    text[2 * n] = '\0';
    return text;
}
