#include "stages/pipeline/source.h"

#include "base/digest.h"
#include "base/file.h"
#include "base/process.h"
#include "base/strbuf.h"
#include "stages/pipeline/git.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define INDEX_MAX ((size_t)512 << 20)

/* Of the new objects, in s->dir. */
#define SOURCE_OBJECTS "sources/objects"

/* Jobs read them as whoever they are; the folder around them is ours alone. */
#define OPEN_OBJECTS "core.sharedRepository=0644"

#define auto_git __attribute__((cleanup(git_release))) struct git

/* Where to look for objects besides: quoted, since a path may have a colon (git(1), GIT_ALTERNATE_OBJECT_DIRECTORIES). */
static char *alternate(const char *path)
{
    auto_strbuf out = STRBUF_TEXT;

    strbuf_putc(&out, '"');
    for (; *path; path++) {
        if (*path == '"' || *path == '\\')
            strbuf_putc(&out, '\\');
        strbuf_putc(&out, *path);
    }
    strbuf_putc(&out, '"');
    return strbuf_take(&out);
}

void source_git(const struct source *s, struct git *g)
{
    auto_free char *index = xasprintf("%s/index", s->dir);
    auto_free char *objects = xasprintf("%s/" SOURCE_OBJECTS, s->dir);
    auto_free char *history = alternate(s->history);

    git_init(g, s->checkout->top, s->env);
    strvec_set_env(&g->env, "GIT_INDEX_FILE", index);
    strvec_set_env(&g->env, "GIT_OBJECT_DIRECTORY", objects);
    strvec_set_env(&g->env, "GIT_ALTERNATE_OBJECT_DIRECTORIES", history);
}

/* The index knows which files have not changed since git last looked, which spares reading them all. */
static int copy_index(const struct source *s, const char *from, struct err *e)
{
    auto_free char *data = NULL;
    auto_free char *to = xasprintf("%s/index", s->dir);
    size_t len;

    if (file_read(from, INDEX_MAX, &data, &len, e) < 0) {
        if (e->kind != ERR_NOT_FOUND)
            return -1;
        err_release(e); /* nothing was ever added: an empty one will do */
        return 0;
    }
    return file_write(to, data, len, 0600, e);
}

/* Fixed names and dates: the same files give the same commit, so that a second run
 * finds all of it already there. */
static int commit_tree(struct source *s, struct git *g, const char *tree, struct err *e)
{
    static const char *const identity[][2] = {
        { "GIT_AUTHOR_NAME", "atelier" },           { "GIT_AUTHOR_EMAIL", "atelier@localhost" },
        { "GIT_AUTHOR_DATE", "@0 +0000" },          { "GIT_COMMITTER_NAME", "atelier" },
        { "GIT_COMMITTER_EMAIL", "atelier@localhost" }, { "GIT_COMMITTER_DATE", "@0 +0000" },
    };
    static const char message[] = "The work tree, with what is not committed yet";

    for (size_t i = 0; i < ARRAY_SIZE(identity); i++)
        strvec_set_env(&g->env, identity[i][0], identity[i][1]);
    if (s->checkout->head)
        return git_run(g, &s->sha, e, "-c", OPEN_OBJECTS, "commit-tree", tree, "-p", s->checkout->head, "-m", message, NULL);
    return git_run(g, &s->sha, e, "-c", OPEN_OBJECTS, "commit-tree", tree, "-m", message, NULL);
}

/* The commit of the work tree: HEAD when nothing has changed. */
static int commit_work_tree(struct source *s, struct git *g, struct err *e)
{
    auto_free char *tree = NULL;

    if (git_run(g, NULL, e, "-c", "core.splitIndex=false", "-c", "core.fsmonitor=false", "-c", OPEN_OBJECTS, "-c",
                "advice.addEmbeddedRepo=false", "add", "-A", NULL) < 0 ||
        git_run(g, &tree, e, "-c", OPEN_OBJECTS, "write-tree", NULL) < 0)
        return -1;
    auto_free char *head_tree = git_ask(g, "rev-parse", "-q", "--verify", "HEAD^{tree}", NULL);
    s->changed = !head_tree || strcmp(tree, head_tree) != 0;
    if (s->changed)
        return commit_tree(s, g, tree, e);
    s->sha = xstrdup(s->checkout->head);
    return 0;
}

/* One question for each line of the answer. */
static int ask_repository(struct source *s, char **index, struct err *e)
{
    enum { OBJECTS, INDEX, SHALLOW, FORMAT, ANSWERS };
    auto_git theirs; /* as the caller has it */
    auto_free char *text = NULL;
    char *answers[ANSWERS + 1] = { NULL };
    size_t n = 0;

    git_init(&theirs, s->checkout->top, s->env);
    if (git_run(&theirs, &text, e, "rev-parse", "--path-format=absolute", "--git-path", "objects", "--git-path", "index",
                "--is-shallow-repository", "--show-object-format", NULL) < 0)
        return -1;
    for (char *rest = text; rest && n <= ANSWERS; n++)
        answers[n] = strsep(&rest, "\n");
    if (n != ANSWERS)
        return err_set(e, ERR_JOB, 0, "git says nothing that makes sense of its folders: a path must not have a line's end");
    s->history = xstrdup(answers[OBJECTS]);
    *index = xstrdup(answers[INDEX]);
    s->shallow = strcmp(answers[SHALLOW], "true") == 0;
    s->format = xstrdup(answers[FORMAT]);
    return 0;
}

static int make_commit(struct source *s, struct err *e)
{
    auto_free char *objects = xasprintf("%s/" SOURCE_OBJECTS, s->dir);
    auto_free char *index = NULL;

    if (ask_repository(s, &index, e) < 0 || dir_make(objects, 0755, e) < 0)
        return -1;
    if (s->checkout->sources == SOURCES_COMMIT) {
        s->sha = xstrdup(s->checkout->head);
        return 0;
    }
    auto_git g;
    source_git(s, &g);
    return copy_index(s, index, e) < 0 ? -1 : commit_work_tree(s, &g, e);
}

int source_take(const struct checkout *c, char *const *env, const char *temporary, int64_t pipeline_id,
                struct source *out, struct err *e)
{
    auto_source s = { .checkout = c, .env = env, .pipeline_id = pipeline_id };

    if (dir_temporary(temporary, "atelier-source", &s.dir, e) < 0 || make_commit(&s, e) < 0)
        return err_wrap(e, "sources of '%s'", c->top);
    *out = s;
    s = (struct source)SOURCE_INIT;
    return 0;
}

/* ---- What its files are ---- */

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* One pattern's: all that is in the commit and was not in an empty one, or who touched it last. */
static char *state_of(const struct git *g, const char *sha, const char *empty, const char *pattern)
{
    auto_free char *path = xasprintf(":(glob)%s", pattern);

    if (!empty)
        return git_ask(g, "log", "-1", "--format=%H", sha, "--", path, NULL);
    return git_ask(g, "diff-tree", "-r", "--no-renames", "--no-abbrev", "--raw", empty, sha, "--", path, NULL);
}

int source_hash(struct source *s, const struct strvec *patterns, bool by_commits, char **out, struct err *e)
{
    auto_strvec states = STRVEC_INIT;
    auto_free char *empty = NULL;
    auto_git g;

    *out = NULL;
    source_git(s, &g);
    if (!by_commits && git_run(&g, &empty, e, "hash-object", "-t", "tree", "/dev/null", NULL) < 0)
        return err_wrap(e, "cache key");
    for (size_t i = 0; i < patterns->n; i++) {
        char *state = state_of(&g, s->sha, empty, patterns->items[i]);
        if (state && strvec_has(&states, state))
            free(state);
        else if (state)
            strvec_give(&states, state);
    }
    if (states.n == 0)
        return 0;
    qsort(states.items, states.n, sizeof(*states.items), compare);
    auto_free char *joined = strvec_join(&states, "-");
    *out = digest_sha1_hex(joined); /* as GitLab's keys are */
    return 0;
}

/* ---- Handing it on ---- */

void source_git_inside(const struct source *s, const char *repository, struct git *g)
{
    git_init(g, s->dir, s->env);
    strvec_set_env(&g->env, "GIT_DIR", repository);
    strvec_set_env(&g->env, "GIT_CONFIG_GLOBAL", "/dev/null");
    strvec_set_env(&g->env, "GIT_CONFIG_NOSYSTEM", "1");
    strvec_set_env(&g->env, "GIT_CONFIG_COUNT", "0");
}

/* Only after the push: until then they tell git what need not be sent again. */
static int remove_old_pipelines(const struct git *g, const char *keep, struct err *e)
{
    auto_free char *list = git_ask(g, "for-each-ref", "--format=%(refname)", "refs/pipelines", NULL);
    char *rest = list;

    for (char *ref; rest && (ref = strsep(&rest, "\n"));)
        if (strcmp(ref, keep) != 0 && git_run(g, NULL, e, "update-ref", "-d", ref, NULL) < 0)
            return -1;
    return 0;
}

bool source_is_partial(const struct source *s)
{
    auto_git g;

    source_git(s, &g);
    /* One is enough; the first is what older git wrote. */
    auto_free char *says_so = git_ask(&g, "config", "--get-regexp",
                                      "^(extensions\\.partialclone|remote\\..*\\.(promisor|partialclonefilter))$",
                                      "!^(false|no|off|0)$", NULL);
    return says_so != NULL;
}

#define REFSPECS 4

/* The list may end early. What is named counts over what matches a pattern. What a partial clone lacks comes to our
 * objects then, and the fetch must not tidy up the caller's repository. */
static int push(const struct source *s, const char *repository, const char *const list[REFSPECS], struct err *e)
{
    auto_git beside;

    source_git(s, &beside);
    /* The caller's hooks are for his own pushes. */
    if (git_run(&beside, NULL, e, "-c", "core.hooksPath=/dev/null", "-c", "push.recurseSubmodules=no", "-c",
                "push.gpgSign=false", "-c", "maintenance.auto=false", "push", "--quiet", "--force", "--prune",
                SOURCE_RECEIVE_PACK, repository, list[0], list[1], list[2], list[3], NULL) == 0)
        return 0;
    if (!source_is_partial(s))
        return -1;
    return err_wrap(e, "the checkout is a partial clone: what it lacks has to come from its remote, now or, with "
                    "`git fetch --refetch --no-filter`, all of it before");
}

static int fill(const struct source *s, const char *repository, struct err *e)
{
    const struct checkout *c = s->checkout;
    auto_free char *pipeline = xasprintf("refs/pipelines/%" PRId64, s->pipeline_id);
    auto_free char *to_pipeline = xasprintf("%s:%s", s->sha, pipeline);
    /* The checkout's branch may be behind the commit. A tag stays what it is. */
    bool is_there = c->is_tag && c->sources != SOURCES_AS_BRANCH;
    auto_free char *to_ref = is_there ? xasprintf("refs/tags/%s:refs/tags/%s", c->ref, c->ref)
                                      : xasprintf("%s:refs/%s/%s", s->sha, c->is_tag ? "tags" : "heads", c->ref);
    const char *const all[REFSPECS] = { to_pipeline, to_ref, "refs/tags/*:refs/tags/*", "refs/heads/*:refs/heads/*" };
    auto_free char *format = xasprintf("--object-format=%s", s->format);
    auto_git inside;

    source_git_inside(s, repository, &inside);
    if (git_run(&inside, NULL, e, "init", "--quiet", "--bare", "--template=", format, NULL) < 0)
        return -1;
    if (!s->shallow)
        return push(s, repository, all, e) < 0 ? -1 : remove_old_pipelines(&inside, pipeline, e);

    /* git (2.39) fails when several references of one push bring the same new end of
     * history; and of the others nobody knows where theirs ends. */
    const char *const first[REFSPECS] = { to_pipeline };
    const char *const second[REFSPECS] = { to_ref };
    return push(s, repository, first, e) < 0 ? -1 : push(s, repository, second, e);
}

/* A store with a shortened history would stay so: then from the start, too. */
static int refill(const struct source *s, const char *store, struct err *e)
{
    auto_free char *shallow = xasprintf("%s/shallow", store);

    if ((s->shallow || access(shallow, F_OK) == 0) && dir_remove(store, e) < 0)
        return -1;
    return fill(s, store, e);
}

/* What is no object of the repository. */
static int fill_more(struct source *s, const char *store, struct err *e)
{
    auto_git theirs;

    git_init(&theirs, s->checkout->top, s->env);
    auto_free char *common = git_ask(&theirs, "rev-parse", "--path-format=absolute", "--git-common-dir", NULL);
    if (common && source_lfs_copy(s, common, store, e) < 0)
        return -1;
    return s->takes_modules ? source_modules_fill(s, store, s->takes_modules_of_modules, &s->modules, e) : 0;
}

/* Once for a pipeline. A git that was killed may have left it half-written, and a branch
 * `a` may stand in the way of `a/b`: from the start, then. */
static int update_store(struct source *s, const char *store, struct err *e)
{
    auto_err ignored = ERR_INIT;

    if (s->store && strcmp(s->store, store) == 0)
        return 0;
    if (refill(s, store, &ignored) < 0 && (dir_remove(store, e) < 0 || fill(s, store, e) < 0))
        return -1;
    if (fill_more(s, store, e) < 0)
        return -1;
    free(s->store);
    s->store = xstrdup(store);
    return 0;
}

/* Not by links: a job's root can write to what it gets. */
static int copy_store(const struct source *s, const char *draft, struct err *e)
{
    auto_strbuf nothing = STRBUF_TEXT;
    const char *const argv[] = { "cp", "-R", "--reflink=auto", s->store, draft, NULL };

    if (dir_remove(draft, e) < 0) /* of a pipeline that was killed */
        return -1;
    return process_capture(argv, s->dir, s->env, &nothing, e);
}

/* rename(2) follows no link at its end, and leaves alone what is no empty folder. */
static int move(const char *draft, const char *path, struct err *e)
{
    if (rename(draft, path) == 0)
        return 0;
    (void)err_set(e, ERR_SYSTEM, errno, "move the repository there: %s%s", strerror(errno),
                  errno == EACCES ? "; a job made the folder root's own: remove it as root" : "");
    (void)dir_remove(draft, NULL);
    return -1;
}

int source_publish(struct source *s, const char *builds_dir, const char *name, struct err *e)
{
    auto_free char *store = xasprintf("%s.source.git", builds_dir);
    auto_free char *draft = xasprintf("%s.draft.git", builds_dir);
    auto_free char *path = xasprintf("%s/%s", builds_dir, name);

    if (update_store(s, store, e) == 0 && copy_store(s, draft, e) == 0 && move(draft, path, e) == 0)
        return 0;
    free(take(&s->store)); /* whatever it was: the next try looks at all of it again */
    return err_wrap(e, "sources into '%s'", path);
}

void source_release(struct source *s)
{
    if (s->dir)
        (void)dir_remove(s->dir, NULL);
    free(s->dir);
    free(s->history);
    free(s->sha);
    free(s->format);
    free(s->store);
    source_modules_release(&s->modules);
    *s = (struct source)SOURCE_INIT;
}
