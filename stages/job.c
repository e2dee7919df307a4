#include "stages/job.h"

#include "base/file.h"
#include "base/json.h"
#include "base/number.h"
#include "base/text.h"

#include <string.h>

/* Variables of a job may reach hundreds of KiB; a response of more is no job. */
#define RESPONSE_MAX ((size_t)32 << 20)
/* What gitlab-runner takes when the server sends none. */
#define TIMEOUT_S 7200

const char *job_env(char *const *env, const char *name)
{
    auto_free char *key = xasprintf("CUSTOM_ENV_%s", name);
    const char *value = env_get(env, key);
    return value ? value : "";
}

int job_from_env(char *const *env, struct job *out, struct err *e)
{
    struct job job = { 0 };
    const struct {
        const char *variable;
        char **member;
        const char *otherwise; /* NULL: the job cannot do without */
    } fields[] = {
        { "CI_JOB_ID", &job.id, NULL },
        { "CI_RUNNER_SHORT_TOKEN", &job.runner, "local" },
        { "CI_PROJECT_ID", &job.project_id, "0" },
        { "CI_PROJECT_PATH", &job.project_path, "" },
        { "CI_JOB_NAME", &job.name, "" },
        { "CI_JOB_STAGE", &job.stage, "" },
        { "CI_ENVIRONMENT_NAME", &job.environment, "" },
        { "CI_CONCURRENT_PROJECT_ID", &job.slot, "0" },
        { "CI_CONCURRENT_ID", &job.concurrent, "0" },
        { "CI_JOB_IMAGE", &job.image.name, "" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        const char *value = job_env(env, fields[i].variable);
        if (!*value && !fields[i].otherwise) {
            job_release(&job);
            return err_set(e, ERR_USAGE, 0,
                           "CUSTOM_ENV_%s is not set: this command is for gitlab-runner to call (see 'man atelier')",
                           fields[i].variable);
        }
        *fields[i].member = xstrdup(*value ? value : fields[i].otherwise);
        if (!text_is_utf8(*fields[i].member)) { /* the Engine API's JSON has no other text */
            job_release(&job);
            return err_set(e, ERR_JOB, 0, "%s is not UTF-8 text", fields[i].variable);
        }
    }
    job.commit = xstrdup("");
    job.ref = xstrdup("");
    job.url = xstrdup("");
    job.image.platform = xstrdup("");
    job.image.user = xstrdup("");
    job.protected_ref = strcmp(job_env(env, "CI_COMMIT_REF_PROTECTED"), "true") == 0;
    job.wants_init = strcmp(job_env(env, "FF_USE_INIT_WITH_DOCKER_EXECUTOR"), "true") == 0;
    job.timeout_s = TIMEOUT_S;
    (void)number_parse(job_env(env, "CI_JOB_TIMEOUT"), 1, INT32_MAX, &job.timeout_s);
    *out = job;
    return 0;
}

static void replace(char **member, char *value)
{
    free(*member);
    *member = value;
}

static void read_image(struct job_image *image, const json_t *from)
{
    const json_t *docker = json_at(from, "executor_opts", "docker", NULL);

    /* The environment's may be a variable of the job's; but runners before 16.0
     * expand the name only there (contract 1.2). */
    if (json_is_string(json_object_get(from, "name")) && !strchr(json_text(from, "name"), '$'))
        replace(&image->name, json_text_any(from, "name"));
    image->entrypoint_given = json_is_array(json_object_get(from, "entrypoint"));
    json_list(from, "entrypoint", &image->entrypoint);
    json_list(from, "pull_policy", &image->pull_policy);
    replace(&image->platform, json_text_any(docker, "platform"));
    replace(&image->user, json_text_any(docker, "user"));
}

static void read_credentials(struct job *job, const json_t *list)
{
    size_t i;
    json_t *item;

    if (!json_is_array(list))
        return;
    job->credentials = xreallocarray(job->credentials, job->n_credentials + json_array_size(list) + 1,
                                     sizeof(*job->credentials));
    json_array_foreach(list, i, item) {
        if (strcmp(json_text(item, "type"), "registry") != 0)
            continue;
        job->credentials[job->n_credentials++] = (struct credential){
            .registry = json_text_any(item, "url"),
            .username = json_text_any(item, "username"),
            .password = json_text_any(item, "password"),
        };
    }
}

/* A variable may occur several times: for scripts the last one counts, and a secret
 * of the job's (`secrets:`) replaces a variable of its name. */
static void read_variables(struct job *job, const json_t *root)
{
    auto_json *last = json_object();
    size_t i;
    const char *key;
    json_t *item;

    json_array_foreach(json_object_get(root, "variables"), i, item)
        json_object_set(last, json_text(item, "key"), item);
    json_object_foreach(last, key, item) {
        bool is_public = json_flag(item, "public", false) && !json_flag(item, "masked", false) &&
                         !json_at(root, "secrets", key);
        strvec_push(is_public ? &job->public_variables : &job->private_variables, key);
        if (json_flag(item, "file", false))
            strvec_push(&job->file_variables, key);
        if (json_flag(item, "masked", false))
            strvec_push(&job->masked_variables, key);
    }
    json_object_foreach(json_object_get(root, "secrets"), key, item)
        strvec_push(&job->private_variables, key);
}

/* The server sends its own variables before those that a project or a job may set, so
 * for its own word the first one counts. NULL when there is none. */
static const json_t *first_variable(const json_t *root, const char *key)
{
    size_t i;
    json_t *item;

    json_array_foreach(json_object_get(root, "variables"), i, item)
        if (strcmp(json_text(item, "key"), key) == 0)
            return item;
    return NULL;
}

/* Runners before 18.3 lack git_info.protected. */
static bool read_protected(const json_t *root)
{
    bool protected_ref = json_flag(first_variable(root, "CI_COMMIT_REF_PROTECTED"), "value", false);

    return json_flag(json_object_get(root, "git_info"), "protected", protected_ref);
}

/* The server's own word on what names and folders are made of. In the environment
 * any CI_* variable may be one that the job itself set, to another project's id. */
static void read_identity(struct job *job, const json_t *root)
{
    const json_t *info = json_object_get(root, "job_info"), *git = json_object_get(root, "git_info");
    const struct {
        const json_t *from;
        const char *key;
        char **member;
    } fields[] = {
        { root, "id", &job->id },
        { info, "project_id", &job->project_id },
        { first_variable(root, "CI_PROJECT_PATH"), "value", &job->project_path }, /* runners before 18.5 lack the next */
        { info, "project_full_path", &job->project_path },
        { info, "name", &job->name },
        { info, "stage", &job->stage },
        { git, "sha", &job->commit },
        { git, "ref", &job->ref },
        { first_variable(root, "CI_JOB_URL"), "value", &job->url },
    };

    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        char *value = json_text_any(fields[i].from, fields[i].key);
        if (*value && strcmp(value, "0") != 0) /* 0: the runner's way to say nothing */
            replace(fields[i].member, value);
        else
            free(value);
    }
}

static void read_services(struct job *job, const json_t *list)
{
    size_t i;
    json_t *item;

    if (!json_is_array(list))
        return;
    job->services =
        xreallocarray(job->services, job->n_services + json_array_size(list) + 1, sizeof(*job->services));
    json_array_foreach(list, i, item) {
        struct job_service *service = &job->services[job->n_services++];
        *service = (struct job_service){ .image.name = xstrdup(json_text(item, "name")),
                                         .alias = json_text_any(item, "alias"),
                                         .variables = json_incref(json_object_get(item, "variables")) };
        read_image(&service->image, item);
        json_list(item, "command", &service->command);
    }
}

int job_add_response_text(struct job *job, const char *text, size_t len, struct err *e)
{
    auto_json *root = NULL;

    if (json_parse(text, len, "the job response", &root, e) < 0)
        return -1;
    if (!json_is_object(root) || json_object_size(root) == 0)
        return err_set(e, ERR_SYSTEM, 0, "the job response holds no job");
    read_identity(job, root);
    read_image(&job->image, json_object_get(root, "image"));
    read_credentials(job, json_object_get(root, "credentials"));
    read_variables(job, root);
    read_services(job, json_object_get(root, "services"));
    job->protected_ref = read_protected(root);
    int64_t timeout = json_number(json_object_get(root, "runner_info"), "timeout", 0);
    if (timeout >= 1 && timeout <= INT32_MAX)
        job->timeout_s = timeout;
    return 0;
}

int job_add_response(struct job *job, char *const *env, struct err *e)
{
    const char *path = env_get(env, "JOB_RESPONSE_FILE");
    auto_free char *text = NULL;
    size_t len = 0;

    if (!path)
        return 0;
    if (file_read(path, RESPONSE_MAX, &text, &len, e) < 0)
        return err_wrap(e, "job response");
    if (job_add_response_text(job, text, len, e) < 0)
        return err_wrap(e, "'%s'", path);
    return 0;
}

void job_variables(const struct job *job, char *const *env, struct strvec *out)
{
    static const char prefix[] = "CUSTOM_ENV_";
    const char *project_dir = job_env(env, "CI_PROJECT_DIR");

    for (; env && *env; env++) {
        if (!text_starts(*env, prefix))
            continue;
        const char *entry = *env + strlen(prefix);
        auto_free char *key = xstrndup(entry, strcspn(entry, "="));
        if (strvec_has(&job->file_variables, key))
            strvec_pushf(out, "%s=%s.tmp/%s", key, project_dir, key);
        else
            strvec_push(out, entry);
    }
}

static void image_release(struct job_image *image)
{
    free(image->name);
    free(image->platform);
    free(image->user);
    strvec_release(&image->entrypoint);
    strvec_release(&image->pull_policy);
}

static void service_release(struct job_service *service)
{
    image_release(&service->image);
    free(service->alias);
    strvec_release(&service->command);
    json_decref(service->variables);
}

void job_release(struct job *job)
{
    char *const owned[] = { job->id,   job->runner, job->project_id,  job->project_path,
                            job->name, job->stage,  job->environment, job->slot,
                            job->concurrent, job->commit, job->ref, job->url };

    for (size_t i = 0; i < ARRAY_SIZE(owned); i++)
        free(owned[i]);
    image_release(&job->image);
    for (size_t i = 0; i < job->n_services; i++)
        service_release(&job->services[i]);
    free(job->services);
    strvec_release(&job->file_variables);
    strvec_release(&job->public_variables);
    strvec_release(&job->private_variables);
    strvec_release(&job->masked_variables);
    for (size_t i = 0; i < job->n_credentials; i++) {
        free(job->credentials[i].registry);
        free(job->credentials[i].username);
        free(job->credentials[i].password);
    }
    free(job->credentials);
    *job = (struct job){ 0 };
}
