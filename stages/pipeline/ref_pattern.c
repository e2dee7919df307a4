#include "stages/pipeline/ref_pattern.h"

#include "base/text.h"
#include "stages/pipeline/event.h"
#include "stages/pipeline/re2.h"

#include <string.h>

/* What is between the slashes, the caller's, and whether `i` is behind them. NULL when it is no expression.
 * Of the other flags, none makes a difference for a name in one line. */
static char *expression_of(const char *pattern, bool *ignore_case)
{
    const char *end = strrchr(pattern, '/');

    if (*pattern != '/' || end == pattern || end[1 + strspn(end + 1, "ismU")])
        return NULL;
    *ignore_case = strchr(end, 'i') != NULL;
    return xstrndup(pattern + 1, (size_t)(end - pattern - 1));
}

/* The pattern without its "@group/project"; the caller's. */
static char *without_project(const char *pattern)
{
    return xstrndup(pattern, strcspn(pattern, "@"));
}

/* A name is one line: of the flags, only `i` makes a difference. */
static unsigned flags_of(bool ignore_case)
{
    return RE2_DOT_ALL | (ignore_case ? RE2_IGNORE_CASE : 0);
}

int ref_pattern_check(const char *pattern, struct err *e)
{
    auto_free char *own = without_project(pattern);
    bool ignore_case;
    auto_free char *expression = expression_of(own, &ignore_case);

    return expression ? re2_check(expression, flags_of(ignore_case), e) : 0;
}

bool ref_pattern_matches(const char *pattern, const struct ref_facts *ref)
{
    const char *project = strchr(pattern, '@');
    auto_free char *own = without_project(pattern);
    bool ignore_case;
    auto_free char *expression = expression_of(own, &ignore_case);

    if (project && strcmp(project + 1, ref->project) != 0)
        return false;
    if (!expression && event_is_meant(ref->event, own))
        return true;
    if (event_is_merge_request(ref->event))
        return false;
    if (expression)
        return re2_matches(expression, flags_of(ignore_case), ref->name);
    return strcmp(own, ref->is_tag ? "tags" : "branches") == 0 || strcmp(own, ref->name) == 0;
}
