/* Whatever stands where a script's words should: it is read whole or refused, nothing is read beyond its end, and every
 * word of it is one of its own bytes. */
#include "base/memory.h"
#include "executor/init/order.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* How many bytes the words take. */
static size_t length(char *const *words)
{
    size_t n = 0;

    for (; *words; words++)
        n += strlen(*words) + 1;
    return n;
}

/* The first byte says how many of them are arguments. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct order_words words;

    if (size == 0)
        return 0;
    auto_free char *text = xmalloc(size - 1);
    if (size > 1)
        memcpy(text, data + 1, size - 1);
    if (order_words_read(text, size - 1, data[0], 2, &words) < 0)
        return 0;
    if (length(words.argv + 2) + length(words.env) != size - 1)
        abort();
    free(words.argv);
    free(words.env);
    return 0;
}
