#include "cache/select/walk.h"

#include "cache/select/glob.h"

#include "base/strbuf.h"
#include "base/strvec.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

struct walk {
    struct glob *glob; /* NULL: everything */
    walk_fn *found;
    void *ctx;
    struct strbuf path; /* of the current folder, with its '/'; "" for the project's own */
    unsigned depth;
    struct err *e;
};

enum { PATH_LIMIT = 1 << 20 }; /* WALK_DEPTH names of 255 bytes fit easily */

static void walk_release(struct walk *w)
{
    strbuf_release(&w->path);
}

static void tell(struct walk *w, const char *name, unsigned times)
{
    size_t folder = w->path.len;
    strbuf_puts(&w->path, name);
    w->found(w->ctx, w->path.data, w->path.len, times);
    w->path.len = folder;
    w->path.data[folder] = '\0';
}

/* --- listing a folder --- */

struct listing {
    struct strvec others, folders;
};

static void listing_release(struct listing *l)
{
    strvec_release(&l->others);
    strvec_release(&l->folders);
}
#define auto_listing __attribute__((cleanup(listing_release))) struct listing

static bool is_folder(int dir, const struct dirent *entry)
{
    struct stat st;
    if (entry->d_type != DT_UNKNOWN)
        return entry->d_type == DT_DIR;
    return fstatat(dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static void cleanup_closedir(DIR **d)
{
    if (*d)
        (void)closedir(*d);
}

/* A folder that we cannot open is left out, unless the fault is ours: then it must be said. */
static int cannot_open(const struct walk *w)
{
    if (errno != EMFILE && errno != ENFILE)
        return 0; /* vanished, became a link, or is not for us to read */
    return err_set(w->e, ERR_SYSTEM, errno, "%s: what is in some folders is left out", strerror(errno));
}

/* Whole before anything is done with it, so that one stream at most is open however deep we are. */
static int list(const struct walk *w, int dir, struct listing *out)
{
    auto_close int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    __attribute__((cleanup(cleanup_closedir))) DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d)
        return cannot_open(w);
    (void)take_fd(&fd); /* closedir closes it */
    for (const struct dirent *entry; (entry = readdir(d));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            strvec_push(is_folder(dirfd(d), entry) ? &out->folders : &out->others, entry->d_name);
    return 0;
}

/* --- the tree --- */

static int walk_folder(struct walk *w, int dir, const struct glob_states *states, unsigned above);

static int walk_into(struct walk *w, int dir, const char *name, const struct glob_states *states, unsigned above)
{
    auto_close int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return cannot_open(w);
    if (w->depth == WALK_DEPTH)
        return err_set(w->e, ERR_JOB, 0, "folders are nested deeper than %d: what is below is left out",
                       WALK_DEPTH);
    size_t folder = w->path.len;
    strbuf_printf(&w->path, "%s/", name);
    w->depth++;
    int result = walk_folder(w, fd, states, above);
    w->depth--;
    w->path.len = folder;
    w->path.data[folder] = '\0';
    return result;
}

static enum glob_fit fit(struct walk *w, const struct glob_states *states, const char *name,
                         struct glob_states *below)
{
    return w->glob && states->n > 0 ? glob_step(w->glob, states, name, below) : GLOB_NO;
}

/* `above` is how many of the folders above the entries, with their own, match. */
static int walk_folder(struct walk *w, int dir, const struct glob_states *states, unsigned above)
{
    auto_listing entries = { STRVEC_INIT, STRVEC_INIT };
    int result = list(w, dir, &entries);
    for (size_t i = 0; i < entries.others.n; i++) {
        unsigned times = above + (fit(w, states, entries.others.items[i], NULL) == GLOB_YES);
        if (times > 0)
            tell(w, entries.others.items[i], times);
    }
    for (size_t i = 0; i < entries.folders.n; i++) {
        const char *name = entries.folders.items[i];
        auto_glob_states below = { NULL, 0 };
        unsigned times = above + (fit(w, states, name, &below) != GLOB_NO);
        if (times > 0)
            tell(w, name, times);
        if ((times > 0 || below.n > 0) && walk_into(w, dir, name, &below, times) < 0)
            result = -1; /* its neighbours are walked all the same */
    }
    return result;
}

/* --- the part without patterns --- */

static bool same_folder(int a, int b)
{
    struct stat one, other;
    return fstat(a, &one) == 0 && fstat(b, &other) == 0 && one.st_dev == other.st_dev &&
           one.st_ino == other.st_ino;
}

/* Whether the open folder lies in `root`, by going up from it: links and mounts do not matter. */
static bool is_below(int root, int folder)
{
    auto_close int at = fcntl(folder, F_DUPFD_CLOEXEC, 0);
    while (at >= 0) {
        if (same_folder(at, root))
            return true;
        int up = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
        bool top = up < 0 || same_folder(up, at);
        cleanup_close(&at);
        at = up;
        if (top)
            return false;
    }
    return false;
}

/* Open the folder `path` of `root`. *out is -1 when there is none to read. */
static int open_folder(int root, const char *path, int *out, struct err *e)
{
    auto_close int fd = openat(root, *path ? path : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && !is_below(root, fd))
        return err_set(e, ERR_JOB, 0, "not supported: outside build directory");
    *out = take_fd(&fd);
    return 0;
}

/* A name without patterns: it and, if it is a folder, all below it. */
static int walk_name(struct walk *w, int root, const char *base, const char *name)
{
    struct stat st;
    auto_close int dir = -1;
    if (open_folder(root, base, &dir, w->e) < 0)
        return -1;
    if (*base)
        strbuf_printf(&w->path, "%s/", base);
    if (dir < 0 || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return 0;
    tell(w, name, 1);
    if (!S_ISDIR(st.st_mode))
        return 0;
    if (!strcmp(name, ".")) /* its entries are not named "./x" */
        return walk_folder(w, dir, NULL, 1);
    return walk_into(w, dir, name, NULL, 1);
}

static int walk_glob(struct walk *w, int root, const char *base, const char *pattern)
{
    auto_glob *g = NULL;
    auto_glob_states start = { NULL, 0 };
    auto_close int dir = -1;
    if (glob_compile(pattern, &g, w->e) < 0 || open_folder(root, base, &dir, w->e) < 0)
        return -1;
    if (dir < 0)
        return 0;
    w->glob = g;
    unsigned above = glob_start(g, &start) == GLOB_FOLDER; /* a "**" finds its own folder, too */
    if (above) {
        const char *name = *base ? base : ".";
        w->found(w->ctx, name, strlen(name), 1);
    }
    if (*base)
        strbuf_printf(&w->path, "%s/", base);
    return walk_folder(w, dir, &start, above);
}

/* Backslashes hid from who cleaned the pattern what they are taken from here. */
static bool is_clean(const char *path)
{
    if (!*path || !strcmp(path, "."))
        return true;
    for (;;) {
        size_t len = strcspn(path, "/");
        if (len == 0 || (len == 1 && *path == '.') || (len == 2 && !strncmp(path, "..", 2)))
            return false;
        if (!path[len])
            return true;
        path += len + 1;
    }
}

int walk_pattern(int root, const char *pattern, walk_fn *found, void *ctx, struct err *e)
{
    __attribute__((cleanup(walk_release))) struct walk w = { .found = found, .ctx = ctx, .e = e };
    w.path = (struct strbuf)STRBUF_INIT(PATH_LIMIT);
    const char *meta = glob_first_meta(pattern);
    auto_free char *plain = glob_unescape(pattern, (size_t)(meta - pattern));
    size_t len = strlen(plain);
    if (*meta && len > 0)
        plain[len - 1] = '\0'; /* the '/' before the first element with a pattern */
    if (!is_clean(plain))
        return err_set(e, ERR_JOB, 0, "not supported: a backslash before '.' or '/'");
    if (*meta)
        return walk_glob(&w, root, plain, meta);
    char *slash = strrchr(plain, '/');
    if (slash)
        *slash = '\0';
    return walk_name(&w, root, slash ? plain : "", slash ? slash + 1 : plain);
}
