#include "stages/pipeline/env_file.h"

#include "base/env_text.h"
#include "base/file.h"
#include "base/text.h"

#include <string.h>

#define FILE_MAX      ((size_t)1 << 20)
#define SECRET_LENGTH 8

static const char *const secret_names[] = { "PASSWORD", "TOKEN", "SECRET", "KEY" };

bool env_file_is_secret(const char *key, const char *value)
{
    if (strlen(value) < SECRET_LENGTH)
        return false;
    if (text_starts(key, "SV_"))
        return true;
    for (size_t i = 0; i < ARRAY_SIZE(secret_names); i++)
        if (strcasestr(key, secret_names[i]))
            return true;
    return false;
}

static void add(void *ctx, const char *key, const char *value, bool raw)
{
    unsigned masked = env_file_is_secret(key, value) ? VARIABLE_MASKED : 0;

    variables_add(ctx, key, value, masked | (raw ? VARIABLE_RAW : 0));
}

int env_file_parse(const char *name, const char *text, size_t len, struct variables *out, struct err *e)
{
    /* Written twice, a dollar is just a dollar in a variable's value. */
    const struct env_text how = { .dollar = "$$", .add = add, .ctx = out };

    return env_text_parse(name, text, len, &how, e);
}

int env_file_read(const char *path, struct variables *out, struct err *e)
{
    auto_free char *text = NULL;
    size_t len;

    if (file_read(path, FILE_MAX, &text, &len, e) < 0)
        return err_wrap(e, "variables");
    return env_file_parse(path, text, len, out, e);
}
