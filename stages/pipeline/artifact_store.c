#include "stages/pipeline/artifact_store.h"

#include "base/strbuf.h"
#include "stages/pipeline/slug.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* More names than anybody reads, in one folder. */
#define NAMES_MAX ((size_t)1000)

char *artifact_store_pipeline(int slot, int64_t pipeline_id)
{
    return xasprintf("%d-%" PRId64, slot, pipeline_id);
}

char *artifact_store_job(size_t number, const char *name)
{
    auto_free char *slug = slug_name(name);

    return xasprintf("%zu%s%s", number, *slug ? "-" : "", slug);
}

/* From folder to folder, so that no link is followed; `root` itself is ours. */
static int open_below(const char *root, const char *path, int flags)
{
    int at = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);

    while (at >= 0 && *path) {
        size_t len = strcspn(path, "/");
        auto_free char *element = xstrndup(path, len);
        auto_close int above = at;
        path += len + (path[len] == '/');
        at = openat(above, element, (*path ? O_PATH | O_DIRECTORY : flags) | O_NOFOLLOW | O_CLOEXEC);
    }
    return at;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void names_of_type(const char *root, const char *folder, mode_t type, struct strvec *out)
{
    int fd = open_below(root, folder, O_RDONLY | O_DIRECTORY);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    size_t first = out->n;
    struct stat st;

    if (!d) {
        cleanup_close(&fd);
        return;
    }
    for (const struct dirent *x = readdir(d); x && out->n - first < NAMES_MAX; x = readdir(d))
        if (strcmp(x->d_name, ".") != 0 && strcmp(x->d_name, "..") != 0 &&
            fstatat(dirfd(d), x->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && (st.st_mode & S_IFMT) == type)
            strvec_push(out, x->d_name);
    (void)closedir(d);
    if (out->n > first)
        qsort(out->items + first, out->n - first, sizeof(*out->items), compare);
}

void artifact_store_files(const char *root, const char *folder, struct strvec *out)
{
    names_of_type(root, folder, S_IFREG, out);
}

void artifact_store_folders(const char *root, const char *folder, struct strvec *out)
{
    names_of_type(root, folder, S_IFDIR, out);
}

int artifact_store_read(const char *root, const char *path, size_t max, char **out, size_t *len, struct err *e)
{
    /* Without waiting: a pipe would have us wait for a writer. */
    auto_close int fd = open_below(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    auto_strbuf text = STRBUF_INIT(max);
    char piece[4096];
    struct stat st;
    ssize_t n;

    if (fd < 0 || fstat(fd, &st) < 0)
        return err_set(e, ERR_SYSTEM, errno, "open '%s/%s': %s", root, path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return err_set(e, ERR_JOB, 0, "it is no file");
    while ((n = read(fd, piece, sizeof(piece))) > 0)
        if (strbuf_add(&text, piece, (size_t)n) < 0)
            return err_set(e, ERR_JOB, 0, "it is larger than %zu bytes", max);
    if (n < 0)
        return err_set(e, ERR_SYSTEM, errno, "read '%s/%s': %s", root, path, strerror(errno));
    *len = text.len;
    *out = strbuf_take(&text);
    return 0;
}
