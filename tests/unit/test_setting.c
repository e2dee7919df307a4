#include "stages/setting.h"

#include "base/file.h"
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/expect.h"

/* The value of one setting, as the API gets it; NULL when it is refused. */
static json_t *read_value(const char *name, const char *written)
{
    static const struct yaml_limits limits = YAML_LIMITS;
    auto_yaml *y = NULL;
    auto_err e = ERR_INIT;
    const struct setting *s = setting_find(name);

    assert_non_null(s);
    if (yaml_read("y", written, strlen(written), &limits, &y, &e) < 0)
        fail_msg("%s", err_text(&e));
    return s->read(y);
}

static const struct {
    const char *name, *written, *want; /* want NULL: refused */
} values[] = {
    { "memory", "512m", "536870912" },
    { "memory", "0", "0" },
    { "memory", "1m", NULL },
    { "memory", "lots", NULL },
    { "memory", "[1g]", NULL },
    { "memory_swap", "-1", "-1" },
    { "memory_swap", "1g", "1073741824" },
    { "memory_swap", "-2", NULL },
    { "cpus", "0.5", "500000000" },
    { "cpus", "half", NULL },
    { "cpuset_cpus", "0-3", "'0-3'" },
    { "cpuset_cpus", "''", NULL },
    { "pids", "100", "100" },
    { "pids", "-1", NULL },
    { "pids", "4194305", NULL },
    { "shm_size", "64k", "65536" },
    { "ulimits", "{nofile: '1024:4096', core: -1}",
      "[{'Name':'nofile','Soft':1024,'Hard':4096},{'Name':'core','Soft':-1,'Hard':-1}]" },
    { "ulimits", "{nofile: many}", NULL },
    { "ulimits", "{nofile: '1:'}", NULL },
    { "ulimits", "nofile", NULL },
    { "ulimits", "{nofil: 3}", NULL },
    { "tmpfs", "{/run: 'rw,size=1m', /x: }", "{'/run':'rw,size=1m','/x':''}" },
    { "tmpfs", "{/run: [rw]}", NULL },
    { "devices", "/dev/fuse", "[{'PathOnHost':'/dev/fuse','PathInContainer':'/dev/fuse','CgroupPermissions':'rwm'}]" },
    { "devices", "['/dev/a:/dev/b:r']",
      "[{'PathOnHost':'/dev/a','PathInContainer':'/dev/b','CgroupPermissions':'r'}]" },
    { "devices", "dev/a", NULL },
    { "devices", "'/dev/a:b'", NULL },
    { "devices", "'/dev/a:/b:x'", NULL },
    { "devices", "'/dev/a:/b:'", NULL },
    { "gpus", "all", "[{'Driver':'','Count':-1,'Capabilities':[['gpu']]}]" },
    { "gpus", "2", "[{'Driver':'','Count':2,'Capabilities':[['gpu']]}]" },
    { "gpus", "0", NULL },
    { "gpus", "'device=0,GPU-3a23'", "[{'Driver':'','DeviceIDs':['0','GPU-3a23'],'Capabilities':[['gpu']]}]" },
    { "gpus", "'device='", NULL },
    { "gpus", "'device=0,'", NULL },
    { "gpus", "[0]", NULL },
    { "cpuset_mems", "0-1", "'0-1'" },
    { "cpuset_mems", "''", NULL },
    { "cpu_shares", "512", "512" },
    { "cpu_shares", "1", NULL },
    { "cpu_shares", "262145", NULL },
    { "cgroup_parent", "ci.slice", "'ci.slice'" },
    { "cgroup_parent", "[]", NULL },
    { "oom_score_adjust", "-1000", "-1000" },
    { "oom_score_adjust", "1000", "1000" },
    { "oom_score_adjust", "1001", NULL },
    { "user", "1000:1000", "'1000:1000'" },
    { "user", "ci", "'ci'" },
    { "user", "ci:", NULL },
    { "user", "':0'", NULL },
    { "user", "'a:b:c'", NULL },
    { "user", "'a b'", NULL },
    { "user", "''", NULL },
    { "group_add", "[docker, 998]", "['docker','998']" },
    { "group_add", "{}", NULL },
    { "init", "true", "true" },
    { "init", "1", NULL },
    { "log_options", "{env: 'A,B', labels: team}", "{'env':'A,B','labels':'team'}" },
    { "log_options", "{env: A, max-size: 1t}", NULL },
    { "log_options", "env", NULL },
    { "mac_address", "02:42:ac:11:00:0F", "'02:42:ac:11:00:0F'" },
    { "mac_address", "02:42:ac:11:00", NULL },
    { "mac_address", "02-42-ac-11-00-02", NULL },
    { "mac_address", "02:42:ac:11:00:0g", NULL },
    { "mac_address", "02:42:ac:11:00:02:", NULL },
    { "mac_address", "[]", NULL },
    { "cap_add", "[SYS_PTRACE, NET_ADMIN]", "['SYS_PTRACE','NET_ADMIN']" },
    { "cap_add", "{}", NULL },
    { "cap_drop", "ALL", "['ALL']" },
    { "cap_drop", "[[ALL]]", NULL },
    { "security_opt", "no-new-privileges", "['no-new-privileges']" },
    { "security_opt", "seccomp=unconfined", "['seccomp=unconfined']" },
    { "security_opt", "seccomp=/nonexistent/profile.json", NULL },
    { "sysctls", "{net.core.somaxconn: 1024}", "{'net.core.somaxconn':'1024'}" },
    { "extra_hosts", "['db:10.0.0.1', 'six:::1']", "['db:10.0.0.1','six:::1']" },
    { "extra_hosts", "db", NULL },
    { "extra_hosts", "':10.0.0.1'", NULL },
    { "read_only", "true", "true" },
    { "read_only", "maybe", NULL },
    { "init", "true", "true" },
    { "init", "tini", NULL },
    { "hostname", "builder", "'builder'" },
    { "memory_reservation", "256m", "268435456" },
    { "memory_reservation", "5m", NULL },
    { "shm_size", "big", NULL },
    { "device_cgroup_rules", "'c 188:* rmw'", "['c 188:* rmw']" },
    { "device_cgroup_rules", "{}", NULL },
    { "sysctls", "[a]", NULL },
    { "dns", "[192.0.2.1, 192.0.2.2]", "['192.0.2.1','192.0.2.2']" },
    { "dns", "{}", NULL },
    { "dns_search", "example.com", "['example.com']" },
    { "dns_search", "{}", NULL },
    { "runtime", "runsc", "'runsc'" },
    { "runtime", "[]", NULL },
    { "userns", "host", "'host'" },
    { "userns", "[]", NULL },
    { "ipc", "private", "'private'" },
    { "ipc", "[]", NULL },
    { "hostname", "''", NULL },
    { "labels", "{team: web}", "{'team':'web'}" },
    { "labels", "{atelier.job: mine}", NULL },
};

static void test_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        auto_json *got = read_value(values[i].name, values[i].written);
        print_message("    %s: %s\n", values[i].name, values[i].written);
        if (!values[i].want) {
            assert_null(got);
            continue;
        }
        auto_json *holder = json_pack("{s:O*}", "value", got);
        auto_free char *want = xasprintf("{'value':%s}", values[i].want);
        expect_members(holder, want);
    }
}

/* The API gets the profile's text, since the daemon does not see the client's files. */
static void test_seccomp_profile_is_read(void **state)
{
    (void)state;
    auto_free char *dir = NULL;
    auto_err e = ERR_INIT;
    assert_int_equal(dir_temporary("/tmp", "seccomp", &dir, &e), 0);
    auto_free char *file = xasprintf("%s/p.json", dir);
    auto_free char *written = xasprintf("seccomp=%s", file);
    assert_int_equal(file_write(file, "{}", 2, 0600, &e), 0);
    auto_json *got = read_value("security_opt", written);
    assert_string_equal(json_string_value(json_array_get(got, 0)), "seccomp={}");
    assert_int_equal(dir_remove(dir, &e), 0);
}

static void test_applied_by_place_and_container(void **state)
{
    (void)state;
    auto_json *values_of_kind =
        json_pack("{s:i, s:[s], s:{s:s}, s:s}", "memory", 7, "cap_add", "X", "labels", "team", "web", "hostname", "h");
    auto_json *own = json_pack("{s:{s:s}, s:{s:s}}", "HostConfig", "NetworkMode", "n", "Labels", "atelier.job", "j");
    auto_json *helper = json_deep_copy(own);
    auto_json *service = json_pack("{s:{s:{s:{s:s}}}}", "HostConfig", "LogConfig", "Config", "max-size", "10m");
    json_object_set_new(values_of_kind, "log_options", json_pack("{s:s}", "env", "A"));

    settings_apply(values_of_kind, FOR_JOB, own);
    expect_members(own, "{'HostConfig':{'NetworkMode':'n','Memory':7,'CapAdd':['X']},"
                        "'Labels':{'atelier.job':'j','team':'web'},'Hostname':'h'}");
    settings_apply(values_of_kind, FOR_HELPER, helper);
    expect_members(helper, "{'HostConfig':{'NetworkMode':'n','Memory':7},"
                           "'Labels':{'atelier.job':'j','team':'web'},'Hostname':'h'}");
    settings_apply(values_of_kind, FOR_SERVICES, service);
    expect_members(service, "{'HostConfig':{'Memory':7,'CapAdd':null,"
                            "'LogConfig':{'Config':{'max-size':'10m','env':'A'}}},'Hostname':'h'}");
    assert_null(json_object_get(json_object_get(own, "HostConfig"), "LogConfig"));
}

static void test_rows_are_whole(void **state)
{
    (void)state;
    for (const struct setting *s = settings; s->name; s++) {
        assert_ptr_equal(setting_find(s->name), s); /* no name is there twice */
        bool is_taken = false, is_refused = false;
        for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
            bool same = strcmp(values[i].name, s->name) == 0;
            is_taken |= same && values[i].want;
            is_refused |= same && !values[i].want;
        }
        print_message("    %s\n", s->name);
        assert_true(is_taken && is_refused); /* it has its rows above */
        assert_true(s->read && s->problem && s->place && s->whose && s->otherwise && s->help);
    }
    assert_null(setting_find("no_such"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_seccomp_profile_is_read),
        cmocka_unit_test(test_applied_by_place_and_container),
        cmocka_unit_test(test_rows_are_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
