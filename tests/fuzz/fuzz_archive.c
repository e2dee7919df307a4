/* Any bytes as an archive: an error or a tree, nothing outside of the folder, and no more in it than the limits allow. */
#include "base/file.h"
#include "cache/archive/extract.h"

#include <dirent.h>
#include <fcntl.h>
#include <fts.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST_BYTES = 1 << 22, MOST_ENTRIES = 200 };

static void require(bool promise)
{
    if (!promise)
        abort();
}

/* Everything beside the tree is as it was: there is nothing. */
static void check_outside(const char *folder)
{
    int n = 0;
    DIR *dir = opendir(folder);

    require(dir != NULL);
    for (struct dirent *entry; (entry = readdir(dir));)
        n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    (void)closedir(dir);
    require(n == 1);
}

static void check_tree(char *root)
{
    char *roots[] = { root, NULL };
    int64_t bytes = 0;
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);

    require(walk != NULL);
    for (FTSENT *entry; (entry = fts_read(walk));) {
        mode_t mode = entry->fts_statp->st_mode;
        if (entry->fts_info == FTS_DP || entry->fts_info == FTS_DNR)
            continue;
        require(S_ISREG(mode) || S_ISDIR(mode) || S_ISLNK(mode));
        require((mode & 07000) == 0 || S_ISLNK(mode) || entry->fts_level == 0);
        bytes += S_ISREG(mode) ? entry->fts_statp->st_size / (int64_t)entry->fts_statp->st_nlink : 0;
    }
    (void)fts_close(walk);
    require(bytes <= MOST_BYTES);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct extract_rules rules = { .limits = { MOST_ENTRIES, MOST_BYTES, 0 } };
    const struct report quiet = { .fd = -1 };
    auto_err e = ERR_INIT;
    auto_free char *folder = NULL;
    auto_close int fd = memfd_create("archive", MFD_CLOEXEC);

    require(fd >= 0 && fd_write(fd, data, size, NULL) == 0);
    require(dir_temporary("/tmp", "fuzz-archive-", &folder, NULL) == 0);
    auto_free char *root = xasprintf("%s/root", folder);
    require(dir_make(root, 0700, NULL) == 0);

    int result = archive_extract(fd, root, &rules, &quiet, NULL, &e);
    require(result == 0 ? e.kind == ERR_NONE : e.kind != ERR_NONE && *err_text(&e) != '\0');
    check_outside(folder);
    check_tree(root);
    (void)dir_remove(folder, NULL);
    return 0;
}
