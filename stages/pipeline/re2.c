#include "stages/pipeline/re2.h"

#include "base/memory.h"
#include "stages/pipeline/re2_posix.h"

#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

/* Of which the first that captures may be the last. */
#define GROUPS_MAX 10
/* The time of a match grows with the square of the text: what is longer counts by its beginning. */
#define LENGTH_MAX 4096
#define TEXT_MAX   ((size_t)8 << 10)

struct re2 {
    regex_t compiled;
    size_t captures; /* the group that does; 0: the whole */
};

unsigned re2_flags(const char *letters, size_t n)
{
    unsigned flags = 0;

    for (size_t i = 0; i < n; i++)
        flags |= letters[i] == 'i' ? RE2_IGNORE_CASE : letters[i] == 'm' ? RE2_LINES : letters[i] == 's' ? RE2_DOT_ALL : 0;
    return flags;
}

static int compile(const char *expression, unsigned flags, int more, struct re2 *out, struct err *e)
{
    if (strlen(expression) > LENGTH_MAX)
        return err_set(e, ERR_JOB, ENOTSUP, "it is longer than %d bytes", LENGTH_MAX);
    auto_free char *posix = re2_to_posix(expression, &flags, &out->captures, e);
    char problem[200];

    if (!posix)
        return -1;
    int rc = regcomp(&out->compiled, posix, REG_EXTENDED | more | (flags & RE2_IGNORE_CASE ? REG_ICASE : 0) |
                                                (flags & RE2_LINES ? REG_NEWLINE : 0));
    if (rc == 0)
        return 0;
    (void)regerror(rc, NULL, problem, sizeof(problem));
    return err_set(e, ERR_JOB, rc == REG_ESPACE ? ENOTSUP : 0, "%s", problem);
}

int re2_check(const char *expression, unsigned flags, struct err *e)
{
    struct re2 re;

    if (compile(expression, flags, REG_NOSUB, &re, e) < 0)
        return -1;
    regfree(&re.compiled);
    return 0;
}

bool re2_matches(const char *expression, unsigned flags, const char *text)
{
    auto_free char *start = xstrndup(text, TEXT_MAX);
    struct re2 re;

    if (compile(expression, flags, REG_NOSUB, &re, NULL) < 0)
        return false;
    bool matches = regexec(&re.compiled, start, 0, NULL, 0) == 0;
    regfree(&re.compiled);
    return matches;
}

struct re2 *re2_new(const char *expression, unsigned flags, struct err *e)
{
    struct re2 re = { 0 };

    if (compile(expression, flags, 0, &re, e) < 0)
        return NULL;
    if (re.captures >= GROUPS_MAX) {
        regfree(&re.compiled);
        (void)err_set(e, ERR_JOB, ENOTSUP, "only one of its first %d groups may be the first that captures", GROUPS_MAX - 1);
        return NULL;
    }
    struct re2 *out = xmalloc(sizeof(*out));
    *out = re;
    return out;
}

char *re2_find(const struct re2 *re, const char *text)
{
    regmatch_t found[GROUPS_MAX];
    auto_free char *last = NULL;

    if (strlen(text) > TEXT_MAX)
        return NULL;
    for (int more = 0; regexec(&re->compiled, text, re->captures + 1, found, more) == 0; more = REG_NOTBOL) {
        const regmatch_t *m = found[re->captures].rm_so >= 0 ? &found[re->captures] : &found[0];
        free(last);
        last = xstrndup(text + m->rm_so, (size_t)(m->rm_eo - m->rm_so));
        text += found[0].rm_eo > 0 ? found[0].rm_eo : 1;
        if (found[0].rm_eo == 0 && !text[-1])
            break;
    }
    return take(&last);
}

void re2_free(struct re2 *re)
{
    if (re)
        regfree(&re->compiled);
    free(re);
}

/* ---- As they are written ---- */

const char *re2_end(const char *at)
{
    for (at++; *at && *at != '/'; at++)
        if (*at == '\\' && at[1])
            at++;
    return *at ? at : NULL;
}

char *re2_unwrap(const char *text, unsigned *flags)
{
    const char *end = *text == '/' ? strrchr(text, '/') : NULL;

    if (!end || end <= text + 1 || end[1 + strspn(end + 1, RE2_LETTERS)])
        return NULL;
    *flags = re2_flags(end + 1, strlen(end + 1));
    return xstrndup(text + 1, (size_t)(end - text - 1));
}
