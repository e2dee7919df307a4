#include "stages/pipeline/script_modules.h"

#include "base/number.h"
#include "base/text.h"
#include "stages/pipeline/escape.h"
#include "stages/pipeline/script_text.h"

#include <string.h>

enum script_modules script_modules_wanted(const struct variables *v)
{
    static const char *const words[] = { "none", "normal", "recursive" };
    static const char *const without[] = { "none", "empty", NULL };
    const char *sources = variables_value(v, "GIT_STRATEGY");
    const char *wanted = variables_value(v, "GIT_SUBMODULE_STRATEGY");

    if (!wanted || !*wanted || (sources && text_is_any(sources, without)))
        return MODULES_NONE;
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (strcmp(words[i], wanted) == 0)
            return (enum script_modules)i;
    return MODULES_UNKNOWN;
}

/* Of its own, else that of the project. */
static int depth_of(const struct script_source *src)
{
    const char *own = variables_value(src->variables, "GIT_SUBMODULE_DEPTH");
    int64_t depth = src->depth;

    if (own && *own && number_parse(own, 0, INT32_MAX, &depth) < 0)
        depth = src->depth;
    return (int)depth;
}

static void title(const struct script_source *src, bool recursive, struct strbuf *b)
{
    int depth = depth_of(src);
    auto_free char *with = depth > 0 ? xasprintf(" with git depth set to %d", depth) : xstrdup("");
    auto_free char *text = xasprintf("Updating/initializing submodules%s%s...", recursive ? " recursively" : "", with);

    script_echo_green(b, text);
}

/* Where it is cloned from, whatever .gitmodules says. One that is there from an earlier job fetches from there too. */
static void set_url(const struct script_source *src, const struct source_module *m, struct strbuf *b)
{
    auto_free char *repository = xasprintf("%s/%s/%s", src->builds_dir, src->repository, m->store);
    auto_free char *url = xasprintf("file://%s", repository);
    auto_free char *key = xasprintf("submodule.%s.url", m->name);

    script_command(b, "git", "config", "--global", "--add", "safe.directory", repository, NULL);
    script_command(b, "git", "config", key, url, NULL);
    strbuf_puts(b, "kept=$(git rev-parse --git-dir)/modules/");
    shell_escape(b, m->name);
    strbuf_puts(b, "; if [ -f \"$kept/config\" ]; then git config -f \"$kept/config\" remote.origin.url ");
    shell_escape(b, url);
    script_line(b, "; fi");
}

/* What an earlier job had: this one may want others. Their repositories stay. */
static void empty_folders(struct strbuf *b)
{
    script_line(b, "if [ -f .gitmodules ] && [ -d .git/modules ]; then git submodule --quiet deinit --all --force; fi");
}

static void leave_out(const struct source_module *m, struct strbuf *b)
{
    auto_free char *key = xasprintf("submodule.%s.update", m->name);
    auto_free char *whole = xasprintf("%s%s%s", m->parent, *m->parent ? "/" : "", m->path);
    auto_free char *text = xasprintf("WARNING: submodule %s: this checkout has not its commit, and its folder stays empty; git "
                                     "submodule update --init --recursive", whole);

    script_echo_yellow(b, text);
    script_command(b, "git", "config", key, "none", NULL);
}

/* `path` NULL: all of this folder's, or those that GIT_SUBMODULE_PATHS names. */
static void update(const struct script_source *src, const char *path, struct strbuf *b)
{
    const char *paths = variables_value(src->variables, "GIT_SUBMODULE_PATHS");
    int depth = depth_of(src);

    strbuf_puts(b, "git -c protocol.file.allow=always submodule update --init");
    if (depth > 0)
        strbuf_printf(b, " --depth %d", depth);
    script_flags(b, variables_value(src->variables, "GIT_SUBMODULE_UPDATE_FLAGS"), "none");
    if (path || (paths && *paths))
        strbuf_puts(b, " --");
    if (path) {
        strbuf_putc(b, ' ');
        shell_escape(b, path);
    } else {
        script_flags(b, paths, "none");
    }
    strbuf_putc(b, '\n');
}

/* One in another one, which may have been left out. */
static void update_inner(const struct script_source *src, const struct source_module *m, struct strbuf *b)
{
    strbuf_puts(b, "if [ -e ");
    shell_escape(b, m->parent);
    strbuf_puts(b, "/.git ]; then (");
    script_command(b, "cd", m->parent, NULL);
    script_command(b, "git", "submodule", "init", "--", m->path, NULL);
    if (m->store)
        set_url(src, m, b);
    else
        leave_out(m, b);
    update(src, m->path, b);
    script_line(b, "); fi");
}

static void clean(const struct script_source *src, bool recursive, struct strbuf *b)
{
    const char *wanted = variables_value(src->variables, "GIT_CLEAN_FLAGS");
    auto_strbuf flags = STRBUF_TEXT;

    strbuf_puts(&flags, "git clean");
    script_flags(&flags, wanted, "-ffdx");
    strbuf_puts(b, "git submodule foreach --quiet");
    strbuf_puts(b, recursive ? " --recursive " : " ");
    shell_escape(b, wanted && strcmp(wanted, "none") == 0 ? ":" : strbuf_text(&flags));
    strbuf_puts(b, "\ngit submodule foreach --quiet");
    strbuf_puts(b, recursive ? " --recursive " : " ");
    script_line(b, "'git reset --quiet --hard'");
}

void script_lfs(const struct script_source *src, const char *pull, struct strbuf *b)
{
    const char *skip = variables_value(src->variables, "GIT_LFS_SKIP_SMUDGE");

    if (skip && (strcmp(skip, "1") == 0 || strcmp(skip, "true") == 0))
        return;
    strbuf_printf(b, "if git lfs version >/dev/null 2>&1 ; then %s || ", pull);
    script_echo_yellow(b, "WARNING: this checkout has not all of its Git LFS objects: their files stay as git has them; git lfs "
                          "fetch");
    script_line(b, "fi");
}

static void take_all(const struct script_source *src, bool recursive, struct strbuf *b)
{
    title(src, recursive, b);
    script_command(b, "git", "submodule", "init", NULL);
    for (size_t i = 0; i < src->modules->n; i++) {
        const struct source_module *m = &src->modules->items[i];
        if (*m->parent)
            continue;
        if (m->store)
            set_url(src, m, b);
        else
            leave_out(m, b);
    }
    update(src, NULL, b);
    for (size_t i = 0; recursive && i < src->modules->n; i++)
        if (*src->modules->items[i].parent)
            update_inner(src, &src->modules->items[i], b);
    script_echo_green(b, "Updated submodules");
    clean(src, recursive, b);
    script_lfs(src, recursive ? "git submodule foreach --recursive 'git lfs pull'" : "git submodule foreach 'git lfs pull'", b);
}

void script_modules(const struct script_source *src, struct strbuf *b)
{
    enum script_modules wanted = script_modules_wanted(src->variables);

    empty_folders(b);
    if (wanted == MODULES_UNKNOWN) {
        script_echo_yellow(b, "GIT_SUBMODULE_STRATEGY is none, normal or recursive");
        script_line(b, "exit 1");
    } else if (wanted == MODULES_NONE || !src->modules) {
        script_echo_green(b, "Skipping Git submodules setup");
    } else {
        take_all(src, wanted == MODULES_RECURSIVE, b);
    }
}
