/* Whatever stands in a --variables file: an error, or variables that can be an environment. */
#include "stages/pipeline/env_file.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_variables v = VARIABLES_INIT;
    auto_err e = ERR_INIT;
    auto_free char *text = xmalloc(size + 1);

    memcpy(text, data, size);
    text[size] = '\0';
    if (env_file_parse("f", text, size, &v, &e) < 0) {
        if (strncmp(err_text(&e), "f:", 2) != 0)
            abort(); /* every refusal names file and line */
        return 0;
    }
    for (size_t i = 0; i < v.n; i++)
        if (!*v.items[i].key || strchr(v.items[i].key, '=') || !v.items[i].value)
            abort();
    return 0;
}
