#include "stages/pipeline/script_snapshot.h"

#include "base/text.h"
#include "stages/pipeline/script_text.h"

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

#define LINE(text) SCRIPT_GREEN text SCRIPT_RESET "\n"

char *script_snapshot_log(const struct script_source *src)
{
    auto_free char *depth = src->depth > 0 ? xasprintf(" with git depth set to %d", src->depth) : xstrdup("");

    return xasprintf(LINE("Fetching changes%s...") LINE("Checking out %.8s as detached HEAD (ref is %s)...")
                     LINE("Skipping Git submodules setup"), depth, src->sha, src->ref);
}

void script_snapshot(const struct script_source *src, struct strbuf *b)
{
    auto_free char *log = script_snapshot_log(src);

    script_command(b, "printf", "%s", log, NULL);
}
