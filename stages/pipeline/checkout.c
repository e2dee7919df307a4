#include "stages/pipeline/checkout.h"

#include "base/text.h"
#include "stages/pipeline/event.h"
#include "stages/pipeline/git.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define TAGS "refs/tags/"

static char *or_text(char *answer, const char *otherwise)
{
    return answer ? answer : xstrdup(otherwise);
}

/* A number that GitLab would have given: 31 bits (FNV-1a) of the folder's path. */
static int64_t number_of(const char *text)
{
    uint32_t hash = 2166136261u;

    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 16777619u;
    return (hash & 0x7fffffff) | 1;
}

static char *commit_of(const struct git *g, const char *revision)
{
    auto_free char *commit = xasprintf("%s^{commit}", revision);
    return git_ask(g, "rev-parse", "-q", "--verify", commit, NULL);
}

static void read_ref(const struct git *g, struct checkout *c)
{
    c->head = commit_of(g, "HEAD");
    c->ref = git_ask(g, "symbolic-ref", "--short", "-q", "HEAD", NULL);
    if (c->ref)
        return;
    c->ref = git_ask(g, "describe", "--tags", "--exact-match", "HEAD", NULL);
    c->is_tag = c->ref != NULL;
    c->ref = or_text(c->ref, "detached");
}

static char *commit_of_branch(const struct git *g, const char *name)
{
    auto_free char *here = xasprintf("refs/heads/%s", name);
    auto_free char *there = xasprintf("refs/remotes/origin/%s", name);
    char *commit = commit_of(g, here);

    return commit ? commit : commit_of(g, there);
}

static int choose_branch(const struct git *g, const char *branch, struct checkout *c, struct err *e)
{
    bool is_tag = text_starts(branch, TAGS);
    auto_free char *full = is_tag ? xstrdup(branch) : xasprintf("refs/heads/%s", branch);

    if (strcmp(branch, c->ref) == 0 && !c->is_tag)
        return 0;
    if (git_run(g, NULL, e, "check-ref-format", full, NULL) < 0) {
        auto_free char *shown = text_quote(is_tag ? branch + strlen(TAGS) : branch);
        return err_set(e, ERR_USAGE, 0, "'%s' is no name for a %s", shown, is_tag ? "tag" : "branch");
    }
    char *commit = is_tag ? commit_of(g, branch) : commit_of_branch(g, branch);
    c->sources = commit ? SOURCES_COMMIT : SOURCES_AS_BRANCH;
    if (commit) {
        free(c->head);
        c->head = commit;
    }
    free(c->ref);
    c->ref = xstrdup(is_tag ? branch + strlen(TAGS) : branch);
    c->is_tag = is_tag;
    return 0;
}

static bool has_branch(const struct git *g, const char *name)
{
    auto_free char *ref = xasprintf("refs/heads/%s", name);
    auto_free char *found = commit_of(g, ref);
    return found != NULL;
}

/* What the remote says; else what most projects call it; else the one we are on. */
static char *read_default_branch(const struct git *g, const char *current)
{
    static const char *const usual[] = { "main", "master" };
    auto_free char *head = git_ask(g, "symbolic-ref", "--short", "-q", "refs/remotes/origin/HEAD", NULL);

    if (head && text_starts(head, "origin/"))
        return xstrdup(head + strlen("origin/"));
    for (size_t i = 0; i < ARRAY_SIZE(usual); i++)
        if (has_branch(g, usual[i]))
            return xstrdup(usual[i]);
    return xstrdup(current);
}

/* The next line of `*text`, which moves on; an owned copy. */
static char *next_line(const char **text)
{
    size_t len = strcspn(*text, "\n");
    char *line = xstrndup(*text, len);

    *text += len + ((*text)[len] == '\n');
    return line;
}

static int read_commit(const struct git *g, struct checkout *c, struct err *e)
{
    auto_free char *answer = NULL;

    if (!c->head) {
        c->author = xasprintf("%s <%s>", c->user_name, c->user_email);
        c->timestamp = xstrdup("1970-01-01T00:00:00+00:00");
        c->message = xstrdup("No commit yet");
        return 0;
    }
    if (git_run(g, &answer, e, "show", "-s", "--no-show-signature", "--format=%an <%ae>%n%cI%n%B", c->head, NULL) < 0)
        return -1;
    const char *rest = answer;
    c->author = next_line(&rest);
    c->timestamp = next_line(&rest);
    size_t len = strlen(rest);
    while (len > 0 && rest[len - 1] == '\n')
        len--;
    c->message = xstrndup(rest, len);
    return 0;
}

static void read_remote(const struct git *g, struct checkout *c)
{
    auto_free char *url = git_ask(g, "config", "--get", "remote.origin.url", NULL);

    if (!url || !remote_parse(url, &c->remote))
        remote_local(c->top, &c->remote);
}

int checkout_open(const char *dir, const char *branch, char *const *env, struct checkout *c, struct err *e)
{
    __attribute__((cleanup(git_release))) struct git g;

    git_init(&g, dir, env);
    if (git_run(&g, &c->top, e, "rev-parse", "--show-toplevel", NULL) < 0) {
        if (e->kind == ERR_NOT_FOUND)
            return err_wrap(e, "git is needed to hand the sources to the jobs: install it");
        e->kind = ERR_JOB;
        if (dir && access(dir, X_OK) < 0)
            return err_set(e, ERR_JOB, errno, "the checkout '%s': %s", dir, strerror(errno));
        return err_wrap(e, "'%s' is in no git checkout; if it is to be one, type `git init` there first", dir ? dir : ".");
    }
    g.dir = c->top;
    c->project_id = number_of(c->top);
    c->user_name = or_text(git_ask(&g, "config", "user.name", NULL), "local");
    c->user_email = or_text(git_ask(&g, "config", "user.email", NULL), "local@localhost");
    read_ref(&g, c);
    c->default_branch = read_default_branch(&g, c->ref);
    if (branch && choose_branch(&g, branch, c, e) < 0)
        return -1;
    read_remote(&g, c);

    auto_free char *modules = xasprintf("%s/.gitmodules", c->top);
    c->has_submodules = access(modules, F_OK) == 0;
    return read_commit(&g, c, e);
}

/* What others have of it counts, else what is here. */
static char *target_of(const struct git *g, const struct checkout *c)
{
    auto_free char *there = xasprintf("refs/remotes/origin/%s", c->default_branch);
    auto_free char *here = xasprintf("refs/heads/%s", c->default_branch);
    char *commit = commit_of(g, there);

    return commit ? commit : commit_of(g, here);
}

bool checkout_all_pushed(const struct checkout *c)
{
    return c->pushed && c->head && strcmp(c->pushed, c->head) == 0;
}

/* When all of it is there, the last push is past, and its last commit is the best guess. */
static void find_push(const struct git *g, struct checkout *c)
{
    auto_free char *there = xasprintf("refs/remotes/origin/%s^{commit}", c->ref);

    c->pushed = git_ask(g, "rev-parse", "-q", "--verify", there, NULL);
    if (!checkout_all_pushed(c)) {
        c->before = c->pushed ? xstrdup(c->pushed) : NULL;
        return;
    }
    auto_free char *parent = xasprintf("%s~1^{commit}", c->head);
    c->before = git_ask(g, "rev-parse", "-q", "--verify", parent, NULL);
}

int checkout_set_event(struct checkout *c, const char *event, char *const *env, struct err *e)
{
    __attribute__((cleanup(git_release))) struct git g = { .dir = c->top };

    c->event = event;
    if (event_check(event, e) < 0)
        return -1;
    git_init(&g, c->top, env);
    if (event_has_push(event) && !c->is_tag)
        find_push(&g, c);
    if (!event_is_merge_request(event))
        return 0;
    auto_free char *shown = text_quote(c->ref);
    if (c->is_tag || strcmp(c->ref, c->default_branch) == 0)
        return err_set(e, ERR_USAGE, 0, "%s '%s' cannot be merged into branch '%s'; check out another branch, or name one "
                       "with --branch", c->is_tag ? "tag" : "branch", shown, c->default_branch);
    auto_free char *target = target_of(&g, c);
    if (target && c->head)
        c->merge_base = git_ask(&g, "merge-base", target, c->head, NULL);
    return 0;
}

char *checkout_show(const struct checkout *c, const char *path, char *const *env)
{
    __attribute__((cleanup(git_release))) struct git g;
    auto_free char *name = xasprintf("%s:%s", c->head, path);

    git_init(&g, c->top, env);
    return git_ask(&g, "cat-file", "blob", name, NULL);
}

void checkout_release(struct checkout *c)
{
    free(c->top);
    free(c->head);
    free(c->ref);
    free(c->default_branch);
    free(c->merge_base);
    free(c->pushed);
    free(c->before);
    free(c->author);
    free(c->timestamp);
    free(c->message);
    free(c->user_name);
    free(c->user_email);
    remote_release(&c->remote);
    *c = (struct checkout)CHECKOUT_INIT;
}
