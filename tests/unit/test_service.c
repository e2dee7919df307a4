#include "stages/service.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/plan_case.h"

static char *const env[] = {
    (char[]){ "CUSTOM_ENV_CI_JOB_ID=9" },
    (char[]){ "CUSTOM_ENV_CI_RUNNER_SHORT_TOKEN=tok" },
    (char[]){ "CUSTOM_ENV_CI_PROJECT_ID=42" },
    (char[]){ "CUSTOM_ENV_CI_JOB_STAGE=test" },
    (char[]){ "CUSTOM_ENV_CI_PROJECT_DIR=/b/p" },
    (char[]){ "CUSTOM_ENV_CI_JOB_TOKEN=hunter2" },
    (char[]){ "CUSTOM_ENV_PUBLIC=seen" },
    (char[]){ "CUSTOM_ENV_MASKED=hunter2" },
    (char[]){ "CUSTOM_ENV_PRIVATE=hunter2" },
    (char[]){ "CUSTOM_ENV_TWICE=hunter2" },
    (char[]){ "CUSTOM_ENV_VAULT=hunter2" },
    (char[]){ "CUSTOM_ENV_FILE=hunter2" },
    (char[]){ "CUSTOM_ENV_VERSION=16" },
    (char[]){ "CUSTOM_ENV_NAMES=db, store" },
    NULL,
};

static const char variables[] =
    "'secrets':{'VAULT':{'file':false}},'variables':["
    "{'key':'CI_JOB_TOKEN','value':'hunter2','public':false,'masked':true},"
    "{'key':'PUBLIC','value':'seen','public':true},"
    "{'key':'MASKED','value':'hunter2','public':true,'masked':true},"
    "{'key':'PRIVATE','value':'hunter2','public':false},"
    "{'key':'TWICE','value':'first','public':true},{'key':'TWICE','value':'hunter2','public':false},"
    "{'key':'VAULT','value':'old','public':true},"
    "{'key':'FILE','value':'hunter2','public':true,'file':true},"
    "{'key':'VERSION','value':'16','public':true},{'key':'NAMES','value':'db, store','public':true}]";

static int fixture_plan(struct fixture *f, const char *config, const char *services, struct err *e)
{
    auto_free char *members = xasprintf("{'id':9,'services':%s,%s}", services, variables);

    if (fixture_make(f, config, members, env, e) < 0)
        return -1;
    return service_plan(&f->job, env, &f->config.kinds, &f->host, &f->plan, e);
}

/* ---- Names ---- */

static const struct {
    const char *services;
    const char *aliases;  /* of all that are started, "a b | c" */
    const char *warning;  /* the first; NULL: none */
} names[] = {
    { "null", "", NULL },
    { "[]", "", NULL },
    { "[{'name':'postgres'}]", "postgres", NULL },
    { "[{'name':'postgres:16'}]", "postgres", NULL },
    { "[{'name':'postgres:$VERSION'}]", "postgres", NULL },
    { "[{'name':'tutum/wordpress:1'}]", "tutum__wordpress tutum-wordpress", NULL },
    { "[{'name':'registry.example.com/a/b:1'}]", "registry.example.com__a__b registry.example.com-a-b", NULL },
    { "[{'name':'r.example.com:5000/a/b:1'}]", "r.example.com__a__b r.example.com-a-b", NULL },
    { "[{'name':'r.example.com:5000/a/b'}]", "r.example.com__a__b r.example.com-a-b", NULL },
    { "[{'name':'a/b@sha256:1111111111111111111111111111111111111111111111111111111111111111'}]", "a__b a-b", NULL },
    { "[{'name':'a/b:1@sha256:1111111111111111111111111111111111111111111111111111111111111111'}]", "a__b a-b", NULL },
    { "[{'name':'postgres','alias':'db'}]", "db postgres", NULL },
    { "[{'name':'postgres','alias':'db,store\\nmain  db'}]", "db store main postgres", NULL },
    { "[{'name':'postgres','alias':'$NAMES'}]", "db store postgres", NULL },
    { "[{'name':'postgres','alias':'$UNKNOWN'}]", "postgres", NULL },
    { "[{'name':'postgres','alias':'postgres'}]", "postgres", NULL },
    { "[{'name':'redis'},{'name':'postgres'}]", "redis | postgres", NULL },
    { "[{'name':'redis','alias':'a'},{'name':'postgres','alias':'a'}]", "a redis | postgres",
      "Skipping alias \"a\" for service \"postgres\" (services[1]): alias is already in use by another service." },
    { "[{'name':'redis:6','alias':'a'},{'name':'redis:7','alias':'b'}]", "a redis | b",
      "Skipping alias \"redis\" for service \"redis:7\" (services[1]): alias is already in use by another service." },
    { "[{'name':'redis:6'},{'name':'redis:7'},{'name':'pg'}]", "redis | pg", "Skipping alias \"redis\"" },
};

static char *all_aliases(const struct plan *plan)
{
    auto_strvec each = STRVEC_INIT;

    for (size_t i = 0; i < plan->n_services; i++)
        strvec_give(&each, strvec_join(&plan->services[i].aliases, " "));
    return strvec_join(&each, " | ");
}

static const struct {
    const char *config, *image;
    bool warned;
} dinds[] = {
    { NULL, "docker:dind", true },
    { NULL, "docker:27-dind-rootless", true },
    { NULL, "registry.example.com/mirror/docker:dind", true },
    { NULL, "docker:latest", false },
    { NULL, "postgres:16", false },
    { "kinds: {test: {privileged_services: 'docker:dind'}}", "docker:dind", false },
    { "kinds: {build: {privileged_services: 'docker:dind'}}", "docker:dind", true },
};

static void test_dind_without_privileges(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(dinds); i++) {
        auto_fixture f = { 0 };
        auto_free char *service = xasprintf("[{'name':'%s'}]", dinds[i].image);
        assert_int_equal(fixture_plan(&f, dinds[i].config, service, NULL), 0);
        print_message("    %s\n", dinds[i].image);
        assert_int_equal(f.plan.warnings.n, dinds[i].warned);
        if (dinds[i].warned)
            assert_non_null(strstr(f.plan.warnings.items[0], "is not privileged"));
    }
}

static void test_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        print_message("    %s\n", names[i].services);
        auto_fixture f = { 0 };
        auto_err e = ERR_INIT;
        if (fixture_plan(&f, NULL, names[i].services, &e) < 0)
            fail_msg("%s", err_text(&e));
        auto_free char *got = all_aliases(&f.plan);
        assert_string_equal(got, names[i].aliases);
        assert_int_equal(f.plan.warnings.n > 0, names[i].warning != NULL);
        if (names[i].warning && !text_starts(f.plan.warnings.items[0], names[i].warning))
            fail_msg("%s", f.plan.warnings.items[0]);
        assert_int_equal(plan_count(&f.plan), f.plan.n_services + 2);
        assert_string_equal(plan_at(&f.plan, f.plan.n_services + PLAN_HELPER)->role, "helper");
    }
}

/* ---- What they get ---- */

#define ONE(members)  "[{'name':'pg:1'," members "}]"
#define HOST(members) "{'HostConfig':{" members "}}"

static const struct {
    const char *what, *config, *services;
    const char *want; /* members of the first one's create body */
} bodies[] = {
    { "the image alone", NULL, ONE("'x':1"), "{'Image':'pg:1', 'Entrypoint':null, 'Cmd':null, 'User':null}" },
    { "labels", NULL, ONE("'alias':'db'"),
      "{'Labels':{'atelier.job':'tok-9', 'atelier.role':'service', 'atelier.service':'db', 'atelier.aliases':'db-pg', 'atelier.entrypoint':null, "
      "'atelier.expires':'1700010800'}}" },
    { "the network, by all its names", NULL, ONE("'alias':'db'"),
      "{'HostConfig':{'NetworkMode':'atelier-tok-9'}, 'NetworkingConfig':{'EndpointsConfig':{'atelier-tok-9':{'Aliases':"
      "['db','pg']}}}}" },
    { "entrypoint and command", NULL, ONE("'entrypoint':['/e','x'],'command':['serve','$VERSION']"),
      "{'Entrypoint':['/e','x'], 'Cmd':['serve','$VERSION']}" },
    { "an entrypoint that is cleared", NULL, ONE("'entrypoint':['']"), "{'Entrypoint':['']}" },
    { "no entrypoint", NULL, ONE("'entrypoint':null,'command':null"), "{'Entrypoint':null, 'Cmd':null}" },
    { "a user", NULL, ONE("'executor_opts':{'docker':{'user':'70:70'}}"), "{'User':'70:70'}" },
    { "the folder of the job, and no more", "kinds: {test: {docker: socket}}", ONE("'x':1"),
      HOST("'Binds':['/b/tok/42/0:/b/tok/42/0'], 'Mounts':null, 'Privileged':null") },
    { "the owner's mounts, and the volumes that the job has", "kinds: {test: {mounts: ['/x:/x:ro', /y, 'v1:/v']}}",
      ONE("'x':1"),
      HOST("'Binds':['/b/tok/42/0:/b/tok/42/0','/x:/x:ro','atelier-tok-9-volume-1:/y','v1:/v']") },
    { "what the job is built in, in a volume", "storage: volumes", ONE("'x':1"),
      HOST("'Binds':['atelier-builds-tok.42.0:/b/tok/42/0']") },
    { "privileges", "kinds: {test: {privileged_services: ['docker:*', 'pg:*']}}", ONE("'x':1"),
      HOST("'Privileged':true") },
    { "no privileges of another image", "kinds: {test: {privileged_services: 'docker:*'}}", ONE("'x':1"),
      HOST("'Privileged':null") },
    { "no privileges of another kind", "kinds: {build: {privileged_services: '*'}}", ONE("'x':1"),
      HOST("'Privileged':null") },
    { "no privileges of the job's own image", "kinds: {test: {privileged_images: '*'}}", ONE("'x':1"),
      HOST("'Privileged':null") },
    { "a log for its last words", NULL, ONE("'x':1"),
      HOST("'LogConfig':{'Type':'json-file','Config':{'max-size':'10m','max-file':'1'}}") },
    { "limits", "kinds: {test: {memory: 64m, pids: 9}}", ONE("'x':1"), HOST("'Memory':67108864, 'PidsLimit':9") },
    { "the public variables, files as paths", NULL, ONE("'x':1"),
      "{'Env':['CI_RUNNER_SHORT_TOKEN=tok','CI_PROJECT_DIR=/b/p','PUBLIC=seen','FILE=/b/p.tmp/FILE','VERSION=16','NAMES=db, store']}" },
    { "its own variables", NULL,
      ONE("'variables':[{'key':'PUBLIC','value':'other'},{'key':'DB','value':'$VERSION-${PUBLIC}$$'},"
          "{'key':'RAW','value':'$VERSION','raw':true},{'key':'A=B','value':'x'},{'key':'','value':'x'},{'key':'N',"
          "'value':5}]"),
      "{'Env':['CI_RUNNER_SHORT_TOKEN=tok','CI_PROJECT_DIR=/b/p','PUBLIC=other','FILE=/b/p.tmp/FILE','VERSION=16','NAMES=db, store',"
      "'DB=16-seen$','RAW=$VERSION','N=5']}" },
};

static void test_bodies(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
        print_message("    %s\n", bodies[i].what);
        auto_fixture f = { 0 };
        auto_err e = ERR_INIT;
        if (fixture_plan(&f, bodies[i].config, bodies[i].services, &e) < 0)
            fail_msg("%s", err_text(&e));
        assert_int_equal(f.plan.n_services, 1);
        expect_members(f.plan.services[0].config, bodies[i].want);
    }
}

static void test_pull(void **state)
{
    (void)state;
    auto_fixture f = { 0 };
    static const char services[] = "[{'name':'a'},{'name':'b','pull_policy':['never'],"
                                   "'executor_opts':{'docker':{'platform':'linux/arm64'}}}]";
    assert_int_equal(fixture_plan(&f, "{pull_policy: always, allowed_pull_policies: [always, never]}", services, NULL), 0);
    assert_string_equal(f.plan.services[0].pull_policy.items[0], "always");
    assert_null(f.plan.services[0].platform);
    assert_string_equal(f.plan.services[0].name, "atelier-tok-9-service-0");
    assert_string_equal(f.plan.services[1].pull_policy.items[0], "never");
    assert_string_equal(f.plan.services[1].platform, "linux/arm64");
    assert_string_equal(f.plan.services[1].name, "atelier-tok-9-service-1");
}

static void test_names_of_the_job_yield(void **state)
{
    (void)state;
    auto_fixture f = { 0 };
    assert_int_equal(fixture_plan(&f, NULL, ONE("'alias':'build'"), NULL), 0);
    expect_members(f.plan.of[PLAN_HELPER].config,
                   "{'NetworkingConfig':{'EndpointsConfig':{'atelier-tok-9':{'Aliases':['helper']}}}}");
    assert_null(json_object_get(f.plan.of[PLAN_BUILD].config, "NetworkingConfig")); /* it has the helper's */
}

static void test_no_secret_is_given_or_described(void **state)
{
    (void)state;
    auto_fixture plain = { 0 }, own = { 0 };
    assert_int_equal(fixture_plan(&plain, NULL, ONE("'x':1"), NULL), 0);
    auto_free char *given = json_compact(plain.plan.services[0].config);
    assert_null(strstr(given, "hunter2"));

    /* What the job itself writes into one is that one's; but nobody prints it. */
    assert_int_equal(fixture_plan(&own, NULL, ONE("'variables':[{'key':'PASSWORD','value':'$MASKED'}]"), NULL), 0);
    auto_free char *body = json_compact(own.plan.services[0].config);
    assert_non_null(strstr(body, "PASSWORD=hunter2"));
    auto_json *description = plan_describe(&own.plan);
    auto_free char *shown = json_compact(description);
    assert_null(strstr(shown, "hunter2"));
    assert_non_null(strstr(shown, "PASSWORD"));
}

/* ---- What is passed over ---- */

static const struct {
    const char *services, *warning;
} nameless[] = {
    { "[{'name':''},{'name':'redis'}]", "services[0] is not started: it names no image ('')." },
    { "[{'name':'redis'},{'name':'$NOT_SET'}]", "services[1] is not started: it names no image ('$NOT_SET')." },
    { "[{'alias':'x'},{'name':'redis'}]", "services[0] is not started: it names no image ('')." },
    { "['postgres',{'name':'redis'}]", "services[0] is not started: it names no image ('')." },
};

static void test_one_without_an_image_is_not_started(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(nameless); i++) {
        print_message("    %s\n", nameless[i].services);
        auto_fixture f = { 0 };
        assert_int_equal(fixture_plan(&f, NULL, nameless[i].services, NULL), 0);
        assert_int_equal(f.plan.n_services, 1);
        assert_string_equal(f.plan.services[0].image, "redis");
        assert_int_equal(f.plan.warnings.n, 1);
        assert_string_equal(f.plan.warnings.items[0], nameless[i].warning);
    }
}

/* ---- What is refused ---- */

static const struct {
    const char *config, *services, *error;
} refusals[] = {
    { NULL, "[{'name':'a'},{'name':'Bad Name'}]", "services[1]: 'Bad Name' is no image's name" },
    { "kinds: {test: {services: redis:*}}", "[{'name':'pg:1'}]",
      "services[0]: service 'pg:1' is not allowed for jobs of kind 'test' on this host; allowed: redis:* "
      "(kinds: test: services)" },
    { "kinds: {test: {network: none}}", ONE("'x':1"), "jobs of kind 'test' have no network of their own on this host "
      "(network: none)" },
    { "kinds: {test: {network: host}}", ONE("'x':1"), "(network: host)" },
    { "kinds: {test: {network: shared}}", ONE("'x':1"), "(network: shared)" },
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
        print_message("    %s\n", refusals[i].error);
        auto_fixture f = { 0 };
        auto_err e = ERR_INIT;
        assert_int_equal(fixture_plan(&f, refusals[i].config, refusals[i].services, &e), -1);
        expect_error(&e, refusals[i].error);
        assert_int_equal(e.kind, ERR_JOB);
    }
}

static void test_allowed(void **state)
{
    (void)state;
    auto_fixture f = { 0 };
    assert_int_equal(fixture_plan(&f, "kinds: {test: {services: [redis:*, 'pg:*'], images: nothing}}", ONE("'x':1"),
                                  NULL), 0);
    assert_int_equal(f.plan.n_services, 1);
}

/* ---- Readiness ---- */

static const struct {
    const char *image;
    const char *want; /* of the create body */
} checks[] = {
    { "{}", "{'Healthcheck':null}" },
    { "{'Config':{'Healthcheck':null}}", "{'Healthcheck':null}" },
    { "{'Config':{'Healthcheck':{'Test':['NONE']}}}", "{'Healthcheck':null}" },
    { "{'Config':{'Healthcheck':{'Test':[]}}}", "{'Healthcheck':null}" },
    { "{'Config':{'Healthcheck':{'Test':['CMD','x']}}}", "{'Healthcheck':{'Interval':1000000000}}" },
    { "{'Config':{'Healthcheck':{'Test':['CMD','x'],'Interval':30000000000}}}",
      "{'Healthcheck':{'Interval':1000000000}}" },
    { "{'Config':{'Healthcheck':{'Test':['CMD','x'],'Interval':500000000}}}", "{'Healthcheck':null}" },
};

static void test_healthchecks_are_asked_each_second(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
        print_message("    %s\n", checks[i].image);
        auto_fixture f = { 0 };
        auto_json *image = expect_json(checks[i].image);
        assert_int_equal(fixture_plan(&f, NULL, ONE("'x':1"), NULL), 0);
        service_add_image(&f.plan.services[0], image);
        expect_members(f.plan.services[0].config, checks[i].want);
    }
}

static const struct {
    const char *container, *want;
} ports[] = {
    { "{}", "" },
    { "{'Config':{'ExposedPorts':null,'Env':null}}", "" },
    { "{'Config':{'ExposedPorts':{'5432/tcp':{}}}}", "5432" },
    { "{'Config':{'ExposedPorts':{'53/udp':{},'53/tcp':{},'80/tcp':{}}}}", "53 80" },
    { "{'Config':{'ExposedPorts':{'0/tcp':{},'99999/tcp':{},'x/tcp':{},'8/tcp':{}}}}", "8" },
    { "{'Config':{'Env':['HEALTHCHECK_TCP_PORT=2376'],'ExposedPorts':{'2375/tcp':{},'2376/tcp':{}}}}", "2376" },
    { "{'Config':{'Env':['HEALTHCHECK_TCP_PORT=1, 2 1'],'ExposedPorts':{'80/tcp':{}}}}", "1 2" },
    { "{'Config':{'Env':['HEALTHCHECK_TCP_PORT=no'],'ExposedPorts':{'80/tcp':{}}}}", "80" },
};

static void test_ports(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
        auto_json *container = expect_json(ports[i].container);
        auto_strvec got = STRVEC_INIT;
        service_ports(container, &got);
        auto_free char *text = strvec_join(&got, " ");
        assert_string_equal(text, ports[i].want);
    }
}

static void test_no_more_than_twenty_ports(void **state)
{
    (void)state;
    auto_json *exposed = json_object();
    for (int i = 1; i <= 50; i++) {
        auto_free char *key = xasprintf("%d/tcp", i);
        json_object_set_new(exposed, key, json_object());
    }
    auto_json *container = json_pack("{s:{s:O}}", "Config", "ExposedPorts", exposed);
    auto_strvec got = STRVEC_INIT;
    service_ports(container, &got);
    assert_int_equal(got.n, 20);
}

/* ---- CI_DEBUG_SERVICES ---- */

static const struct {
    const char *word, *services;
    size_t warnings;
} debugs[] = {
    { "true", "[{'name':'pg:1'}]", 0 },
    { "0", "[{'name':'pg:1'}]", 0 },
    { "yes", "[{'name':'pg:1'},{'name':'redis:1'}]", 1 },
    { "yes", "[]", 0 },
};

static void test_a_word_that_is_neither_true_nor_false_is_warned_of_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(debugs); i++) {
        auto_fixture f = { 0 };
        auto_err e = ERR_INIT;
        auto_free char *entry = xasprintf("CUSTOM_ENV_CI_DEBUG_SERVICES=%s", debugs[i].word);
        char *debug_env[] = { entry, NULL };
        if (fixture_plan(&f, NULL, "[]", &e) < 0)
            fail_msg("%s", err_text(&e));
        auto_free char *members = xasprintf("{'services':%s}", debugs[i].services);
        auto_free char *response = expect_text(members);
        assert_int_equal(job_add_response_text(&f.job, response, strlen(response), &e), 0);
        const struct host_settings host = { .pull_policy = &f.config.pull_policy,
                                            .allowed_pull_policies = &f.config.allowed_pull_policies };
        assert_int_equal(service_plan(&f.job, debug_env, &f.config.kinds, &host, &f.plan, &e), 0);
        assert_int_equal(f.plan.warnings.n, debugs[i].warnings);
        if (debugs[i].warnings)
            assert_non_null(strstr(f.plan.warnings.items[0], "CI_DEBUG_SERVICES is neither true nor false"));
    }
}

static void test_one_of_dockers_ports_will_do(void **state)
{
    (void)state;
    auto_strvec none = STRVEC_INIT, plain = STRVEC_INIT, tls = STRVEC_INIT;
    strvec_push(&none, "80");
    strvec_push(&plain, "80");
    strvec_push(&plain, "2375");
    strvec_push(&tls, "2376");
    assert_true(service_port_is_spared("2376", &plain));
    assert_true(service_port_is_spared("2375", &tls));
    assert_false(service_port_is_spared("2375", &none));
    assert_false(service_port_is_spared("2376", &none));
    assert_false(service_port_is_spared("80", &tls));
    assert_false(service_port_is_spared("237", &tls));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_dind_without_privileges),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_pull),
        cmocka_unit_test(test_names_of_the_job_yield),
        cmocka_unit_test(test_no_secret_is_given_or_described),
        cmocka_unit_test(test_one_without_an_image_is_not_started),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_allowed),
        cmocka_unit_test(test_healthchecks_are_asked_each_second),
        cmocka_unit_test(test_ports),
        cmocka_unit_test(test_a_word_that_is_neither_true_nor_false_is_warned_of_once),
        cmocka_unit_test(test_no_more_than_twenty_ports),
        cmocka_unit_test(test_one_of_dockers_ports_will_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
