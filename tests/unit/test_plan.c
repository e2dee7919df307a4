#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/plan_case.h"

/* A job of the stage `build`, but for what a row adds. */
static int fixture_plan(struct fixture *f, const char *config, const char *response, struct err *e)
{
    char *env[] = { (char[]){ "CUSTOM_ENV_CI_JOB_ID=9" },
                    (char[]){ "CUSTOM_ENV_CI_RUNNER_SHORT_TOKEN=tok" },
                    (char[]){ "CUSTOM_ENV_CI_PROJECT_ID=42" },
                    (char[]){ "CUSTOM_ENV_CI_PROJECT_PATH=group/proj" },
                    (char[]){ "CUSTOM_ENV_CI_JOB_STAGE=build" },
                    NULL };

    return fixture_make(f, config, response ? response : "{'id':9}", env, e);
}

/* The plan's description, its containers by their role: {"build": {…}, "helper": {…}, "network": …}. */
static json_t *describe(const struct plan *plan)
{
    json_t *all = plan_describe(plan);
    size_t i;
    json_t *item;

    assert_non_null(all);
    assert_int_equal(json_array_size(json_object_get(all, "containers")), 2);
    json_array_foreach(json_object_get(all, "containers"), i, item)
        json_object_set(all, json_text(item, "role"), item);
    return all;
}

#define CREATE(role, members) "{'" role "':{'create':{" members "}}}"
#define HOST(role, members)   CREATE(role, "'HostConfig':{" members "}")
#define BUILDS                "'/b/tok/42/0:/b/tok/42/0'"
#define CACHE                 "'/c/tok/42:/c/tok/42'"

static const struct {
    const char *what;
    const char *config;   /* YAML; NULL: the defaults */
    const char *response; /* JSON; NULL: nothing but the id */
    const char *want;     /* members of the description */
} plans[] = {
    { "names", NULL, NULL,
      "{'kind':'build', 'job':'tok-9', 'build':{'name':'atelier-tok-9-build'}, 'helper':{'name':'atelier-tok-9-helper'}}" },
    { "both wait, and nothing of the image is started", NULL, NULL,
      "{'build':{'create':{'Cmd':[], 'OpenStdin':true, 'Tty':false}}, 'helper':{'create':{'Cmd':[], 'OpenStdin':true, "
      "'Tty':false}}}" },
    { "labels to find them by", NULL, "{'runner_info':{'timeout':600}}",
      CREATE("build", "'Labels':{'atelier.job':'tok-9', 'atelier.project':'group/proj', 'atelier.runner':'tok', "
                      "'atelier.role':'build', 'atelier.expires':'1700004200'}") },
    { "the helper's role", NULL, NULL, CREATE("helper", "'Labels':{'atelier.role':'helper'}") },
    { "the longest timeout", NULL, "{'runner_info':{'timeout':2147483647}}",
      CREATE("build", "'Labels':{'atelier.expires':'3847487247'}") },
    { "no log of the daemon's", NULL, NULL, HOST("build", "'LogConfig':{'Type':'none'}") },

    /* What is mounted. */
    { "no Docker", NULL, NULL, HOST("build", "'Binds':[" BUILDS "]") },
    { "no Docker, written out", "kinds: {build: {docker: none}}", NULL, HOST("build", "'Binds':[" BUILDS "]") },
    { "Docker's socket, which must be there", "kinds: {build: {docker: socket}}", NULL,
      HOST("build", "'Binds':[" BUILDS "],'Mounts':[{'Type':'bind','Source':'/run/docker.sock','Target':"
                    "'/var/run/docker.sock'}]") },
    { "the socket of another kind", "kinds: {push: {docker: socket}}", NULL, HOST("build", "'Binds':[" BUILDS "],'Mounts':null") },
    { "mounts", "kinds: {build: {mounts: ['/srv/a:/a:ro', '/srv/b:/b']}}", NULL,
      HOST("build", "'Binds':[" BUILDS ",'/srv/a:/a:ro','/srv/b:/b']") },
    { "volumes of the job's own", "kinds: {build: {mounts: [/scratch, 'v1:/v', /certs/client]}}", NULL,
      "{'volumes':['atelier-tok-9-volume-0','atelier-tok-9-volume-2'], 'build':{'create':{'HostConfig':{'Binds':[" BUILDS
      ",'atelier-tok-9-volume-0:/scratch','v1:/v','atelier-tok-9-volume-2:/certs/client']}}}}" },
    { "no volumes", "kinds: {build: {mounts: ['/a:/a', 'v1:/v']}}", NULL, "{'volumes':[]}" },
    { "settings of the job's container", "kinds: {build: {cap_drop: ALL, read_only: true}}", NULL,
      HOST("build", "'CapDrop':['ALL'],'ReadonlyRootfs':true") },
    { "the helper: the cache, never the socket or a mount", "kinds: {build: {docker: socket, mounts: ['/a:/a', /b]}}", NULL,
      HOST("helper", "'Binds':[" BUILDS "," CACHE "],'Mounts':null") },
    { "a protected ref", NULL, "{'git_info':{'protected':true}}",
      HOST("helper", "'Binds':['/b/tok/42/0.protected:/b/tok/42/0.protected','/c/tok/42.protected:/c/tok/42.protected']") },

    /* Builds and caches in volumes. */
    { "volumes", "storage: volumes", NULL,
      "{'volumes':['atelier-builds-tok.42.0','atelier-cache-tok.42'],"
      "'build':{'create':{'HostConfig':{'Binds':['atelier-builds-tok.42.0:/b/tok/42/0']}}},"
      "'helper':{'create':{'HostConfig':{'Binds':['atelier-builds-tok.42.0:/b/tok/42/0','atelier-cache-tok.42:/c/tok/42']}}}}" },
    { "volumes of protected refs", "storage: volumes", "{'git_info':{'protected':true}}",
      "{'volumes':['atelier-builds-tok.42.0.protected','atelier-cache-tok.42.protected']}" },
    { "volumes, and the job's own", "{storage: volumes, kinds: {build: {mounts: [/scratch]}}}", NULL,
      "{'volumes':['atelier-builds-tok.42.0','atelier-cache-tok.42','atelier-tok-9-volume-0']}" },

    /* The network. */
    { "one of the job's own", NULL, NULL,
      "{'network':'atelier-tok-9', 'helper':{'create':{'Hostname':'runner-tok-project-42-concurrent-0', "
      "'HostConfig':{'NetworkMode':'atelier-tok-9'}, 'Env':['CI_DISPOSABLE_ENVIRONMENT=true',"
      "'CI_BUILD_NETWORK_NAME=atelier-tok-9'], 'NetworkingConfig':{'EndpointsConfig':{'atelier-tok-9':{'Aliases':"
      "['helper','build']}}}}}}" },
    { "one of the job's own: the build container has the helper's place in it", NULL, NULL,
      CREATE("build", "'HostConfig':{'NetworkMode':'container:atelier-tok-9-helper'}, 'NetworkingConfig':null, "
                      "'Hostname':null, 'Env':['CI_DISPOSABLE_ENVIRONMENT=true','CI_BUILD_NETWORK_NAME=atelier-tok-9']") },
    { "one that has the daemon's socket has its own", "kinds: {build: {docker: socket}}", NULL,
      CREATE("build", "'HostConfig':{'NetworkMode':'atelier-tok-9'}, 'NetworkingConfig':{'EndpointsConfig':"
                      "{'atelier-tok-9':{'Aliases':['build','helper']}}}") },
    { "and the helper follows it", "kinds: {build: {docker: socket}}", NULL,
      CREATE("helper", "'HostConfig':{'NetworkMode':'container:atelier-tok-9-build'}, 'NetworkingConfig':null, "
                       "'Hostname':null") },
    { "what is the network's alone", "kinds: {build: {dns: 9.9.9.9, dns_search: example.com, extra_hosts: ['a:10.0.0.1'], "
      "hostname: builder}}", NULL,
      CREATE("build", "'HostConfig':{'Dns':null,'DnsSearch':null,'ExtraHosts':null}, 'Hostname':null") },
    { "and is its owner's", "kinds: {build: {dns: 9.9.9.9, dns_search: example.com, extra_hosts: ['a:10.0.0.1'], "
      "hostname: builder}}", NULL,
      CREATE("helper", "'HostConfig':{'Dns':['9.9.9.9'],'DnsSearch':['example.com'],'ExtraHosts':['a:10.0.0.1']}, "
                       "'Hostname':'builder'") },
    { "the helper's own place beside a job that may change the network", "kinds: {build: {cap_add: NET_ADMIN, dns: 9.9.9.9}}",
      NULL, CREATE("helper", "'HostConfig':{'NetworkMode':'atelier-tok-9','Dns':['9.9.9.9']}, "
                             "'Hostname':'runner-tok-project-42-concurrent-0', "
                             "'NetworkingConfig':{'EndpointsConfig':{'atelier-tok-9':{'Aliases':['helper']}}}") },
    { "beside a privileged one", "kinds: {build: {privileged_images: '*'}}", NULL,
      HOST("helper", "'NetworkMode':'atelier-tok-9'") },
    { "of another runtime", "kinds: {build: {runtime: runsc}}", NULL, HOST("helper", "'NetworkMode':'atelier-tok-9'") },
    { "with settings of the kernel's", "kinds: {build: {sysctls: {net.ipv4.ip_forward: 0}}}", NULL,
      HOST("helper", "'NetworkMode':'atelier-tok-9'") },
    { "another container's", "kinds: {build: {network: 'container:vpn'}}", NULL,
      CREATE("helper", "'HostConfig':{'NetworkMode':'container:vpn'}, 'Hostname':null") },
    { "none", "kinds: {build: {network: none}}", NULL,
      "{'network':null, 'build':{'create':{'HostConfig':{'NetworkMode':'none'}, 'NetworkingConfig':null, "
      "'Env':['CI_DISPOSABLE_ENVIRONMENT=true']}}}" },
    { "none: the helper still fetches", "kinds: {build: {network: none}}", NULL,
      CREATE("helper", "'HostConfig':{'NetworkMode':'bridge'}, 'NetworkingConfig':null") },
    { "the host's", "kinds: {build: {network: host}}", NULL,
      "{'network':null, 'build':{'create':{'HostConfig':{'NetworkMode':'host'}, 'Hostname':null, "
      "'NetworkingConfig':null}}, 'helper':{'create':{'HostConfig':{'NetworkMode':'host'}, 'Hostname':null}}}" },
    { "a named one", "kinds: {build: {network: staging}}", NULL,
      "{'network':null, 'helper':{'create':{'HostConfig':{'NetworkMode':'staging'}, 'NetworkingConfig':null, "
      "'Hostname':'runner-tok-project-42-concurrent-0'}}, "
      "'build':{'create':{'HostConfig':{'NetworkMode':'container:atelier-tok-9-helper'}}}}" },

    { "an address in it, where every daemon looks", "kinds: {build: {mac_address: '02:42:ac:11:00:02'}}", NULL,
      CREATE("build", "'MacAddress':'02:42:ac:11:00:02', 'NetworkingConfig':{'EndpointsConfig':{'atelier-tok-9':"
                      "{'Aliases':['build','helper'],'MacAddress':'02:42:ac:11:00:02'}}}") },
    { "an address in a named one", "kinds: {build: {network: staging, mac_address: '02:42:ac:11:00:02'}}", NULL,
      CREATE("build", "'NetworkingConfig':{'EndpointsConfig':{'staging':{'MacAddress':'02:42:ac:11:00:02'}}}") },
    { "no address of the helper's", "kinds: {build: {mac_address: '02:42:ac:11:00:02'}}", NULL,
      CREATE("helper", "'MacAddress':null, 'NetworkingConfig':null") },

    /* Limits. */
    { "none", NULL, NULL, HOST("build", "'Memory':null, 'NanoCpus':null, 'PidsLimit':null") },
    { "all", "kinds: {build: {memory: 2g, cpus: 1.5, pids: 500}}", NULL,
      HOST("build", "'Memory':2147483648, 'NanoCpus':1500000000, 'PidsLimit':500") },
    { "all, for the helper too", "kinds: {build: {memory: 2g, cpus: 1.5, pids: 500}}", NULL,
      HOST("helper", "'Memory':2147483648, 'NanoCpus':1500000000, 'PidsLimit':500") },
    { "zero, which is Docker's word for none", "kinds: {build: {memory: 0, cpus: 0, pids: 0}}", NULL,
      HOST("build", "'Memory':0, 'NanoCpus':0, 'PidsLimit':0") },

    /* The image. */
    { "the job's", "image: default:1", "{'image':{'name':'ruby:3'}}", CREATE("build", "'Image':'ruby:3'") },
    { "the default", "image: default:1", NULL, CREATE("build", "'Image':'default:1'") },
    { "the default needs no permission", "{image: default:1, kinds: {build: {images: ruby:*}}}", NULL,
      CREATE("build", "'Image':'default:1'") },
    { "an allowed one", "kinds: {build: {images: [node:*, ruby:*]}}", "{'image':{'name':'ruby:3'}}",
      CREATE("build", "'Image':'ruby:3'") },
    { "the helper's", "helper_image: own/helper:2", "{'image':{'name':'ruby:3'}}",
      CREATE("helper", "'Image':'own/helper:2'") },

    /* Privileges. */
    { "none", NULL, NULL, HOST("build", "'Privileged':null") },
    { "by the image's name", "kinds: {build: {privileged_images: [x, 'ruby:*']}}", "{'image':{'name':'ruby:3'}}",
      HOST("build", "'Privileged':true") },
    { "the default image's too", "{image: default:1, kinds: {build: {privileged_images: default:1}}}", NULL,
      HOST("build", "'Privileged':true") },
    { "of another image", "kinds: {build: {privileged_images: 'ruby:*'}}", "{'image':{'name':'evil/ruby:3'}}",
      HOST("build", "'Privileged':null") },
    { "of another kind", "kinds: {test: {privileged_images: 'ruby:*'}}", "{'image':{'name':'ruby:3'}}",
      HOST("build", "'Privileged':null") },
    { "of services", "kinds: {build: {privileged_services: 'ruby:*'}}", "{'image':{'name':'ruby:3'}}",
      HOST("build", "'Privileged':null") },
    { "never the helper's", "kinds: {build: {privileged_images: '*'}}", NULL, HOST("helper", "'Privileged':null") },

    /* Who, where, and when it is pulled. */
    { "the image's own user", NULL, NULL, CREATE("build", "'User':null") },
    { "the job's user", NULL, "{'image':{'executor_opts':{'docker':{'user':'1000:1000'}}}}",
      CREATE("build", "'User':'1000:1000'") },
    { "the owner's user, before the job's", "kinds: {build: {user: ci}}",
      "{'image':{'executor_opts':{'docker':{'user':'1000:1000'}}}}", CREATE("build", "'User':'ci'") },
    { "the helper is root, whatever the owner says", "kinds: {build: {user: ci}}", NULL,
      CREATE("helper", "'User':'0:0'") },
    { "the helper is root, whoever the job is", NULL, "{'image':{'executor_opts':{'docker':{'user':'1000'}}}}",
      CREATE("helper", "'User':'0:0'") },
    { "the daemon's platform", NULL, NULL, "{'build':{'platform':null}}" },
    { "the job's platform", NULL, "{'image':{'executor_opts':{'docker':{'platform':'linux/arm64'}}}}",
      "{'build':{'platform':'linux/arm64'}, 'helper':{'platform':null}}" },
    { "the default pull policy", NULL, NULL, "{'build':{'pull_policy':['if-not-present']}}" },
    { "the owner's pull policy", "pull_policy: [always, never]", NULL, "{'build':{'pull_policy':['always','never']}}" },
    { "the job's pull policy", "{pull_policy: always, allowed_pull_policies: [always, never]}",
      "{'image':{'name':'x','pull_policy':['never']}}", "{'build':{'pull_policy':['never']}}" },
    { "what is allowed of the job's", "pull_policy: [always, never]",
      "{'image':{'name':'x','pull_policy':['if-not-present','never']}}", "{'build':{'pull_policy':['never']}}" },
    { "an empty pull policy is none", "pull_policy: always", "{'image':{'name':'x','pull_policy':[]}}",
      "{'build':{'pull_policy':['always']}}" },
    { "the helper is not pulled", "pull_policy: always", NULL, "{'helper':{'pull_policy':[]}}" },

    /* Which kind. */
    { "by the stage's name", NULL, "{'job_info':{'stage':'test'}}", "{'kind':'test'}" },
    { "by the owner's mapping", "{stages: {compile: push}, kinds: {push: {pids: 7}}}", "{'job_info':{'stage':'compile'}}",
      "{'kind':'push', 'build':{'create':{'HostConfig':{'PidsLimit':7}}}}" },
    { "an unknown stage gets the least", "kinds: {build: {docker: socket}, deploy: {docker: socket}}",
      "{'job_info':{'stage':'lint'}}", "{'kind':'other', 'build':{'create':{'HostConfig':{'Binds':[" BUILDS "]}}}}" },
};

static void test_plans(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(plans); i++) {
        print_message("    %s\n", plans[i].what);
        __attribute__((cleanup(fixture_release))) struct fixture f = { 0 };
        auto_err e = ERR_INIT;
        if (fixture_plan(&f, plans[i].config, plans[i].response, &e) < 0)
            fail_msg("%s", err_text(&e));
        auto_json *got = describe(&f.plan);
        expect_members(got, plans[i].want);
    }
}

static const struct {
    const char *config, *image, *error;
} refusals[] = {
    { "kinds: {build: {images: ruby:*}}", "alpine:3",
      "image 'alpine:3' is not allowed for jobs of kind 'build' on this host; allowed: ruby:* (kinds: build: images)" },
    { "kinds: {build: {images: ['ruby:*', 'r.example.com/**']}}", "r.example.com.evil/x",
      "image 'r.example.com.evil/x' is not allowed for jobs of kind 'build' on this host; allowed: ruby:*, "
      "r.example.com/**" },
    { "kinds: {build: {images: ruby:*}}", "ruby\\n\\u001b[2J", "image 'ruby\\n\\x1b[2J' is not allowed" },
    /* The owner's default, named by a job, is the job's choice. */
    { "", "Bad Name!", "'Bad Name!' is no image's name" },
    { "{image: default:1, kinds: {build: {images: ruby:*}}}", "default:1", "image 'default:1' is not allowed" },
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
        print_message("    %s\n", refusals[i].image);
        __attribute__((cleanup(fixture_release))) struct fixture f = { 0 };
        auto_err e = ERR_INIT;
        auto_free char *response = xasprintf("{'image':{'name':'%s'}}", refusals[i].image);
        assert_int_equal(fixture_plan(&f, refusals[i].config, response, &e), -1);
        expect_error(&e, refusals[i].error);
        assert_int_equal(e.kind, ERR_JOB);
        assert_null(f.plan.of[PLAN_BUILD].config);
    }
}

#define IMAGE "{'Config':{'Entrypoint':['/entry','--x']}}"

static const struct {
    const char *what, *response, *image, *want;
} entrypoints[] = {
    { "the image's is kept", "{'id':9}", IMAGE, "[\"/entry\",\"--x\"]" },
    { "null keeps it too", "{'image':{'entrypoint':null}}", IMAGE, "[\"/entry\",\"--x\"]" },
    { "the image has none", "{'id':9}", "{'Config':{'Entrypoint':null}}", "[]" },
    { "the image has no configuration", "{'id':9}", "{}", "[]" },
    { "the job's replaces it", "{'image':{'entrypoint':['/tini','--']}}", IMAGE, "[\"/tini\",\"--\"]" },
    { "by one word", "{'image':{'entrypoint':['/tini']}}", IMAGE, "[\"/tini\"]" },
    { "the job's clears it", "{'image':{'entrypoint':['']}}", IMAGE, "[]" },
    { "an empty list clears it", "{'image':{'entrypoint':[]}}", IMAGE, "[]" },
    { "two empty words are somebody's mistake, and stay", "{'image':{'entrypoint':['','x']}}", IMAGE, "[\"\",\"x\"]" },
    { "quotes and backslashes", "{'image':{'entrypoint':['a\\\\b','c d']}}", IMAGE, "[\"a\\\\b\",\"c d\"]" },
};

static void test_entrypoints(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(entrypoints); i++) {
        print_message("    %s\n", entrypoints[i].what);
        __attribute__((cleanup(fixture_release))) struct fixture f = { 0 };
        auto_json *image = expect_json(entrypoints[i].image);
        assert_int_equal(fixture_plan(&f, NULL, entrypoints[i].response, NULL), 0);
        plan_add_image(&f.plan, &f.job, image);
        const json_t *labels = json_object_get(f.plan.of[PLAN_BUILD].config, "Labels");
        assert_string_equal(json_text(labels, LABEL_ENTRYPOINT), entrypoints[i].want);
        assert_string_equal(json_text(labels, LABEL_JOB), "tok-9");
        assert_null(json_object_get(json_object_get(f.plan.of[PLAN_HELPER].config, "Labels"), LABEL_ENTRYPOINT));
        /* The container itself is kept by our own process. */
        const json_t *own = json_object_get(f.plan.of[PLAN_BUILD].config, "Entrypoint");
        assert_string_equal(json_string_value(json_array_get(own, 0)), "sh");
    }
}

static void test_network_is_labelled(void **state)
{
    (void)state;
    __attribute__((cleanup(fixture_release))) struct fixture own = { 0 }, none = { 0 };
    assert_int_equal(fixture_plan(&own, NULL, NULL, NULL), 0);
    expect_members(own.plan.network_labels,
                   "{'atelier.job':'tok-9', 'atelier.role':'network', 'atelier.expires':'1700010800'}");
    assert_int_equal(fixture_plan(&none, "kinds: {build: {network: none}}", NULL, NULL), 0);
    assert_null(none.plan.network_labels);
}

static const struct {
    const char *what, *config, *role, *want;
} shared[] = {
    { "the owner", NULL, "helper",
      "'HostConfig':{'NetworkMode':'net-1'}, 'NetworkingConfig':{'EndpointsConfig':{'net-1':{'Aliases':['helper','build']}}}" },
    { "who follows it", NULL, "build", "'HostConfig':{'NetworkMode':'container:atelier-tok-9-helper'}, 'NetworkingConfig':null" },
    { "the variable", NULL, "build", "'Env':['CI_DISPOSABLE_ENVIRONMENT=true','CI_BUILD_NETWORK_NAME=net-1']" },
    { "an address in it", "kinds: {build: {mac_address: '02:42:ac:11:00:02'}}", "build",
      "'MacAddress':'02:42:ac:11:00:02', 'NetworkingConfig':{'EndpointsConfig':{'net-1':{'Aliases':['build','helper'],"
      "'MacAddress':'02:42:ac:11:00:02'}}}" },
};

static void test_another_network(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(shared); i++) {
        print_message("    %s\n", shared[i].what);
        __attribute__((cleanup(fixture_release))) struct fixture f = { 0 };
        auto_free char *want = xasprintf("{%s}", shared[i].want);
        assert_int_equal(fixture_plan(&f, shared[i].config, NULL, NULL), 0);
        plan_use_network(&f.plan, "net-1");
        assert_string_equal(f.plan.network, "net-1");
        expect_members(f.plan.network_labels, "{'atelier.job':null, 'atelier.expires':null, 'atelier.role':'network'}");
        expect_members(f.plan.of[strcmp(shared[i].role, "helper") == 0 ? PLAN_HELPER : PLAN_BUILD].config, want);
    }
}

static void test_volumes_are_labelled(void **state)
{
    (void)state;
    __attribute__((cleanup(fixture_release))) struct fixture f = { 0 };
    assert_int_equal(fixture_plan(&f, "kinds: {build: {mounts: ['/a:/a', /scratch]}}", NULL, NULL), 0);
    assert_int_equal(f.plan.n_volumes, 1);
    assert_string_equal(f.plan.volumes[0].name, "atelier-tok-9-volume-1");
    expect_members(f.plan.volumes[0].labels,
                   "{'atelier.job':'tok-9', 'atelier.role':'volume', 'atelier.expires':'1700010800'}");

    __attribute__((cleanup(fixture_release))) struct fixture lasting = { 0 };
    assert_int_equal(fixture_plan(&lasting, "storage: volumes", NULL, NULL), 0);
    assert_int_equal(lasting.plan.n_volumes, 2);
    static const char want[] = "{'atelier.role':'%s', 'atelier.runner':'tok', 'atelier.project':'group/proj', "
                               "'atelier.job':null, 'atelier.expires':null}";
    for (size_t i = 0; i < 2; i++) {
        auto_free char *labels = xasprintf(want, i ? "cache" : "builds");
        expect_members(lasting.plan.volumes[i].labels, labels);
        assert_non_null(json_object_get(lasting.plan.volumes[i].labels, LABEL_MANAGED));
    }
}

static void test_no_secret_is_described(void **state)
{
    (void)state;
    __attribute__((cleanup(fixture_release))) struct fixture f = { 0 };
    static const char response[] =
        "{'token':'hunter2','git_info':{'repo_url':'http://gitlab-ci-token:hunter2@x/y.git'},'variables':[{'key':"
        "'PASSWORD','value':'hunter2'},{'key':'KEY','value':'hunter2','file':true}],'credentials':[{'type':'registry',"
        "'url':'r','username':'hunter2','password':'hunter2'}]}";
    assert_int_equal(fixture_plan(&f, "kinds: {build: {docker: socket}}", response, NULL), 0);
    assert_string_equal(f.job.credentials[0].password, "hunter2");
    auto_json *got = plan_describe(&f.plan);
    auto_free char *text = json_compact(got);
    assert_null(strstr(text, "hunter2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plans),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_entrypoints),
        cmocka_unit_test(test_network_is_labelled),
        cmocka_unit_test(test_another_network),
        cmocka_unit_test(test_volumes_are_labelled),
        cmocka_unit_test(test_no_secret_is_described),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
