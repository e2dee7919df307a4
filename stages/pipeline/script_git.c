#include "stages/pipeline/script_git.h"

#include "stages/pipeline/escape.h"
#include "stages/pipeline/script_modules.h"
#include "stages/pipeline/script_text.h"

#include <string.h>

static void remove_tree(struct strbuf *b, const char *dir)
{
    strbuf_puts(b, "if [ -d ");
    shell_escape(b, dir);
    strbuf_puts(b, " ]; then ");
    script_command(b, "chmod", "-R", "u+rwX", dir, NULL);
    script_line(b, "fi");
    script_command(b, "rm", "-r", "-f", dir, NULL);
}

/* What a git that was killed, or a job that meddled with .git, leaves in the way. */
static void git_clean_up(const struct script_source *src, struct strbuf *b)
{
    static const char *const stale[] = {
        ".git/index.lock", ".git/shallow.lock", ".git/HEAD.lock", ".git/config.lock", ".git/config",
    };

    for (size_t i = 0; i < ARRAY_SIZE(stale); i++) {
        auto_free char *path = xasprintf("%s/%s", src->project_dir, stale[i]);
        script_command(b, "rm", "-f", path, NULL);
    }
    auto_free char *hooks = xasprintf("%s/.git/hooks", src->project_dir);
    remove_tree(b, hooks);
    auto_free char *refs = xasprintf("%s/.git/refs", src->project_dir);
    strbuf_puts(b, "if [ -d ");
    shell_escape(b, refs);
    strbuf_puts(b, " ]; then find ");
    shell_escape(b, refs);
    script_line(b, " -name '*.lock' -type f -exec rm -f {} ';'; fi");
}

static void git_template(struct strbuf *b, const char *template_dir)
{
    static const char *const settings[][2] = {
        { "init.defaultBranch", "none" },
        { "fetch.recurseSubmodules", "false" },
        { "credential.interactive", "never" },
        { "gc.autoDetach", "false" },
    };
    auto_free char *config = xasprintf("%s/config", template_dir);

    remove_tree(b, template_dir);
    script_command(b, "mkdir", "-p", template_dir, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
        script_command(b, "git", "config", "-f", config, settings[i][0], settings[i][1], NULL);
}

/* The two folders may belong to a user of the host whom the container does not know. */
static void git_trust(const struct script_source *src, struct strbuf *b)
{
    auto_free char *repository = xasprintf("%s/%s", src->builds_dir, src->repository);

    script_command(b, "git", "config", "--global", "--add", "safe.directory", src->project_dir, NULL);
    script_command(b, "git", "config", "--global", "--add", "safe.directory", repository, NULL);
}

static void git_fetch(const struct script_source *src, struct strbuf *b)
{
    auto_free char *url = xasprintf("file://%s/%s", src->builds_dir, src->repository);
    auto_free char *shallow = xasprintf("%s/.git/shallow", src->project_dir);

    strbuf_puts(b, "if git remote add origin ");
    shell_escape(b, url);
    script_line(b, " >/dev/null 2>&1 ; then");
    script_echo_green(b, "Created fresh repository.");
    script_line(b, "else");
    script_command(b, "git", "remote", "set-url", "origin", url, NULL);
    script_line(b, "fi");

    strbuf_puts(b, "unshallow=; if [ -f ");
    shell_escape(b, shallow);
    script_line(b, " ]; then unshallow=--unshallow; fi");
    strbuf_puts(b, "git fetch origin --no-recurse-submodules");
    for (size_t i = 0; i < src->refspecs->n; i++) {
        strbuf_putc(b, ' ');
        shell_escape(b, src->refspecs->items[i]);
    }
    if (src->depth > 0)
        strbuf_printf(b, " --depth %d", src->depth);
    else
        strbuf_puts(b, " $unshallow");
    script_flags(b, variables_value(src->variables, "GIT_FETCH_EXTRA_FLAGS"), "--prune --quiet");
    strbuf_putc(b, '\n');
}

static void git_checkout(const struct script_source *src, struct strbuf *b)
{
    const char *wanted = variables_value(src->variables, "GIT_CHECKOUT");
    if (wanted && strcmp(wanted, "false") == 0) {
        script_echo_green(b, "Skipping Git checkout");
        return;
    }
    auto_free char *message =
        xasprintf("Checking out %.8s as detached HEAD (ref is %s)...", src->sha, src->ref);
    script_echo_green(b, message);
    script_command(b, "git", "-c", "submodule.recurse=false", "checkout", "-f", "-q", src->sha, NULL);

    const char *clean = variables_value(src->variables, "GIT_CLEAN_FLAGS");
    if (!clean || strcmp(clean, "none") != 0) {
        strbuf_puts(b, "git clean");
        script_flags(b, clean, "-ffdx");
        strbuf_putc(b, '\n');
    }
    script_lfs(src, "git lfs pull", b);
}

/* By the digits of a commit's name; SHA-1's has 40. */
static bool is_sha256(const struct script_source *src)
{
    return strlen(src->sha) == 64;
}

/* Only its settings say so, which are about to be removed: git would then misread all that is there. */
static void remove_other_format(const struct script_source *src, struct strbuf *b)
{
    auto_free char *config = xasprintf("%s/.git/config", src->project_dir);

    strbuf_puts(b, "if [ -f ");
    shell_escape(b, config);
    strbuf_puts(b, " ] && [ \"$(git config -f ");
    shell_escape(b, config);
    strbuf_printf(b, " extensions.objectFormat 2>/dev/null || echo sha1)\" != %s ]; then\n", is_sha256(src) ? "sha256" : "sha1");
    remove_tree(b, src->project_dir);
    script_line(b, "fi");
}

static void sources_fetch(const struct script_source *src, struct strbuf *b)
{
    auto_free char *template_dir = xasprintf("%s/git-template", src->files_dir);
    const char *format = is_sha256(src) ? "--object-format=sha256" : NULL;

    remove_other_format(src, b);
    git_clean_up(src, b);
    git_template(b, template_dir);
    git_trust(src, b);
    auto_free char *message = src->depth > 0
                                  ? xasprintf("Fetching changes with git depth set to %d...", src->depth)
                                  : xstrdup("Fetching changes...");
    script_echo_green(b, message);
    script_command(b, "git", "init", src->project_dir, "--template", template_dir, format, NULL);
    script_command(b, "cd", src->project_dir, NULL);
    git_fetch(src, b);
    git_checkout(src, b);
    script_modules(src, b);
}

static void sources_clone(const struct script_source *src, struct strbuf *b)
{
    remove_tree(b, src->project_dir);
    sources_fetch(src, b);
}

static void sources_none(const struct script_source *src, struct strbuf *b)
{
    script_echo_green(b, "Skipping Git repository setup");
    script_command(b, "mkdir", "-p", src->project_dir, NULL);
    script_echo_green(b, "Skipping Git checkout");
    script_echo_green(b, "Skipping Git submodules setup");
}

static void sources_empty(const struct script_source *src, struct strbuf *b)
{
    script_echo_green(b, "Skipping Git repository setup and creating an empty build directory");
    remove_tree(b, src->project_dir);
    script_command(b, "mkdir", "-p", src->project_dir, NULL);
}

/* GIT_STRATEGY; the first is the default. */
static const struct {
    const char *name;
    void (*body)(const struct script_source *src, struct strbuf *b);
} strategies[] = {
    { "fetch", sources_fetch },
    { "clone", sources_clone },
    { "none", sources_none },
    { "empty", sources_empty },
};

void script_git(const struct script_source *src, struct strbuf *b)
{
    const char *wanted = variables_value(src->variables, "GIT_STRATEGY");

    for (size_t i = 0; wanted && *wanted && i < ARRAY_SIZE(strategies); i++) {
        if (strcmp(wanted, strategies[i].name) == 0) {
            strategies[i].body(src, b);
            return;
        }
    }
    if (wanted && *wanted) {
        auto_free char *message =
            xasprintf("WARNING: GIT_STRATEGY '%s' is unknown (fetch, clone, none, empty): taking fetch", wanted);
        script_echo(b, message);
    }
    strategies[0].body(src, b);
}
