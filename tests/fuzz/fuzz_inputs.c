/* Any bytes as .gitlab-ci.yml and, behind the first NUL, as each file that it includes: an error that names a file, or a tree
 * within its limits. */
#include "stages/pipeline/ci_tree.h"

#include <stdint.h>
#include <string.h>

#define NODES_MAX ((size_t)500000)

struct part {
    const char *text;
    size_t len;
};

static void require(bool promise)
{
    if (!promise)
        abort();
}

static int read_part(void *ctx, const char *path, size_t max, char **text, size_t *len, struct err *e)
{
    const struct part *part = ctx;
    auto_free char *slashes = xasprintf("/%s/", path);

    require(*path != '/' && !strstr(slashes, "/../"));
    if (part->len > max)
        return err_set(e, ERR_JOB, 0, "too large");
    *text = xstrndup(part->text, part->len);
    *len = strlen(*text);
    return 0;
}

static const struct strvec *list_parts(void *ctx, struct err *e)
{
    static char *names[] = { (char *)(uintptr_t)"a.yml", (char *)(uintptr_t)"b/c.yml" };
    static const struct strvec all = { names, ARRAY_SIZE(names), 0 };

    (void)ctx;
    (void)e;
    return &all;
}

static const struct strvec *list_others(void *ctx, const char *project, const char *ref, struct err *e)
{
    (void)ref;
    require(*project);
    return list_parts(ctx, e);
}

static const struct strvec *list_changed(void *ctx, const char *compare_to, bool *known, struct err *e)
{
    *known = compare_to != NULL;
    return list_parts(ctx, e);
}

static size_t count(const struct yaml *y)
{
    size_t n = 1;

    for (size_t i = 0; i < y->n; i++)
        n += count(y->items[i]);
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_free char *text = xstrndup((const char *)data, size);
    size_t len = strlen(text);
    struct part part = { (const char *)data + len + (len < size), size - len - (len < size) };
    const struct project_files files = { &part, "", read_part, list_parts, list_others, list_changed };
    const struct variables variables = VARIABLES_INIT;
    const struct ci_world world = { &files, &variables, NULL, NULL, .goes_without = size % 2 };
    auto_ci_tree t = CI_TREE_INIT;
    auto_err e = ERR_INIT;

    if (ci_tree_read("file", text, len, &world, &t, &e) < 0)
        require(e.kind == ERR_JOB && strchr(err_text(&e), ':'));
    else
        require(e.kind == ERR_NONE && count(t.root) <= NODES_MAX);
    return 0;
}
