#include "stages/pipeline/source_modules.h"

#include "base/file.h"
#include "base/process.h"
#include "base/strbuf.h"
#include "base/text.h"
#include "stages/pipeline/git.h"
#include "stages/pipeline/source.h"

#include <string.h>
#include <unistd.h>

/* Of submodules in submodules, and of all of them: whoever wrote .gitmodules decides. */
#define DEPTH_MAX   8
#define MODULES_MAX ((size_t)1000)

#define BRANCH "pipeline"

#define auto_git __attribute__((cleanup(git_release))) struct git

struct filling {
    const struct source *source;
    const char *store;
    bool recursive;
    struct source_modules *out;
};

/* One repository, as it was asked about. */
struct place {
    const struct git *git;
    const char *sha;     /* the commit */
    const char *modules; /* where the repositories of its submodules are */
    const char *path;    /* its folder below the project's top: "" or "lib" */
    int depth;
};

static bool is_repository(const char *dir)
{
    auto_free char *head = xasprintf("%s/HEAD", dir);

    return access(head, F_OK) == 0;
}

static char *below(const char *parent, const char *path)
{
    return xasprintf("%s%s%s", parent, *parent ? "/" : "", path);
}

/* Where git keeps it, or in its own folder in the older manner; NULL: neither. The caller's. */
static char *find_repository(const struct filling *f, const struct place *at, const char *name, const char *path)
{
    auto_free char *whole = below(at->path, path);
    auto_free char *kept = xasprintf("%s/%s", at->modules, name);
    auto_free char *own = xasprintf("%s/%s/.git", f->source->checkout->top, whole);

    if (strstr(name, "..") || strstr(path, ".."))
        return NULL;
    return is_repository(kept) ? take(&kept) : is_repository(own) ? take(&own) : NULL;
}

/* The commit that the folder is to have; NULL: it is no submodule's there. The caller's. */
static char *commit_of(const struct place *at, const char *path)
{
    static const char start[] = "160000 commit ";
    auto_free char *entry = git_ask(at->git, "ls-tree", at->sha, "--", path, NULL);

    if (!entry || !text_starts(entry, start))
        return NULL;
    return xstrndup(entry + strlen(start), strcspn(entry + strlen(start), "\t"));
}

int source_lfs_copy(const struct source *s, const char *repository, const char *store, struct err *e)
{
    auto_free char *from = xasprintf("%s/lfs/objects", repository);
    auto_free char *to = xasprintf("%s/lfs", store);
    auto_strbuf nothing = STRBUF_TEXT;
    const char *const argv[] = { "cp", "-R", "-u", "--reflink=auto", from, to, NULL };

    if (access(from, F_OK) < 0)
        return 0;
    return dir_make(to, 0755, e) < 0 ? -1 : process_capture(argv, s->dir, s->env, &nothing, e);
}

static int push(const struct source *s, const char *repository, const char *sha, const char *to, struct err *e)
{
    auto_free char *format = xasprintf("--object-format=%s", s->format);
    auto_free char *branch = xasprintf("%s:refs/heads/" BRANCH, sha);
    auto_git inside;
    auto_git theirs;

    source_git_inside(s, repository, &theirs);
    source_git_inside(s, to, &inside);
    if (git_run(&inside, NULL, e, "init", "--quiet", "--bare", "--template=", "--initial-branch=" BRANCH, format, NULL) < 0)
        return -1;
    return git_run(&theirs, NULL, e, "-c", "core.hooksPath=/dev/null", "-c", "push.recurseSubmodules=no", "push", "--quiet",
                   "--force", SOURCE_RECEIVE_PACK, to, branch, "refs/tags/*:refs/tags/*", NULL);
}

/* What is there may be another one's, or half-written: from the start, then. */
static int hand_over(const struct source *s, const char *repository, const char *sha, const char *to, struct err *e)
{
    auto_err ignored = ERR_INIT;

    if (push(s, repository, sha, to, &ignored) < 0 && (dir_remove(to, e) < 0 || push(s, repository, sha, to, e) < 0))
        return -1;
    return source_lfs_copy(s, repository, to, e);
}

static int add_all(struct filling *f, const struct place *at, struct err *e);

static int add(struct filling *f, const struct place *at, const char *name, const char *path, const char *sha, struct err *e)
{
    const struct source *s = f->source;
    size_t number = f->out->n;
    auto_free char *repository = find_repository(f, at, name, path);
    auto_free char *commit = xasprintf("%s^{commit}", sha);

    if (number == MODULES_MAX)
        return err_set(e, ERR_JOB, 0, "more than %zu submodules", MODULES_MAX);
    f->out->items = xreallocarray(f->out->items, number + 1, sizeof(*f->out->items));
    f->out->items[f->out->n++] =
        (struct source_module){ .name = xstrdup(name), .parent = xstrdup(at->path), .path = xstrdup(path) };
    if (!repository)
        return 0;
    auto_git g;
    source_git_inside(s, repository, &g);
    auto_free char *found = git_ask(&g, "rev-parse", "-q", "--verify", commit, NULL);
    if (!found)
        return 0;
    f->out->items[number].store = xasprintf("modules/%zu.git", number);
    auto_free char *to = xasprintf("%s/modules/%zu.git", f->store, number);
    if (dir_make(to, 0755, e) < 0 || hand_over(s, repository, sha, to, e) < 0)
        return err_wrap(e, "submodule '%s'", path);
    if (!f->recursive || at->depth == DEPTH_MAX)
        return 0;
    auto_free char *modules = xasprintf("%s/modules", repository);
    auto_free char *whole = below(at->path, path);
    const struct place inner = { &g, sha, modules, whole, at->depth + 1 };
    return add_all(f, &inner, e);
}

static int add_all(struct filling *f, const struct place *at, struct err *e)
{
    static const char start[] = "submodule.", end[] = ".path";
    auto_free char *blob = xasprintf("%s:.gitmodules", at->sha);
    auto_free char *keys = git_ask(at->git, "config", "--blob", blob, "--name-only", "--get-regexp",
                                   "^submodule\\..*\\.path$", NULL);
    char *rest = keys;

    for (char *key; rest && (key = strsep(&rest, "\n"));) {
        auto_free char *path = git_ask(at->git, "config", "--blob", blob, "--get", key, NULL);
        auto_free char *sha = path ? commit_of(at, path) : NULL;
        if (!sha || strlen(key) <= strlen(start) + strlen(end))
            continue;
        auto_free char *name = xstrndup(key + strlen(start), strlen(key) - strlen(start) - strlen(end));
        if (add(f, at, name, path, sha, e) < 0)
            return -1;
    }
    return 0;
}

int source_modules_fill(const struct source *s, const char *store, bool recursive, struct source_modules *out, struct err *e)
{
    struct filling f = { s, store, recursive, out };
    auto_git own;
    auto_git theirs;

    source_modules_release(out);
    source_git(s, &own);
    git_init(&theirs, s->checkout->top, s->env);
    auto_free char *modules = git_ask(&theirs, "rev-parse", "--path-format=absolute", "--git-path", "modules", NULL);
    const struct place top = { &own, s->sha, modules ? modules : "", "", 0 };
    return add_all(&f, &top, e);
}

void source_modules_release(struct source_modules *m)
{
    for (size_t i = 0; i < m->n; i++) {
        free(m->items[i].name);
        free(m->items[i].parent);
        free(m->items[i].path);
        free(m->items[i].store);
    }
    free(m->items);
    *m = (struct source_modules){ NULL, 0 };
}
