#include "executor/config.h"

#include "base/file.h"
#include "base/text.h"
#include "stages/setting.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/expect.h"

static json_t *or_null(const char *text)
{
    return text ? json_string(text) : json_null();
}

static json_t *describe_kind(const struct kind *k)
{
    return json_pack("{s:s, s:b, s:O, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "docker",
                     k->docker == DOCKER_SOCKET ? "socket" : "none", "registry_login", k->registry_login,
                     "settings", k->settings, "network", k->network, "mounts", json_strings(&k->mounts), "images",
                     json_strings(&k->images), "services", json_strings(&k->services), "privileged_images",
                     json_strings(&k->privileged_images), "privileged_services",
                     json_strings(&k->privileged_services), "stages", json_strings(&k->stages));
}

static json_t *describe(const struct config *c)
{
    static const char *const storage[] = {
        [STORAGE_AUTO] = "auto", [STORAGE_FOLDERS] = "folders", [STORAGE_VOLUMES] = "volumes"
    };
    json_t *all = json_pack("{s:s, s:s, s:s, s:I, s:I, s:s, s:s, s:o, s:o, s:b, s:o, s:o, s:I, s:I, s:s, s:I, s:b, s:b}", "builds", c->builds,
                            "cache", c->cache, "storage", storage[c->storage], "cache_size", (json_int_t)c->cache_size, "cache_age",
                            (json_int_t)c->cache_age_ms, "image", c->image, "helper_image", c->helper_image, "docker_host", or_null(c->docker_host),
                            "docker_cert_path", or_null(c->docker_cert_path), "docker_tls_verify",
                            c->docker_tls_verify, "pull_policy", json_strings(&c->pull_policy),
                            "allowed_pull_policies", json_strings(&c->allowed_pull_policies), "cancel_grace",
                            (json_int_t)c->cancel_grace_ms, "keep_failed", (json_int_t)c->keep_failed_ms, "on_unready",
                            c->services.on_unready == UNREADY_WARN ? "warn" : "fail", "wait",
                            (json_int_t)c->services.wait_ms, "script_secrets", c->keep_script_secrets, "direct",
                             c->direct);
    json_object_set_new(all, "trace", json_integer((json_int_t)c->trace_ms));
    json_object_set_new(all, "standby", json_integer((json_int_t)c->standby));
    json_object_set_new(all, "idle_networks", json_integer((json_int_t)c->idle_networks));
    json_object_set_new(all, "cleanup", json_string(c->cleanup_waits ? "wait" : "detach"));
    for (int i = 0; i < KIND_COUNT; i++)
        json_object_set_new(all, kind_name((enum kind_id)i), describe_kind(&c->kinds.of[i]));
    return all;
}

/* Tests run as root and as others: folders of the latter are below HOME. */
static char *const no_env[] = { NULL };

static int read_text(const char *text, struct config *out, struct err *e)
{
    return config_read_text("c.yml", text, strlen(text), no_env, out, e);
}

#define LEAST                                                                                                          \
    "{'docker':'none','registry_login':false,'settings':{},'network':'job','mounts':[],'images':[],'services':[],"      \
    "'privileged_images':[],'privileged_services':[],'stages':[]}"
#define DEFAULTS                                                                                                       \
    "{'builds':'/var/lib/atelier/builds', 'cache':'/var/lib/atelier/cache', 'storage':'auto', 'cache_size':0, "              \
    "'cache_age':0, 'image':'atelier/ci:latest', "                                                                          \
    "'helper_image':'atelier/helper:" ATELIER_VERSION "', 'docker_host':null, 'docker_cert_path':null, "               \
    "'docker_tls_verify':false, 'pull_policy':['if-not-present'], 'allowed_pull_policies':[], "                       \
    "'cancel_grace':10000, 'direct':true, 'keep_failed':0, 'on_unready':'fail', 'wait':30000, 'trace':86400000, 'cleanup':'detach', 'pull':" LEAST ", "                                                                           \
    "'build':" LEAST ", 'push':" LEAST ", 'test':" LEAST ", 'deploy':" LEAST ", 'other':" LEAST "}"

static const struct {
    const char *text;
    const char *want; /* members of the result */
} accepted[] = {
    { "", DEFAULTS },
    { "# nothing\n", DEFAULTS },
    { "---\n", DEFAULTS },
    { "{}\n", DEFAULTS },
    { "kinds:\nstages:\n", DEFAULTS },
    { "kinds:\n  build:\n", DEFAULTS },

    { "builds: /srv/b\n", "{'builds':'/srv/b'}" },
    { "builds: /srv/b//\n", "{'builds':'/srv/b'}" },
    { "builds: /srv/..b/c..\n", "{'builds':'/srv/..b/c..'}" },
    { "cache: '/srv/c d'\n", "{'cache':'/srv/c d'}" },
    { "storage: auto\n", "{'storage':'auto'}" },
    { "storage: folders\n", "{'storage':'folders'}" },
    { "storage: volumes\n", "{'storage':'volumes'}" },
    { "image: ruby:3\n", "{'image':'ruby:3'}" },
    { "helper_image: h:1\n", "{'helper_image':'h:1'}" },
    { "pull_policy: always\n", "{'pull_policy':['always']}" },
    { "pull_policy: [always, never]\n", "{'pull_policy':['always','never']}" },
    { "allowed_pull_policies: [always, never]\n", "{'allowed_pull_policies':['always','never']}" },
    { "docker_host: tcp://h:2376\n", "{'docker_host':'tcp://h:2376'}" },
    { "docker_cert_path: /certs/\n", "{'docker_cert_path':'/certs'}" },
    { "docker_tls_verify: true\n", "{'docker_tls_verify':true}" },
    { "docker_tls_verify: false\n", "{'docker_tls_verify':false}" },
    { "cache_size: 20g\n", "{'cache_size':21474836480}" },
    { "cache_size: 1.5k\ncache_age: 30d\n", "{'cache_size':1536, 'cache_age':2592000000}" },
    { "cancel_grace: 500ms\n", "{'cancel_grace':500}" },
    { "cancel_grace: 1m30s\n", "{'cancel_grace':90000}" },
    { "direct: off\n", "{'direct':false}" },
    { "direct: on\n", "{'direct':true}" },
    { "keep_failed: 30m\n", "{'keep_failed':1800000}" },
    { "keep_failed: 0\n", "{'keep_failed':0}" },
    { "trace: 0\n", "{'trace':0}" },
    { "standby: 1\n", "{'standby':1}" },
    { "idle_networks: 0\n", "{'idle_networks':0}" },
    { "cleanup: wait\n", "{'cleanup':'wait'}" },
    { "cleanup: detach\n", "{'cleanup':'detach'}" },
    { "script_secrets: keep\n", "{'script_secrets':true}" },
    { "script_secrets: remove\n", "{'script_secrets':false}" },
    { "cancel_grace: 3\n", "{'cancel_grace':3000}" },

    { "kinds:\n  build:\n    docker: socket\n", "{'build':{'docker':'socket'}, 'push':" LEAST "}" },
    { "kinds:\n  build:\n    docker: none\n", "{'build':" LEAST "}" },
    { "kinds:\n  test:\n    memory: 512m\n", "{'test':{'settings':{'memory':536870912}}}" },
    { "kinds:\n  test:\n    memory: 6m\n", "{'test':{'settings':{'memory':6291456}}}" },
    { "kinds:\n  test:\n    memory: 0\n", "{'test':{'settings':{'memory':0}}}" },
    { "kinds:\n  push:\n    cpus: 1.5\n", "{'push':{'settings':{'cpus':1500000000}}}" },
    { "kinds:\n  pull:\n    pids: 4194304\n", "{'pull':{'settings':{'pids':4194304}}}" },
    { "kinds:\n  deploy:\n    network: host\n", "{'deploy':{'network':'host'}}" },
    { "kinds:\n  other:\n    mounts: /a:/b\n", "{'other':{'mounts':['/a:/b']}}" },
    { "kinds:\n  other:\n    mounts: ['/a:/b:ro', '/c:/d:rw']\n", "{'other':{'mounts':['/a:/b:ro','/c:/d:rw']}}" },
    { "kinds:\n  other:\n    mounts: ['cache-1:/c:ro', /scratch]\n", "{'other':{'mounts':['cache-1:/c:ro','/scratch']}}" },
    { "kinds:\n  other:\n    images: []\n", "{'other':{'images':[]}}" },
    { "kinds:\n  other:\n    images:\n    - ruby:*\n    - r/**\n", "{'other':{'images':['ruby:*','r/**']}}" },
    { "kinds:\n  other:\n    services: [postgres:*, redis:*]\n", "{'other':{'services':['postgres:*','redis:*']}}" },
    { "kinds:\n  other:\n    privileged_services: 'docker:*dind*'\n",
      "{'other':{'services':[],'privileged_services':['docker:*dind*'],'privileged_images':[]}}" },
    { "kinds:\n  other:\n    privileged_images: [builder, 'r/**']\n",
      "{'other':{'images':[],'privileged_services':[],'privileged_images':['builder','r/**']}}" },
    { "kinds:\n  push:\n    registry_login: true\n", "{'push':{'registry_login':true}, 'build':" LEAST "}" },
    { "services:\n", DEFAULTS },
    { "services:\n  on_unready: warn\n", "{'on_unready':'warn', 'wait':30000}" },
    { "services:\n  on_unready: fail\n", "{'on_unready':'fail'}" },
    { "services:\n  wait: 2m\n", "{'on_unready':'fail', 'wait':120000}" },
    { "services: {wait: 0}\n", "{'wait':0}" },
    { "kinds: {build: &b {pids: 5}, test: *b}\n", "{'build':{'settings':{'pids':5}}, 'test':{'settings':{'pids':5}}}" },

    { "stages: {compile: build, 'a=b': test, lint: other}\n",
      "{'build':{'stages':['compile']}, 'test':{'stages':['a=b']}, 'other':{'stages':['lint']}}" },
    { "stages: {build: other}\n", "{'other':{'stages':['build']}}" },
};

static void test_accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(accepted); i++) {
        auto_config c = { 0 };
        auto_err e = ERR_INIT;
        auto_free char *shown = text_quote(accepted[i].text);
        print_message("    %s\n", shown);
        if (read_text(accepted[i].text, &c, &e) < 0)
            fail_msg("%s", err_text(&e));
        auto_json *got = describe(&c);
        if (geteuid() == 0 || !strstr(accepted[i].want, "/var/lib"))
            expect_members(got, accepted[i].want);
    }
}

static const struct {
    const char *text, *error;
} refused[] = {
    /* Each key with what it cannot be. */
    { "builds: srv/b\n", "c.yml:1:9: builds: 'srv/b' must be an absolute path without '..' and ':'" },
    { "builds: /srv/../etc\n", "c.yml:1:9: builds: '/srv/../etc' must be" },
    { "builds: /srv/..\n", "c.yml:1:9: builds: '/srv/..' must be" },
    { "builds: /srv:/etc\n", "c.yml:1:9: builds: '/srv:/etc' must be" },
    { "builds: ''\n", "c.yml:1:9: builds: '' must be" },
    { "builds: [/a]\n", "c.yml:1:9: builds: a list must be" },
    { "builds:\n", "builds: nothing must be" },
    { "\n\ncache: {a: b}\n", "c.yml:3:8: cache: a map must be an absolute path" },
    { "storage: volume\n", "c.yml:1:10: storage: 'volume' must be auto, folders or volumes" },
    { "storage: [auto]\n", "c.yml:1:10: storage: a list must be auto" },
    { "image: ''\n", "c.yml:1:8: image: '' must be a text that is not empty" },
    { "image: [a]\n", "c.yml:1:8: image: a list must be a text" },
    { "helper_image: {}\n", "c.yml:1:15: helper_image: a map must be a text" },
    { "pull_policy: sometimes\n", "c.yml:1:14: pull_policy: 'sometimes' must be always, if-not-present or never" },
    { "pull_policy: [always, '']\n", "c.yml:1:23: pull_policy: '' does not fit: must be always" },
    { "allowed_pull_policies: []\n", "c.yml:1:24: allowed_pull_policies: a list must be always" },
    { "pull_policy: []\n", "c.yml:1:14: pull_policy: a list must be always" },
    { "pull_policy: [[always]]\n", "c.yml:1:15: pull_policy: '' does not fit: must be always" },
    { "docker_host: ''\n", "c.yml:1:14: docker_host: '' must be unix:///PATH or tcp://HOST:PORT" },
    { "docker_host: /var/run/docker.sock\n", "c.yml:1:14: docker_host: '/var/run/docker.sock' must be unix:///PATH" },
    { "docker_host: ssh://h\n", "c.yml:1:14: docker_host: 'ssh://h' must be unix:///PATH or tcp://HOST:PORT" },
    { "docker_cert_path: certs\n", "c.yml:1:19: docker_cert_path: 'certs' must be an absolute path" },
    { "docker_tls_verify: 2\n", "c.yml:1:20: docker_tls_verify: '2' must be true or false" },
    { "docker_tls_verify: 'true'\n", "c.yml:1:20: docker_tls_verify: 'true' must be true or false" },
    { "cache_size: lots\n", "c.yml:1:13: cache_size: 'lots' must be a size such as 20g or 512m" },
    { "cache_size: -1\n", "c.yml:1:13: cache_size: '-1' must be a size" },
    { "cache_size: [1g]\n", "c.yml:1:13: cache_size: a list must be a size" },
    { "cache_age: 30g\n", "c.yml:1:12: cache_age: '30g' must be a duration" },
    { "cancel_grace: soon\n", "c.yml:1:15: cancel_grace: 'soon' must be a duration such as 10s" },
    { "direct: sometimes\n", "c.yml:1:9: direct: 'sometimes' must be true or false" },
    { "keep_failed: yes\n", "c.yml:1:14: keep_failed: 'yes' must be a duration" },
    { "standby: 2\n", "c.yml:1:10: standby: '2' must be 0 or 1" },
    { "idle_networks: 1001\n", "c.yml:1:16: idle_networks: '1001' must be a whole number from 0 to 1000" },
    { "standby: on\n", "c.yml:1:10: standby: 'on' must be 0 or 1" },
    { "trace: on\n", "c.yml:1:8: trace: 'on' must be a duration" },
    { "cleanup: later\n", "c.yml:1:10: cleanup: 'later' must be detach or wait" },
    { "script_secrets: strip\n", "c.yml:1:17: script_secrets: 'strip' must be remove or keep" },
    { "keep_failed: -1m\n", "c.yml:1:14: keep_failed: '-1m' must be a duration" },
    { "cancel_grace: -1s\n", "c.yml:1:15: cancel_grace: '-1s' must be a duration" },
    { "cancel_grace: [1s]\n", "c.yml:1:15: cancel_grace: a list must be a duration" },
    { "kinds:\n  build:\n    docker: yes\n", "c.yml:3:13: docker: 'yes' must be none or socket" },
    { "kinds:\n  build:\n    registry_login: maybe\n", "c.yml:3:21: registry_login: 'maybe' must be true or false" },
    { "kinds:\n  build:\n    docker: [socket]\n", "c.yml:3:13: docker: a list must be none or socket" },
    { "kinds:\n  build:\n    memory: 5m\n", "c.yml:3:13: memory: '5m' must be a size such as 512m or 2g, at least 6m" },
    { "kinds:\n  build:\n    memory: -1\n", "c.yml:3:13: memory: '-1' must be a size" },
    { "kinds:\n  build:\n    memory: 9999999999g\n", "c.yml:3:13: memory: '9999999999g' must be a size" },
    { "kinds:\n  build:\n    cpus: half\n", "c.yml:3:11: cpus: 'half' must be a number of CPUs such as 1.5" },
    { "kinds:\n  build:\n    cpus: -1\n", "c.yml:3:11: cpus: '-1' must be a number of CPUs" },
    { "kinds:\n  build:\n    pids: 1.5\n", "c.yml:3:11: pids: '1.5' must be a whole number, 0 for no limit" },
    { "kinds:\n  build:\n    pids: 4194305\n", "c.yml:3:11: pids: '4194305' must be a whole number" },
    { "kinds:\n  build:\n    network: ''\n", "c.yml:3:14: network: '' must be a text" },
    { "kinds:\n  build:\n    mounts: [/a, a:/b]\n", "c.yml:3:18: mounts: 'a:/b' does not fit: must be a list of /HOST/PATH" },
    { "kinds:\n  build:\n    mounts: /\n", "c.yml:3:13: mounts: '/' must be" },
    { "kinds:\n  build:\n    mounts: '-v:/b'\n", "c.yml:3:13: mounts: '-v:/b' must be" },
    { "kinds:\n  build:\n    mounts: /a:b\n", "c.yml:3:13: mounts: '/a:b' must be" },
    { "kinds:\n  build:\n    mounts: /a:/b:rx\n", "c.yml:3:13: mounts: '/a:/b:rx' must be" },
    { "kinds:\n  build:\n    mounts: /a:/b:ro:z\n", "c.yml:3:13: mounts: '/a:/b:ro:z' must be" },
    { "kinds:\n  build:\n    mounts: /a/../etc:/b\n", "c.yml:3:13: mounts: '/a/../etc:/b' must be" },
    { "kinds:\n  build:\n    images: {a: b}\n", "c.yml:3:13: images: a map must be an image pattern" },
    { "kinds:\n  build:\n    services: {a: b}\n", "c.yml:3:15: services: a map must be an image pattern" },
    { "kinds:\n  build:\n    privileged_services: {a: b}\n",
      "c.yml:3:26: privileged_services: a map must be an image pattern" },
    { "kinds:\n  build:\n    privileged_images: ['']\n",
      "c.yml:3:25: privileged_images: '' does not fit: must be an image pattern" },
    { "services:\n  on_unready: never\n", "c.yml:2:15: on_unready: 'never' must be fail or warn" },
    { "services:\n  on_unready: [warn]\n", "c.yml:2:15: on_unready: a list must be fail or warn" },
    { "services:\n  wait: soon\n", "c.yml:2:9: wait: 'soon' must be a duration" },
    { "services:\n  waits: 1s\n", "c.yml:2:3: unknown key 'waits'; did you mean 'wait'?" },
    { "services: [redis]\n", "c.yml:1:11: services must be a map of keys and values, not a list" },
    { "kinds:\n  build:\n    images: [a, [b]]\n", "c.yml:3:17: images: '' does not fit: must be an image pattern" },

    /* Keys that there are not. */
    { "imgae: x\n", "c.yml:1:1: unknown key 'imgae'; did you mean 'image'?" },
    { "# x\nimage: x\nbuild: /b\n", "c.yml:3:1: unknown key 'build'; did you mean 'builds'?" },
    { "kind: {}\n", "c.yml:1:1: unknown key 'kind'; did you mean 'kinds'?" },
    { "frobnicate: 1\n", "c.yml:1:1: unknown key 'frobnicate'; there are: builds, cache, storage, cache_size, cache_age, image, " },
    { "\"\\e[2J\": 1\n", "c.yml:1:1: unknown key '\\x1b[2J'; there are:" },
    { "kinds:\n  biuld: {}\n", "c.yml:2:3: unknown key 'biuld'; did you mean 'build'?" },
    { "kinds:\n  nightly: {}\n", "c.yml:2:3: unknown key 'nightly'; there are: pull, build, push, test, deploy, other" },
    { "kinds:\n  build:\n    memroy: 1g\n", "c.yml:3:5: unknown key 'memroy'; did you mean 'memory'?" },
    { "kinds:\n  build:\n    privileged: true\n",
      "c.yml:3:5: unknown key 'privileged'; there are: docker, network, mounts, images" },
    { "memory: 1g\n", "c.yml:1:1: unknown key 'memory'; there are:" },

    /* The wrong shape. */
    { "[image]\n", "c.yml:1:1: the configuration must be a map of keys and values, not a list" },
    { "image\n", "c.yml:1:1: the configuration must be a map of keys and values, not text" },
    { "kinds: [build]\n", "c.yml:1:8: kinds must be a map of keys and values, not a list" },
    { "kinds:\n  build: socket\n", "c.yml:2:10: build must be a map of keys and values, not text" },
    { "stages: build\n", "c.yml:1:9: stages must be a map of keys and values, not text" },
    { "stages:\n  compile: biuld\n",
      "c.yml:2:12: stages: the kind of a stage is one of pull, build, push, test, deploy, other" },
    { "stages:\n  compile: [build]\n", "c.yml:2:12: stages: the kind of a stage is one of" },
    { "stages:\n  compile:\n", "stages: the kind of a stage is one of" },

    /* What is no YAML, or says a thing twice. */
    { "image: a\nimage: b\n", "c.yml:2:1: " },
    { "kinds:\n  build: {pids: 1}\n  build: {pids: 2}\n", "c.yml:3:3: " },
    { "stages: {a: build, a: test}\n", "c.yml:1:20: " },
    { "image: 'a\n", "c.yml:" },
    { "image: a\n\timage: b\n", "c.yml:2:" },
    { "image: caf\xe9\n", "c.yml:" },
    { "image: a\n---\nimage: b\n", "c.yml:" },
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        auto_config c = { 0 };
        auto_err e = ERR_INIT;
        auto_free char *shown = text_quote(refused[i].text);
        print_message("    %s\n", shown);
        assert_int_equal(read_text(refused[i].text, &c, &e), -1);
        expect_error(&e, refused[i].error);
        assert_int_equal(e.kind, ERR_CONFIG);
        assert_null(strchr(err_text(&e), '\n'));
        assert_null(c.builds); /* untouched */
    }
}

/* As people do it: the '#' goes where no blank and a word follow, which are a remark. */
static void uncomment(const char *sample, struct strbuf *out)
{
    for (const char *line = sample; *line; line += strcspn(line, "\n") + 1) {
        size_t len = strcspn(line, "\n");
        bool remark = len < 3 || (line[1] == ' ' && line[2] != ' ');
        assert_true(len <= 88);
        strbuf_putn(out, line + (!remark && line[0] == '#'), len - (!remark && line[0] == '#'));
        strbuf_putc(out, '\n');
    }
}

static void test_sample(void **state)
{
    (void)state;
    auto_strbuf sample = STRBUF_TEXT, text = STRBUF_TEXT;
    auto_config as_it_is = { 0 }, with_all = { 0 };
    auto_err e = ERR_INIT;
    config_sample(&sample);
    assert_int_equal(read_text(strbuf_text(&sample), &as_it_is, NULL), 0);
    auto_json *defaults = describe(&as_it_is);

    uncomment(strbuf_text(&sample), &text);
    if (read_text(strbuf_text(&text), &with_all, &e) < 0)
        fail_msg("%s\n%s", err_text(&e), strbuf_text(&text));
    auto_json *got = describe(&with_all);
    expect_members(got, "{'docker_host':'unix:///var/run/docker.sock', 'docker_cert_path':'/PATH', "
                        "'allowed_pull_policies':['if-not-present'], "
                        "'build':{'stages':['compile']}, 'deploy':{'stages':['staging']}}");
    /* But for these examples, what stands there are the defaults. */
    json_object_set_new(got, "docker_host", json_null());
    json_object_set_new(got, "docker_cert_path", json_null());
    json_object_set_new(got, "allowed_pull_policies", json_array());
    json_object_set_new(json_object_get(got, "build"), "stages", json_array());
    json_object_set_new(json_object_get(got, "build"), "settings", json_object());
    json_object_set_new(json_object_get(got, "deploy"), "stages", json_array());
    if (geteuid() == 0)
        assert_true(json_equal(got, defaults));
}

/* Each key of the sample has a row above where it is taken, and one where its value is refused. */
static void test_every_key_has_its_rows(void **state)
{
    (void)state;
    auto_strbuf sample = STRBUF_TEXT, text = STRBUF_TEXT;
    config_sample(&sample);
    uncomment(strbuf_text(&sample), &text);
    for (const char *line = strbuf_text(&text); *line; line += strcspn(line, "\n") + 1) {
        if (text_starts(line, "targets:")) /* test_config_target.c */
            break;
        const char *word = line + strspn(line, " ");
        size_t len = strspn(word, "abcdefghijklmnopqrstuvwxyz_");
        if (len == 0 || text_starts(word, "compile:") || text_starts(word, "staging:"))
            continue;
        auto_free char *name = xstrndup(word, len);
        if (setting_find(name)) /* those have their rows in test_setting.c */
            continue;
        auto_free char *key = xasprintf("%s:", name);
        bool is_taken = false, is_refused = false;
        for (size_t i = 0; i < ARRAY_SIZE(accepted); i++)
            is_taken = is_taken || strstr(accepted[i].text, key);
        for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
            is_refused = is_refused || (strstr(refused[i].text, key) && !strstr(refused[i].error, "unknown"));
        print_message("    %s\n", key);
        assert_true(is_taken && is_refused);
    }
}

static const struct {
    const char *env[3];
    unsigned uid;
    const char *want; /* the cache */
} folders[] = {
    { { "HOME=/root", "XDG_CACHE_HOME=/x" }, 0, "/var/lib/atelier/cache" },
    { { "HOME=/home/me" }, 1000, "/home/me/.cache/atelier/cache" },
    { { "HOME=/home/me", "XDG_CACHE_HOME=/x" }, 1000, "/x/atelier/cache" },
    { { "HOME=/home/me", "XDG_CACHE_HOME=" }, 1000, "/home/me/.cache/atelier/cache" },
    { { "HOME=/home/me", "XDG_CACHE_HOME=x" }, 1000, "/home/me/.cache/atelier/cache" },
    { { "HOME=" }, 1000, "/var/lib/atelier/cache" },
    { { "HOMES=/x" }, 1000, "/var/lib/atelier/cache" },
};

static void test_default_folders(void **state)
{
    (void)state;
    bool root = geteuid() == 0;
    for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
        if (!root && folders[i].uid == 0)
            continue;
        auto_strvec env = STRVEC_INIT;
        for (const char *const *entry = folders[i].env; *entry; entry++)
            strvec_push(&env, *entry);
        auto_config c = { 0 };
        if (root)
            assert_int_equal(seteuid(folders[i].uid), 0);
        int rc = config_read_text("c.yml", "", 0, strvec_list(&env), &c, NULL);
        if (root)
            assert_int_equal(seteuid(0), 0);
        assert_int_equal(rc, 0);
        assert_string_equal(c.cache, folders[i].want);
        assert_true(text_ends(c.builds, "/atelier/builds"));
    }
}

static void test_file(void **state)
{
    (void)state;
    char path[] = "/tmp/atelier-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    (void)close(fd);
    static const char text[] = "image: a\nimgae: b\n";
    auto_config c = { 0 };
    auto_err e = ERR_INIT;
    assert_int_equal(config_read(path, no_env, &c, &e), 0); /* empty */
    config_release(&c);
    assert_int_equal(file_write(path, text, strlen(text), 0600, NULL), 0);
    assert_int_equal(config_read(path, no_env, &c, &e), -1);
    expect_error(&e, path);
    expect_error(&e, ":2:1: unknown key 'imgae'; did you mean 'image'?");
    (void)unlink(path);
    assert_int_equal(config_read(path, no_env, &c, &e), -1); /* one that was asked for must be there */
    expect_error(&e, path);
    assert_int_equal(e.kind, ERR_CONFIG);
}

static const struct {
    const char *text;
    const char *env[4];
    const char *host, *cert_path;
    bool verify;
} endpoints[] = {
    { "", { NULL }, NULL, NULL, false },
    { "docker_host: tcp://file:1\n", { NULL }, "tcp://file:1", NULL, false },
    { "", { "DOCKER_HOST=tcp://env:1" }, "tcp://env:1", NULL, false },
    { "docker_host: tcp://file:1\n", { "DOCKER_HOST=tcp://env:1" }, "tcp://file:1", NULL, false },
    { "{docker_cert_path: /file, docker_tls_verify: true}\n", { "DOCKER_CERT_PATH=/env" }, NULL, "/file", true },
    { "docker_tls_verify: false\n", { "DOCKER_TLS_VERIFY=1", "DOCKER_CERT_PATH=/env" }, NULL, "/env", true },
};

static void assert_text(const char *got, const char *want)
{
    assert_string_equal(got ? got : "(null)", want ? want : "(null)");
}

static void test_endpoint(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(endpoints); i++) {
        auto_config c = { 0 };
        auto_strvec env = STRVEC_INIT;
        struct engine_endpoint got;
        for (const char *const *entry = endpoints[i].env; *entry; entry++)
            strvec_push(&env, *entry);
        assert_int_equal(read_text(endpoints[i].text, &c, NULL), 0);
        config_endpoint(&c, strvec_list(&env), &got);
        assert_text(got.host, endpoints[i].host);
        assert_text(got.cert_path, endpoints[i].cert_path);
        assert_int_equal(got.tls_verify, endpoints[i].verify);
    }
}

static const struct {
    const char *text, *host;
    bool want;
} storages[] = {
    { "", NULL, false },
    { "", "DOCKER_HOST=unix:///run/x.sock", false },
    { "", "DOCKER_HOST=tcp://h:2375", true },
    { "docker_host: tcp://h:2376\n", NULL, true },
    { "docker_host: unix:///x\n", "DOCKER_HOST=tcp://h:2375", false },
    { "storage: volumes\n", NULL, true },
    { "storage: folders\n", "DOCKER_HOST=tcp://h:2375", false },
    { "storage: auto\n", "DOCKER_HOST=tcp://h:2375", true },
};

static void test_storage(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(storages); i++) {
        auto_config c = { 0 };
        auto_strvec env = STRVEC_INIT;
        struct engine_endpoint endpoint;
        if (storages[i].host)
            strvec_push(&env, storages[i].host);
        assert_int_equal(read_text(storages[i].text, &c, NULL), 0);
        config_endpoint(&c, strvec_list(&env), &endpoint);
        assert_int_equal(config_uses_volumes(&c, &endpoint), storages[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_sample),
        cmocka_unit_test(test_every_key_has_its_rows),
        cmocka_unit_test(test_default_folders),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_endpoint),
        cmocka_unit_test(test_storage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
