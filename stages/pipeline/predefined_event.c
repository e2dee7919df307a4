/* stages/pipeline/predefined_event.c: what started the pipeline, and the merge request that it is for. */
#include "stages/pipeline/predefined.h"

#include "stages/pipeline/event.h"

#include <inttypes.h>
#include <string.h>

static void add(struct variables *out, const char *key, const char *value)
{
    variables_add(out, key, value, VARIABLE_PUBLIC);
}

static void add_raw(struct variables *out, const char *key, const char *value)
{
    variables_add(out, key, value, VARIABLE_PUBLIC | VARIABLE_RAW);
}

/* Source and target are this project. */
static void add_projects(const struct checkout *c, struct variables *out)
{
    static const char *const prefixes[] = { "CI_MERGE_REQUEST", "CI_MERGE_REQUEST_SOURCE" };
    auto_free char *url = predefined_project_url(c);

    for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
        auto_free char *id = xasprintf("%s_PROJECT_ID", prefixes[i]);
        auto_free char *path = xasprintf("%s_PROJECT_PATH", prefixes[i]);
        auto_free char *address = xasprintf("%s_PROJECT_URL", prefixes[i]);
        variables_addf(out, VARIABLE_PUBLIC, id, "%" PRId64, c->project_id);
        add(out, path, c->remote.path);
        add(out, address, url);
    }
}

/* The first of the project, as GitLab proposes it: it is called what its last commit is. */
static void add_merge_request(const struct checkout *c, struct variables *out)
{
    static const char *const fixed[][2] = {
        { "CI_MERGE_REQUEST_ID", "1" },
        { "CI_MERGE_REQUEST_IID", "1" },
        { "CI_MERGE_REQUEST_REF_PATH", "refs/merge-requests/1/head" },
        { "CI_MERGE_REQUEST_EVENT_TYPE", "detached" },
        { "CI_MERGE_REQUEST_SOURCE_BRANCH_PROTECTED", "false" },
        { "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", "" }, /* of merged results only, as the target's */
        { "CI_MERGE_REQUEST_TARGET_BRANCH_PROTECTED", "false" },
        { "CI_MERGE_REQUEST_TARGET_BRANCH_SHA", "" },
        { "CI_MERGE_REQUEST_DESCRIPTION", "" },
        { "CI_MERGE_REQUEST_DESCRIPTION_IS_TRUNCATED", "false" },
        { "CI_MERGE_REQUEST_DIFF_ID", "1" },
        { "CI_MERGE_REQUEST_DRAFT", "false" },
        { "CI_MERGE_REQUEST_SQUASH_ON_MERGE", "false" },
    };
    auto_free char *title = xstrndup(c->message, strcspn(c->message, "\n"));

    for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
        add(out, fixed[i][0], fixed[i][1]);
    add_projects(c, out);
    add_raw(out, "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", c->ref);
    add_raw(out, "CI_MERGE_REQUEST_TARGET_BRANCH_NAME", c->default_branch);
    add_raw(out, "CI_MERGE_REQUEST_TITLE", title);
    if (c->merge_base)
        add(out, "CI_MERGE_REQUEST_DIFF_BASE_SHA", c->merge_base);
    variables_addf(out, VARIABLE_PUBLIC, "CI_OPEN_MERGE_REQUESTS", "%s!1", c->remote.path);
}

void predefined_event(const struct checkout *c, struct variables *out)
{
    const char *name = event_name(c->event);

    add(out, "CI_PIPELINE_SOURCE", name);
    if (event_is_merge_request(c->event))
        add_merge_request(c, out);
    if (strcmp(name, "trigger") == 0)
        add(out, "CI_PIPELINE_TRIGGERED", "true");
}
