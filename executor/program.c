#include "executor/program.h"

#include <string.h>

/* Without `..` and links: for who mounts it. */
static char *usable(char *path)
{
    char *found = access(path, X_OK) == 0 ? realpath(path, NULL) : NULL;

    free(path);
    return found;
}

char *program_find(const char *self, const char *name, const char *const *built, struct err *e)
{
    auto_free char *installed = xasprintf("/usr/libexec/atelier/%s", name);
    const char *slash = strrchr(self, '/');
    int folder = slash ? (int)(slash - self) : 0;
    char *found = NULL;

    for (size_t i = 0; slash && !found && built[i]; i++)
        found = usable(xasprintf("%.*s/%s", folder, self, built[i]));
    if (slash && !found)
        found = usable(xasprintf("%.*s/../libexec/atelier/%s", folder, self, name));
    if (!found)
        found = usable(xstrdup(installed));
    if (!found)
        (void)err_set(e, ERR_NOT_FOUND, 0,
                      "the program %s is neither beside this one nor at '%s': install atelier whole", name, installed);
    return found;
}
