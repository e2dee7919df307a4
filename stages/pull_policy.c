#include "stages/pull_policy.h"

#include "base/text.h"

bool pull_policy_is_one(const char *text)
{
    static const char *const words[] = { PULL_ALWAYS, PULL_IF_NOT_PRESENT, PULL_NEVER, NULL };

    return text_is_any(text, words);
}

char *pull_policy_list(const struct strvec *policies)
{
    auto_free char *words = strvec_join(policies, " ");
    auto_free char *shown = text_quote(words);

    return xasprintf("[%s]", shown);
}

/* In the words of the docker executor, which people search for. */
static int refuse(const char *image, const struct strvec *wanted, bool by_job, const struct strvec *allowed,
                  struct err *e)
{
    auto_free char *shown = text_quote(image);
    auto_free char *these = pull_policy_list(wanted);
    auto_free char *those = pull_policy_list(allowed);

    return err_set(e, by_job ? ERR_JOB : ERR_CONFIG, 0,
                   "invalid pull policy for image \"%s\": pull_policy (%s) defined in %s is not one of the "
                   "allowed_pull_policies (%s)",
                   shown, these, by_job ? "GitLab pipeline config" : "Runner config", those);
}

int pull_policy_choose(const char *image, const struct strvec *of_job, const struct strvec *of_host,
                       const struct strvec *allowed, struct strvec *out, struct err *e)
{
    const struct strvec *wanted = of_job->n ? of_job : of_host;
    const struct strvec *may = allowed && allowed->n ? allowed : of_host;
    bool any = false;

    for (size_t i = 0; i < wanted->n; i++)
        any |= strvec_has(may, wanted->items[i]);
    if (!any)
        return refuse(image, wanted, of_job->n > 0, may, e);
    for (size_t i = 0; i < wanted->n; i++)
        if (strvec_has(may, wanted->items[i]))
            strvec_push(out, wanted->items[i]);
    return 0;
}
