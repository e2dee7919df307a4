/* executor/command_compose.c: `atelier compose check`: a compose file's problems, before it is pushed. */
#include "executor/command.h"

#include "base/file.h"
#include "base/strvec.h"
#include "base/text.h"
#include "stages/deploy/compose.h"
#include "stages/deploy/label_check.h"
#include "stages/pipeline/env_file.h"

#include <ctype.h>
#include <string.h>

#define FILE_MAX ((size_t)1 << 20)

/* What stands in for the deploy's environment. */
struct stand_in {
    char *prefix;            /* "SV_STAGING_" */
    struct variables variables;
};

/* ---- Variables ---- */

/* SV_, the environment's name in capitals, and what is no letter or digit as "_". */
static char *secret_prefix(const char *environment)
{
    char *prefix = xasprintf("SV_%s_", environment ? environment : "<ENVIRONMENT>");

    for (char *c = prefix; environment && *c; c++)
        *c = isalnum((unsigned char)*c) ? (char)toupper((unsigned char)*c) : '_';
    return prefix;
}

/* One whose value is not known here. */
static bool looks_secret(const char *name)
{
    return env_file_is_secret(name, "some value");
}

/* The values that a deploy would have: a secret's own name begins with SV_ and is for no file. */
static const char *find(void *ctx, const char *name, bool *secret)
{
    const struct stand_in *s = ctx;
    auto_free char *secret_name = xasprintf("%s%s", s->prefix, name);
    const struct variable *own = variables_find(&s->variables, secret_name);
    const struct variable *v = own ? own : text_starts(name, "SV_") ? NULL : variables_find(&s->variables, name);

    if (!v) {
        *secret = looks_secret(name);
        return NULL;
    }
    *secret = own || (v->flags & VARIABLE_MASKED);
    return v->value;
}

static void missing(void *ctx, const char *name, struct strbuf *hint)
{
    static const struct {
        const char *prefix, *text;
    } givers[] = {
        { "CI_", "the deploy's job gives it" },
        { "X_", "write it into `variables` of the deploy's job" },
        { "SV_", "a secret variable is named without SV_<ENVIRONMENT>_" },
        { "MYSQL_", "the target gives it" },
        { "POSTGRES_", "the target gives it" },
        { "MONGODB_", "the target gives it" },
        { "MAILS_", "the target gives it" },
        { "INFLUXDB_", "the target gives it" },
    };
    const struct stand_in *s = ctx;

    for (size_t i = 0; i < ARRAY_SIZE(givers); i++) {
        if (text_starts(name, givers[i].prefix)) {
            strbuf_puts(hint, givers[i].text);
            return;
        }
    }
    strbuf_printf(hint, "create %s%s in the project's CI/CD variables", s->prefix, name);
    if (!looks_secret(name))
        strbuf_printf(hint, ", or call it X_%s if it is no secret", name);
}

static int read_variables(const char *path, bool may_be_missing, struct variables *out, struct err *e)
{
    auto_err problem = ERR_INIT;

    if (env_file_read(path, out, &problem) == 0 || (may_be_missing && problem.kind == ERR_NOT_FOUND))
        return 0;
    return err_move(e, &problem);
}

/* The .env beside the compose file, which --variables adds to. */
static int stand_in_read(const struct invocation *in, const char *file, struct stand_in *out, struct err *e)
{
    auto_variables all = VARIABLES_INIT;
    const char *slash = strrchr(file, '/');
    auto_free char *path = xasprintf("%.*s.env", slash ? (int)(slash - file) + 1 : 0, file);

    if (read_variables(path, true, &all, e) < 0)
        return -1;
    if (in->variables && read_variables(in->variables, false, &all, e) < 0)
        return -1;
    if (in->environment)
        variables_add(&all, "CI_ENVIRONMENT_NAME", in->environment, VARIABLE_RAW);
    out->prefix = secret_prefix(in->environment);
    return variables_resolve(&all, "", &out->variables, e);
}

static void stand_in_release(struct stand_in *s)
{
    free(s->prefix);
    variables_release(&s->variables);
}

/* ---- What is said ---- */

/* "FILE:LINE:COLUMN: " is passed over. */
static const char *without_place(const char *file, const char *text)
{
    text += strlen(file);
    return text + strspn(text, ":0123456789 ");
}

/* Each variable once: where it is needed first. */
static void say_unset(const struct invocation *in, const char *file, const struct strvec *unset)
{
    auto_strvec seen = STRVEC_INIT;

    for (size_t i = 0; i < unset->n; i++) {
        const char *text = without_place(file, unset->items[i]);
        if (strvec_has(&seen, text))
            continue;
        strvec_push(&seen, text);
        log_info(&in->log, "note: %s", unset->items[i]);
    }
}

static void say(const struct invocation *in, const char *file, const struct strvec *warnings, const struct strvec *unset)
{
    if (in->quiet)
        return;
    for (size_t i = 0; i < warnings->n; i++)
        log_warning(&in->log, "%s", warnings->items[i]);
    say_unset(in, file, unset);
}

/* ---- The command ---- */

/* 0 good, 1 not. */
static int check_text(const struct invocation *in, const char *file, const char *text, size_t len, struct stand_in *s,
                      struct err *e)
{
    auto_compose c = COMPOSE_INIT;
    auto_strvec problems = STRVEC_INIT, warnings = STRVEC_INIT, unset = STRVEC_INIT;
    const struct compose_variables v = { find, missing, s, in->strict ? NULL : &unset };

    int rc = compose_read(file, text, len, &v, &c, &problems, &warnings, NULL);
    if (rc == 0)
        rc = labels_check(file, &c, NULL, &problems, NULL); /* no target is known here */
    say(in, file, &warnings, &unset);
    for (size_t i = 0; i < problems.n; i++)
        log_info(&in->log, "%s", problems.items[i]);
    if (rc < 0)
        return 1;
    auto_free char *line = xasprintf("%s: good, %zu service%s\n", file, c.n, c.n == 1 ? "" : "s");
    return in->quiet ? 0 : fd_write(STDOUT_FILENO, line, strlen(line), e);
}

static int check_file(const struct invocation *in, const char *file, struct err *e)
{
    __attribute__((cleanup(stand_in_release))) struct stand_in s = { .variables = VARIABLES_INIT };
    auto_free char *text = NULL;
    size_t len;

    if (stand_in_read(in, file, &s, e) < 0 || file_read(file, FILE_MAX, &text, &len, e) < 0)
        return -1;
    return check_text(in, file, text, len, &s, e);
}

int command_compose(const struct invocation *in, struct err *e)
{
    static const char *const usual[] = { "docker-compose.yml", NULL };
    int worst = 0;

    if (strcmp(in->args[0], "check") != 0) {
        auto_free char *shown = text_quote(in->args[0]);
        return err_set(e, ERR_USAGE, 0, "unknown word 'compose %s'; there is: check", shown);
    }
    for (const char *const *file = in->args[1] ? (const char *const *)in->args + 1 : usual; *file; file++) {
        auto_err problem = ERR_INIT;
        int status = check_file(in, *file, &problem);
        if (status < 0) {
            log_error(&in->log, "%s", err_text(&problem));
            status = 2;
        }
        worst = status > worst ? status : worst;
    }
    return worst;
}
