#include "stages/pipeline/predefined.h"

#include "stages/pipeline/event.h"
#include "stages/pipeline/slug.h"

#include <inttypes.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

const char predefined_runner_token[] = "local";

#define SHORT_SHA  8
#define NO_COMMIT  "0000000000000000000000000000000000000000"
/* The server and runner whose ways we follow; scripts compare these. */
#define GITLAB_VERSION "19.1.0"
#define GITLAB_MAJOR   "19"
#define GITLAB_MINOR   "1"

char *predefined_project_url(const struct checkout *c)
{
    auto_free char *server = remote_server_url(&c->remote);
    return xasprintf("%s/%s", server, c->remote.path);
}

/* Most of what follows is public; this says so once. */
static void add(struct variables *out, const char *key, const char *value)
{
    variables_add(out, key, value, VARIABLE_PUBLIC);
}

static void add_slug(struct variables *out, const char *key, const char *text)
{
    auto_free char *slug = slug_name(text);
    add(out, key, slug);
}

static void add_raw(struct variables *out, const char *key, const char *value)
{
    variables_add(out, key, value, VARIABLE_PUBLIC | VARIABLE_RAW);
}

static void add_time(struct variables *out, const char *key)
{
    char text[32];
    time_t now = time(NULL);
    struct tm tm;

    if (gmtime_r(&now, &tm) && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) > 0)
        add(out, key, text);
}

static void add_constants(struct variables *out)
{
    static const char *const constants[][2] = {
        { "CI", "true" },
        { "GITLAB_CI", "true" },
        { "CI_SERVER_NAME", "GitLab" },
        { "CI_SERVER_VERSION", GITLAB_VERSION },
        { "CI_SERVER_VERSION_MAJOR", GITLAB_MAJOR },
        { "CI_SERVER_VERSION_MINOR", GITLAB_MINOR },
        { "CI_SERVER_VERSION_PATCH", "0" },
        { "CI_SERVER_REVISION", "local" },
        { "GITLAB_FEATURES", "" },
        { "CI_CONFIG_PATH", ".gitlab-ci.yml" },
        { "CI_PROJECT_VISIBILITY", "private" },
        { "CI_PROJECT_CLASSIFICATION_LABEL", "" },
        { "CI_PROJECT_REPOSITORY_LANGUAGES", "" },
        { "CI_PROJECT_DESCRIPTION", "" },
        { "CI_PROJECT_NAMESPACE_ID", "1" },
        { "CI_PROJECT_TOPICS", "" },
        { "CI_SERVER_SHELL_SSH_PORT", "22" },
        { "CI_COMMIT_REF_PROTECTED", "false" },
        { "CI_TEMPLATE_REGISTRY_HOST", "registry.gitlab.com" },
        { "GITLAB_USER_ID", "1" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(constants); i++)
        add(out, constants[i][0], constants[i][1]);
}

static void add_server(const struct remote *r, struct variables *out)
{
    auto_free char *url = remote_server_url(r);

    add(out, "CI_SERVER_URL", url);
    add(out, "CI_SERVER_HOST", r->host);
    add(out, "CI_SERVER_SHELL_SSH_HOST", r->host);
    add(out, "CI_SERVER_FQDN", strchr(url, '/') + 2);
    add(out, "CI_SERVER_PORT", r->port);
    add(out, "CI_SERVER_PROTOCOL", r->protocol);
    variables_addf(out, VARIABLE_PUBLIC, "CI_API_V4_URL", "%s/api/v4", url);
    variables_addf(out, VARIABLE_PUBLIC, "CI_API_GRAPHQL_URL", "%s/api/graphql", url);
}

static void add_project(const struct checkout *c, struct variables *out)
{
    const char *path = c->remote.path;
    const char *slash = strrchr(path, '/');
    auto_free char *namespace = xstrndup(path, slash ? (size_t)(slash - path) : 0);
    auto_free char *root = xstrndup(namespace, strcspn(namespace, "/"));
    auto_free char *url = predefined_project_url(c);

    variables_addf(out, VARIABLE_PUBLIC, "CI_PROJECT_ID", "%" PRId64, c->project_id);
    add(out, "CI_PROJECT_NAME", slash ? slash + 1 : path);
    add(out, "CI_PROJECT_TITLE", slash ? slash + 1 : path);
    add(out, "CI_PROJECT_PATH", path);
    add_slug(out, "CI_PROJECT_PATH_SLUG", path);
    add(out, "CI_PROJECT_NAMESPACE", namespace);
    add_slug(out, "CI_PROJECT_NAMESPACE_SLUG", namespace);
    add(out, "CI_PROJECT_ROOT_NAMESPACE", root);
    add(out, "CI_PROJECT_URL", url);
    add(out, "CI_DEFAULT_BRANCH", c->default_branch);
}

/* What people wrote themselves is raw: a dollar in a commit message is a dollar. */
static void add_commit(const struct pipeline_facts *p, struct variables *out)
{
    const struct checkout *c = p->checkout;
    size_t title = strcspn(c->message, "\n");
    auto_free char *first = xstrndup(c->message, title);
    auto_free char *short_sha = xstrndup(p->sha, SHORT_SHA);

    add(out, "CI_COMMIT_SHA", p->sha);
    add(out, "CI_COMMIT_SHORT_SHA", short_sha);
    add(out, "CI_COMMIT_BEFORE_SHA", c->before ? c->before : NO_COMMIT);
    add_raw(out, "CI_COMMIT_REF_NAME", c->ref);
    add_slug(out, "CI_COMMIT_REF_SLUG", c->ref);
    if (!event_is_merge_request(c->event))
        add_raw(out, c->is_tag ? "CI_COMMIT_TAG" : "CI_COMMIT_BRANCH", c->ref);
    add_raw(out, "CI_COMMIT_MESSAGE", c->message);
    add_raw(out, "CI_COMMIT_TITLE", first);
    add_raw(out, "CI_COMMIT_DESCRIPTION", c->message + title + strspn(c->message + title, "\n"));
    add_raw(out, "CI_COMMIT_AUTHOR", c->author);
    add(out, "CI_COMMIT_TIMESTAMP", c->timestamp);
}

void predefined_known(const struct pipeline_facts *p, struct variables *out)
{
    add_constants(out);
    add_server(&p->checkout->remote, out);
    add_project(p->checkout, out);
    add_commit(p, out);
    predefined_event(p->checkout, out);
    variables_addf(out, VARIABLE_PUBLIC, "CI_PIPELINE_IID", "%" PRId64, p->id);
    add_time(out, "CI_PIPELINE_CREATED_AT");
    if (p->name)
        add_raw(out, "CI_PIPELINE_NAME", p->name);
    add_raw(out, "GITLAB_USER_NAME", p->checkout->user_name);
    add_raw(out, "GITLAB_USER_EMAIL", p->checkout->user_email);
    auto_free char *login = xstrndup(p->checkout->user_email, strcspn(p->checkout->user_email, "@"));
    add_raw(out, "GITLAB_USER_LOGIN", login);
}

void predefined_pipeline(const struct pipeline_facts *p, struct variables *out)
{
    auto_free char *url = predefined_project_url(p->checkout);

    predefined_known(p, out);
    variables_addf(out, VARIABLE_PUBLIC, "CI_REPOSITORY_URL", "%s.git", url);
    variables_addf(out, VARIABLE_PUBLIC, "CI_PIPELINE_ID", "%" PRId64, p->id);
    variables_addf(out, VARIABLE_PUBLIC, "CI_PIPELINE_URL", "%s/-/pipelines/%" PRId64, url, p->id);
    add(out, "CI_RUNNER_ID", "1");
    add(out, "CI_RUNNER_DESCRIPTION", "atelier pipeline");
    add(out, "CI_RUNNER_TAGS", "[]");
}

void predefined_job_known(const struct ci_job *job, const char *stage, struct variables *out)
{
    add_raw(out, "CI_JOB_NAME", job->name);
    add_raw(out, "CI_JOB_GROUP_NAME", job->base);
    add_slug(out, "CI_JOB_NAME_SLUG", job->name);
    add_raw(out, "CI_JOB_STAGE", stage);
    variables_addf(out, VARIABLE_PUBLIC, "CI_NODE_TOTAL", "%zu", job->nodes > 0 ? job->nodes : 1);
    if (job->nodes > 0)
        variables_addf(out, VARIABLE_PUBLIC, "CI_NODE_INDEX", "%zu", job->node);
    if (job->when == WHEN_MANUAL)
        add(out, "CI_JOB_MANUAL", "true");
}

void predefined_job(const struct pipeline_facts *p, const struct ci_job *job, const char *stage, int64_t id,
                    const char *token, struct variables *out)
{
    auto_free char *url = predefined_project_url(p->checkout);

    variables_addf(out, VARIABLE_PUBLIC, "CI_JOB_ID", "%" PRId64, id);
    variables_addf(out, VARIABLE_PUBLIC, "CI_JOB_URL", "%s/-/jobs/%" PRId64, url, id);
    variables_add(out, "CI_JOB_TOKEN", token, VARIABLE_MASKED | VARIABLE_RAW);
    predefined_job_known(job, stage, out);
    add_time(out, "CI_JOB_STARTED_AT");
}

void predefined_registry(const struct checkout *c, struct variables *out)
{
    variables_addf(out, VARIABLE_PUBLIC, "CI_REGISTRY_IMAGE", "$CI_REGISTRY/%s", c->remote.path);
}

/* By what an environment's name has in it, as GitLab guesses it; the first one that fits. */
static const char *tier_of(const char *name)
{
    static const struct {
        const char *tier, *words[12];
    } tiers[] = {
        { "development", { "dev", "review", "trunk" } },
        { "testing", { "test", "tst", "int", "accept", "acpt", "qa", "qc", "control", "quality", "uat" } },
        { "staging", { "stag", "stg", "model", "modl", "pre", "demo", "non" } },
        { "production", { "prod", "prd", "live" } },
    };

    for (size_t i = 0; i < ARRAY_SIZE(tiers); i++)
        for (const char *const *word = tiers[i].words; *word; word++)
            if (strcasestr(name, *word))
                return tiers[i].tier;
    return "other";
}

int predefined_environment(const struct ci_environment *env, const struct variables *others, struct variables *out,
                           struct err *e)
{
    auto_variables resolved = VARIABLES_INIT;
    auto_free char *name = NULL;

    if (!env->name)
        return 0;
    if (variables_resolve(others, "", &resolved, e) < 0 || variables_expand(&resolved, env->name, &name, e) < 0)
        return err_wrap(e, "environment");
    add_raw(out, "CI_ENVIRONMENT_NAME", name);
    auto_free char *slug = slug_environment(name);
    add(out, "CI_ENVIRONMENT_SLUG", slug);
    add(out, "CI_ENVIRONMENT_ACTION", env->action ? env->action : "start");
    add(out, "CI_ENVIRONMENT_TIER", env->tier ? env->tier : tier_of(name));
    if (env->url)
        add(out, "CI_ENVIRONMENT_URL", env->url);
    return 0;
}

void predefined_runner(const struct pipeline_facts *p, const char *image, const char *builds_dir,
                       const char *project_dir, const char *job_status, int64_t timeout, struct variables *out)
{
    if (image)
        add(out, "CI_JOB_IMAGE", image);
    add(out, "CI_RUNNER_SHORT_TOKEN", predefined_runner_token);
    add(out, "CI_BUILDS_DIR", builds_dir);
    add(out, "CI_PROJECT_DIR", project_dir);
    variables_addf(out, VARIABLE_PUBLIC, "CI_CONCURRENT_ID", "%d", p->place);
    variables_addf(out, VARIABLE_PUBLIC, "CI_CONCURRENT_PROJECT_ID", "%d", p->place);
    add(out, "CI_SERVER", "yes");
    add(out, "CI_JOB_STATUS", job_status);
    variables_addf(out, VARIABLE_PUBLIC, "CI_JOB_TIMEOUT", "%" PRId64,
                   timeout > 0 ? timeout : PREDEFINED_JOB_TIMEOUT);
}

void predefined_runner_last(const char *project_dir, const char *services, struct variables *out)
{
    struct utsname host;

    add(out, "CI_SHARED_ENVIRONMENT", "true");
    add(out, "CI_RUNNER_VERSION", GITLAB_VERSION);
    add(out, "CI_RUNNER_REVISION", "local");
    if (uname(&host) == 0)
        variables_addf(out, VARIABLE_PUBLIC, "CI_RUNNER_EXECUTABLE_ARCH", "linux/%s",
                       strcmp(host.machine, "x86_64") == 0    ? "amd64"
                       : strcmp(host.machine, "aarch64") == 0 ? "arm64"
                                                              : host.machine);
    variables_addf(out, VARIABLE_PUBLIC, "RUNNER_TEMP_PROJECT_DIR", "%s.tmp", project_dir);
    add_raw(out, "CI_JOB_SERVICES", services);
}
