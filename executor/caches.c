/* executor/caches.c: `atelier cache WORD`: from the word to what does it. */
#include "executor/caches.h"

#include "base/interrupt.h"
#include "base/number.h"
#include "base/strvec.h"
#include "base/text.h"

#include <errno.h>
#include <string.h>
#include <time.h>

static const struct word {
    const char *name;
    bool keys; /* takes arguments */
    caches_fn *run;
} words[] = {
    { "ls", false, caches_ls },
    { "stat", false, caches_stat },
    { "verify", true, caches_verify },
    { "prune", false, caches_prune },
};

static int unknown_word(const char *name, struct err *e)
{
    const char *names[ARRAY_SIZE(words) + 1] = { NULL };
    auto_free char *shown = text_quote(name);

    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        names[i] = words[i].name;
    const char *nearest = text_nearest(name, names);
    if (nearest)
        return err_set(e, ERR_USAGE, 0, "unknown word 'cache %s'; did you mean 'cache %s'?", shown, nearest);
    return err_set(e, ERR_USAGE, 0, "unknown word 'cache %s'; there are: ls, stat, verify, prune", shown);
}

static int check_word(const struct word *word, const struct invocation *in, struct err *e)
{
    const struct {
        bool given;
        const char *option, *word; /* that alone takes it */
    } options[] = {
        { in->size, "size", "prune" },
        { in->age, "age", "prune" },
        { in->dry_run, "dry-run", "prune" },
        { in->remove, "remove", "verify" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(options); i++)
        if (options[i].given && strcmp(options[i].word, word->name) != 0)
            return err_set(e, ERR_USAGE, 0, "'atelier cache %s' has no option '--%s'; 'atelier cache %s' has",
                           word->name, options[i].option, options[i].word);
    if (in->args[1] && !word->keys)
        return err_set(e, ERR_USAGE, 0, "usage: atelier cache %s", word->name);
    return 0;
}

static const struct word *find(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (strcmp(words[i].name, name) == 0)
            return &words[i];
    return NULL;
}

bool caches_fits(const char *wanted, const char *name)
{
    return strcmp(wanted, name) == 0 || text_matches(wanted, name);
}

static bool is_wanted(const struct store_entry *t, void *ctx)
{
    const struct invocation *in = ctx;
    auto_free char *project = store_entry_project(t);
    auto_free char *runner = store_entry_runner(t);

    return (!in->project || caches_fits(in->project, project)) && (!in->runner || strcmp(in->runner, runner) == 0);
}

/* A folder that is not there yet has no caches. */
static int read_caches(struct caches *c, struct err *e)
{
    auto_err problem = ERR_INIT;

    if (config_read(c->in->config, c->in->env, &c->config, e) < 0)
        return -1;
    if (store_root_open(c->config.cache, &c->root, &problem) < 0)
        return problem.kind == ERR_NOT_FOUND ? 0 : err_move(e, &problem);
    store_walk(c->root, c->now, &c->index);
    store_index_filter(&c->index, is_wanted, (void *)(uintptr_t)c->in);
    return 0;
}

static void caches_release(struct caches *c)
{
    config_release(&c->config);
    store_index_release(&c->index);
    cleanup_close(&c->root);
}

int command_cache(const struct invocation *in, struct err *e)
{
    const struct word *word = find(in->args[0]);
    __attribute__((cleanup(caches_release))) struct caches c = {
        .in = in, .args = in->args + 1, .root = -1, .now = (int64_t)time(NULL)
    };

    if (!word)
        return unknown_word(in->args[0], e);
    if (check_word(word, in, e) < 0)
        return -1;
    interrupt_default();
    return read_caches(&c, e) < 0 ? -1 : word->run(&c, e);
}

char *caches_size(int64_t bytes)
{
    char text[32];

    return xstrdup(size_format(bytes, text, sizeof(text)));
}

char *caches_age(const struct caches *c, int64_t date)
{
    char text[32];

    return xstrdup(duration_format((c->now - date) * 1000, text, sizeof(text)));
}

char *caches_count(size_t n, const char *one, const char *many)
{
    return xasprintf("%zu %s", n, n == 1 ? one : many);
}

char *caches_project(const struct store_entry *t)
{
    auto_free char *project = store_entry_project(t);

    return text_quote(*project ? project : "-");
}

void caches_remark(const struct caches *c, struct strbuf *out)
{
    const struct store_index *x = &c->index;
    auto_free char *root = text_quote(c->config.cache);
    auto_free char *others = caches_count(x->others, "file", "files");
    auto_free char *size = caches_size(x->other_size);

    if (c->root < 0)
        strbuf_printf(out, "%s is not there: no job had a cache here\n", root);
    if (x->others > 0)
        strbuf_printf(out, "%s in %s, %s, %s no cache's; atelier leaves them alone\n", others, root, size,
                      x->others == 1 ? "is" : "are");
    if (x->unreadable > 0)
        strbuf_printf(out, "Folders that could not be read: %zu (%s)%s\n", x->unreadable, strerror(x->why),
                      x->why == EACCES ? "; they are root's" : "");
    if (x->too_deep > 0)
        strbuf_printf(out, "Folders that lie too deep to be looked into: %zu\n", x->too_deep);
    if (x->cut)
        strbuf_printf(out, "There are more than %zu: the rest was not looked at\n", STORE_ENTRIES_MAX);
}
