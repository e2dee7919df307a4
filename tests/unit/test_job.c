#include "stages/job.h"

#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/expect.h"

#define ENV(name, value) "CUSTOM_ENV_" name "=" value
#define ID               ENV("CI_JOB_ID", "1234")

static json_t *describe_credentials(const struct job *job)
{
    json_t *list = json_array();
    for (size_t i = 0; i < job->n_credentials; i++) {
        const struct credential *c = &job->credentials[i];
        json_array_append_new(list, json_pack("[s,s,s]", c->registry, c->username, c->password));
    }
    return list;
}

static json_t *describe(const struct job *job)
{
    json_t *image = json_pack("{s:s, s:s, s:s, s:o, s:o}", "name", job->image.name, "platform", job->image.platform,
                              "user", job->image.user, "pull_policy", json_strings(&job->image.pull_policy),
                              "entrypoint",
                              job->image.entrypoint_given ? json_strings(&job->image.entrypoint) : json_null());
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:I, s:o, s:o, s:o}", "id", job->id, "runner",
                     job->runner, "project_id", job->project_id, "project_path", job->project_path, "name", job->name,
                     "stage", job->stage, "environment", job->environment, "commit", job->commit, "ref", job->ref, "url",
                     job->url, "slot", job->slot, "concurrent",
                     job->concurrent, "protected", job->protected_ref, "timeout", (json_int_t)job->timeout_s, "image",
                     image, "credentials", describe_credentials(job), "files", json_strings(&job->file_variables));
}

static const struct {
    const char *what;
    const char *env[8];
    const char *want;  /* members of the job */
    const char *error; /* instead */
    enum err_kind kind;
} environments[] = {
    { "no gitlab-runner", { "PATH=/bin" }, NULL,
      "CUSTOM_ENV_CI_JOB_ID is not set: this command is for gitlab-runner to call (see 'man atelier')", ERR_USAGE },
    { "an empty id", { ENV("CI_JOB_ID", "") }, NULL, "CUSTOM_ENV_CI_JOB_ID is not set", ERR_USAGE },
    { "a name that begins like the id's", { ENV("CI_JOB_ID_X", "1") }, NULL, "CUSTOM_ENV_CI_JOB_ID is", ERR_USAGE },
    { "the id alone", { ID },
      "{'id':'1234', 'runner':'local', 'project_id':'0', 'project_path':'', 'name':'', 'stage':'', 'environment':'', "
      "'slot':'0', 'concurrent':'0', 'protected':false, 'timeout':7200, 'credentials':[], 'files':[], "
      "'image':{'name':'', 'platform':'', 'user':'', 'pull_policy':[], 'entrypoint':null}}" },
    { "all of it",
      { ID, ENV("CI_RUNNER_SHORT_TOKEN", "tok"), ENV("CI_PROJECT_ID", "42"), ENV("CI_PROJECT_PATH", "group/proj"),
        ENV("CI_JOB_NAME", "build \xc3\xa9"), ENV("CI_JOB_STAGE", "build") },
      "{'runner':'tok', 'project_id':'42', 'project_path':'group/proj', 'name':'build \xc3\xa9', 'stage':'build'}" },
    { "the rest of it",
      { ID, ENV("CI_ENVIRONMENT_NAME", "review/x"), ENV("CI_CONCURRENT_PROJECT_ID", "3"), ENV("CI_CONCURRENT_ID", "5"),
        ENV("CI_JOB_IMAGE", "alpine:3"), ENV("CI_COMMIT_REF_PROTECTED", "true"), ENV("CI_JOB_TIMEOUT", "60") },
      "{'environment':'review/x', 'slot':'3', 'concurrent':'5', 'protected':true, 'timeout':60, "
      "'image':{'name':'alpine:3'}}" },
    { "the last one wins", { ID, ENV("CI_JOB_STAGE", "a"), ENV("CI_JOB_STAGE", "b") }, "{'stage':'b'}" },
    { "protected only if true", { ID, ENV("CI_COMMIT_REF_PROTECTED", "1") }, "{'protected':false}" },
    { "a timeout of none", { ID, ENV("CI_JOB_TIMEOUT", "0") }, "{'timeout':7200}" },
    { "a timeout of text", { ID, ENV("CI_JOB_TIMEOUT", "1h") }, "{'timeout':7200}" },
    { "a timeout without end", { ID, ENV("CI_JOB_TIMEOUT", "9223372036854775807") }, "{'timeout':7200}" },
    { "not UTF-8", { ID, ENV("CI_JOB_NAME", "caf\xe9") }, NULL, "CI_JOB_NAME is not UTF-8 text", ERR_JOB },
    { "UTF-8 that is cut", { ID, ENV("CI_PROJECT_PATH", "\xe2\x82") }, NULL, "CI_PROJECT_PATH is not UTF-8", ERR_JOB },
};

static void test_environment(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(environments); i++) {
        print_message("    %s\n", environments[i].what);
        auto_strvec env = STRVEC_INIT;
        for (const char *const *entry = environments[i].env; *entry; entry++)
            strvec_push(&env, *entry);
        auto_job job = { 0 };
        auto_err e = ERR_INIT;
        int rc = job_from_env(strvec_list(&env), &job, &e);
        assert_int_equal(rc, environments[i].error ? -1 : 0);
        if (environments[i].error) {
            expect_error(&e, environments[i].error);
            assert_int_equal(e.kind, environments[i].kind);
            assert_null(job.id);
            continue;
        }
        auto_json *got = describe(&job);
        expect_members(got, environments[i].want);
    }
}

/* What the responses are added to. */
static const char *const base[] = {
    ID, ENV("CI_RUNNER_SHORT_TOKEN", "tok"), ENV("CI_PROJECT_ID", "42"), ENV("CI_PROJECT_PATH", "group/proj"),
    ENV("CI_JOB_NAME", "compile"), ENV("CI_JOB_STAGE", "build"), ENV("CI_JOB_IMAGE", "from-env:1"), NULL,
};

#define UNCHANGED                                                                                                      \
    "{'id':'1234', 'project_id':'42', 'project_path':'group/proj', 'name':'compile', 'stage':'build', "                \
    "'image':{'name':'from-env:1', 'entrypoint':null, 'pull_policy':[], 'user':'', 'platform':''}, "                   \
    "'protected':false, 'timeout':7200, 'credentials':[], 'files':[]}"

static const struct {
    const char *what, *text;
    const char *want;  /* members of the job */
    const char *error; /* instead; the job stays as it was */
} responses[] = {
    /* Broken. */
    { "nothing", "", NULL, "the job response is not JSON" },
    { "white space", " \n", NULL, "the job response is not JSON" },
    { "an empty object", "{}", NULL, "the job response holds no job" },
    { "null", "null", NULL, "the job response holds no job" },
    { "a list", "[{'id':1}]", NULL, "the job response holds no job" },
    { "cut short", "{'id':5,'image':{'name':'alp", NULL, "the job response is not JSON: line 1" },
    { "more behind it", "{'id':5} {}", NULL, "the job response is not JSON" },
    { "not UTF-8", "{'id':5,'job_info':{'name':'caf\xe9'}}", NULL, "the job response is not JSON" },
    { "a NUL in a text", "{'id':5,'job_info':{'stage':'a\\u0000b'}}", "{'stage':'a\xef\xbf\xbd" "b'}", NULL },
    { "a secret is not shown", "{'token':'glcbt-secret'", NULL, "the job response is not JSON: line 1" },

    /* Missing, null, of another type, of the future. */
    { "nothing that we know", "{'policy_options':{}, 'inputs':{'a':[1]}}", UNCHANGED, NULL },
    { "all null",
      "{'id':null,'job_info':null,'git_info':null,'runner_info':null,'variables':null,'image':null,'services':null,"
      "'credentials':null}",
      UNCHANGED, NULL },
    { "members null",
      "{'job_info':{'name':null,'stage':null,'project_id':null},'image':{'name':null,'entrypoint':null,'pull_policy':"
      "null,'executor_opts':null},'runner_info':{'timeout':null},'git_info':{'protected':null}}",
      UNCHANGED, NULL },
    { "all of other types",
      "{'id':[],'job_info':'x','git_info':3,'runner_info':[],'variables':{'a':1},'image':'alpine','credentials':true}",
      UNCHANGED, NULL },
    { "items of other types",
      "{'variables':[null,1,'x',{},{'file':true}],'credentials':[null,{},'x'],'image':{'entrypoint':[1,null,'sh',{}]}}",
      "{'credentials':[], 'image':{'entrypoint':['sh']}}", NULL },
    { "Go's zero values", "{'id':0,'job_info':{'name':'','project_id':0},'runner_info':{'timeout':0}}", UNCHANGED,
      NULL },

    /* Who the job is: the server's word, whatever the job put into its environment. */
    { "the server's word",
      "{'id':7,'job_info':{'name':'n','stage':'s','project_id':9,'project_full_path':'a/b'}}",
      "{'id':'7', 'name':'n', 'stage':'s', 'project_id':'9', 'project_path':'a/b', 'runner':'tok'}", NULL },
    { "numbers as strings", "{'id':'7','job_info':{'project_id':'9'},'runner_info':{'timeout':'90'}}",
      "{'id':'7', 'project_id':'9', 'timeout':90}", NULL },

    /* Time. */
    { "a timeout", "{'runner_info':{'timeout':600}}", "{'timeout':600}", NULL },
    { "a negative timeout", "{'runner_info':{'timeout':-1}}", "{'timeout':7200}", NULL },
    { "a timeout without end", "{'runner_info':{'timeout':9223372036854775807}}", "{'timeout':7200}", NULL },
    { "a timeout beyond 64 bits", "{'runner_info':{'timeout':18446744073709551615}}", "{'timeout':7200}", NULL },

    /* The image. */
    { "an expanded name", "{'image':{'name':'ruby:3'}}", "{'image':{'name':'ruby:3'}}", NULL },
    { "a name with a variable", "{'image':{'name':'$IMAGE'}}", "{'image':{'name':'from-env:1'}}", NULL },
    { "no name", "{'image':{'name':''}}", "{'image':{'name':''}}", NULL },
    { "an entrypoint", "{'image':{'entrypoint':['sh','-c']}}", "{'image':{'entrypoint':['sh','-c']}}", NULL },
    { "a cleared entrypoint", "{'image':{'entrypoint':['']}}", "{'image':{'entrypoint':['']}}", NULL },
    { "a user as a number", "{'image':{'executor_opts':{'docker':{'user':1000}}}}", "{'image':{'user':'1000'}}", NULL },
    { "other executors' options", "{'image':{'executor_opts':{'kubernetes':{'user':'1'}}}}", "{'image':{'user':''}}",
      NULL },

    /* Protected refs. */
    { "its page, whatever a variable of its own says",
      "{'variables':[{'key':'CI_JOB_URL','value':'http://x/1'},{'key':'CI_JOB_URL','value':'http://x/2'}]}",
      "{'url':'http://x/1'}", NULL },
    { "protected", "{'git_info':{'protected':true}}", "{'protected':true}", NULL },
    { "not protected, whatever a variable says",
      "{'git_info':{'protected':false},'variables':[{'key':'CI_COMMIT_REF_PROTECTED','value':'true'}]}",
      "{'protected':false}", NULL },
    { "before 18.3, the server's variable comes first",
      "{'variables':[{'key':'CI_COMMIT_REF_PROTECTED','value':'false'},"
      "{'key':'CI_COMMIT_REF_PROTECTED','value':'true'}]}",
      "{'protected':false}", NULL },
    { "before 18.5, another project's path",
      "{'variables':[{'key':'CI_PROJECT_PATH','value':'group/mine'},{'key':'CI_PROJECT_PATH','value':'group/other'}]}",
      "{'project_path':'group/mine'}", NULL },
    { "from 18.5 the job's own word does not count",
      "{'job_info':{'project_full_path':'a/b'},'variables':[{'key':'CI_PROJECT_PATH','value':'group/other'}]}",
      "{'project_path':'a/b'}", NULL },
    { "before 18.3, protected", "{'variables':[{'key':'CI_COMMIT_REF_PROTECTED','value':'true'}]}",
      "{'protected':true}", NULL },

    /* Variables and credentials. */
    { "file variables",
      "{'variables':[{'key':'A','file':true},{'key':'B','file':false},{'key':'C'},{'key':'D','file':'true'}]}",
      "{'files':['A','D']}", NULL },
    { "the last of a name counts",
      "{'variables':[{'key':'A','file':true},{'key':'B'},{'key':'A','file':false},{'key':'B','file':true}]}",
      "{'files':['B']}", NULL },
    { "credentials",
      "{'credentials':[{'type':'registry','url':'r:5000','username':'u','password':'p'},{'type':'other','url':'x'},"
      "{'type':'registry','url':'s'}]}",
      "{'credentials':[['r:5000','u','p'],['s','','']]}", NULL },

    /* Whole ones. */
    { "v14.7",
      "{'id':10,'token':'t','allow_git_fetch':true,'job_info':{'name':'compile','stage':'build','project_id':42,"
      "'project_name':'proj'},'git_info':{'repo_url':'http://x/y.git','ref':'main','sha':'00','before_sha':'00',"
      "'ref_type':'branch','refspecs':[],'depth':50},'runner_info':{'timeout':3600},'variables':[{'key':'V','value':"
      "'1','public':true,'file':false,'masked':false,'raw':false}],'steps':[{'name':'script','script':['make'],"
      "'timeout':3600,'when':'on_success','allow_failure':false}],'image':{'name':'$IMG','alias':'','command':null,"
      "'entrypoint':null,'ports':null},'services':null,'artifacts':null,'cache':null,'credentials':[{'type':"
      "'registry','url':'r','username':'u','password':'p'}],'dependencies':null,'features':{'trace_sections':true}}",
      "{'id':'10', 'stage':'build', 'commit':'00', 'ref':'main', 'url':'', 'timeout':3600, 'protected':false, 'credentials':[['r','u','p']], 'files':[], "
      "'image':{'name':'from-env:1', 'entrypoint':null, 'pull_policy':[], 'user':'', 'platform':''}}",
      NULL },
    { "v19",
      "{'id':10,'token':'glcbt-x','job_info':{'name':'compile','stage':'build','project_id':42,'project_full_path':"
      "'group/sub/proj','namespace_id':1,'time_in_queue_seconds':0.5,'queue_size':1},'git_info':{'repo_object_format':"
      "'sha1','protected':true},'runner_info':{'timeout':3600,'uuid':'u'},'inputs':{},'variables':[{'key':'F','value':"
      "'text','file':true,'raw':true}],'image':{'name':'registry/ci:1','entrypoint':['/tini','--'],'pull_policy':"
      "['always','if-not-present'],'executor_opts':{'docker':{'platform':'linux/arm64','user':'dev'},'kubernetes':"
      "{'user':''}}},'hooks':[{'name':'pre_get_sources_script','script':['true']}],'run':[],'policy_options':{},"
      "'suspend_options':{},'secrets':{'S':{'file':true}}}",
      "{'project_path':'group/sub/proj', 'protected':true, 'files':['F'], 'image':{'name':'registry/ci:1', "
      "'entrypoint':['/tini','--'], 'pull_policy':['always','if-not-present'], 'platform':'linux/arm64', "
      "'user':'dev'}}",
      NULL },
};

static void make_base(struct job *job)
{
    auto_strvec env = STRVEC_INIT;
    for (const char *const *entry = base; *entry; entry++)
        strvec_push(&env, *entry);
    assert_int_equal(job_from_env(strvec_list(&env), job, NULL), 0);
}

static void test_response(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(responses); i++) {
        print_message("    %s\n", responses[i].what);
        auto_job job = { 0 };
        make_base(&job);
        auto_free char *text = expect_text(responses[i].text);
        auto_err e = ERR_INIT;
        int rc = job_add_response_text(&job, text, strlen(text), &e);
        auto_json *got = describe(&job);
        assert_int_equal(rc, responses[i].error ? -1 : 0);
        if (responses[i].error) {
            expect_error(&e, responses[i].error);
            assert_null(strstr(err_text(&e), "secret"));
            assert_int_equal(e.kind, ERR_SYSTEM);
        }
        expect_members(got, responses[i].error ? UNCHANGED : responses[i].want);
    }
}

static int add_from(const char *path, struct job *job, struct err *e)
{
    auto_free char *entry = xasprintf("JOB_RESPONSE_FILE=%s", path);
    char *env[] = { entry, NULL };
    make_base(job);
    return job_add_response(job, env, e);
}

static void test_response_file(void **state)
{
    (void)state;
    char path[] = "/tmp/atelier-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    (void)close(fd);
    static const char good[] = "{\"id\":7}\n", bad[] = "{\"id\":";

    auto_err e = ERR_INIT;
    auto_job none = { 0 }, empty = { 0 }, cut = { 0 }, whole = { 0 }, gone = { 0 };
    char *no_env[] = { NULL };
    make_base(&none);
    assert_int_equal(job_add_response(&none, no_env, &e), 0); /* a runner before 14.1 */
    assert_string_equal(none.id, "1234");

    assert_int_equal(add_from(path, &empty, &e), -1);
    expect_error(&e, path);

    assert_int_equal(file_write(path, bad, strlen(bad), 0600, NULL), 0);
    assert_int_equal(add_from(path, &cut, &e), -1);
    expect_error(&e, path);
    assert_int_equal(e.kind, ERR_SYSTEM);

    assert_int_equal(file_write(path, good, strlen(good), 0600, NULL), 0);
    assert_int_equal(add_from(path, &whole, &e), 0);
    assert_string_equal(whole.id, "7");

    (void)unlink(path);
    assert_int_equal(add_from(path, &gone, &e), -1);
    expect_error(&e, path);
}

static void test_variables_of_an_entrypoint(void **state)
{
    (void)state;
    static const char text[] = "{\"variables\":[{\"key\":\"KUBECONFIG\",\"file\":true},{\"key\":\"GONE\",\"file\":true}]}";
    auto_job job = { 0 };
    auto_strvec env = STRVEC_INIT, got = STRVEC_INIT;
    make_base(&job);
    assert_int_equal(job_add_response_text(&job, text, strlen(text), NULL), 0);
    strvec_push(&env, "PATH=/bin");
    strvec_push(&env, ENV("CI_PROJECT_DIR", "/b/group/proj"));
    strvec_push(&env, ENV("KUBECONFIG", "apiVersion: v1\nsecret: x"));
    strvec_push(&env, ENV("EMPTY", ""));
    strvec_push(&env, ENV("MANY", "a=b c=d\n\"'$x"));
    job_variables(&job, strvec_list(&env), &got);
    auto_free char *joined = strvec_join(&got, "|");
    assert_string_equal(joined, "CI_PROJECT_DIR=/b/group/proj|KUBECONFIG=/b/group/proj.tmp/KUBECONFIG|EMPTY=|"
                                "MANY=a=b c=d\n\"'$x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_response),
        cmocka_unit_test(test_response_file),
        cmocka_unit_test(test_variables_of_an_entrypoint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
