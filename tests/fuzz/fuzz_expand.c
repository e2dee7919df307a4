/* What an argument expands to is bounded; one without a dollar sign, backslash or backtick is itself. */
#include "cache/select/expand.h"

#include "base/memory.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[] = "A=caf\xc3\xa9/b.c", number[] = "N=7", empty[] = "EMPTY=";
    char *const env[] = { path, number, empty, NULL };
    auto_free char *text = xstrndup((const char *)data, size);
    auto_free char *expanded = NULL;
    auto_err e = ERR_INIT;

    if (expand_text(text, env, &expanded, &e) < 0) {
        if (e.kind != ERR_JOB || expanded)
            abort();
        return 0;
    }
    if (strlen(expanded) > EXPAND_MAX || (!strpbrk(text, "$\\`") && strcmp(text, expanded) != 0))
        abort();
    return 0;
}
