/* executor/caches_list.c: `atelier cache ls` and `atelier cache stat`: what there is. */
#include "executor/caches.h"

#include "base/file.h"
#include "base/text.h"
#include "executor/table.h"

#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define BIGGEST 5 /* so many are named */

/* "tEsT_0123/7.protected": who the cache is of, beyond doubt; the project's name is what a job said. */
static char *folder_of(const struct store_entry *t)
{
    auto_free char *folder = xstrndup(t->path, t->below - 1);

    return text_quote(folder);
}

/* ---- ls ---- */

enum { COLUMNS = 7 };

static void add_row(const struct caches *c, const struct store_entry *t, struct strvec *cells)
{
    strvec_give(cells, caches_project(t));
    strvec_give(cells, text_quote(store_entry_key(t)));
    strvec_give(cells, caches_size(t->size));
    strvec_give(cells, caches_age(c, t->made));
    strvec_give(cells, t->hits > 0 ? caches_age(c, t->used) : xstrdup("never"));
    strvec_pushf(cells, "%lld", (long long)t->hits);
    strvec_give(cells, folder_of(t));
}

static void write_total(const struct caches *c, struct strbuf *out)
{
    struct store_totals sum;

    store_index_sum(&c->index, &sum);
    auto_free char *caches = caches_count(sum.caches, "cache", "caches");
    auto_free char *size = caches_size(sum.size);
    auto_free char *limit = caches_size(c->config.cache_size);
    bool all = !c->in->project && !c->in->runner && c->config.cache_size > 0;
    strbuf_printf(out, "%s, %s%s%s\n", caches, size, all ? " of " : "", all ? limit : "");
    if (sum.leftovers == 0)
        return;
    auto_free char *leftovers = caches_count(sum.leftovers, "leftover of a writer that was killed",
                                             "leftovers of writers that were killed");
    auto_free char *leftover_size = caches_size(sum.leftover_size);
    strbuf_printf(out, "%s, %s: 'atelier cache prune' removes %s\n", leftovers, leftover_size,
                  sum.leftovers == 1 ? "it" : "them");
}

int caches_ls(struct caches *c, struct err *e)
{
    static const char *const heads[COLUMNS] = { "PROJECT", "KEY", "SIZE", "AGE", "LAST USED", "HITS", "FOLDER" };
    auto_strvec cells = STRVEC_INIT;
    auto_strbuf out = STRBUF_TEXT;

    for (size_t i = 0; i < COLUMNS; i++)
        strvec_push(&cells, heads[i]);
    for (size_t i = 0; i < c->index.n; i++)
        if (c->index.entries[i].has_archive)
            add_row(c, &c->index.entries[i], &cells);
    if (cells.n > COLUMNS)
        table_write(&cells, COLUMNS, &out);
    write_total(c, &out);
    caches_remark(c, &out);
    return fd_write(STDOUT_FILENO, strbuf_text(&out), out.len, e);
}

/* ---- stat ---- */

/* What the caches of one project, or of one runner, come to. */
struct share {
    char *name;
    size_t caches;
    int64_t size, hits;
};

/* The id stands beside a project's name: that is what the folder is for. */
static char *project_name(const struct store_entry *t)
{
    auto_free char *project = caches_project(t);
    auto_free char *folder = folder_of(t);
    const char *id = strchr(folder, '/');

    return xasprintf("%s (%.*s)", project, id ? (int)strcspn(id + 1, ".") : 0, id ? id + 1 : "");
}

static char *runner_name(const struct store_entry *t)
{
    auto_free char *runner = store_entry_runner(t);

    return text_quote(runner);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct share *)a)->name, ((const struct share *)b)->name);
}

static int by_size(const void *a, const void *b)
{
    int64_t one = ((const struct share *)a)->size, other = ((const struct share *)b)->size;

    return one == other ? by_name(a, b) : one > other ? -1 : 1;
}

/* One for each name, the largest first. */
static size_t merge(struct share *shares, size_t n)
{
    size_t last = 0;

    if (n == 0)
        return 0;
    qsort(shares, n, sizeof(*shares), by_name);
    for (size_t i = 1; i < n; i++) {
        struct share *into = &shares[last];
        if (strcmp(into->name, shares[i].name) != 0) {
            shares[++last] = shares[i];
            continue;
        }
        into->caches += shares[i].caches;
        into->size += shares[i].size;
        into->hits += shares[i].hits;
        free(shares[i].name);
    }
    qsort(shares, last + 1, sizeof(*shares), by_size);
    return last + 1;
}

static void write_shares(const struct caches *c, const char *head, char *(*name)(const struct store_entry *),
                         struct strbuf *out)
{
    enum { SHARE_COLUMNS = 4 };
    auto_free struct share *shares = xcalloc(c->index.n + 1, sizeof(*shares));
    auto_strvec cells = STRVEC_INIT;
    size_t n = 0;

    for (size_t i = 0; i < c->index.n; i++) {
        const struct store_entry *t = &c->index.entries[i];
        if (t->has_archive)
            shares[n++] = (struct share){ name(t), 1, t->size, t->hits };
    }
    n = merge(shares, n);
    strvec_push(&cells, head);
    strvec_push(&cells, "CACHES");
    strvec_push(&cells, "SIZE");
    strvec_push(&cells, "HITS");
    for (size_t i = 0; i < n; i++) {
        strvec_give(&cells, shares[i].name);
        strvec_pushf(&cells, "%zu", shares[i].caches);
        strvec_give(&cells, caches_size(shares[i].size));
        strvec_pushf(&cells, "%lld", (long long)shares[i].hits);
    }
    if (n > 0) {
        table_write(&cells, SHARE_COLUMNS, out);
        strbuf_putc(out, '\n');
    }
}

static int larger_first(const void *a, const void *b)
{
    const struct store_entry *one = *(const struct store_entry *const *)a;
    const struct store_entry *other = *(const struct store_entry *const *)b;

    return one->size == other->size ? strcmp(one->path, other->path) : one->size > other->size ? -1 : 1;
}

static void write_biggest(const struct caches *c, struct strbuf *out)
{
    auto_free const struct store_entry **all = xcalloc(c->index.n + 1, sizeof(*all));
    auto_strvec cells = STRVEC_INIT;
    size_t n = 0;

    for (size_t i = 0; i < c->index.n; i++)
        if (c->index.entries[i].has_archive)
            all[n++] = &c->index.entries[i];
    qsort(all, n, sizeof(struct store_entry *), larger_first);
    strvec_push(&cells, "BIGGEST");
    strvec_push(&cells, "SIZE");
    for (size_t i = 0; i < n && i < BIGGEST; i++) {
        strvec_give(&cells, text_quote(all[i]->path));
        strvec_give(&cells, caches_size(all[i]->size));
    }
    if (n > 0) {
        table_write(&cells, 2, out);
        strbuf_putc(out, '\n');
    }
}

static void write_disk(const struct caches *c, struct strbuf *out)
{
    struct statvfs disk;

    if (c->root < 0 || fstatvfs(c->root, &disk) < 0)
        return;
    auto_free char *free_size = caches_size((int64_t)disk.f_bavail * (int64_t)disk.f_frsize);
    auto_free char *size = caches_size((int64_t)disk.f_blocks * (int64_t)disk.f_frsize);
    strbuf_printf(out, "Disk: %s of %s free\n", free_size, size);
}

int caches_stat(struct caches *c, struct err *e)
{
    auto_strbuf out = STRBUF_TEXT;

    write_shares(c, "PROJECT", project_name, &out);
    write_shares(c, "RUNNER", runner_name, &out);
    write_biggest(c, &out);
    write_total(c, &out);
    write_disk(c, &out);
    caches_remark(c, &out);
    return fd_write(STDOUT_FILENO, strbuf_text(&out), out.len, e);
}
