#include "stages/deploy/target.h"

#include "base/text.h"

#include <string.h>

struct target *targets_add(struct targets *targets, const char *name)
{
    targets->items = xreallocarray(targets->items, targets->n + 1, sizeof(*targets->items));
    struct target *t = &targets->items[targets->n++];
    *t = (struct target){
        .name = xstrdup(name),
        .docker_host = xstrdup(""),
        .cert_path = xstrdup(""),
        .domain = xstrdup(""),
        .network = xstrdup(""),
        .certresolver = xstrdup(""),
        .data = xstrdup("/srv/atelier"),
        .key = xstrdup(""),
        .health_wait_ms = 120000,
        .drain_ms = 5000,
        .stop_grace_ms = 10000,
        .lock_wait_ms = 600000,
        .keep_releases = 10,
    };
    return t;
}

static void target_release(struct target *t)
{
    char *const owned[] = { t->name,         t->docker_host, t->cert_path, t->domain, t->network,
                            t->certresolver, t->data,        t->key };
    struct strvec *const lists[] = { &t->projects, &t->environments, &t->entrypoints, &t->mails, &t->influxdb };

    for (size_t i = 0; i < ARRAY_SIZE(owned); i++)
        free(owned[i]);
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
        strvec_release(lists[i]);
    for (size_t i = 0; i < t->n_managed; i++) {
        free(t->managed[i].service);
        free(t->managed[i].host);
    }
    free(t->managed);
    for (size_t i = 0; i < t->n_registries; i++) {
        free(t->registries[i].registry);
        free(t->registries[i].username);
        free(t->registries[i].password);
    }
    free(t->registries);
}

void targets_release(struct targets *targets)
{
    for (size_t i = 0; i < targets->n; i++)
        target_release(&targets->items[i]);
    free(targets->items);
    *targets = (struct targets){ 0 };
}

const struct target *targets_find(const struct target *targets, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(targets[i].name, name) == 0)
            return &targets[i];
    return NULL;
}

static bool matches(const struct strvec *patterns, const char *text)
{
    for (size_t i = 0; i < patterns->n; i++)
        if (text_matches(patterns->items[i], text))
            return true;
    return false;
}

static int refuse(const struct target *t, const char *what, const char *is, const struct strvec *may, struct err *e)
{
    auto_free char *shown = text_quote(is);
    auto_free char *list = may->n > 0 ? strvec_join(may, ", ") : xstrdup("none");

    return err_set(e, ERR_JOB, 0, "%s '%s' may not deploy to %s; allowed: %s (targets: %s: %ss, by this host's owner)",
                   what, shown, t->name, list, t->name, what);
}

int target_allows(const struct target *t, const struct job *job, struct err *e)
{
    if (!*job->environment)
        return err_set(e, ERR_JOB, 0,
                       "the job has no environment to deploy to %s; give it one in .gitlab-ci.yml, such as "
                       "`environment: {name: staging}`", t->name);
    if (!matches(&t->projects, job->project_path))
        return refuse(t, "project", job->project_path, &t->projects, e);
    if (!matches(&t->environments, job->environment))
        return refuse(t, "environment", job->environment, &t->environments, e);
    if (t->protected_only && !job->protected_ref)
        return err_set(e, ERR_JOB, 0,
                       "only jobs of protected branches and tags may deploy to %s; protect this one in the project's "
                       "settings (Repository), or run the job for one that is", t->name);
    return 0;
}

bool targets_allow(const struct targets *targets, const struct job *job)
{
    for (size_t i = 0; i < targets->n; i++)
        if (target_allows(&targets->items[i], job, NULL) == 0)
            return true;
    return false;
}
