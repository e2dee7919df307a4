#include "executor/credential_helper.h"

#include "base/process.h"
#include "base/text.h"

#include <string.h>

/* A login is a few hundred bytes; a token may have some thousand. */
#define ANSWER_MAX ((size_t)64 << 10)

/* How helpers say, on stdout and with exit status 1, that they have nothing (docker-credential-helpers). */
static const char *const nothing[] = { "credentials not found in native keychain", "no credentials server URL",
                                       "no credentials username", NULL };

static bool knows_none(const struct strbuf *answer)
{
    auto_secret *line = xstrndup(strbuf_text(answer), strcspn(strbuf_text(answer), "\r\n"));
    return text_is_any(line, nothing);
}

static void answer_forget(struct strbuf *answer)
{
    if (answer->data)
        explicit_bzero(answer->data, answer->len);
    strbuf_release(answer);
}

int credential_helper_get(const struct credential_helper *h, const char *name, const char *server, struct login *out,
                          struct err *e)
{
    auto_free char *program = xasprintf("docker-credential-%s", name);
    auto_free char *shown = text_quote(program);

    if (strpbrk(name, "/\\"))
        return err_set(e, ERR_CONFIG, 0, "the credential helper's name '%s' has a path separator", shown);
    const char *const argv[] = { program, "get", NULL };
    const struct process_spec spec = { .argv = argv, .env = h->env, .input = server, .new_group = true,
                                       .err = PROCESS_NULL };
    const struct process_limits limits = { h->timeout_ms, h->interrupt_fd };
    __attribute__((cleanup(answer_forget))) struct strbuf answer = STRBUF_INIT(ANSWER_MAX);
    auto_err problem = ERR_INIT;

    if (process_collect(&spec, &limits, &answer, &problem) == 0) {
        if (login_read_answer(server, strbuf_text(&answer), answer.len, out, e) == 0)
            return 0;
        return err_wrap(e, "'%s'", shown);
    }
    if (problem.kind == ERR_SYSTEM && knows_none(&answer)) {
        *out = (struct login){ 0 };
        return 0;
    }
    return err_move(e, &problem);
}
