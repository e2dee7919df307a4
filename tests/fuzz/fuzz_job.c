/* Whatever the response says, the job's names stay in their folders and its plan is JSON. */
#include "base/json.h"
#include "stages/service.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_folder(const char *path, const char *root, unsigned depth)
{
    for (const char *c = path; *c; c++)
        depth -= *c == '/';
    if (depth != 0 || strncmp(path, root, strlen(root)) != 0 || strstr(path, ".."))
        abort();
}

static void check_plan(const struct job *job, const struct place *place)
{
    __attribute__((cleanup(kinds_release))) struct kinds kinds;
    auto_strvec policy = STRVEC_INIT;
    auto_plan plan = { 0 };
    const struct host_settings host = { "image", "helper", "/run/docker.sock", &policy };

    kinds_init(&kinds);
    strvec_push(&policy, "always");
    char variable[] = "CUSTOM_ENV_TAG=1";
    char *const env[] = { variable, NULL };
    if (plan_make(job, place, &kinds, &host, 1700000000, &plan, NULL) < 0)
        return; /* an image's name that is none */
    plan_add_image(&plan, job, NULL);
    if (service_plan(job, env, &kinds, &host, &plan, NULL) < 0)
        return; /* a service's name likewise */
    if (plan.n_services > job->n_services)
        abort();
    auto_json *description = plan_describe(&plan);
    auto_free char *text = description ? json_dumps(description, JSON_COMPACT) : NULL;
    if (!text)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char id[] = "CUSTOM_ENV_CI_JOB_ID=1";
    char *env[] = { id, NULL };
    auto_job job = { 0 };
    auto_place place = { 0 };

    if (job_from_env(env, &job, NULL) < 0)
        abort();
    if (job_add_response_text(&job, (const char *)data, size, NULL) < 0)
        return 0;
    if (job.timeout_s < 1 || job.timeout_s > INT32_MAX)
        abort();
    place_of(&job, "/b", "/c", &place);
    check_folder(place.builds_dir, "/b/", 4);
    check_folder(place.cache_dir, "/c/", 3);
    check_plan(&job, &place);
    return 0;
}
