#include "stages/job_values.h"

#include "base/file.h"
#include "base/json.h"
#include "stages/job.h"

#include <string.h>

#define RESPONSE_MAX ((size_t)32 << 20)

static unsigned flags_of(const json_t *item)
{
    static const struct {
        const char *name;
        unsigned flag;
    } flags[] = { { "public", VARIABLE_PUBLIC }, { "file", VARIABLE_FILE }, { "masked", VARIABLE_MASKED },
                  { "raw", VARIABLE_RAW } };
    unsigned found = 0;

    for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
        if (json_flag(item, flags[i].name, false))
            found |= flags[i].flag;
    return found;
}

/* A raw value is what somebody else decided: a `$` in it is none of ours. */
static void add_fetched(const json_t *secrets, char *const *env, struct variables *out)
{
    const char *name;
    json_t *item;

    json_object_foreach((json_t *)(uintptr_t)secrets, name, item)
        if (*job_env(env, name))
            variables_add(out, name, job_env(env, name), VARIABLE_MASKED | VARIABLE_RAW);
}

int job_values_text(const char *text, size_t len, char *const *env, struct variables *out, struct err *e)
{
    auto_json *root = NULL;
    auto_variables all = VARIABLES_INIT;
    size_t i;
    json_t *item;

    if (json_parse(text, len, "the job response", &root, e) < 0)
        return -1;
    json_array_foreach(json_object_get(root, "variables"), i, item)
    {
        auto_free char *value = json_text_any(item, "value");
        if (*json_text(item, "key") && all.n < VARIABLES_MAX)
            variables_add(&all, json_text(item, "key"), value, flags_of(item));
    }
    add_fetched(json_object_get(root, "secrets"), env, &all);
    auto_free char *files = xasprintf("%s.tmp", job_env(env, "CI_PROJECT_DIR"));
    return variables_resolve(&all, files, out, e);
}

int job_values(char *const *env, struct variables *out, struct err *e)
{
    const char *path = env_get(env, "JOB_RESPONSE_FILE");
    auto_free char *text = NULL;
    size_t len = 0;

    if (!path)
        return err_set(e, ERR_SYSTEM, 0, "gitlab-runner tells nothing of the job's variables (JOB_RESPONSE_FILE): it is older "
                       "than 14.1; update it");
    if (file_read(path, RESPONSE_MAX, &text, &len, e) < 0)
        return err_wrap(e, "job response");
    return job_values_text(text, len, env, out, e);
}
