/* Whatever a job sends as a request: it is read whole, waited for, or refused with words; nothing is read beyond its
 * end, and a request that was read is the same when it is written again. */
#include "stages/deploy/wire.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static void check_again(const struct wire_request *q)
{
    struct wire_request again = { 0 };
    auto_strbuf text = STRBUF_INIT(WIRE_REQUEST_MAX);
    const char *why = NULL;

    wire_request_put(&text, q);
    if (wire_request_get(text.data, text.len, &again, &why) != 1)
        abort();
    if (again.action != q->action || again.release != q->release || again.len != q->len ||
        !same(again.target, q->target) || !same(again.file, q->file))
        abort();
    if (q->text && memcmp(again.text, q->text, q->len) != 0)
        abort();
    /* Not one byte of it can be spared. */
    if (wire_request_get(text.data, text.len - 1, &(struct wire_request){ 0 }, &why) != 0)
        abort();
    wire_request_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wire_request q = { 0 };
    const char *why = NULL;
    /* A copy of exactly that size: a byte beyond it is seen. */
    auto_free char *input = xmalloc(size);
    if (size)
        memcpy(input, data, size);
    int rc = wire_request_get(input, size, &q, &why);

    if (rc < 0 && (!why || !*why))
        abort();
    if (rc == 1)
        check_again(&q);
    wire_request_release(&q);
    return 0;
}
