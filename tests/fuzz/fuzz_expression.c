/* Any text as a condition: an error that says where, or a result; and check and judge agree. */
#include "stages/pipeline/expression.h"

#include <stdint.h>
#include <string.h>

static void require(bool promise)
{
    if (!promise)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_free char *text = xstrndup((const char *)data, size);
    auto_variables v = VARIABLES_INIT;
    const struct expression_scope scope = { &v, NULL };
    auto_err e = ERR_INIT;
    bool is;

    variables_add(&v, "A", "text", 0);
    variables_add(&v, "P", "/t.x/", 0);
    bool reads = expression_check(text, &e) == 0;
    require(reads == (expression_holds(text, &scope, &is, NULL) == 0));
    require(reads || (e.kind == ERR_JOB && strncmp(err_text(&e), "at character ", 13) == 0));
    return 0;
}
