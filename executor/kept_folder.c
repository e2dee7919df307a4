#include "executor/kept_folder.h"

#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define FOLDERS ".kept"

int kept_folder_take(const struct host *h, char *const *env, struct err *e)
{
    auto_free char *root = xasprintf("%s/" FOLDERS, h->config.builds);
    auto_free char *folder = xasprintf("%s/%s", root, h->place.key);
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
    auto_free char *folder = xasprintf("%s/" FOLDERS "/%s", c->builds, key);

    return *key && *key != '.' && !strchr(key, '/') ? dir_remove(folder, e) : 0;
}

void kept_folder_list(const struct config *c, struct strvec *keys)
{
    auto_free char *root = xasprintf("%s/" FOLDERS, c->builds);
    DIR *dir = opendir(root);

    for (const struct dirent *entry; dir && (entry = readdir(dir)) != NULL;)
        if (*entry->d_name != '.')
            strvec_push(keys, entry->d_name);
    if (dir)
        (void)closedir(dir);
}
