#include "stages/pipeline/source.h"

#include "base/file.h"
#include "stages/pipeline/git.h"

#include <inttypes.h>
#include <string.h>

#define INDEX_MAX ((size_t)512 << 20)

#define auto_git __attribute__((cleanup(git_release))) struct git

/* A git that reads the checkout and writes only below s->dir. The alternates file
 * instead of GIT_ALTERNATE_OBJECT_DIRECTORIES: a path may have a colon. */
static void git_beside(const struct source *s, struct git *g)
{
    auto_free char *index = xasprintf("%s/index", s->dir);
    auto_free char *objects = xasprintf("%s/objects", s->dir);

    git_init(g, s->checkout->top, s->env);
    strvec_set_env(&g->env, "GIT_INDEX_FILE", index);
    strvec_set_env(&g->env, "GIT_OBJECT_DIRECTORY", objects);
}

static int make_object_folder(const struct source *s, const struct git *g, struct err *e)
{
    auto_free char *objects = NULL;
    auto_free char *info = xasprintf("%s/objects/info", s->dir);
    auto_free char *file = xasprintf("%s/alternates", info);

    if (git_run(g, &objects, e, "rev-parse", "--path-format=absolute", "--git-path", "objects", NULL) < 0)
        return -1;
    auto_free char *line = xasprintf("%s\n", objects);
    if (dir_make(info, 0700, e) < 0)
        return -1;
    return file_write(file, line, strlen(line), 0600, e);
}

/* The index knows which files have not changed since git last looked, which spares reading them all. */
static int copy_index(const struct source *s, const struct git *g, struct err *e)
{
    auto_free char *from = NULL;
    auto_free char *data = NULL;
    auto_free char *to = xasprintf("%s/index", s->dir);
    size_t len;

    if (git_run(g, &from, e, "rev-parse", "--path-format=absolute", "--git-path", "index", NULL) < 0)
        return -1;
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
        return git_run(g, &s->sha, e, "commit-tree", tree, "-p", s->checkout->head, "-m", message, NULL);
    return git_run(g, &s->sha, e, "commit-tree", tree, "-m", message, NULL);
}

static int make_commit(struct source *s, struct err *e)
{
    auto_free char *tree = NULL;
    auto_git theirs; /* as the caller has it: where are its objects and its index? */
    auto_git g;

    git_init(&theirs, s->checkout->top, s->env);
    git_beside(s, &g);
    if (make_object_folder(s, &theirs, e) < 0 || copy_index(s, &theirs, e) < 0)
        return -1;

    s->format = git_ask(&g, "rev-parse", "--show-object-format", NULL);
    if (git_run(&g, NULL, e, "-c", "core.splitIndex=false", "-c", "core.fsmonitor=false", "-c",
                "advice.addEmbeddedRepo=false", "add", "-A", NULL) < 0 ||
        git_run(&g, &tree, e, "write-tree", NULL) < 0)
        return -1;

    auto_free char *head_tree = git_ask(&g, "rev-parse", "-q", "--verify", "HEAD^{tree}", NULL);
    s->changed = !head_tree || strcmp(tree, head_tree) != 0;
    if (s->changed)
        return commit_tree(s, &g, tree, e);
    s->sha = xstrdup(s->checkout->head);
    return 0;
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

/* Those of earlier pipelines, and a branch `a` that stands in the way of `a/b`.
 * Only after the push: until then they tell git what need not be sent again. */
static int remove_old_refs(const struct git *g, const char *keep, struct err *e)
{
    auto_free char *list = git_ask(g, "for-each-ref", "--format=%(refname)", "refs/heads", "refs/pipelines", NULL);
    char *rest = list;

    for (char *ref; rest && (ref = strsep(&rest, "\n"));)
        if (strcmp(ref, keep) != 0 && git_run(g, NULL, e, "update-ref", "-d", ref, NULL) < 0)
            return -1;
    return 0;
}

static int publish(const struct source *s, const char *path, struct err *e)
{
    auto_free char *ref = xasprintf("refs/pipelines/%" PRId64, s->pipeline_id);
    auto_free char *refspec = xasprintf("%s:%s", s->sha, ref);
    auto_free char *format = xasprintf("--object-format=%s", s->format ? s->format : "sha1");
    auto_free char *branch = xasprintf("refs/heads/%s", s->checkout->ref);
    auto_git beside;
    auto_git bare;

    git_beside(s, &beside);
    git_init(&bare, s->checkout->top, s->env);
    if (git_run(&bare, NULL, e, "init", "--quiet", "--bare", "--template=", format, path, NULL) < 0)
        return -1;
    strvec_set_env(&bare.env, "GIT_DIR", path);
    /* The checkout may be a shallow one. The caller's hooks are for his own pushes. */
    if (git_run(&beside, NULL, e, "-c", "core.hooksPath=/dev/null", "-c", "push.recurseSubmodules=no", "-c",
                "push.gpgSign=false", "push", "--quiet", "--force", "--prune",
                "--receive-pack=git -c receive.shallowUpdate=true -c gc.autoDetach=false receive-pack", path,
                refspec, "refs/tags/*:refs/tags/*", NULL) < 0)
        return -1;
    if (remove_old_refs(&bare, ref, e) < 0)
        return -1;
    return s->checkout->is_tag ? 0 : git_run(&bare, NULL, e, "update-ref", branch, s->sha, NULL);
}

int source_publish(const struct source *s, const char *path, struct err *e)
{
    if (publish(s, path, e) == 0)
        return 0;
    /* A git that was killed may have left it half-written; from the start, then. */
    err_release(e);
    if (dir_remove(path, e) < 0 || publish(s, path, e) < 0)
        return err_wrap(e, "sources into '%s'", path);
    return 0;
}

void source_release(struct source *s)
{
    if (s->dir)
        (void)dir_remove(s->dir, NULL);
    free(s->dir);
    free(s->sha);
    free(s->format);
    *s = (struct source)SOURCE_INIT;
}
