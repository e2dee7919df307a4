#include "executor/job_folder.h"

#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *root_of(const struct config *c, const char *what)
{
    return xasprintf("%s/%s", c->builds, what);
}

static bool is_key(const char *key)
{
    return *key && *key != '.' && !strchr(key, '/');
}

char *job_folder(const struct config *c, const char *what, const char *key)
{
    return xasprintf("%s/%s/%s", c->builds, what, key);
}

int job_folder_make_root(const struct config *c, const char *what, struct err *e)
{
    auto_free char *root = root_of(c, what);
    struct stat st;

    if (dir_make(c->builds, 0700, e) < 0 || dir_make(root, 0700, e) < 0)
        return -1;
    if (lstat(root, &st) < 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) != 0)
        return err_set(e, ERR_SYSTEM, 0, "'%s' is not a folder that we alone may go into: remove it", root);
    return 0;
}

int job_folder_remove(const struct config *c, const char *what, const char *key, struct err *e)
{
    auto_free char *folder = c->builds && is_key(key) ? job_folder(c, what, key) : NULL;

    return folder ? dir_remove(folder, e) : 0;
}

void job_folder_list(const struct config *c, const char *what, mode_t type, int64_t before, struct strvec *keys)
{
    auto_free char *root = root_of(c, what);
    DIR *dir = opendir(root);
    const struct dirent *entry;
    struct stat st;

    while (dir && (entry = readdir(dir)))
        if (is_key(entry->d_name) && fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            (st.st_mode & S_IFMT) == type && st.st_mtime <= before && !strvec_has(keys, entry->d_name))
            strvec_push(keys, entry->d_name);
    if (dir)
        (void)closedir(dir);
}
