#include "cache/select/rule.h"

#include "base/strbuf.h"
#include "base/strvec.h"

#include <string.h>

/* The elements of a path without what means nothing. "..", where there is nothing to go up
 * from, stays in a relative one and means nothing in an absolute one. */
static void split(const char *path, struct strvec *out)
{
    bool absolute = *path == '/';
    while (*path) {
        size_t len = strcspn(path, "/");
        auto_free char *element = xstrndup(path, len);
        bool up = !strcmp(element, "..");
        if (up && out->n > 0 && strcmp(out->items[out->n - 1], "..") != 0) {
            free(out->items[--out->n]);
            out->items[out->n] = NULL;
        } else if (*element && strcmp(element, ".") != 0 && !(up && absolute)) {
            strvec_give(out, take(&element));
        }
        path += len + (path[len] == '/');
    }
}

/* How many of the root's elements the path begins with. */
static size_t common(const struct strvec *root, const struct strvec *path)
{
    size_t n = 0;
    while (n < root->n && n < path->n && !strcmp(root->items[n], path->items[n]))
        n++;
    return n;
}

int rule_clean(const char *root, const char *rule, char **out, struct err *e)
{
    auto_strvec home = STRVEC_INIT, path = STRVEC_INIT;
    auto_free char *whole = *rule == '/' ? xstrdup(rule) : xasprintf("%s/%s", root, rule);
    split(root, &home);
    split(whole, &path);
    if (common(&home, &path) < home.n)
        return err_set(e, ERR_JOB, 0, "artifact path is not a subpath of project directory: %s", rule);

    auto_strbuf text = STRBUF_TEXT;
    for (size_t i = home.n; i < path.n; i++)
        strbuf_printf(&text, "%s%s", i > home.n ? "/" : "", path.items[i]);
    *out = text.len ? strbuf_take(&text) : xstrdup(".");
    return 0;
}
