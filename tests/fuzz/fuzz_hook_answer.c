/* Whatever the config hook prints, and whatever stands in BUILD_EXIT_CODE_FILE. */
#include "stages/pipeline/hook.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hook_answer answer = { 0 };
    auto_strvec job_env = STRVEC_INIT;
    auto_free char *text = xstrndup((const char *)data, size);
    int code = 0;

    if (hook_answer_parse((const char *)data, size, &answer, &job_env, NULL) == 0) {
        for (size_t i = 0; i < job_env.n; i++)
            if (!strchr(job_env.items[i], '='))
                abort();
        hook_answer_release(&answer);
    }
    if (hook_exit_code_parse(text, &code) == 0 && strspn(text, "+-0123456789") == 0)
        abort();
    return 0;
}
