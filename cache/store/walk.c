#include "cache/store/walk.h"

#include "base/strbuf.h"
#include "base/text.h"
#include "cache/store/beneath.h"
#include "cache/store/local.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of a project: what `atelier pipeline` keeps for later jobs (stages/pipeline/artifact_store.h). Jobs choose the names in
 * there, and one that looks like a cache's is none. */
#define ARTIFACTS ".artifacts"
#define PROTECTED    ".protected"
#define METADATA_MAX 65536

struct walk {
    struct store_index *out;
    int64_t now;
    struct strbuf path; /* of the folder that is read, with "/" at its end */
    size_t below;       /* how much of it names the runner and the project's id */
    bool protected_ref;
};

int store_root_open(const char *path, int *out, struct err *e)
{
    auto_free char *shown = text_quote(path);

    *out = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*out >= 0)
        return 0;
    return err_set(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_SYSTEM, errno, "open '%s': %s", shown, strerror(errno));
}

/* ---- One folder ---- */

static int64_t on_disk(const struct stat *st)
{
    return (int64_t)st->st_blocks * 512;
}

/* A date that is still to come is somebody's trick, or a clock that was wrong. */
static int64_t past(int64_t date, int64_t now)
{
    return date > now ? now : date;
}

static void note_archive(struct store_entry *t, const struct stat *st, int64_t now)
{
    t->has_archive = true;
    t->changed = beneath_changed(st);
    t->size = on_disk(st);
    t->made = past(st->st_mtime, now);
    t->used = t->made > t->used ? t->made : t->used;
}

static void note_hits(struct store_entry *t, const struct stat *st, int64_t now)
{
    int64_t used = past(st->st_mtime, now);

    t->hits = st->st_size;
    t->used = used > t->used ? used : t->used;
}

/* Whether the file is one of an entry's. */
static bool note_file(struct store_entry *t, const char *name, const struct stat *st, int64_t now)
{
    if (!S_ISREG(st->st_mode))
        return false;
    if (strcmp(name, STORE_ARCHIVE) == 0)
        note_archive(t, st, now);
    else if (strcmp(name, STORE_HITS) == 0)
        note_hits(t, st, now);
    else if (store_is_leftover(name)) {
        bool old = now - st->st_mtime > STORE_LEFTOVER_AGE;
        t->leftovers += old;
        t->leftover_size += old ? on_disk(st) : 0;
        t->fresh = t->fresh || !old;
    } else
        return strcmp(name, STORE_METADATA) == 0 || strcmp(name, STORE_LOCK) == 0;
    return true;
}

static char *read_key(int dir)
{
    char text[METADATA_MAX];
    auto_close int fd = beneath_file(dir, STORE_METADATA, O_RDONLY);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));
    json_t *metadata = n > 0 ? json_loadb(text, (size_t)n, 0, NULL) : NULL;
    char *key = xstrdup(json_string_value(json_object_get(metadata, "cachekey")));

    json_decref(metadata);
    return key;
}

static void add_entry(struct walk *w, int dir, const struct store_entry *found)
{
    struct store_entry *t = store_index_add(w->out);

    if (!t)
        return;
    *t = *found;
    t->path = xstrndup(w->path.data, w->path.len - 1);
    t->below = w->below;
    t->protected_ref = w->protected_ref;
    t->said_key = t->has_archive ? read_key(dir) : NULL;
}

static void note_unreadable(struct walk *w)
{
    w->out->why = w->out->unreadable == 0 ? errno : w->out->why;
    w->out->unreadable++;
}

/* ---- All of them ---- */

typedef void folder_fn(struct walk *w, int dir, unsigned depth);

/* Go into a folder of `dir`, whose name is at the path's end for that time. */
static void enter(struct walk *w, int dir, const char *name, folder_fn *fn, unsigned depth)
{
    auto_close int fd = beneath_step(dir, name);
    size_t len = w->path.len;

    if (fd < 0) {
        if (errno != ENOENT)
            note_unreadable(w);
        return;
    }
    strbuf_printf(&w->path, "%s/", name);
    fn(w, fd, depth);
    w->path.len = len;
    w->path.data[len] = '\0';
}

static DIR *list(struct walk *w, int dir)
{
    int fd = beneath_step(dir, ".");
    DIR *d = fd < 0 ? NULL : fdopendir(fd);

    if (!d) {
        note_unreadable(w);
        cleanup_close(&fd);
    }
    return d;
}

/* The next name but "." and "..". */
static const char *next_name(DIR *d)
{
    const struct dirent *entry;

    while ((entry = readdir(d)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            return entry->d_name;
    return NULL;
}

static void note_other(struct walk *w, const struct stat *st)
{
    w->out->others++;
    w->out->other_size += on_disk(st);
}

/* A folder of a project, or below one. */
static void read_folder(struct walk *w, int dir, unsigned depth)
{
    struct store_entry found = { 0 };
    bool ours = false;
    const char *name;
    struct stat st;
    DIR *d = list(w, dir);

    while (d && (name = next_name(d))) {
        if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || (depth == 0 && strcmp(name, ARTIFACTS) == 0))
            continue;
        if (S_ISDIR(st.st_mode) && depth < STORE_DEPTH_MAX)
            enter(w, dir, name, read_folder, depth + 1);
        else if (S_ISDIR(st.st_mode))
            w->out->too_deep++;
        else if (depth > 0 && note_file(&found, name, &st, w->now))
            ours = true;
        else
            note_other(w, &st);
    }
    if (d)
        (void)closedir(d);
    /* Without an archive it is what a writer left, if it is not at it. */
    if (ours && (found.has_archive || (!found.fresh && !beneath_locked(dir, STORE_LOCK))))
        add_entry(w, dir, &found);
}

static void read_project(struct walk *w, int dir, unsigned depth)
{
    w->below = w->path.len;
    w->protected_ref = w->path.len > strlen(PROTECTED) &&
                       text_starts(w->path.data + w->path.len - 1 - strlen(PROTECTED), PROTECTED);
    read_folder(w, dir, depth);
}

static void for_each_folder(struct walk *w, int dir, folder_fn *fn)
{
    const char *name;
    struct stat st;
    DIR *d = list(w, dir);

    while (d && (name = next_name(d)))
        if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))
            enter(w, dir, name, fn, 0);
    if (d)
        (void)closedir(d);
}

static void read_runner(struct walk *w, int dir, unsigned depth)
{
    (void)depth;
    for_each_folder(w, dir, read_project);
}

void store_walk(int root, int64_t now, struct store_index *out)
{
    struct walk w = { .out = out, .now = now, .path = STRBUF_TEXT };

    *out = (struct store_index){ 0 };
    for_each_folder(&w, root, read_runner);
    strbuf_release(&w.path);
    store_index_arrange(out);
}
