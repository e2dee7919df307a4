/* Whatever a job leaves as its dotenv report: an error, or variables that can be an environment. */
#include "stages/pipeline/dotenv.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_variables predefined = VARIABLES_INIT;
    auto_variables v = VARIABLES_INIT;
    auto_err e = ERR_INIT;
    auto_free char *text = xmalloc(size + 1);

    memcpy(text, data, size);
    variables_add(&predefined, "CI_JOB_ID", "1", 0);
    if (dotenv_parse(text, size, &predefined, &v, &e) < 0) {
        if (e.kind != ERR_JOB || strpbrk(err_text(&e), "\r\n\033"))
            abort(); /* a line for the log, and the job's fault */
        return 0;
    }
    for (size_t i = 0; i < v.n; i++)
        if (!variables_key_valid(v.items[i].key) || strcmp(v.items[i].key, "CI_JOB_ID") == 0 ||
            strchr(v.items[i].value, '\n'))
            abort();
    return 0;
}
