#include "stages/pipeline/response.h"

#include "base/file.h"
#include "base/json.h"

#include <sys/stat.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct checkout checkout;
static struct pipeline_facts facts;

static int set_up(void **state)
{
    (void)state;
    checkout = (struct checkout){
        .top = xstrdup("/src/hello"), .head = xstrdup("aaaa"), .ref = xstrdup("feature/X"),
        .default_branch = xstrdup("main"), .author = xstrdup("A <a@b>"),
        .timestamp = xstrdup("2024-01-01T00:00:00Z"), .message = xstrdup("Title $1\n\nBody\nmore"),
        .user_name = xstrdup("Me"), .user_email = xstrdup("me@example.org"), .project_id = 42,
    };
    assert_true(remote_parse("git@git.example:group/sub/hello.git", &checkout.remote));
    facts = (struct pipeline_facts){ &checkout, "0123456789abcdef0123456789abcdef01234567", 1234, 2 };
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    checkout_release(&checkout);
    return 0;
}

static const char *const predefined[][2] = {
    { "CI", "true" },
    { "CI_COMMIT_SHORT_SHA", "01234567" },
    { "CI_COMMIT_REF_NAME", "feature/X" },
    { "CI_COMMIT_REF_SLUG", "feature-x" },
    { "CI_COMMIT_BRANCH", "feature/X" },
    { "CI_COMMIT_TITLE", "Title $1" },
    { "CI_COMMIT_DESCRIPTION", "Body\nmore" },
    { "CI_PROJECT_ID", "42" },
    { "CI_PROJECT_NAME", "hello" },
    { "CI_PROJECT_PATH", "group/sub/hello" },
    { "CI_PROJECT_PATH_SLUG", "group-sub-hello" },
    { "CI_PROJECT_NAMESPACE", "group/sub" },
    { "CI_PROJECT_ROOT_NAMESPACE", "group" },
    { "CI_PROJECT_URL", "https://git.example/group/sub/hello" },
    { "CI_SERVER_HOST", "git.example" },
    { "CI_SERVER_FQDN", "git.example" },
    { "CI_DEFAULT_BRANCH", "main" },
    { "CI_PIPELINE_ID", "1234" },
    { "GITLAB_USER_LOGIN", "me" },
    { "CI_JOB_ID", "99" },
    { "CI_JOB_NAME", "a job" },
    { "CI_JOB_NAME_SLUG", "a-job" },
    { "CI_JOB_STAGE", "build" },
    { "CI_JOB_MANUAL", "true" },
};

static void test_predefined_variables(void **state)
{
    const struct ci_job job = { .name = (char[]){ "a job" }, .when = WHEN_MANUAL };
    auto_variables v = VARIABLES_INIT;

    (void)state;
    predefined_pipeline(&facts, &v);
    predefined_job(&facts, &job, "build", 99, "tok", &v);
    for (size_t i = 0; i < ARRAY_SIZE(predefined); i++) {
        const char *value = variables_value(&v, predefined[i][0]);
        if (!value || strcmp(value, predefined[i][1]) != 0)
            fail_msg("%s is '%s'", predefined[i][0], value ? value : "(unset)");
    }
    assert_null(variables_find(&v, "CI_COMMIT_TAG"));
    assert_int_equal(variables_find(&v, "CI_COMMIT_TITLE")->flags, VARIABLE_PUBLIC | VARIABLE_RAW);
    assert_int_equal(variables_find(&v, "CI_JOB_TOKEN")->flags, VARIABLE_MASKED | VARIABLE_RAW);
}

static void test_environment(void **state)
{
    const struct ci_environment env = { .name = (char[]){ "review/$BRANCH" }, .url = (char[]){ "https://$CI_ENVIRONMENT_SLUG.x" } };
    auto_variables v = VARIABLES_INIT;
    auto_variables resolved = VARIABLES_INIT;

    (void)state;
    variables_add(&v, "BRANCH", "one", 0);
    assert_int_equal(predefined_environment(&env, &v, &v, NULL), 0);
    assert_int_equal(variables_resolve(&v, "", &resolved, NULL), 0);
    assert_string_equal(variables_value(&resolved, "CI_ENVIRONMENT_NAME"), "review/one");
    assert_string_equal(variables_value(&resolved, "CI_ENVIRONMENT_ACTION"), "start");
    assert_int_equal(strncmp(variables_value(&resolved, "CI_ENVIRONMENT_SLUG"), "review-one-", 11), 0);
    assert_int_equal(strncmp(variables_value(&resolved, "CI_ENVIRONMENT_URL"), "https://review-one-", 19), 0);
}

/* Write the response and read it back. */
static json_t *written(const struct response *r)
{
    auto_free char *dir = NULL;
    auto_free char *text = NULL;
    json_t *doc = NULL;
    struct stat st;
    size_t len;

    assert_int_equal(dir_temporary("/tmp", "atelier-test-response", &dir, NULL), 0);
    auto_free char *path = xasprintf("%s/response.json", dir);
    assert_int_equal(response_write(r, path, NULL), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(file_read(path, 1 << 20, &text, &len, NULL), 0);
    assert_int_equal(text[len - 1], '\n');
    assert_int_equal(json_parse(text, len, "response", &doc, NULL), 0);
    assert_int_equal(dir_remove(dir, NULL), 0);
    return doc;
}

static void test_members(void **state)
{
    struct ci_job job = { .name = (char[]){ "a job" }, .image = { .has_entrypoint = true } };
    auto_variables v = VARIABLES_INIT;
    auto_strvec refspecs = STRVEC_INIT;

    (void)state;
    strvec_push(&job.script, "make");
    strvec_push(&job.after_script, "tidy");
    strvec_push(&job.image.entrypoint, "");
    strvec_push(&refspecs, "+refs/a:refs/a");
    variables_add(&v, "SECRET", "bytes \xff\xfe caf\xc3\xa9", VARIABLE_MASKED);
    const struct response r = {
        .pipeline = &facts, .job = &job, .id = 99, .stage = "build", .token = "tok", .image = "img:1",
        .variables = &v, .refspecs = &refspecs, .depth = 20, .registry = { "reg:5000", "u", "p" },
    };
    auto_json *doc = written(&r);
    assert_int_equal(json_number(doc, "id", 0), 99);
    assert_string_equal(json_text(json_at(doc, "job_info", NULL), "name"), "a job");
    assert_string_equal(json_text(json_at(doc, "git_info", NULL), "repo_url"), "https://git.example/group/sub/hello.git");
    assert_string_equal(json_text(json_at(doc, "git_info", NULL), "sha"), facts.sha);
    assert_int_equal(json_number(json_at(doc, "git_info", NULL), "depth", 0), 20);
    assert_string_equal(json_text(json_at(doc, "image", NULL), "name"), "img:1");
    assert_int_equal(json_array_size(json_at(doc, "image", "entrypoint", NULL)), 1);
    assert_int_equal(json_array_size(json_at(doc, "steps", NULL)), 2);
    const json_t *variable = json_array_get(json_at(doc, "variables", NULL), 0);
    assert_string_equal(json_text(variable, "value"), "bytes \xef\xbf\xbd\xef\xbf\xbd caf\xc3\xa9");
    assert_true(json_flag(variable, "masked", false));
    assert_false(json_flag(variable, "public", true));
    const json_t *credential = json_array_get(json_at(doc, "credentials", NULL), 0);
    assert_string_equal(json_text(credential, "type"), "registry");
    assert_string_equal(json_text(credential, "url"), "reg:5000");
    assert_string_equal(json_text(credential, "password"), "p");
    assert_true(json_is_null(json_at(doc, "services", NULL)));
    strvec_release(&job.script);
    strvec_release(&job.after_script);
    strvec_release(&job.image.entrypoint);
}

static void test_services(void **state)
{
    struct ci_service of[2] = { { .image = { .name = (char[]){ "$A" } } }, { .image = { .name = (char[]){ "pg" } } } };
    const struct ci_job job = { .name = (char[]){ "j" }, .services = of, .n_services = 2 };
    const struct variables none = VARIABLES_INIT;
    auto_strvec nothing = STRVEC_INIT;
    auto_strvec names = STRVEC_INIT;

    (void)state;
    strvec_push(&names, "docker:dind");
    strvec_push(&names, "pg");
    of[1].alias = (char[]){ "db other" };
    of[1].image.has_entrypoint = true;
    of[1].image.user = (char[]){ "7" };
    strvec_push(&of[1].image.entrypoint, "");
    strvec_push(&of[1].image.pull_policy, "never");
    strvec_push(&of[1].command, "-v");
    variables_add(&of[1].variables, "PASSWORD", "$SECRET", VARIABLE_PUBLIC);
    const struct response r = { .pipeline = &facts, .job = &job, .stage = "test", .token = "t", .variables = &none,
                                .refspecs = &nothing, .services = &names };
    auto_json *doc = written(&r);
    auto_free char *shown = json_compact(json_at(doc, "services", NULL));
    assert_string_equal(shown, "[{\"name\":\"docker:dind\"},{\"name\":\"pg\",\"entrypoint\":[\"\"],"
                               "\"pull_policy\":[\"never\"],\"executor_opts\":{\"docker\":{\"user\":\"7\"}},"
                               "\"alias\":\"db other\",\"command\":[\"-v\"],\"variables\":[{\"key\":\"PASSWORD\","
                               "\"value\":\"$SECRET\",\"public\":true,\"file\":false,\"masked\":false,\"raw\":false}]}]");
    auto_free char *variable = response_services(&job, &names);
    assert_string_equal(variable, "[{\"name\":\"docker:dind\",\"alias\":\"\",\"entrypoint\":null,\"command\":null},"
                                  "{\"name\":\"pg\",\"alias\":\"db\",\"entrypoint\":[\"\"],\"command\":[\"-v\"]}]");
    strvec_release(&of[1].image.entrypoint);
    strvec_release(&of[1].image.pull_policy);
    strvec_release(&of[1].command);
    variables_release(&of[1].variables);
}

static void test_what_is_not_there(void **state)
{
    const struct ci_job job = { .name = (char[]){ "j" } };
    const struct variables none = VARIABLES_INIT;
    const struct strvec no_refspecs = STRVEC_INIT;
    const struct response r = { .pipeline = &facts, .job = &job, .stage = "test", .token = "t", .variables = &none,
                                .refspecs = &no_refspecs, .registry = { .host = "reg" } };

    (void)state;
    auto_json *doc = written(&r);
    assert_string_equal(json_text(json_at(doc, "image", NULL), "name"), "");
    assert_null(json_at(doc, "image", "entrypoint", NULL));
    assert_true(json_is_null(json_at(doc, "credentials", NULL)));
    assert_int_equal(json_array_size(json_at(doc, "steps", NULL)), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_predefined_variables),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_services),
        cmocka_unit_test(test_what_is_not_there),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
