#include "cache/archive/entry_name.h"

#include "base/memory.h"

#include <limits.h>
#include <string.h>

static bool is_word(const char *start, size_t len, const char *word)
{
    return strlen(word) == len && memcmp(start, word, len) == 0;
}

char *entry_name_clean(const char *name)
{
    if (*name == '/' || strnlen(name, PATH_MAX) == PATH_MAX)
        return NULL;

    auto_free char *out = xcalloc(1, strlen(name) + 1);
    size_t n = 0;
    for (const char *at = name; *at;) {
        size_t len = strcspn(at, "/");
        if (is_word(at, len, ".."))
            return NULL;
        if (len > 0 && !is_word(at, len, ".")) {
            if (n > 0)
                out[n++] = '/';
            memcpy(out + n, at, len);
            n += len;
        }
        at += len + (at[len] == '/');
    }
    out[n] = '\0';
    return take(&out);
}

bool entry_link_inside(const char *name, const char *target)
{
    size_t folders = 0, up = 0;
    bool went_down = false;

    if (*target == '/' || *target == '\0')
        return false;
    for (const char *c = name; *c; c++)
        folders += *c == '/';
    for (const char *at = target; *at;) {
        size_t len = strcspn(at, "/");
        if (is_word(at, len, "..")) {
            if (went_down || ++up > folders)
                return false;
        } else if (len > 0 && !is_word(at, len, ".")) {
            went_down = true;
        }
        at += len + (at[len] == '/');
    }
    return true;
}
