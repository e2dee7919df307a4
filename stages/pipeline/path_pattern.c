#include "stages/pipeline/project_files.h"

#include "base/strbuf.h"
#include "base/text.h"

#include <fnmatch.h>
#include <string.h>

/* What the braces of one pattern may make of it. */
#define ALTERNATIVES_MAX 1000

/* Most are told apart by how they begin. */
static bool segment_matches(const char *pattern, size_t len, const char *name, size_t name_len)
{
    size_t plain = strcspn(pattern, "*?[\\/");

    if (plain >= len)
        return len == name_len && memcmp(pattern, name, len) == 0;
    if (plain > name_len || memcmp(pattern, name, plain) != 0)
        return false;
    auto_free char *p = xstrndup(pattern, len);
    auto_free char *n = xstrndup(name, name_len);

    return fnmatch(p, n, 0) == 0;
}

static const char *next_segment(const char *at, size_t len)
{
    return at[len] == '/' ? at + len + 1 : at + len;
}

static bool is_any_depth(const char *pattern, size_t len)
{
    return len == 2 && strncmp(pattern, "**", 2) == 0 && pattern[2] == '/';
}

/* Segment by segment. Of several `**` only the last one met ever has to give back folders, so the time is that
 * of the pattern's length times the path's. */
static bool matches(const char *pattern, const char *path)
{
    const char *retry_pattern = NULL, *retry_path = NULL;

    for (;;) {
        size_t p = strcspn(pattern, "/"), s = strcspn(path, "/");
        if (is_any_depth(pattern, p)) {
            retry_pattern = pattern = next_segment(pattern, p);
            retry_path = path;
            continue;
        }
        /* The last segment of one must meet the last of the other. */
        bool same_end = (pattern[p] == '\0') == (path[s] == '\0');
        if (same_end && (p > 0 || s == 0) && segment_matches(pattern, p, path, s)) {
            if (pattern[p] == '\0')
                return true;
            pattern = next_segment(pattern, p);
            path = next_segment(path, s);
            continue;
        }
        if (!retry_pattern)
            return false;
        size_t skip = strcspn(retry_path, "/");
        if (retry_path[skip] == '\0')
            return false;
        path = retry_path = next_segment(retry_path, skip);
        pattern = retry_pattern;
    }
}

/* a{b,c}d is abd or acd. */
static bool any_matches(const char *pattern, const char *path, int *left)
{
    const char *open = strchr(pattern, '{');
    const char *end = open ? text_closing_brace(open) : NULL;
    int depth = 0;

    if (!end)
        return matches(pattern, path);
    for (const char *from = open + 1, *c = from; c <= end; c++) {
        depth += (*c == '{') - (*c == '}' && c != end);
        if (!(c == end || (*c == ',' && depth == 0)))
            continue;
        if (--*left < 0)
            return false;
        auto_free char *one = xasprintf("%.*s%.*s%s", (int)(open - pattern), pattern, (int)(c - from), from, end + 1);
        if (any_matches(one, path, left))
            return true;
        from = c + 1;
    }
    return false;
}

bool path_pattern_matches(const char *pattern, const char *path)
{
    int left = ALTERNATIVES_MAX;

    while (*pattern == '/')
        pattern++;
    return any_matches(pattern, path, &left);
}

bool path_wildcard_matches(const char *pattern, const char *path)
{
    size_t n = strlen(path);
    /* at[i]: the pattern so far fits the first i bytes. */
    auto_free bool *at = xcalloc(n + 2, sizeof(*at));

    at[0] = true;
    while (*pattern) {
        size_t stars = strspn(pattern, "*");
        if (stars > 0) {
            for (size_t i = 0; i < n; i++)
                at[i + 1] |= at[i] && (stars > 1 || path[i] != '/');
            pattern += stars;
            continue;
        }
        for (size_t i = n + 1; i-- > 0;)
            at[i] = i > 0 && at[i - 1] && path[i - 1] == *pattern;
        pattern++;
    }
    return at[n];
}
