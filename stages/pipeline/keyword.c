#include "stages/pipeline/keyword.h"

#include "base/strvec.h"
#include "base/text.h"

#include <string.h>

static const char no_newer[] = "nothing here ends a pipeline because a newer one began";
static const char no_job[] = "a pipeline is no job, and GitLab looks at it as little";
static const char no_server[] = "there is no server here for it";

/* By what it is about. One row a keyword and use. */
static const struct keyword keywords[] = {
    /* What is not for us to read: stages/pipeline/ci_tree.h has put others in its place. */
    { "include", IN_FILE, KEYWORD_TAKEN, NULL },
    { "extends", IN_JOB, KEYWORD_TAKEN, NULL },

    { "stages", IN_FILE, KEYWORD_TAKEN, NULL },
    { "default", IN_FILE, KEYWORD_TAKEN, NULL },
    { "variables", IN_FILE | IN_JOB, KEYWORD_TAKEN, NULL },
    { "image", IN_FILE | IN_DEFAULT | IN_JOB, KEYWORD_TAKEN, NULL },
    { "services", IN_FILE | IN_DEFAULT | IN_JOB, KEYWORD_TAKEN, NULL },
    { "before_script", IN_FILE | IN_DEFAULT | IN_JOB, KEYWORD_TAKEN, NULL },
    { "after_script", IN_FILE | IN_DEFAULT | IN_JOB, KEYWORD_TAKEN, NULL },
    { "script", IN_JOB, KEYWORD_TAKEN, NULL },
    { "stage", IN_JOB, KEYWORD_TAKEN, NULL },
    { "type", IN_JOB, KEYWORD_TAKEN, NULL }, /* what `stage` was called */
    { "only", IN_JOB, KEYWORD_TAKEN, NULL },
    { "except", IN_JOB, KEYWORD_TAKEN, NULL },
    { "when", IN_JOB, KEYWORD_TAKEN, NULL },
    { "allow_failure", IN_JOB, KEYWORD_TAKEN, NULL },
    { "environment", IN_JOB, KEYWORD_TAKEN, NULL },
    { "cache", IN_FILE | IN_DEFAULT | IN_JOB, KEYWORD_TAKEN, NULL },
    { "artifacts", IN_DEFAULT | IN_JOB, KEYWORD_TAKEN, NULL },
    { "dependencies", IN_JOB, KEYWORD_TAKEN, NULL },
    { "needs", IN_JOB | IN_RULE, KEYWORD_TAKEN, NULL },
    { "workflow", IN_FILE, KEYWORD_TAKEN, NULL },
    { "trigger", IN_JOB, KEYWORD_TAKEN, NULL },
    { "include", IN_TRIGGER, KEYWORD_TAKEN, NULL },
    { "strategy", IN_TRIGGER, KEYWORD_TAKEN, NULL },
    { "forward", IN_TRIGGER, KEYWORD_TAKEN, NULL },
    { "yaml_variables", IN_FORWARD, KEYWORD_TAKEN, NULL },
    { "pipeline_variables", IN_FORWARD, KEYWORD_TAKEN, NULL },
    /* Of another project: ci_trigger() says that it is not run. */
    { "project", IN_TRIGGER, KEYWORD_TAKEN, NULL },
    { "branch", IN_TRIGGER, KEYWORD_TAKEN, NULL },
    { "inputs", IN_TRIGGER, KEYWORD_TAKEN, NULL },
    { "rules", IN_JOB | IN_WORKFLOW, KEYWORD_TAKEN, NULL },
    { "inherit", IN_JOB, KEYWORD_TAKEN, NULL },
    { "parallel", IN_JOB, KEYWORD_TAKEN, NULL },
    { "start_in", IN_JOB | IN_RULE, KEYWORD_TAKEN, NULL },
    { "resource_group", IN_JOB, KEYWORD_TAKEN, NULL },

    { "retry", IN_DEFAULT | IN_JOB, KEYWORD_TAKEN, NULL },
    { "timeout", IN_DEFAULT | IN_JOB, KEYWORD_TAKEN, NULL },
    { "hooks", IN_DEFAULT | IN_JOB, KEYWORD_TAKEN, NULL },
    { "coverage", IN_JOB, KEYWORD_TAKEN, NULL },

    { "tags", IN_DEFAULT | IN_JOB, KEYWORD_IDLE, "every job runs on this machine" },
    { "interruptible", IN_DEFAULT | IN_JOB, KEYWORD_IDLE, no_newer },
    { "release", IN_JOB, KEYWORD_IDLE, "no release is made" },
    { "pages", IN_JOB, KEYWORD_IDLE, "its folder is kept as an artifact, and nothing is published" },
    { "publish", IN_JOB, KEYWORD_IDLE, "the folder is kept as an artifact, and nothing is published" },
    { "description", IN_JOB, KEYWORD_IDLE, no_server },
    { "manual_confirmation", IN_JOB, KEYWORD_IDLE, "naming the job on the command line is the confirmation" },
    { "dast_configuration", IN_JOB, KEYWORD_IDLE, no_server },
    { "identity", IN_DEFAULT | IN_JOB, KEYWORD_IDLE, no_server },

    { "spec", IN_FILE, KEYWORD_REFUSED, "it belongs into a document of its own, before the others and a line `---`" },
    { "types", IN_FILE, KEYWORD_REFUSED, "GitLab took it out; write `stages`" },
    { "id_tokens", IN_DEFAULT, KEYWORD_IDLE, "only a GitLab server can sign them, and jobs get none" },
    { "id_tokens", IN_JOB, KEYWORD_BARRED, "only a GitLab server can sign them" },
    { "secrets", IN_JOB, KEYWORD_BARRED, "they would be empty; give them with --variables FILE" },
    { "run", IN_JOB, KEYWORD_BARRED, "its steps would not run; write `script`" },

    { "value", IN_VARIABLE | IN_JOB_VARIABLE, KEYWORD_TAKEN, NULL },
    { "expand", IN_VARIABLE | IN_JOB_VARIABLE, KEYWORD_TAKEN, NULL },
    /* For the form in which GitLab's users start a pipeline by hand: nothing to do, nothing to say. */
    { "description", IN_VARIABLE, KEYWORD_TAKEN, NULL },
    { "options", IN_VARIABLE, KEYWORD_TAKEN, NULL },

    { "name", IN_ENVIRONMENT | IN_IMAGE | IN_SERVICE, KEYWORD_TAKEN, NULL },
    { "entrypoint", IN_IMAGE | IN_SERVICE, KEYWORD_TAKEN, NULL },
    { "pull_policy", IN_IMAGE | IN_SERVICE, KEYWORD_TAKEN, NULL },
    { "docker", IN_IMAGE | IN_SERVICE, KEYWORD_TAKEN, NULL },
    { "platform", IN_DOCKER, KEYWORD_TAKEN, NULL },
    { "user", IN_DOCKER, KEYWORD_TAKEN, NULL },
    { "alias", IN_SERVICE, KEYWORD_TAKEN, NULL },
    { "command", IN_SERVICE, KEYWORD_TAKEN, NULL },
    { "variables", IN_SERVICE, KEYWORD_TAKEN, NULL },
    { "kubernetes", IN_IMAGE | IN_SERVICE, KEYWORD_IDLE, "jobs run in Docker" },
    { "ports", IN_IMAGE | IN_SERVICE, KEYWORD_IDLE, "there is no web terminal here" },

    { "refs", IN_ONLY | IN_EXCEPT, KEYWORD_TAKEN, NULL },
    { "changes", IN_ONLY | IN_EXCEPT, KEYWORD_TAKEN, NULL },
    { "variables", IN_ONLY | IN_EXCEPT, KEYWORD_TAKEN, NULL },
    { "kubernetes", IN_ONLY | IN_EXCEPT, KEYWORD_IDLE, "whether there is a cluster decides nothing here" },

    { "if", IN_RULE | IN_WORKFLOW_RULE | IN_INCLUDE_RULE, KEYWORD_TAKEN, NULL },
    { "changes", IN_RULE | IN_WORKFLOW_RULE | IN_INCLUDE_RULE, KEYWORD_TAKEN, NULL },
    { "exists", IN_RULE | IN_WORKFLOW_RULE | IN_INCLUDE_RULE, KEYWORD_TAKEN, NULL },
    { "when", IN_RULE | IN_WORKFLOW_RULE | IN_INCLUDE_RULE, KEYWORD_TAKEN, NULL },
    { "variables", IN_RULE | IN_WORKFLOW_RULE, KEYWORD_TAKEN, NULL },
    { "allow_failure", IN_RULE, KEYWORD_TAKEN, NULL },
    { "interruptible", IN_RULE, KEYWORD_IDLE, no_newer },
    { "auto_cancel", IN_WORKFLOW | IN_WORKFLOW_RULE, KEYWORD_TAKEN, NULL },
    { "name", IN_WORKFLOW, KEYWORD_TAKEN, NULL },
    { "start_in", IN_WORKFLOW_RULE, KEYWORD_IDLE, no_job },
    { "allow_failure", IN_WORKFLOW_RULE, KEYWORD_IDLE, no_job },
    { "needs", IN_WORKFLOW_RULE, KEYWORD_IDLE, no_job },
    { "on_new_commit", IN_AUTO_CANCEL, KEYWORD_IDLE, no_newer },
    { "on_job_failure", IN_AUTO_CANCEL, KEYWORD_TAKEN, NULL },
    { "paths", IN_CHANGES | IN_EXISTS, KEYWORD_TAKEN, NULL },
    { "compare_to", IN_CHANGES, KEYWORD_TAKEN, NULL },
    { "project", IN_EXISTS, KEYWORD_TAKEN, NULL },
    { "ref", IN_EXISTS, KEYWORD_TAKEN, NULL },

    { "job", IN_NEED, KEYWORD_TAKEN, NULL },
    { "artifacts", IN_NEED, KEYWORD_TAKEN, NULL },
    { "optional", IN_NEED, KEYWORD_TAKEN, NULL },
    { "parallel", IN_NEED, KEYWORD_TAKEN, NULL },
    { "pipeline", IN_NEED, KEYWORD_TAKEN, NULL },
    { "project", IN_NEED, KEYWORD_IDLE, "the artifacts of other projects are on the server, and the job gets none of them" },
    { "ref", IN_NEED, KEYWORD_TAKEN, NULL }, /* of `project` */
    { "matrix", IN_PARALLEL, KEYWORD_TAKEN, NULL },
    { "max", IN_RETRY, KEYWORD_TAKEN, NULL },
    { "when", IN_RETRY, KEYWORD_TAKEN, NULL },
    { "exit_codes", IN_RETRY, KEYWORD_TAKEN, NULL },
    { "pre_get_sources_script", IN_HOOKS, KEYWORD_TAKEN, NULL },
    { "default", IN_INHERIT, KEYWORD_TAKEN, NULL },
    { "variables", IN_INHERIT, KEYWORD_TAKEN, NULL },

    { "key", IN_CACHE, KEYWORD_TAKEN, NULL },
    { "fallback_keys", IN_CACHE, KEYWORD_TAKEN, NULL },
    { "policy", IN_CACHE, KEYWORD_TAKEN, NULL },
    { "paths", IN_CACHE | IN_ARTIFACTS, KEYWORD_TAKEN, NULL },
    { "untracked", IN_CACHE | IN_ARTIFACTS, KEYWORD_TAKEN, NULL },
    { "when", IN_CACHE | IN_ARTIFACTS, KEYWORD_TAKEN, NULL },
    { "unprotect", IN_CACHE, KEYWORD_TAKEN, NULL }, /* as all caches are here: no branch is protected */
    { "files", IN_CACHE_KEY, KEYWORD_TAKEN, NULL },
    { "files_commits", IN_CACHE_KEY, KEYWORD_TAKEN, NULL },
    { "prefix", IN_CACHE_KEY, KEYWORD_TAKEN, NULL },
    { "name", IN_ARTIFACTS, KEYWORD_TAKEN, NULL },
    { "exclude", IN_ARTIFACTS, KEYWORD_TAKEN, NULL },
    { "reports", IN_ARTIFACTS, KEYWORD_TAKEN, NULL },
    { "coverage_format", IN_COVERAGE, KEYWORD_TAKEN, NULL },
    { "path", IN_COVERAGE, KEYWORD_TAKEN, NULL },
    { "expire_in", IN_ARTIFACTS, KEYWORD_IDLE, "artifacts stay until the project's next pipeline" },
    { "expose_as", IN_ARTIFACTS, KEYWORD_IDLE, no_server },
    { "public", IN_ARTIFACTS, KEYWORD_IDLE, no_server },
    { "access", IN_ARTIFACTS, KEYWORD_IDLE, no_server },

    { "url", IN_ENVIRONMENT, KEYWORD_TAKEN, NULL },
    { "action", IN_ENVIRONMENT, KEYWORD_TAKEN, NULL },
    { "deployment_tier", IN_ENVIRONMENT, KEYWORD_TAKEN, NULL },
    { "on_stop", IN_ENVIRONMENT, KEYWORD_TAKEN, NULL },
    { "auto_stop_in", IN_ENVIRONMENT, KEYWORD_IDLE, no_server },
    { "kubernetes", IN_ENVIRONMENT, KEYWORD_IDLE, no_server },
};

const struct keyword *keyword_find(const char *name, enum keyword_place place)
{
    for (size_t i = 0; i < ARRAY_SIZE(keywords); i++)
        if ((keywords[i].where & place) && strcmp(keywords[i].name, name) == 0)
            return &keywords[i];
    return NULL;
}

const char *keyword_nearest(const char *name, enum keyword_place place)
{
    const char *names[ARRAY_SIZE(keywords) + 1];
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_SIZE(keywords); i++)
        if (keywords[i].where & place)
            names[n++] = keywords[i].name;
    names[n] = NULL;
    return text_nearest(name, names);
}
