#include "executor/underway.h"

#include "base/file.h"
#include "base/strvec.h"

#include <unistd.h>

static char *mark(const struct invocation *in)
{
    const char *folder = env_get(in->env, "TMPDIR");

    return folder ? xasprintf("%s/atelier-preparing", folder) : NULL;
}

void underway_begin(const struct invocation *in)
{
    auto_free char *path = mark(in);

    if (path)
        (void)file_write(path, "", 0, 0600, NULL);
}

void underway_end(const struct invocation *in)
{
    auto_free char *path = mark(in);

    if (path)
        (void)unlink(path);
}

bool underway_was_cut_short(const struct invocation *in)
{
    auto_free char *path = mark(in);

    return !path || access(path, F_OK) == 0;
}
