#include "stages/pipeline/script.h"

#include "base/strbuf.h"
#include "stages/pipeline/escape.h"
#include "stages/pipeline/script_files.h"
#include "stages/pipeline/script_modules.h"
#include "stages/pipeline/script_snapshot.h"
#include "stages/pipeline/script_text.h"

#include <ctype.h>
#include <string.h>

/* ---- Pieces of shell ---- */

static void remove_tree(struct strbuf *b, const char *dir)
{
    strbuf_puts(b, "if [ -d ");
    shell_escape(b, dir);
    strbuf_puts(b, " ]; then ");
    script_command(b, "chmod", "-R", "u+rwX", dir, NULL);
    script_line(b, "fi");
    script_command(b, "rm", "-r", "-f", dir, NULL);
}

static void remove_file(struct strbuf *b, const char *dir, const char *name)
{
    auto_free char *path = xasprintf("%s/%s", dir, name);
    script_command(b, "rm", "-f", path, NULL);
}

/* ---- What every sub-stage begins with ---- */

static void export_word(struct strbuf *b, const char *key, const char *value)
{
    strbuf_printf(b, "export %s=", key);
    shell_escape(b, value);
    strbuf_putc(b, '\n');
}

static void export_file(const struct script_source *src, struct strbuf *b, const struct variable *v, bool content)
{
    auto_free char *path = xasprintf("%s/%s", src->files_dir, v->key);

    if (content) {
        script_command(b, "mkdir", "-p", src->files_dir, NULL);
        strbuf_puts(b, "printf '%s' ");
        shell_escape(b, v->value);
        strbuf_puts(b, " > ");
        shell_escape(b, path);
        strbuf_putc(b, '\n');
    }
    export_word(b, v->key, path);
}

/* The variables, then those that the job's own scripts left in $GITLAB_ENV. */
static void exports(const struct script_source *src, struct strbuf *b, bool file_content)
{
    for (size_t i = 0; i < src->variables->n; i++) {
        const struct variable *v = &src->variables->items[i];
        if (v->flags & VARIABLE_FILE)
            export_file(src, b, v, file_content);
        else
            export_word(b, v->key, v->value);
    }

    auto_free char *env = xasprintf("%s/gitlab_runner_env", src->files_dir);
    export_word(b, "GITLAB_ENV", env);
    script_command(b, "mkdir", "-p", src->files_dir, NULL);
    script_command(b, "touch", env, NULL);
    strbuf_puts(b, "while read -r line; do export \"$line\"; done < ");
    shell_escape(b, env);
    strbuf_putc(b, '\n');
}

/* ---- The sub-stages ---- */

/* Earlier jobs' sources. Here and not on the host: the host's user need not have the
 * right, and should not walk through what a job may still be changing. */
static void remove_old_repositories(const struct script_source *src, struct strbuf *b)
{
    strbuf_puts(b, "for old in ");
    shell_escape(b, src->builds_dir);
    strbuf_puts(b, "/" SCRIPT_REPOSITORY_PREFIX "*.git; do [ \"${old##*/}\" = ");
    shell_escape(b, src->repository);
    script_line(b, " ] || rm -r -f \"$old\" || :; done");
}

/* Those of the project's earlier pipelines in this slot. */
static void remove_old_artifacts(const struct script_source *src, struct strbuf *b)
{
    if (!src->artifacts)
        return;
    strbuf_puts(b, "for old in ");
    shell_escape(b, src->artifacts);
    strbuf_printf(b, "/%d-*; do [ \"${old##*/}\" = ", src->slot);
    shell_escape(b, src->pipeline);
    script_line(b, " ] || rm -r -f \"$old\" || :; done");
}

static void body_prepare(const struct script_source *src, struct strbuf *b)
{
    strbuf_puts(b, "echo \"Running on $(hostname)");
    if (src->hostname && *src->hostname) {
        strbuf_puts(b, " via \"");
        shell_escape(b, src->hostname);
        strbuf_putc(b, '"');
    }
    script_line(b, "...\"");
    remove_file(b, src->files_dir, "gitlab_runner_env");
    remove_file(b, src->files_dir, "masking.db");
    remove_old_repositories(src, b);
    remove_old_artifacts(src, b);
}

/* What a git that was killed, or a job that meddled with .git, leaves in the way. */
static void git_clean_up(const struct script_source *src, struct strbuf *b)
{
    static const char *const stale[] = {
        ".git/index.lock", ".git/shallow.lock", ".git/HEAD.lock", ".git/config.lock", ".git/config",
    };

    for (size_t i = 0; i < ARRAY_SIZE(stale); i++)
        remove_file(b, src->project_dir, stale[i]);
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

/* One entry of a script: shown, then run as it was written. All entries share one
 * shell, so that what one changes is there for the next. */
static void entry(struct strbuf *b, const char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    size_t len = strlen(text);
    while (len > 0 && isspace((unsigned char)text[len - 1]))
        len--;
    if (len == 0) {
        script_line(b, "echo");
        return;
    }
    auto_free char *body = xstrndup(text, len);
    size_t first = strcspn(body, "\r\n");
    auto_free char *shown = xasprintf("$ %.*s%s", (int)first, body, body[first] ? " # collapsed multi-line command" : "");
    script_echo_green(b, shown);
    script_line(b, body);
}

static void body_get_sources(const struct script_source *src, struct strbuf *b)
{
    const char *wanted = variables_value(src->variables, "GIT_STRATEGY");

    exports(src, b, true);
    for (size_t i = 0; src->pre_get_sources && i < src->pre_get_sources->n; i++)
        entry(b, src->pre_get_sources->items[i]);
    script_line(b, "export GIT_TERMINAL_PROMPT=0 GCM_INTERACTIVE=Never");
    script_line(b, "export GIT_LFS_SKIP_SMUDGE=1");
    if (src->has_snapshot) {
        script_snapshot(src, b);
        return;
    }
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

static void entries(const struct script_source *src, struct strbuf *b, const struct strvec *script)
{
    script_command(b, "cd", src->project_dir, NULL);
    for (size_t i = 0; i < script->n; i++)
        entry(b, script->items[i]);
}

/* get_sources may have been left out, which tells git to trust the folder that may be another user's by now. */
static void enter_project(const struct script_source *src, struct strbuf *b)
{
    exports(src, b, true);
    if (src->has_snapshot && script_files_ask_git(src->files))
        script_command(b, "git", "config", "--global", "--add", "safe.directory", src->project_dir, NULL);
    script_command(b, "cd", src->project_dir, NULL);
}

static void body_steps(const struct script_source *src, struct strbuf *b)
{
    exports(src, b, true);
    entries(src, b, src->script);
}

/* In a form that every shell reads. For its own user alone. */
static void body_shell(const struct script_source *src, struct strbuf *b)
{
    exports(src, b, true);
    strbuf_puts(b, "(umask 077; [ -z \"$BASH_VERSION\" ] || set -o posix; export -p > ");
    shell_escape(b, src->shell_env);
    script_line(b, ")");
}

static void body_after_script(const struct script_source *src, struct strbuf *b)
{
    exports(src, b, true);
    script_echo_green(b, "Running after script...");
    entries(src, b, src->after_script);
}

static void body_restore_cache(const struct script_source *src, struct strbuf *b)
{
    enter_project(src, b);
    script_files_restore(src->files, b);
}

static void body_download(const struct script_source *src, struct strbuf *b)
{
    enter_project(src, b);
    script_files_take(src->files, b);
}

static void body_save(const struct script_source *src, struct strbuf *b)
{
    enter_project(src, b);
    script_files_save(src->files, true, b);
}

static void body_save_on_failure(const struct script_source *src, struct strbuf *b)
{
    enter_project(src, b);
    script_files_save(src->files, false, b);
}

static void body_upload(const struct script_source *src, struct strbuf *b)
{
    enter_project(src, b);
    script_files_leave(src->files, true, b);
}

static void body_upload_on_failure(const struct script_source *src, struct strbuf *b)
{
    enter_project(src, b);
    script_files_leave(src->files, false, b);
}

static void body_cleanup(const struct script_source *src, struct strbuf *b)
{
    exports(src, b, false);
    remove_file(b, src->files_dir, "gitlab_runner_env");
    remove_file(b, src->files_dir, "masking.db");
    for (size_t i = 0; i < src->variables->n; i++)
        if (src->variables->items[i].flags & VARIABLE_FILE)
            remove_file(b, src->files_dir, src->variables->items[i].key);
}

static const struct {
    const char *name;
    const char *title;
    void (*body)(const struct script_source *src, struct strbuf *b);
} substages[] = {
    [SUBSTAGE_PREPARE] = { "prepare_script", "Preparing environment", body_prepare },
    [SUBSTAGE_GET_SOURCES] = { "get_sources", "Getting source from Git repository", body_get_sources },
    [SUBSTAGE_RESTORE_CACHE] = { "restore_cache", "Restoring cache", body_restore_cache },
    [SUBSTAGE_DOWNLOAD] = { "download_artifacts", "Downloading artifacts", body_download },
    /* The runner calls its step_script by this older name when it talks to a custom executor. */
    [SUBSTAGE_STEPS] = { "build_script", "Executing \"step_script\" stage of the job script", body_steps },
    [SUBSTAGE_SHELL] = { "build_script", "Opening a shell in the job's container: exit goes on", body_shell },
    [SUBSTAGE_AFTER_SCRIPT] = { "after_script", "Running after_script", body_after_script },
    [SUBSTAGE_SAVE_CACHE] = { "archive_cache", "Saving cache for successful job", body_save },
    [SUBSTAGE_SAVE_CACHE_ON_FAILURE] = { "archive_cache_on_failure", "Saving cache for failed job", body_save_on_failure },
    [SUBSTAGE_UPLOAD] = { "upload_artifacts_on_success", "Uploading artifacts for successful job", body_upload },
    [SUBSTAGE_UPLOAD_ON_FAILURE] = { "upload_artifacts_on_failure", "Uploading artifacts for failed job",
                                     body_upload_on_failure },
    [SUBSTAGE_CLEANUP] = { "cleanup_file_variables", "Cleaning up project directory and file based variables",
                           body_cleanup },
};

const char *substage_name(enum substage s)
{
    return substages[s].name;
}

const char *substage_title(enum substage s)
{
    return substages[s].title;
}

static bool has_entries(const struct strvec *script)
{
    return script && script->n > 0;
}

bool script_is_needed(const struct script_source *src, enum substage s)
{
    switch (s) {
    case SUBSTAGE_GET_SOURCES:
        return !src->has_snapshot || has_entries(src->pre_get_sources);
    case SUBSTAGE_STEPS:
        return src->script != NULL;
    case SUBSTAGE_AFTER_SCRIPT:
        return has_entries(src->after_script);
    case SUBSTAGE_RESTORE_CACHE:
        return script_files_restores(src->files);
    case SUBSTAGE_DOWNLOAD:
        return script_files_takes(src->files);
    case SUBSTAGE_SAVE_CACHE:
    case SUBSTAGE_SAVE_CACHE_ON_FAILURE:
        return script_files_saves(src->files, s == SUBSTAGE_SAVE_CACHE);
    case SUBSTAGE_UPLOAD:
    case SUBSTAGE_UPLOAD_ON_FAILURE:
        return script_files_leaves(src->files, s == SUBSTAGE_UPLOAD);
    case SUBSTAGE_SHELL:
        return src->shell_env != NULL;
    default:
        return true;
    }
}

char *script_unneeded_log(const struct script_source *src, enum substage s)
{
    return s == SUBSTAGE_GET_SOURCES ? script_snapshot_log(src) : NULL;
}

/* The body is one word for `eval`, so that the shell has read all of it before it
 * runs any, and commands in it cannot eat the rest from standard input. */
char *script_write(const struct script_source *src, enum substage s)
{
    auto_strbuf body = STRBUF_TEXT;
    auto_strbuf out = STRBUF_TEXT;
    const char *trace = variables_value(src->variables, "CI_DEBUG_TRACE");

    substages[s].body(src, &body);
    strbuf_printf(&out, "#!/usr/bin/env %s\n\ntrap 'exit 1' TERM\n\n", src->shell);
    if (trace && strcmp(trace, "true") == 0)
        script_line(&out, "set -o xtrace");
    script_line(&out, "case \"$(set -o)\" in *\"pipefail\"*) set -o pipefail;; esac; set -o errexit");
    script_line(&out, "set +o noclobber");
    strbuf_puts(&out, "(trap 'exit 1' TERM; eval ");
    shell_escape(&out, strbuf_text(&body));
    script_line(&out, ") < /dev/null");
    script_line(&out, "exit 0");
    return strbuf_take(&out);
}
