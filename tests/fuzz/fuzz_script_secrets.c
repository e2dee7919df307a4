/* A script that is taken is the same but for what was cut out of it, and holds no secret; one that is refused says why
 * without telling it. */
#include "stages/script_secrets.h"
#include "stages/shell_word.h"

#include <stdint.h>
#include <string.h>

#define SECRET "hunter-2000"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool promise)
{
    if (!promise)
        abort();
}

static bool is_part_of(const struct strbuf *out, const char *in, size_t len)
{
    size_t found = 0;

    for (size_t i = 0; i < len && found < out->len; i++)
        found += in[i] == out->data[found];
    return found == out->len;
}

/* In so many bytes, or in what it evaluates. */
static bool tells(const struct strbuf *out)
{
    static const char *const evals[] = { "\n: | eval ", "\n: | (eval ", "\n(trap 'exit 1' TERM; eval " };

    for (size_t i = 0; i < ARRAY_SIZE(evals); i++) {
        const char *found = memmem(strbuf_text(out), out->len, evals[i], strlen(evals[i]));
        struct shell_word word;
        auto_strbuf meaning = STRBUF_TEXT;
        if (!found || memmem(out->data, (size_t)(found - out->data), "eval", 4))
            continue;
        size_t at = (size_t)(found - out->data) + strlen(evals[i]);
        (void)shell_word_read(out->data, out->len, at, &word, &meaning);
        if (strstr(strbuf_text(&meaning), SECRET))
            return true;
    }
    return memmem(strbuf_text(out), out->len, SECRET, strlen(SECRET)) != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char project[] = "group/proj", a[] = "CUSTOM_ENV_SV_A=" SECRET, b[] = "CUSTOM_ENV_SV_B=x y";
    char *const env[] = { a, b, NULL };
    const struct job job = { .project_path = project };
    auto_secret_variables secrets;
    auto_strbuf out = STRBUF_INIT((size_t)1 << 20);
    auto_err e = ERR_INIT;

    secret_variables_read(&job, env, &secrets);
    const struct script_secrets with = { &secrets, false };
    if (script_secrets_remove(&with, (const char *)data, size, &out, &e) < 0)
        require((e.kind == ERR_JOB || e.kind == ERR_SYSTEM) && !strstr(err_text(&e), SECRET));
    else
        require(is_part_of(&out, (const char *)data, size) && !tells(&out));
    return 0;
}
