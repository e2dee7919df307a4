#include "executor/config.h"

#include "base/file.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "tests/support/expect.h"

static char *const no_env[] = { NULL };

static int read_text(const char *text, struct config *out, struct err *e)
{
    return config_read_text("c.yml", text, strlen(text), no_env, out, e);
}

static json_t *describe(const struct target *t)
{
    json_t *all = json_pack(
        "{s:s, s:s, s:s, s:b, s:s, s:o, s:o, s:b, s:i, s:s, s:o, s:s, s:s, s:b, s:b, s:I, s:I, s:o, s:o, s:b}", "name", t->name,
        "docker_host", t->docker_host, "cert_path", t->cert_path, "verify", t->tls_verify, "domain", t->domain, "projects",
        json_strings(&t->projects), "environments", json_strings(&t->environments), "protected", t->protected_only,
        "routing", (int)t->routing, "network", t->network, "entrypoints", json_strings(&t->entrypoints), "certresolver",
        t->certresolver, "data", t->data, "root", t->allow_root_user, "volumes", t->allow_image_volumes, "memory",
        (json_int_t)t->memory, "cpus", (json_int_t)t->nano_cpus, "domains", json_strings(&t->domains), "managed_images",
        json_strings(&t->managed_images), "keep_images", t->keep_images);
    json_t *files = json_array();
    json_t *managed = json_object();

    json_object_set_new(all, "times", json_pack("[I, I, I, I, I]", (json_int_t)t->health_wait_ms, (json_int_t)t->drain_ms,
                                                (json_int_t)t->stop_grace_ms, (json_int_t)t->lock_wait_ms,
                                                (json_int_t)t->keep_releases));
    for (size_t i = 0; i < t->n_files; i++)
        json_array_append_new(files, json_pack("[i, s, s]", (int)t->files[i].as, t->files[i].name, t->files[i].path));
    for (size_t i = 0; i < t->n_managed; i++)
        json_object_set_new(managed, t->managed[i].service, json_string(t->managed[i].host));
    json_object_set_new(all, "files", files);
    json_object_set_new(all, "managed", managed);
    json_object_set_new(all, "mails", json_strings(&t->mails));
    json_object_set_new(all, "influxdb", json_strings(&t->influxdb));
    return all;
}

/* Members of the target `t`, which begins so. */
#define TARGET "targets:\n  t:\n    docker_host: unix:///run/d.sock\n    "

static const struct {
    const char *text;
    const char *want; /* of the first */
} accepted[] = {
    { TARGET "\n", "{'name':'t','docker_host':'unix:///run/d.sock','cert_path':'','verify':false,'domain':'','projects':[],"
      "'environments':[],'protected':false,'routing':0,'network':'','entrypoints':[],'certresolver':'',"
      "'data':'/srv/atelier','root':false,'volumes':false,'memory':0,'cpus':0,'times':[120000,5000,10000,600000,10],"
      "'files':[],'managed':{},'mails':[],'influxdb':[],'domains':[],'managed_images':[],'keep_images':false}" },
    { "targets: {a.b-c_1: {docker_host: 'ssh://me@h:22'}}\n", "{'name':'a.b-c_1','docker_host':'ssh://me@h:22'}" },
    { "targets: {t: {docker_host: 'tcp://h:2376', docker_cert_path: /c, docker_tls_verify: true}}\n",
      "{'docker_host':'tcp://h:2376','cert_path':'/c','verify':true}" },
    { TARGET "projects: g/*\n    environments: [staging, 'review/*']\n    protected_only: true\n",
      "{'projects':['g/*'],'environments':['staging','review/*'],'protected':true}" },
    { TARGET "domain: example.com\n    data: /d\n    memory: 512m\n    cpus: 1.5\n",
      "{'domain':'example.com','data':'/d','memory':536870912,'cpus':1500000000}" },
    { TARGET "routing: traefik2\n    network: web\n    entrypoints: [a, b]\n    certresolver: le\n",
      "{'routing':2,'network':'web','entrypoints':['a','b'],'certresolver':'le'}" },
    { TARGET "routing: none\n    allow_root_user: true\n    allow_image_volumes: true\n", "{'root':true,'volumes':true}" },
    { TARGET "health_wait: 1s\n    drain: 2s\n    stop_grace: 3s\n    lock_wait: 4s\n    keep_releases: 5\n",
      "{'times':[1000,2000,3000,4000,5]}" },
    { TARGET "domains: ['*.a.io', b.io]\n    managed_images: mysql:*\n    keep_images: true\n",
      "{'domains':['*.a.io','b.io'],'managed_images':['mysql:*'],'keep_images':true}" },
    { TARGET "managed: {mysql: container, redis: 10.0.0.1}\n", "{'managed':{'mysql':'','redis':'10.0.0.1'}}" },
    { TARGET "key_file: /k\n    registries: {r: {username: u, password_file: /p}}\n",
      "{'files':[[0,'','/k'],[3,'r','/p']]}" },
    { TARGET "mails: {domain: d, port: 25, user: u, token_file: /t}\n",
      "{'mails':['MAILS_DOMAIN=d','MAILS_PORT=25','MAILS_USER=u'],'files':[[1,'MAILS_TOKEN','/t']]}" },
    { TARGET "influxdb: {domain: d, database: b, username: u, password_file: /t}\n",
      "{'influxdb':['INFLUXDB_DOMAIN=d','INFLUXDB_DATABASE=b','INFLUXDB_USERNAME=u'],"
      "'files':[[2,'INFLUXDB_PASSWORD','/t']]}" },
};

static void test_accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(accepted); i++) {
        auto_config c = { 0 };
        auto_err e = ERR_INIT;
        if (read_text(accepted[i].text, &c, &e) < 0)
            fail_msg("%s: %s", accepted[i].text, err_text(&e));
        auto_json *got = describe(&c.targets.items[0]);
        expect_members(got, accepted[i].want);
    }
}

static const struct {
    const char *text, *error;
} refused[] = {
    { "targets: [t]\n", "c.yml:1:10: targets must be a map of keys and values, not a list" },
    { "targets: {t: x}\n", "c.yml:1:14: t must be a map of keys and values, not text" },
    { "targets: {-t: {}}\n", "c.yml:1:11: a target's name is made of" },
    { "targets: {'': {}}\n", "c.yml:1:11: a target's name is made of" },
    { "targets:\n  t:\n    domain: d\n", "c.yml:2:3: target 't' needs docker_host" },
    { "targets:\n  t:\n", "c.yml:2:3: target 't' needs docker_host" },
    { TARGET "docker_hots: x\n", "c.yml:4:5: unknown key 'docker_hots'; did you mean 'docker_host'?" },
    { TARGET "key: abc\n", "c.yml:4:5: unknown key 'key'" },
    { TARGET "registrys: {}\n", "c.yml:4:5: unknown key 'registrys'; did you mean 'registries'?" },
    { "targets: {t: {docker_host: 'http://h'}}\n", "docker_host: 'http://h' must be unix:///PATH, tcp://" },
    { "targets: {t: {docker_host: 'ssh://'}}\n", "must be unix:///PATH" },
    { "targets: {t: {docker_host: 'ssh://a b'}}\n", "must be unix:///PATH" },
    { TARGET "docker_cert_path: c\n", "docker_cert_path: 'c' must be an absolute path" },
    { TARGET "docker_tls_verify: 1\n", "docker_tls_verify: '1' must be true or false" },
    { TARGET "projects: {}\n", "projects: a map must be a pattern such as group/*" },
    { TARGET "environments: ['']\n", "environments: '' does not fit: must be a pattern" },
    { TARGET "protected_only: x\n", "protected_only: 'x' must be true or false" },
    { TARGET "domain: []\n", "domain: a list must be a text" },
    { TARGET "routing: traefik\n", "c.yml:4:14: routing: 'traefik' must be none, traefik1, traefik2 or traefik3" },
    { TARGET "routing: traefik1\n", "c.yml:2:3: target 't' has a proxy (routing) and needs its network" },
    { TARGET "network: ''\n", "network: '' must be a text" },
    { TARGET "entrypoints: [a b]\n", "entrypoints: 'a b' does not fit: must be a word" },
    { TARGET "certresolver: []\n", "certresolver: a list must be a text" },
    { TARGET "data: srv\n", "data: 'srv' must be an absolute path" },
    { TARGET "allow_root_user: x\n", "must be true or false" },
    { TARGET "allow_image_volumes: x\n", "must be true or false" },
    { TARGET "memory: lots\n", "memory: 'lots' must be a size" },
    { TARGET "cpus: -1\n", "cpus: '-1' must be a number of CPUs" },
    { TARGET "health_wait: x\n", "health_wait: 'x' must be a duration" },
    { TARGET "drain: x\n", "drain: 'x' must be a duration" },
    { TARGET "stop_grace: x\n", "stop_grace: 'x' must be a duration" },
    { TARGET "lock_wait: x\n", "lock_wait: 'x' must be a duration" },
    { TARGET "domains: {}\n", "domains: a map must be a pattern" },
    { TARGET "managed_images: {}\n", "managed_images: a map must be a pattern" },
    { TARGET "keep_images: 3\n", "keep_images: '3' must be true or false" },
    { TARGET "keep_releases: 0\n", "keep_releases: '0' must be a whole number from 1" },
    { TARGET "managed: {mysq: container}\n", "c.yml:4:15: unknown key 'mysq'; did you mean 'mysql'?" },
    { TARGET "managed: {mysql: 'a b'}\n", "mysql: 'a b' must be container, or the name" },
    { TARGET "managed: [mysql]\n", "managed must be a map" },
    { TARGET "key_file: k\n", "key_file: 'k' must be an absolute path" },
    { TARGET "mails: {token: secret}\n", "c.yml:4:13: unknown key 'token'" },
    { TARGET "mails: {token_file: x}\n", "token_file: 'x' must be an absolute path" },
    { TARGET "influxdb: {pasword_file: /x}\n", "unknown key 'pasword_file'; did you mean 'password_file'?" },
    { TARGET "registries: {r: {username: u}}\n", "registry 'r' needs username and password_file" },
    { TARGET "registries: {r: {username: u, password: p}}\n", "unknown key 'password'; there are: username, password_file" },
    { TARGET "registries: r\n", "registries must be a map" },
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        auto_config c = { 0 };
        auto_err e = ERR_INIT;
        if (read_text(refused[i].text, &c, &e) == 0)
            fail_msg("taken: %s", refused[i].text);
        expect_error(&e, refused[i].error);
        assert_int_equal(e.kind, ERR_CONFIG);
    }
}

/* ---- Who may ---- */

static const struct {
    const char *keys;
    const char *project, *environment;
    bool protected_ref;
    const char *error; /* NULL: it may */
} asked[] = {
    { "projects: g/*\n    environments: staging\n", "g/p", "staging", false, NULL },
    { "projects: g/*\n    environments: ['a', 'review/*']\n", "g/sub/p", "review/x/y", false, NULL },
    { "projects: [a/b, g/p]\n    environments: '*'\n", "g/p", "anything", false, NULL },
    { "projects: g/*\n    environments: staging\n", "h/p", "staging", false,
      "project 'h/p' may not deploy to t; allowed: g/* (targets: t: projects" },
    { "projects: g/*\n    environments: staging\n", "xg/p", "staging", false, "project 'xg/p' may not" },
    { "projects: g/*\n    environments: [staging, qa]\n", "g/p", "production", false,
      "environment 'production' may not deploy to t; allowed: staging, qa (targets: t: environments" },
    { "environments: staging\n", "g/p", "staging", false, "project 'g/p' may not deploy to t; allowed: none" },
    { "projects: g/*\n", "g/p", "staging", false, "environment 'staging' may not deploy to t; allowed: none" },
    { "projects: g/*\n    environments: '*'\n", "g/p", "", false, "the job has no environment" },
    { "projects: g/*\n    environments: '*'\n    protected_only: true\n", "g/p", "e", true, NULL },
    { "projects: g/*\n    environments: '*'\n    protected_only: true\n", "g/p", "e", false,
      "only jobs of protected branches and tags may deploy to t" },
};

static void test_who_may(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(asked); i++) {
        auto_free char *text = xasprintf(TARGET "%s", asked[i].keys);
        auto_free char *project = xstrdup(asked[i].project);
        auto_free char *environment = xstrdup(asked[i].environment);
        const struct job job = {
            .project_path = project, .environment = environment, .protected_ref = asked[i].protected_ref
        };
        auto_config c = { 0 };
        auto_err e = ERR_INIT;
        assert_int_equal(read_text(text, &c, &e), 0);
        const struct target *t = targets_find(&c.targets, "t");
        assert_non_null(t);
        assert_null(targets_find(&c.targets, "u"));
        assert_int_equal(target_allows(t, &job, &e), asked[i].error ? -1 : 0);
        assert_int_equal(targets_allow(&c.targets, &job), !asked[i].error);
        if (asked[i].error)
            expect_error(&e, asked[i].error);
        assert_true(!asked[i].error || e.kind == ERR_JOB);
    }
}

/* ---- Secrets ---- */

#define KEY "0123456789abcdef0123456789abcdef"

static const struct {
    const char *text; /* NULL: no such file */
    mode_t mode;
    const char *error; /* after the path; NULL: it is read */
} keys[] = {
    { KEY "\n", 0600, NULL },
    { KEY, 0640, NULL },
    { KEY "\r\n", 0400, NULL },
    { KEY, 0644, "' holds a secret, and its mode 0644 lets others of this host read or write it; chmod 600 it" },
    { KEY, 0660, "mode 0660 lets others" },
    { "", 0600, "' is empty" },
    { "\n", 0600, "' is empty" },
    { "short\n", 0600, "' is shorter than 32 characters; make one with: (umask 077 && openssl rand" },
    { NULL, 0600, "' is not there; make one with: (umask 077 && openssl rand -hex 32 >" },
};

static void test_key_files(void **state)
{
    auto_free char *folder = NULL;
    (void)state;

    assert_int_equal(dir_temporary("/tmp", "target", &folder, NULL), 0);
    auto_free char *path = xasprintf("%s/key", folder);
    auto_free char *text = xasprintf(TARGET "key_file: %s\n", path);
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        auto_config c = { 0 };
        auto_err e = ERR_INIT;
        const char *key = NULL;
        (void)unlink(path);
        assert_int_equal(read_text(text, &c, &e), 0);
        if (keys[i].text)
            assert_int_equal(file_write(path, keys[i].text, strlen(keys[i].text), keys[i].mode, &e), 0);
        int rc = target_read_secrets(&c.targets.items[0], &e);
        assert_int_equal(rc, keys[i].error ? -1 : 0);
        if (rc < 0) {
            expect_error(&e, keys[i].error);
            assert_int_equal(e.kind, ERR_CONFIG);
            assert_int_equal(target_key(&c.targets.items[0], &key, &e), -1);
            expect_error(&e, "it has none; make one with:");
            continue;
        }
        assert_int_equal(target_key(&c.targets.items[0], &key, &e), 0);
        assert_string_equal(key, KEY);
    }
    assert_int_equal(dir_remove(folder, NULL), 0);
}

static void test_other_secrets(void **state)
{
    auto_free char *folder = NULL;
    auto_config c = { 0 };
    (void)state;

    assert_int_equal(dir_temporary("/tmp", "target", &folder, NULL), 0);
    auto_free char *path = xasprintf("%s/secret", folder);
    auto_free char *text =
        xasprintf(TARGET "mails: {user: u, token_file: %s}\n    influxdb: {password_file: %s}\n"
                  "    registries: {r: {username: u, password_file: %s}}\n", path, path, path);
    assert_int_equal(file_write(path, "hunter2\n", 8, 0600, NULL), 0);
    assert_int_equal(read_text(text, &c, NULL), 0);
    struct target *t = &c.targets.items[0];
    assert_string_equal(t->registries[0].password, "");
    assert_int_equal(target_read_secrets(t, NULL), 0);
    assert_string_equal(strvec_env(&t->mails, "MAILS_TOKEN"), "hunter2");
    assert_string_equal(strvec_env(&t->influxdb, "INFLUXDB_PASSWORD"), "hunter2");
    assert_string_equal(t->registries[0].password, "hunter2");
    assert_int_equal(dir_remove(folder, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted),  cmocka_unit_test(test_refused),       cmocka_unit_test(test_who_may),
        cmocka_unit_test(test_key_files), cmocka_unit_test(test_other_secrets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
