#include "executor/kept_folder.h"

#include "base/file.h"
#include "executor/job_folder.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define FOLDERS ".kept"

int kept_folder_take(const struct host *h, char *const *env, struct err *e)
{
    auto_free char *root = xasprintf("%s/" FOLDERS, h->config.builds);
    auto_free char *folder = job_folder(&h->config, FOLDERS, h->place.key);
    struct engine_endpoint endpoint;

    config_endpoint(&h->config, env, &endpoint);
    if (config_uses_volumes(&h->config, &endpoint))
        return 0;
    if (dir_make(root, 0700, e) < 0)
        return -1;
    if (rename(h->place.builds_dir, folder) == 0 || errno == ENOENT)
        return 0;
    return err_set(e, ERR_SYSTEM, errno, "the next job works in its folder: move '%s' to '%s': %s", h->place.builds_dir, folder,
                   strerror(errno));
}

int kept_folder_remove(const struct config *c, const char *key, struct err *e)
{
    return job_folder_remove(c, FOLDERS, key, e);
}

void kept_folder_list(const struct config *c, struct strvec *keys)
{
    job_folder_list(c, FOLDERS, S_IFDIR, INT64_MAX, keys);
}
