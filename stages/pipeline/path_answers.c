#include "stages/pipeline/path_answers.h"

#include "stages/pipeline/project_files.h"

#include <search.h>
#include <string.h>

/* What is remembered of patterns; the rest is looked for anew. Variables can make them as long as they like. */
#define ROOM ((size_t)16 << 20)

struct answer {
    char *const *paths; /* the list's own array: the list itself may move */
    const char *pattern; /* behind it */
    bool any;
};

static int compare(const void *a, const void *b)
{
    const struct answer *one = a, *other = b;

    if (one->paths != other->paths)
        return one->paths < other->paths ? -1 : 1;
    return strcmp(one->pattern, other->pattern);
}

/* Any folder on the way to the file. */
static bool is_below(const char *pattern, const char *path)
{
    auto_free char *folders = xstrdup(path);

    for (char *end = strrchr(folders, '/'); end; end = strrchr(folders, '/')) {
        *end = '\0';
        if (path_pattern_matches(pattern, folders))
            return true;
    }
    return false;
}

static bool is_equal(const char *pattern, const char *path)
{
    return strcmp(pattern, path) == 0;
}

static bool find_any(const char *pattern, const struct strvec *paths)
{
    size_t len = strlen(pattern);
    bool is_folder = len > 0 && pattern[len - 1] == '/';
    auto_free char *name = xstrndup(pattern, len - is_folder);
    bool (*fits)(const char *pattern, const char *path) = is_folder                    ? is_below
                                                          : strpbrk(pattern, "*?[{\\") ? path_pattern_matches
                                                                                       : is_equal;

    for (size_t i = 0; i < paths->n; i++)
        if (fits(name, paths->items[i]))
            return true;
    return false;
}

static void remember(struct path_answers *a, const char *pattern, const struct strvec *paths, bool any)
{
    size_t len = strlen(pattern), size = sizeof(struct answer) + len + 1;

    if (size > ROOM - a->room_used)
        return;
    a->room_used += size;
    struct answer *x = xmalloc(size);
    *x = (struct answer){ paths->items, memcpy(x + 1, pattern, len + 1), any };
    if (!tsearch(x, &a->known, compare))
        abort(); /* out of memory */
}

bool path_answers_any(struct path_answers *a, const char *pattern, const struct strvec *paths)
{
    const struct answer wanted = { .paths = paths->items, .pattern = pattern };
    struct answer *const *known = tfind(&wanted, &a->known, compare);

    if (known)
        return (*known)->any;
    bool any = find_any(pattern, paths);
    remember(a, pattern, paths, any);
    return any;
}

void path_answers_release(struct path_answers *a)
{
    tdestroy(a->known, free);
    *a = (struct path_answers)PATH_ANSWERS_INIT;
}
