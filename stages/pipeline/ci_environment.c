/* stages/pipeline/ci_environment.c: `environment`. */
#include "stages/pipeline/ci_value.h"

#include "base/text.h"

#include <ctype.h>
#include <string.h>

/* GitLab's. */
#define URL_MAX ((size_t)255)

static int read_name(const struct ci_reader *r, const struct yaml *y, const char *keyword, char **out, struct err *e)
{
    if (ci_text(r, y, keyword, out, e) < 0)
        return -1;
    const char *name = *out;
    size_t n = 0;
    while (isalnum((unsigned char)name[n]) || (name[n] && strchr("-_/${}. ", name[n])))
        n++;
    auto_free char *shown = text_quote(name);
    if (name[n])
        return ci_problem(r, y, e, "the environment's name `%s` can have letters, digits, blanks and -_/${}. only", shown);
    if (name[0] == '/' || name[n - 1] == '/')
        return ci_problem(r, y, e, "the environment's name `%s` cannot begin or end with a /", shown);
    return 0;
}

static int read_tier(const struct ci_reader *r, const struct yaml *y, char **out, struct err *e)
{
    static const char *const tiers[] = { "production", "staging", "testing", "development", "other", NULL };

    if (!ci_absent(y) && y->type == YAML_SCALAR && strchr(y->text, '$'))
        return ci_text(r, y, "deployment_tier", out, e);
    return ci_choice(r, y, "deployment_tier", tiers, out, e);
}

static int check_lifetime(const struct ci_reader *r, const struct yaml *y, struct err *e)
{
    if (!ci_absent(y) && y->type == YAML_SCALAR && strchr(y->text, '$'))
        return 0;
    return ci_period(r, y, "auto_stop_in", e);
}

int ci_environment(const struct ci_reader *r, const struct yaml *y, struct ci_environment *out, struct err *e)
{
    static const char *const actions[] = { "start", "stop", "prepare", "verify", "access", NULL };

    if (ci_absent(y))
        return 0;
    if (y->type != YAML_MAP)
        return read_name(r, y, "environment", &out->name, e);
    const struct yaml *kubernetes = yaml_get(y, "kubernetes");
    if (ci_check_keys(r, y, IN_ENVIRONMENT, e) < 0)
        return -1;
    if (ci_absent(yaml_get(y, "name")))
        return ci_problem(r, y, e, "`environment` has no `name`");
    if (read_name(r, yaml_get(y, "name"), "name", &out->name, e) < 0 ||
        ci_text(r, yaml_get(y, "url"), "url", &out->url, e) < 0 ||
        ci_choice(r, yaml_get(y, "action"), "action", actions, &out->action, e) < 0 ||
        ci_text(r, yaml_get(y, "on_stop"), "on_stop", &out->on_stop, e) < 0 ||
        read_tier(r, yaml_get(y, "deployment_tier"), &out->tier, e) < 0 ||
        check_lifetime(r, yaml_get(y, "auto_stop_in"), e) < 0)
        return -1;
    if (out->url && strlen(out->url) > URL_MAX)
        return ci_problem(r, yaml_get(y, "url"), e, "`url` is longer than %zu characters", URL_MAX);
    return !ci_absent(kubernetes) && kubernetes->type != YAML_MAP ? ci_wrong_type(r, kubernetes, "kubernetes", "a map", e) : 0;
}

/* What is wrong with the job that is to stop an environment; NULL: nothing. */
static const char *refusal_of(const struct ci_environment *stopped, const struct ci_job *stopper)
{
    if (!stopper)
        return "and there is no such job";
    if (!stopper->environment.name)
        return "which has no `environment`";
    if (strcmp(stopper->environment.name, stopped->name) != 0)
        return "which has another environment";
    if (!stopper->environment.action || strcmp(stopper->environment.action, "stop") != 0)
        return "which does not say `action: stop`";
    return NULL;
}

int ci_check_environment(const struct ci_file *f, const struct ci_job *job, struct err *e)
{
    size_t n;

    if (!job->environment.on_stop)
        return 0;
    struct ci_job *const *stoppers = ci_file_named(f, job->environment.on_stop, &n);
    const char *refusal = refusal_of(&job->environment, n > 0 ? stoppers[0] : NULL);
    if (!refusal)
        return 0;
    const struct yaml *at = yaml_get(yaml_get(job->at, "environment"), "on_stop");
    auto_free char *name = text_quote(job->name);
    auto_free char *shown = text_quote(job->environment.on_stop);
    return yaml_error(e, ERR_JOB, at->file, at, "`on_stop` of job `%s` names `%s`, %s", name, shown, refusal);
}
