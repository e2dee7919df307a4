#include "executor/trace.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define FOLDER   ".trace" /* beside the runners', whose names have no dot */
#define FILE_MAX ((size_t)4 << 20)

static char *folder_of(const struct config *c)
{
    return xasprintf("%s/" FOLDER, c->builds);
}

/* ---- What a hook does ---- */

void trace_begin(struct trace *t)
{
    t->began = clock_epoch_us();
}

void trace_of(struct trace *t, const struct config *c, const char *key)
{
    if (!t || c->trace_ms <= 0 || t->path)
        return;
    t->path = xasprintf("%s/" FOLDER "/%s", c->builds, key);
    t->steps = json_array();
}

void trace_step(struct trace *t, const char *name)
{
    if (t && t->path)
        json_array_append_new(t->steps, json_pack("[s, I]", name, (json_int_t)clock_epoch_us()));
}

/* The folder is made by the host's first job. */
static int open_file(const char *path)
{
    const int flags = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC;
    int fd = open(path, flags, 0600);

    if (fd >= 0 || errno != ENOENT)
        return fd;
    auto_free char *folder = xstrndup(path, (size_t)(strrchr(path, '/') - path));
    return dir_make(folder, 0700, NULL) < 0 ? -1 : open(path, flags, 0600);
}

void trace_end(struct trace *t, const char *hook, const char *what, int code)
{
    auto_free char *path = take(&t->path);
    auto_json *line = json_pack("{s:s, s:s, s:I, s:I, s:i, s:o*}", "hook", hook, "what", what, "began",
                                (json_int_t)t->began, "ended", (json_int_t)clock_epoch_us(), "code", code, "steps",
                                take(&t->steps));

    if (!path || !line)
        return;
    auto_free char *text = json_compact(line);
    auto_free char *whole = xasprintf("%s\n", text);
    auto_close int fd = open_file(path);
    if (fd >= 0)
        (void)fd_write(fd, whole, strlen(whole), NULL);
}

/* ---- What people ask for ---- */

typedef bool fits_fn(const char *name, const struct stat *st, const void *ctx);

/* The files that fit, as keys; the last one written to is the last. */
static void list_files(const struct config *c, fits_fn *fits, const void *ctx, struct strvec *keys)
{
    auto_free char *folder = folder_of(c);
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    struct timespec latest = { 0 };

    while (dir && (entry = readdir(dir))) {
        struct stat st;
        if (entry->d_name[0] == '.' || fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
            !S_ISREG(st.st_mode) || !fits(entry->d_name, &st, ctx))
            continue;
        bool later = st.st_mtim.tv_sec != latest.tv_sec ? st.st_mtim.tv_sec > latest.tv_sec
                                                        : st.st_mtim.tv_nsec > latest.tv_nsec;
        strvec_push(keys, entry->d_name);
        if (later)
            latest = st.st_mtim;
        else if (keys->n > 1) { /* behind the one that is later */
            char *last = keys->items[keys->n - 2];
            keys->items[keys->n - 2] = keys->items[keys->n - 1];
            keys->items[keys->n - 1] = last;
        }
    }
    if (dir)
        (void)closedir(dir);
}

/* The job's key is "<runner>-<id>". */
static bool is_job(const char *name, const struct stat *st, const void *word)
{
    const char *id = strrchr(name, '-');

    (void)st;
    return !word || strcmp(name, word) == 0 || (id && strcmp(id + 1, word) == 0);
}

static bool is_old(const char *name, const struct stat *st, const void *before)
{
    (void)name;
    return st->st_mtime < *(const time_t *)before;
}

void trace_prune(const struct config *c)
{
    time_t before = time(NULL) - (time_t)(c->trace_ms / 1000);
    auto_free char *folder = folder_of(c);
    auto_strvec old = STRVEC_INIT;

    list_files(c, is_old, &before, &old);
    for (size_t i = 0; i < old.n; i++) {
        auto_free char *path = xasprintf("%s/%s", folder, old.items[i]);
        (void)unlink(path);
    }
}

static int by_begin(const void *a, const void *b)
{
    int64_t left = json_number(*(json_t *const *)a, "began", 0), right = json_number(*(json_t *const *)b, "began", 0);

    return (left > right) - (left < right);
}

/* A line that was cut, by a full disk, is passed over. */
static json_t *parse_lines(const char *text)
{
    auto_json *lines = json_array();
    json_t *sorted = json_array();

    for (const char *line = text; *line;) {
        size_t len = strcspn(line, "\n");
        json_t *one = NULL;
        if (len > 0 && json_parse(line, len, FOLDER, &one, NULL) == 0)
            json_array_append_new(lines, one);
        line += len + (line[len] == '\n');
    }
    size_t n = json_array_size(lines);
    auto_free json_t **all = xcalloc(n + 1, sizeof(json_t *));
    for (size_t i = 0; i < n; i++)
        all[i] = json_array_get(lines, i);
    qsort(all, n, sizeof(json_t *), by_begin);
    for (size_t i = 0; i < n; i++)
        json_array_append(sorted, all[i]);
    return sorted;
}

int trace_read(const struct config *c, const char *word, char **key, json_t **hooks, struct err *e)
{
    auto_free char *folder = folder_of(c);
    auto_free char *text = NULL;
    auto_strvec keys = STRVEC_INIT;

    list_files(c, is_job, word, &keys);
    if (keys.n == 0 && c->trace_ms <= 0)
        return err_set(e, ERR_USAGE, 0, "nothing was written down: the configuration has `trace: 0`");
    if (keys.n == 0) {
        auto_free char *shown = text_quote(word ? word : "");
        return err_set(e, ERR_USAGE, 0, "nothing in '%s' of %s%s%s; it is kept for as long as `trace` says", folder,
                       word ? "job '" : "any job", shown, word ? "'" : "");
    }
    auto_free char *path = xasprintf("%s/%s", folder, keys.items[keys.n - 1]);
    if (file_read(path, FILE_MAX, &text, NULL, e) < 0)
        return -1;
    *hooks = parse_lines(text);
    *key = xstrdup(keys.items[keys.n - 1]);
    return 0;
}
