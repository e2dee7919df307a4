#include "stages/place.h"

#include "cache/folder.h"

#include <ctype.h>
#include <string.h>
#include <time.h>

#ifndef ATELIER_VERSION
#define ATELIER_VERSION "0"
#endif

#define ELEMENT_MAX 64

/* One path element and a part of a Docker name ([a-zA-Z0-9_.-]), whatever a server
 * sent. Without a dot: what we ourselves add with one cannot come from outside. */
static char *element(const char *text)
{
    char *out = xstrndup(text, ELEMENT_MAX);

    for (char *c = out; *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '_' && *c != '-')
            *c = '-';
    if (*out)
        return out;
    free(out);
    return xstrdup("0");
}

void place_of(const struct job *job, const char *builds, const char *cache, struct place *out)
{
    auto_free char *runner = element(job->runner);
    auto_free char *id = element(job->id);
    auto_free char *project = element(job->project_id);
    auto_free char *slot = element(job->slot);
    auto_free char *concurrent = element(job->concurrent);
    /* Jobs of protected refs never inherit a work tree that an unprotected one left. */
    const char *apart = job->protected_ref ? ".protected" : "";

    *out = (struct place){
        .key = xasprintf("%s-%s", runner, id),
        .builds_dir = xasprintf("%s/%s/%s/%s%s", builds, runner, project, slot, apart),
        .cache_dir = cache_folder(cache, runner, project, job->protected_ref),
        .builds_volume = xasprintf("atelier-builds-%s.%s.%s%s", runner, project, slot, apart),
        .cache_volume = xasprintf("atelier-cache-%s.%s%s", runner, project, apart),
        /* At most 63 bytes, as the kernel and DNS want it. */
        .hostname = xasprintf("runner-%.12s-project-%.17s-concurrent-%.6s", runner, project, concurrent),
    };
}

void place_release(struct place *p)
{
    free(p->key);
    free(p->builds_dir);
    free(p->cache_dir);
    free(p->builds_volume);
    free(p->cache_volume);
    free(p->hostname);
    *p = (struct place){ 0 };
}

char *place_name(const struct place *p, const char *role)
{
    return role ? xasprintf("atelier-%s-%s", p->key, role) : xasprintf("atelier-%s", p->key);
}

char *place_slot(const struct job *job)
{
    auto_free char *runner = element(job->runner);
    auto_free char *concurrent = element(job->concurrent);

    return xasprintf("%s.%s", runner, concurrent);
}

char *place_standby_key(const struct job *job)
{
    auto_free char *runner = element(job->runner);
    auto_free char *concurrent = element(job->concurrent);
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return xasprintf("%s-standby-%s-%llx", runner, concurrent,
                     (unsigned long long)now.tv_sec * 1000000 + (unsigned long long)now.tv_nsec / 1000);
}

json_t *place_labels(const struct job *job, const struct place *p, const char *role, int64_t expires)
{
    auto_free char *when = xasprintf("%lld", (long long)expires);

    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", LABEL_MANAGED, ATELIER_VERSION, LABEL_JOB, p->key,
                     LABEL_PROJECT, job->project_path, LABEL_RUNNER, job->runner, LABEL_ROLE, role,
                     LABEL_EXPIRES, when);
}

json_t *place_lasting_labels(const struct job *job, const char *role)
{
    return json_pack("{s:s, s:s, s:s, s:s}", LABEL_MANAGED, ATELIER_VERSION, LABEL_PROJECT, job->project_path,
                     LABEL_RUNNER, job->runner, LABEL_ROLE, role);
}

json_t *place_network_labels(void)
{
    return json_pack("{s:s, s:s}", LABEL_MANAGED, ATELIER_VERSION, LABEL_ROLE, "network");
}

void place_filter(const struct place *p, struct strvec *out)
{
    strvec_pushf(out, LABEL_JOB "=%s", p->key);
}
