#include "cache/transfer/random.h"

#include "base/hex.h"

#include <string.h>
#include <sys/random.h>

char *random_hex(void)
{
    unsigned char bytes[16];

    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes)) /* so few it always gives */
        memset(bytes, 0, sizeof(bytes));
    return hex_text(bytes, sizeof(bytes));
}
