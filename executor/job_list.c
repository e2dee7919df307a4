#include "executor/job_list.h"

#include "base/text.h"
#include "engine/container.h"
#include "engine/volume.h"
#include "executor/kept.h"
#include "stages/place.h"

#include <string.h>

static const char *label(const json_t *item, const char *name)
{
    return json_text(json_object_get(item, "Labels"), name);
}

static struct listed_job *job_of(struct job_list *list, const json_t *item)
{
    const char *key = label(item, LABEL_JOB);

    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->jobs[i].key, key) == 0)
            return &list->jobs[i];
    return NULL;
}

static void add_container(struct job_list *list, const json_t *item)
{
    struct listed_job *job = job_of(list, item);

    if (!*label(item, LABEL_JOB) || !*json_text(item, "Id"))
        return;
    if (!job) {
        job = &list->jobs[list->n++];
        *job = (struct listed_job){ .key = label(item, LABEL_JOB), .name = label(item, LABEL_JOB),
                                    .project = label(item, LABEL_PROJECT), .kept_until = -1 };
    }
    if (strcmp(label(item, LABEL_ROLE), "build") == 0)
        job->build = item;
}

void job_list_make(json_t *containers, json_t *volumes, struct job_list *out)
{
    struct job_list list = { .containers = containers, .volumes = volumes };
    size_t i;
    json_t *item;

    list.jobs = xcalloc(json_array_size(containers) + 1, sizeof(*list.jobs));
    json_array_foreach(containers, i, item)
        add_container(&list, item);
    json_array_foreach(volumes, i, item) {
        struct listed_job *job = job_of(&list, item);
        if (job)
            job->kept_until = json_number(json_object_get(item, "Labels"), LABEL_EXPIRES, -1);
    }
    *out = list;
}

int job_list_read(struct engine *d, struct job_list *out, struct err *e)
{
    auto_strvec ours = STRVEC_INIT, kept = STRVEC_INIT;
    auto_json *containers = NULL, *volumes = NULL;

    strvec_push(&ours, LABEL_JOB);
    strvec_push(&kept, LABEL_ROLE "=" KEPT_ROLE);
    if (container_list(d, &ours, &containers, e) < 0 || volume_list(d, &kept, &volumes, e) < 0)
        return -1;
    job_list_make(take(&containers), take(&volumes), out);
    return 0;
}

void job_list_rename(struct job_list *list, const struct standby_records *records)
{
    for (size_t i = 0; i < list->n; i++) {
        struct listed_job *job = &list->jobs[i];
        job->waits = strvec_has(&records->waiting, job->key) || strvec_has(&records->lost, job->key);
        for (size_t k = 0; k < records->taken.n; k++)
            if (strcmp(records->taken.items[k], job->key) == 0)
                job->name = records->jobs.items[k];
    }
}

void job_list_release(struct job_list *list)
{
    json_decref(list->containers);
    json_decref(list->volumes);
    free(list->jobs);
    *list = (struct job_list){ 0 };
}

/* A key is "<runner>-<job id>". */
static bool has_id(const struct listed_job *job, const char *id)
{
    size_t key = strlen(job->name), len = strlen(id);

    return len > 0 && key > len && job->name[key - len - 1] == '-' && strcmp(job->name + key - len, id) == 0;
}

const struct listed_job *job_list_find(const struct job_list *list, const char *word, struct err *e)
{
    const struct listed_job *found = NULL;
    auto_strvec keys = STRVEC_INIT;
    auto_free char *shown = text_quote(word);

    for (size_t i = 0; i < list->n; i++) {
        if (strcmp(list->jobs[i].name, word) == 0)
            return &list->jobs[i];
        if (!has_id(&list->jobs[i], word))
            continue;
        found = &list->jobs[i];
        strvec_push(&keys, found->name);
    }
    if (keys.n == 1)
        return found;
    if (keys.n > 1) {
        auto_free char *all = strvec_join(&keys, ", ");
        auto_free char *visible = text_quote(all);
        (void)err_set(e, ERR_USAGE, 0, "'%s' is the id of several jobs here; name one by its key: %s", shown, visible);
    } else {
        (void)err_set(e, ERR_USAGE, 0,
                      "job '%s' has no containers on this host; 'atelier shell' lists the jobs that have. Those of a "
                      "failed job stay for as long as keep_failed in the configuration says", shown);
    }
    return NULL;
}

static const char *role_of(const struct wanted *wanted)
{
    return wanted->service ? "service" : wanted->helper ? "helper" : "build";
}

static int missing(const struct listed_job *job, const struct wanted *wanted, const struct strvec *services,
                   struct err *e)
{
    auto_free char *key = text_quote(job->name);

    if (!wanted->service)
        return err_set(e, ERR_USAGE, 0, "job '%s' has no %s container: it is being prepared or cleaned up", key,
                       role_of(wanted));
    auto_free char *shown = text_quote(wanted->service);
    auto_free char *all = strvec_join(services, ", ");
    auto_free char *visible = text_quote(services->n ? all : "none");
    return err_set(e, ERR_USAGE, 0, "job '%s' has no service '%s'; its services: %s", key, shown, visible);
}

const json_t *job_list_container(const struct job_list *list, const struct listed_job *job,
                                 const struct wanted *wanted, struct err *e)
{
    auto_strvec services = STRVEC_INIT;
    size_t i;
    json_t *item;

    json_array_foreach(list->containers, i, item) {
        const char *service = label(item, LABEL_SERVICE);
        if (strcmp(label(item, LABEL_JOB), job->key) != 0 || strcmp(label(item, LABEL_ROLE), role_of(wanted)) != 0)
            continue;
        if (!wanted->service || strcmp(service, wanted->service) == 0)
            return item;
        strvec_push(&services, service);
    }
    (void)missing(job, wanted, &services, e);
    return NULL;
}
