#include "cache/transfer/random.h"

#include "base/strbuf.h"

#include <string.h>
#include <sys/random.h>

char *random_hex(void)
{
    unsigned char bytes[16];
    auto_strbuf out = STRBUF_TEXT;

    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes)) /* so few it always gives */
        memset(bytes, 0, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++)
        strbuf_printf(&out, "%02x", bytes[i]);
    return strbuf_take(&out);
}
