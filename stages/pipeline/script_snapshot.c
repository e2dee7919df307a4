#include "stages/pipeline/script_snapshot.h"

#include "base/text.h"
#include "stages/pipeline/escape.h"
#include "stages/pipeline/script_text.h"

#include <string.h>

bool script_takes_snapshot(const struct variables *v)
{
    static const char *const fresh[] = { "", "fetch", "clone", NULL };
    static const char *const others[] = { "GIT_CHECKOUT", "GIT_CLEAN_FLAGS", "GIT_FETCH_EXTRA_FLAGS" };
    const char *strategy = variables_value(v, "GIT_STRATEGY");

    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        if (variables_value(v, others[i]))
            return false;
    return !strategy || text_is_any(strategy, fresh);
}

/* Of a reference that the history's end does not concern, git asks nothing but what it has. */
static void fetch(const struct script_source *src, struct strbuf *b)
{
    script_words(b, "git", "fetch", "origin", "--no-recurse-submodules", "--prune", "--quiet", NULL);
    for (size_t i = 0; i < src->refspecs->n; i++) {
        strbuf_putc(b, ' ');
        shell_escape(b, src->refspecs->items[i]);
    }
    strbuf_putc(b, '\n');
}

/* "+refs/heads/x:refs/remotes/origin/x": all of them are the commit. */
static void set_references(const struct script_source *src, struct strbuf *b)
{
    strbuf_puts(b, "printf 'create %s %s\\n'");
    for (size_t i = 0; i < src->refspecs->n; i++) {
        const char *to = strchr(src->refspecs->items[i], ':');
        if (!to)
            continue;
        strbuf_putc(b, ' ');
        shell_escape(b, to + 1);
        strbuf_printf(b, " %s", src->sha);
    }
    script_line(b, " | git update-ref --stdin");
}

void script_snapshot(const struct script_source *src, struct strbuf *b)
{
    bool tag = src->depth > 0 && src->refspecs->n > 1 && text_starts(src->refspecs->items[1], "+refs/tags/");
    auto_free char *fetching = src->depth > 0 ? xasprintf("Fetching changes with git depth set to %d...", src->depth)
                                              : xstrdup("Fetching changes...");
    auto_free char *message = xasprintf("Checking out %.8s as detached HEAD (ref is %s)...", src->sha, src->ref);

    script_command(b, "git", "config", "--global", "--add", "safe.directory", src->project_dir, NULL);
    script_echo_green(b, fetching);
    script_command(b, "cd", src->project_dir, NULL);
    for (size_t i = 0; i < src->shallow->n; i++)
        strbuf_printf(b, "%s%s%s", i == 0 ? "printf '%s\\n' " : "", src->shallow->items[i],
                      i + 1 < src->shallow->n ? " " : " >.git/shallow\n");
    if (tag || src->depth == 0)
        fetch(src, b);
    else
        set_references(src, b);
    script_echo_green(b, message);
    script_echo_green(b, "Skipping Git submodules setup");
}
