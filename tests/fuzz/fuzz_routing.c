/* Whatever labels a compose file has: an error that is the job's, or labels that all bear the release. The first two
 * bytes say which proxy and what the target has; the rest is labels, one in a line. */
#include "stages/deploy/routing.h"

#include "base/text.h"

#include <string.h>

#define RELEASE "_7"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct strvec *out)
{
    for (size_t i = 0; i < out->n; i++) {
        const char *entry = out->items[i];
        size_t len = strcspn(entry, "=");
        if (!text_starts(entry, "traefik.http."))
            continue;
        auto_free char *key = xstrndup(entry, len);
        if (!strstr(key, RELEASE ".") || entry[len] != '=')
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct target target = { .network = (char[]){ "proxy" }, .certresolver = (char[]){ "le" } };
    auto_strvec labels = STRVEC_INIT, out = STRVEC_INIT;
    auto_err e = ERR_INIT;
    bool routed;

    if (size < 2)
        return 0;
    auto_free char *text = xstrndup((const char *)data + 2, size - 2);
    char *save = NULL;
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
        strvec_push(&labels, line);
    const struct routing_from from = { .labels = &labels, .name = "web.1", .unit = "unit", .target = &target,
                                       .to = (enum routing)(1 + data[0] % 3), .generation = 7 };
    if (data[1] & 1) {
        strvec_push(&target.entrypoints, "web");
        strvec_push(&target.entrypoints, "websecure");
    }
    if (routing_labels(&from, &out, &routed, &e) == 0)
        check(&out);
    else if (e.kind != ERR_JOB || !*err_text(&e))
        abort();
    strvec_release(&target.entrypoints);
    return 0;
}
