#include "stages/pipeline/environment.h"

#include <stddef.h>
#include <string.h>

const char *environment_get(char *const *env, const char *key)
{
    size_t len = strlen(key);

    for (; *env; env++)
        if (strncmp(*env, key, len) == 0 && (*env)[len] == '=')
            return *env + len + 1;
    return NULL;
}
