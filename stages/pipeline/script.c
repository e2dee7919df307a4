#include "stages/pipeline/script.h"

#include "base/strbuf.h"
#include "stages/pipeline/escape.h"
#include "stages/pipeline/script_files.h"
#include "stages/pipeline/script_git.h"
#include "stages/pipeline/script_snapshot.h"
#include "stages/pipeline/script_text.h"

#include <ctype.h>
#include <string.h>

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
    exports(src, b, true);
    for (size_t i = 0; src->pre_get_sources && i < src->pre_get_sources->n; i++)
        entry(b, src->pre_get_sources->items[i]);
    script_line(b, "export GIT_TERMINAL_PROMPT=0 GCM_INTERACTIVE=Never");
    script_line(b, "export GIT_LFS_SKIP_SMUDGE=1");
    if (src->has_snapshot)
        script_snapshot(src, b);
    else
        script_git(src, b);
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
