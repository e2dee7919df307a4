#include "stages/pipeline/git.h"

#include "base/process.h"
#include "base/strbuf.h"
#include "base/text.h"

#include <stdarg.h>

/* A commit message or a list of references; more is no answer to our questions. */
#define ANSWER_MAX ((size_t)16 << 20)

void git_init(struct git *g, const char *dir, char *const *env)
{
    *g = (struct git){ dir, STRVEC_INIT };
    for (; *env; env++) {
        /* GIT_CONFIG_… is how a user hands settings to every git (safe.directory): it stays. */
        if (!text_starts(*env, "GIT_") || text_starts(*env, "GIT_CONFIG_"))
            strvec_push(&g->env, *env);
    }
    strvec_set_env(&g->env, "GIT_TERMINAL_PROMPT", "0");
    strvec_set_env(&g->env, "GIT_OPTIONAL_LOCKS", "0");
    strvec_set_env(&g->env, "LC_ALL", "C");
}

void git_release(struct git *g)
{
    strvec_release(&g->env);
}

static int run(const struct git *g, char **out, struct err *e, va_list args)
{
    auto_strvec argv = STRVEC_INIT;
    auto_strbuf answer = STRBUF_INIT(ANSWER_MAX);

    strvec_push(&argv, "git");
    for (const char *arg = va_arg(args, const char *); arg; arg = va_arg(args, const char *))
        strvec_push(&argv, arg);
    if (process_capture((const char *const *)strvec_list(&argv), g->dir, strvec_list(&g->env), &answer, e) < 0)
        return -1;
    if (answer.len > 0 && answer.data[answer.len - 1] == '\n')
        answer.data[--answer.len] = '\0';
    if (out)
        *out = strbuf_take(&answer);
    return 0;
}

int git_run(const struct git *g, char **out, struct err *e, ...)
{
    va_list args;

    va_start(args, e);
    int rc = run(g, out, e, args);
    va_end(args);
    return rc;
}

char *git_ask(const struct git *g, ...)
{
    char *answer = NULL;
    va_list args;

    va_start(args, g);
    int rc = run(g, &answer, NULL, args);
    va_end(args);
    if (rc == 0 && *answer)
        return answer;
    free(answer);
    return NULL;
}
