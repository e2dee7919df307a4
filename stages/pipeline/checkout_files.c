#include "stages/pipeline/checkout_files.h"

#include "base/file.h"
#include "base/text.h"
#include "stages/pipeline/event.h"
#include "stages/pipeline/git.h"

#include <errno.h>
#include <fts.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What differs from one revision. */
struct checkout_change {
    char *compare_to; /* NULL: what the server knows of the branch */
    bool known;
    struct strvec paths;
};

/* Files that jobs need not get: of another revision, or project. */
struct checkout_tree {
    char *project, *ref; /* as they were asked for */
    struct strvec paths;
};

void checkout_files_init(struct checkout_files *f, const struct checkout *c, bool here, const char *copies, char *const *env)
{
    auto_free char *cwd = getcwd(NULL, 0);

    *f = (struct checkout_files){ .checkout = c, .copies = copies, .env = env };
    if (c->sources == SOURCES_COMMIT)
        f->prefix = xasprintf("%s:", c->ref);
    else
        f->prefix = here && cwd && strcmp(cwd, c->top) == 0 ? xstrdup("") : xasprintf("%s/", c->top);
}

static int no_file(const char *path, struct err *e)
{
    return err_set(e, ERR_NOT_FOUND, 0, "%s: there is no such file", path);
}

static int read_file(void *ctx, const char *path, size_t max, char **text, size_t *len, struct err *e)
{
    struct checkout_files *f = ctx;
    auto_free char *whole = xasprintf("%s/%s", f->checkout->top, path);
    struct stat st;

    if (f->checkout->sources == SOURCES_COMMIT) {
        *text = checkout_show(f->checkout, path, f->env);
        *len = *text ? strlen(*text) : 0;
        return *text ? 0 : no_file(path, e);
    }
    if (stat(whole, &st) == 0 && !S_ISREG(st.st_mode))
        return no_file(path, e);
    return file_read(whole, max, text, len, e);
}

static void add_lines(const char *text, struct strvec *out)
{
    while (text && *text) {
        size_t len = strcspn(text, "\n");
        strvec_give(out, xstrndup(text, len));
        text += len + (text[len] == '\n');
    }
}

static const struct strvec *list_files(void *ctx, struct err *e)
{
    struct checkout_files *f = ctx;
    __attribute__((cleanup(git_release))) struct git g = { 0 };
    auto_free char *answer = NULL;

    if (f->has_all)
        return &f->all;
    git_init(&g, f->checkout->top, f->env);
    int rc = f->checkout->sources == SOURCES_COMMIT
                 ? git_run(&g, &answer, e, "-c", "core.quotePath=off", "ls-tree", "-r", "--name-only", f->checkout->head, NULL)
                 : git_run(&g, &answer, e, "-c", "core.quotePath=off", "ls-files", "--cached", "--others", "--deduplicate",
                           "--exclude-standard", NULL);
    if (rc < 0)
        return NULL;
    add_lines(answer, &f->all);
    f->has_all = true;
    return &f->all;
}

static bool same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static char *revision_of(const struct git *g, const char *name)
{
    static const char *const places[] = { "refs/heads/%s", "refs/remotes/origin/%s", "refs/tags/%s", "%s" };

    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        const char *hole = strstr(places[i], "%s");
        auto_free char *full = xasprintf("%.*s%s^{commit}", (int)(hole - places[i]), places[i], name);
        char *found = git_ask(g, "rev-parse", "-q", "--verify", "--end-of-options", full, NULL);
        if (found)
            return found;
    }
    return NULL;
}

/* ---- Elsewhere ---- */

static int list_revision(const struct checkout_files *f, const char *ref, struct strvec *out, struct err *e)
{
    __attribute__((cleanup(git_release))) struct git g;
    auto_free char *answer = NULL;
    auto_free char *shown = text_quote(ref);

    git_init(&g, f->checkout->top, f->env);
    auto_free char *revision = revision_of(&g, ref);
    if (!revision)
        return err_set(e, ERR_JOB, 0, "`exists`: there is no branch, tag or commit `%s` in this checkout", shown);
    if (git_run(&g, &answer, e, "-c", "core.quotePath=off", "ls-tree", "-r", "--name-only", revision, NULL) < 0)
        return -1;
    add_lines(answer, out);
    return 0;
}

static void walk(FTS *tree, size_t skip, struct strvec *out)
{
    for (FTSENT *x; (x = fts_read(tree)) != NULL;) {
        if (x->fts_info == FTS_D && strcmp(x->fts_name, ".git") == 0)
            (void)fts_set(tree, x, FTS_SKIP);
        if (x->fts_info == FTS_F || x->fts_info == FTS_SL || x->fts_info == FTS_SLNONE)
            strvec_push(out, x->fts_path + skip);
    }
}

/* Whatever revision it is of. */
static int list_copy(const struct checkout_files *f, const char *project, struct strvec *out, struct err *e)
{
    auto_free char *folder = xasprintf("%s/project/%s", f->copies ? f->copies : "DIR", project);
    auto_free char *slashes = xasprintf("/%s/", project);
    auto_free char *shown = text_quote(folder);
    char *const roots[] = { folder, NULL };
    struct stat st;

    if (!f->copies)
        return err_set(e, ERR_JOB, 0, "`exists` of another `project`: nothing is fetched from a server; keep a copy at %s and give "
                       "--includes DIR", shown);
    if (strstr(slashes, "/../") || stat(folder, &st) < 0 || !S_ISDIR(st.st_mode))
        return err_set(e, ERR_JOB, 0, "`exists` of another `project`: there is no copy `%s`; put one there", shown);
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    if (!tree)
        return err_set(e, ERR_SYSTEM, errno, "read folder '%s': %s", shown, strerror(errno));
    walk(tree, strlen(folder) + 1, out);
    (void)fts_close(tree);
    return 0;
}

static bool is_checked_out(const struct checkout *c, const char *ref)
{
    return ref ? strcmp(ref, c->ref) == 0 : !c->is_tag && strcmp(c->default_branch, c->ref) == 0;
}

static const struct strvec *list_files_of(void *ctx, const char *project, const char *ref, struct err *e)
{
    struct checkout_files *f = ctx;
    bool is_own = strcasecmp(project, f->checkout->remote.path) == 0;

    if (is_own && is_checked_out(f->checkout, ref))
        return list_files(ctx, e);
    for (size_t i = 0; i < f->n_trees; i++)
        if (strcmp(f->trees[i].project, project) == 0 && same(f->trees[i].ref, ref))
            return &f->trees[i].paths;
    auto_strvec paths = STRVEC_INIT;
    if (is_own ? list_revision(f, ref ? ref : f->checkout->default_branch, &paths, e) < 0 : list_copy(f, project, &paths, e) < 0)
        return NULL;
    f->trees = xreallocarray(f->trees, f->n_trees + 1, sizeof(*f->trees));
    f->trees[f->n_trees] = (struct checkout_tree){ xstrdup(project), xstrdup(ref), paths };
    paths = (struct strvec)STRVEC_INIT;
    return &f->trees[f->n_trees++].paths;
}

/* ---- What has changed ---- */

/* What a server compares with for a push: what it knew of the branch before, or all of it while something is not
 * committed. NULL: a new branch, a tag, or nothing was pushed. */
static char *pushed_before(const struct git *g, const struct checkout *c)
{
    bool may_be_more = c->sources != SOURCES_COMMIT && checkout_all_pushed(c);

    if (!event_has_push(c->event))
        return NULL;
    auto_free char *changed = may_be_more ? git_ask(g, "status", "--porcelain", NULL) : NULL;
    const char *base = changed ? c->pushed : c->before;
    return base ? xstrdup(base) : NULL;
}

static int read_changes(const struct git *g, const struct checkout *c, const char *base, struct strvec *out, struct err *e)
{
    auto_free char *tracked = NULL;
    auto_free char *others = NULL;
    const char *end = c->sources == SOURCES_COMMIT ? c->head : "--";

    if (git_run(g, &tracked, e, "-c", "core.quotePath=off", "diff", "--name-only", "--no-renames", "--no-ext-diff", base,
                end, NULL) < 0)
        return -1;
    add_lines(tracked, out);
    if (c->sources == SOURCES_COMMIT)
        return 0;
    if (git_run(g, &others, e, "-c", "core.quotePath=off", "ls-files", "--others", "--exclude-standard", NULL) < 0)
        return -1;
    add_lines(others, out);
    return 0;
}

static int compare(const struct checkout_files *f, const char *compare_to, struct checkout_change *out, struct err *e)
{
    __attribute__((cleanup(git_release))) struct git g;
    auto_free char *base = NULL;

    git_init(&g, f->checkout->top, f->env);
    if (!compare_to) {
        base = event_is_merge_request(f->checkout->event) ? xstrdup(f->checkout->merge_base) : pushed_before(&g, f->checkout);
        out->known = base != NULL;
        return base ? read_changes(&g, f->checkout, base, &out->paths, e) : 0;
    }
    auto_free char *revision = revision_of(&g, compare_to);
    auto_free char *shown = text_quote(compare_to);
    if (!revision)
        return err_set(e, ERR_JOB, 0, "`compare_to`: there is no branch, tag or commit `%s` in this checkout", shown);
    base = f->checkout->head ? git_ask(&g, "merge-base", revision, f->checkout->head, NULL) : NULL;
    out->known = true;
    return read_changes(&g, f->checkout, base ? base : revision, &out->paths, e);
}

static const struct strvec *changed_files(void *ctx, const char *compare_to, bool *known, struct err *e)
{
    struct checkout_files *f = ctx;

    for (size_t i = 0; i < f->n_changes; i++) {
        if (!same(f->changes[i].compare_to, compare_to))
            continue;
        *known = f->changes[i].known;
        return &f->changes[i].paths;
    }
    struct checkout_change change = { .compare_to = xstrdup(compare_to) };
    int rc = compare(f, compare_to, &change, e);
    f->changes = xreallocarray(f->changes, f->n_changes + 1, sizeof(*f->changes));
    f->changes[f->n_changes++] = change;
    *known = change.known;
    return rc < 0 ? NULL : &f->changes[f->n_changes - 1].paths;
}

struct project_files checkout_files(struct checkout_files *f)
{
    return (struct project_files){ f, f->prefix, read_file, list_files, list_files_of, changed_files };
}

void checkout_files_release(struct checkout_files *f)
{
    for (size_t i = 0; i < f->n_changes; i++) {
        free(f->changes[i].compare_to);
        strvec_release(&f->changes[i].paths);
    }
    for (size_t i = 0; i < f->n_trees; i++) {
        free(f->trees[i].project);
        free(f->trees[i].ref);
        strvec_release(&f->trees[i].paths);
    }
    free(f->trees);
    free(f->changes);
    strvec_release(&f->all);
    free(f->prefix);
    *f = (struct checkout_files){ 0 };
}
