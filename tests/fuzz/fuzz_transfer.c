/* What a daemon tells of a pull, cut in two anywhere: the verdict does not depend on the cut, and
 * every line of progress is one line that a log can bear. */
#include "engine/transfer.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_line(void *ctx, const char *line)
{
    (void)ctx;
    for (; *line; line++)
        if ((unsigned char)*line < ' ')
            abort();
}

static int read_it(const char *text, size_t len, size_t cut)
{
    const struct image_transfer how = { .progress = on_line };
    struct transfer t;

    transfer_init(&t, "Pulling", "Pulled", "image", &how);
    int rc = message_data(&t.reader, text, cut, NULL);
    if (rc == 0)
        rc = message_data(&t.reader, text + cut, len - cut, NULL);
    if (rc == 0)
        rc = transfer_finish(&t, NULL);
    transfer_release(&t);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* The first byte says where the rest is cut. */
    if (size == 0)
        return 0;
    const char *text = (const char *)data + 1;
    size_t len = size - 1, cut = len ? data[0] % (len + 1) : 0;

    if (read_it(text, len, cut) != read_it(text, len, len))
        abort();
    return 0;
}
