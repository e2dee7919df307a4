#include "stages/pipeline/response.h"

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

#include <string.h>

/* JSON is UTF-8. A commit message or a secret may be anything. (The YAML file was UTF-8, or it would not be here.) */
static json_t *text(const char *s)
{
    auto_free char *clean = text_as_utf8(s);

    return json_string(clean);
}

static json_t *variables_json(const struct variables *v)
{
    json_t *list = json_array();

    for (size_t i = 0; i < v->n; i++) {
        const struct variable *x = &v->items[i];
        (void)json_array_append_new(
            list, json_pack("{s:s s:o s:b s:b s:b s:b}", "key", x->key, "value", text(x->value), "public",
                            (x->flags & VARIABLE_PUBLIC) != 0, "file", (x->flags & VARIABLE_FILE) != 0, "masked",
                            (x->flags & VARIABLE_MASKED) != 0, "raw", (x->flags & VARIABLE_RAW) != 0));
    }
    return list;
}

static json_int_t timeout_of(const struct ci_job *job)
{
    return job->timeout > 0 ? job->timeout : PREDEFINED_JOB_TIMEOUT;
}

static json_t *step_json(const struct ci_job *job, const char *name, const struct strvec *script, const char *when,
                         bool allow_failure)
{
    return json_pack("{s:s s:o s:I s:s s:b}", "name", name, "script", json_strings(script), "timeout",
                     timeout_of(job), "when", when, "allow_failure", allow_failure);
}

static json_t *steps_json(const struct ci_job *job)
{
    json_t *list = json_array();

    (void)json_array_append_new(list, step_json(job, "script", &job->script, "on_success", false));
    if (job->after_script.n > 0)
        (void)json_array_append_new(list, step_json(job, "after_script", &job->after_script, "always", true));
    return list;
}

/* An absent entrypoint keeps the image's, an empty one clears it: the member is left out or not. */
static json_t *image_json(const char *name, const struct ci_image *written)
{
    json_t *image = json_pack("{s:s}", "name", name ? name : "");

    if (written->has_entrypoint)
        (void)json_object_set_new(image, "entrypoint", json_strings(&written->entrypoint));
    if (written->pull_policy.n > 0)
        (void)json_object_set_new(image, "pull_policy", json_strings(&written->pull_policy));
    if (written->platform || written->user)
        (void)json_object_set_new(image, "executor_opts", json_pack("{s:{s:s*, s:s*}}", "docker", "platform",
                                                                    written->platform, "user", written->user));
    return image;
}

static json_t *services_json(const struct response *r)
{
    if (r->job->n_services == 0)
        return json_null();
    json_t *list = json_array();
    for (size_t i = 0; i < r->services->n; i++) {
        const struct ci_service *service = &r->job->services[i];
        json_t *item = image_json(r->services->items[i], &service->image);
        if (service->alias)
            (void)json_object_set_new(item, "alias", json_string(service->alias));
        if (service->command.n > 0)
            (void)json_object_set_new(item, "command", json_strings(&service->command));
        if (service->variables.n > 0)
            (void)json_object_set_new(item, "variables", variables_json(&service->variables));
        (void)json_array_append_new(list, item);
    }
    return list;
}

char *response_services(const struct ci_job *job, const struct strvec *names)
{
    auto_json *list = json_array();

    for (size_t i = 0; i < names->n; i++) {
        const struct ci_service *service = &job->services[i];
        const char *alias = service->alias ? service->alias : "";
        json_t *entrypoint = service->image.has_entrypoint ? json_strings(&service->image.entrypoint) : json_null();
        json_t *command = service->command.n > 0 ? json_strings(&service->command) : json_null();
        (void)json_array_append_new(list, json_pack("{s:s, s:s%, s:o, s:o}", "name", names->items[i], "alias", alias,
                                                    strcspn(alias, " ,"), "entrypoint", entrypoint, "command", command));
    }
    return names->n > 0 ? json_compact(list) : xstrdup("");
}

static json_t *credentials_json(const struct response *r)
{
    if (!r->registry.host || !r->registry.user || !r->registry.password)
        return json_null();
    return json_pack("[{s:s s:o s:o s:o}]", "type", "registry", "url", text(r->registry.host), "username",
                     text(r->registry.user), "password", text(r->registry.password));
}

static json_t *git_info_json(const struct response *r)
{
    const struct checkout *c = r->pipeline->checkout;
    auto_free char *url = predefined_project_url(c);
    auto_free char *repository = xasprintf("%s.git", url);

    return json_pack("{s:s s:s s:o s:s s:s s:s s:o s:i s:b}", "repo_url", repository, "repo_object_format",
                     strlen(r->pipeline->sha) == 64 ? "sha256" : "sha1", "ref", text(c->ref), "sha", r->pipeline->sha,
                     "before_sha", "0000000000000000000000000000000000000000", "ref_type",
                     c->is_tag ? "tag" : "branch", "refspecs", json_strings(r->refspecs), "depth", r->depth,
                     "protected", false);
}

static json_t *job_info_json(const struct response *r)
{
    const char *path = r->pipeline->checkout->remote.path;
    const char *slash = strrchr(path, '/');

    return json_pack("{s:s s:s s:I s:I s:s s:s s:f s:s}", "name", r->job->name, "stage", r->stage, "pipeline_id",
                     (json_int_t)r->pipeline->id, "project_id", (json_int_t)r->pipeline->checkout->project_id,
                     "project_name", slash ? slash + 1 : path, "project_full_path", path, "time_in_queue_seconds", 0.0,
                     "project_jobs_running_on_instance_runners_count", "0");
}

static json_t *response_json(const struct response *r)
{
    return json_pack("{s:I s:s s:b s:o s:o s:{s:I} s:{} s:o s:o s:o s:o s:n s:n s:o s:n s:{s:b s:n s:[]}}", "id",
                     (json_int_t)r->id, "token", r->token, "allow_git_fetch", true, "job_info", job_info_json(r),
                     "git_info", git_info_json(r), "runner_info", "timeout", timeout_of(r->job), "inputs",
                     "variables", variables_json(r->variables), "steps", steps_json(r->job), "image", image_json(r->image, &r->job->image),
                     "services", services_json(r), "artifacts", "cache", "credentials", credentials_json(r), "dependencies", "features",
                     "trace_sections", false, "token_mask_prefixes", "failure_reasons");
}

int response_write(const struct response *r, const char *path, struct err *e)
{
    auto_json *document = response_json(r);
    auto_free char *compact = json_compact(document);
    auto_free char *line = xasprintf("%s\n", compact);

    return file_write(path, line, strlen(line), 0600, e);
}
