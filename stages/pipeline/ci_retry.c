/* stages/pipeline/ci_retry.c: `retry`, `timeout`, `coverage` and `hooks`. */
#include "stages/pipeline/ci_value.h"

#include "base/number.h"
#include "base/text.h"
#include "stages/pipeline/period.h"
#include "stages/pipeline/re2.h"

#include <errno.h>

/* GitLab's. */
#define RETRY_MAX    2
#define TIMEOUT_LEAST 1
#define TIMEOUT_MAX   ((int64_t)31557600 / 12) /* a month */

/* GitLab's words for what may have gone wrong. */
static const char *const whens[] = {
    "always",
    "unknown_failure",
    "script_failure",
    "api_failure",
    "stuck_or_timeout_failure",
    "runner_system_failure",
    "runner_unsupported",
    "runner_provisioning_timeout",
    "runner_interrupted",
    "stale_schedule",
    "job_execution_timeout",
    "archived_failure",
    "unmet_prerequisites",
    "scheduler_failure",
    "data_integrity_failure",
    NULL,
};

static int read_max(const struct ci_reader *r, const struct yaml *y, int64_t *out, struct err *e)
{
    if (y->type != YAML_SCALAR || y->quoted || y->tag || number_parse(y->text, 0, RETRY_MAX, out) < 0)
        return ci_problem(r, y, e, "`retry` is 0, 1 or %d, or a map with such a `max`", RETRY_MAX);
    return 0;
}

int ci_retry(const struct ci_reader *r, const struct yaml *y, struct ci_retry *out, struct err *e)
{
    if (ci_absent(y))
        return 0;
    if (y->type != YAML_MAP)
        return read_max(r, y, &out->max, e);
    const struct yaml *max = yaml_get(y, "max"), *codes = yaml_get(y, "exit_codes");
    if (ci_check_keys(r, y, IN_RETRY, e) < 0 || (!ci_absent(max) && read_max(r, max, &out->max, e) < 0) ||
        ci_texts(r, yaml_get(y, "when"), "when", &out->when, e) < 0)
        return -1;
    for (size_t i = 0; i < out->when.n; i++) {
        auto_free char *shown = text_quote(out->when.items[i]);
        if (text_is_any(out->when.items[i], whens))
            continue;
        const char *near = text_nearest(out->when.items[i], whens);
        return ci_problem(r, yaml_get(y, "when"), e, "`retry` has no `when: %s`%s%s%s", shown, near ? "; did you mean `" : "",
                          near ? near : "", near ? "`?" : "");
    }
    return ci_absent(codes) ? 0 : ci_exit_codes(r, codes, &out->codes, &out->n_codes, e);
}

int ci_timeout(const struct ci_reader *r, const struct yaml *y, int64_t *out, struct err *e)
{
    auto_free char *text = NULL;

    if (ci_text(r, y, "timeout", &text, e) < 0)
        return -1;
    if (!text)
        return 0;
    auto_free char *shown = text_quote(text);
    if (period_parse(text, out) == 0 && *out >= TIMEOUT_LEAST)
        return *out <= TIMEOUT_MAX ? 0 : ci_problem(r, y, e, "`timeout: %s` is longer than a month", shown);
    return ci_problem(r, y, e, "`timeout: %s` is no length of time; write it like `1h 30m` or `90 minutes`", shown);
}

/* An expression that is beyond us alone costs a number in the summary, and not the job. */
int ci_coverage(const struct ci_reader *r, const struct yaml *y, char **out, struct err *e)
{
    auto_err problem = ERR_INIT;
    unsigned flags = 0;

    if (ci_text(r, y, "coverage", out, e) < 0 || !*out)
        return ci_absent(y) ? 0 : -1;
    auto_free char *expression = re2_unwrap(*out, &flags);
    auto_free char *shown = text_quote(*out);
    if (!expression)
        return ci_problem(r, y, e, "`coverage: %s` is no /regular expression/", shown);
    if (re2_check(expression, flags, &problem) == 0)
        return 0;
    if (problem.code != ENOTSUP)
        return ci_problem(r, y, e, "`coverage: %s` is no regular expression: %s", shown, err_text(&problem));
    strvec_pushf(r->warnings, "%s:%d:%d: keyword `coverage` has no effect here: %s", y->file, y->line, y->column,
                 err_text(&problem));
    return 0;
}

int ci_hooks(const struct ci_reader *r, const struct yaml *y, struct ci_job *out, struct err *e)
{
    if (ci_absent(y))
        return 0;
    if (y->type != YAML_MAP)
        return ci_wrong_type(r, y, "hooks", "a map with `pre_get_sources_script`", e);
    if (ci_check_keys(r, y, IN_HOOKS, e) < 0)
        return -1;
    return ci_script(r, yaml_get(y, "pre_get_sources_script"), "pre_get_sources_script", &out->pre_get_sources, e);
}
