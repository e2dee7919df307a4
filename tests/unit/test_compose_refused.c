/* What a compose file may not say: where it is, what is wrong, and what to do. */
#include "stages/deploy/compose.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/compose_case.h"

static void expect_refused(const char *text, const char *want)
{
    auto_compose_case c = { 0 };
    if (compose_case_read(text, &c) == 0)
        fail_msg("taken: %s", text);
    auto_free char *all = strvec_join(&c.problems, "\n");
    if (!strstr(all, want))
        fail_msg("%s: wanted '%s', got:\n%s", text, want, all);
    assert_int_equal(c.e.kind, ERR_JOB);
    assert_int_equal(c.compose.n, 0);
    if (strstr(all, "s3cr3t"))
        fail_msg("a secret is in: %s", all);
    for (const char *p = all; *p; p++)
        if (*p != '\n' && (unsigned char)*p < 0x20)
            fail_msg("a control character is in: %s", all);
}

/* What a service `s` says beside `image: i`, in column 5 of line 4. */
static const struct {
    const char *text, *want;
} services[] = {
    /* "Limitations": what is not in the list, each with what to use instead. */
    { "build: .", "f.yml:4:5: `build` is not allowed: nothing is built on a target; build and push the image in a job" },
    { "env_file: .env", "f.yml:4:5: `env_file` is not allowed: the file is not on the target; name each variable" },
    { "privileged: true", "f.yml:4:5: `privileged` is not allowed: a service has nothing of the host; take it out" },
    { "privileged: false", "`privileged` is not allowed" },
    { "devices: [/dev/kvm]", "`devices` is not allowed" },
    { "network_mode: host", "`network_mode` is not allowed: all services of a project are on its own network" },
    { "networks: [a]", "`networks` is not allowed" },
    { "pid: host", "`pid` is not allowed" },
    { "ipc: host", "`ipc` is not allowed" },
    { "uts: host", "`uts` is not allowed" },
    { "userns_mode: host", "`userns_mode` is not allowed" },
    { "cgroup_parent: /", "`cgroup_parent` is not allowed" },
    { "cap_add: [ALL]", "`cap_add` is not allowed: a service has no more rights" },
    { "security_opt: [a]", "`security_opt` is not allowed" },
    { "volumes_from: [t]", "`volumes_from` is not allowed: write the same ./data/NAME:/PATH" },
    { "extends: t", "`extends` is not allowed: only this file is read; write a YAML anchor and `<<: *name`" },
    { "container_name: x", "`container_name` is not allowed: two releases run side by side" },
    { "deploy: {replicas: 2}", "`deploy` is not allowed: it is for swarms" },
    { "secrets: [a]", "`secrets` is not allowed: create an SV_<ENVIRONMENT>_NAME variable" },
    { "configs: [a]", "`configs` is not allowed" },
    { "sysctls: {a: 1}", "`sysctls` is not allowed" },
    { "user: root", "`user` is not allowed: write USER into the image's Dockerfile" },
    { "tmpfs: /tmp", "`tmpfs` is not allowed" },
    { "runtime: runc", "`runtime` is not allowed" },
    { "mem_limit: 1g", "`mem_limit` is not allowed: the target's owner sets limits" },
    { "use_api_socket: true", "`use_api_socket` is not allowed" },
    { "stop_signal: TERM", "`stop_signal` is not allowed: write STOPSIGNAL" },
    { "comand: x", "f.yml:4:5: unknown key `comand`; did you mean `command`?" },
    { "enviroment: x", "unknown key `enviroment`; did you mean `environment`?" },
    { "Image: x", "unknown key `Image`; did you mean `image`?" },
    { "qwertyuiop: x", "unknown key `qwertyuiop`; take it out, or call it x-qwertyuiop to have it ignored" },
    { "\"a\\nb\": x", "unknown key `a\\nb`; take it out" },
    { "\"<<\": {privileged: true}", "unknown key `<<`" }, /* in quotes it is no merge */
    { "<<: {privileged: true}", "f.yml:4:10: `privileged` is not allowed" },
    { "<<: [{tty: true}, {pid: host}]", "f.yml:4:24: `pid` is not allowed" },

    { "image: 'a b'", "f.yml:4:5: the key 'image' is there twice: first in line 3" },
    { "command: {a: b}", "f.yml:4:14: `command` is a map here; it must be text or a list of words" },
    { "command: [a, [b]]", "f.yml:4:18: `command` is a list here; it must be text" },
    { "command: [a, ~]", "f.yml:4:18: `command` is nothing here; it must be text" },
    { "command: a 'b", "f.yml:4:14: a quote or backslash in `command` has no end" },
    { "command: \"a\\x1bb\"", "`a\\x1bb` in `command` has a line's end or another control character in it" },
    { "entrypoint: !reset []", "f.yml:4:17: the tag `!reset` means nothing here; write the value itself" },
    { "tty: !override true", "the tag `!override` means nothing here" },

    { "environment: x", "f.yml:4:18: `environment` is text here; it must be a map or a list of NAME=value" },
    { "environment: {A: [b]}", "f.yml:4:22: `environment` is a list here; it must be text" },
    { "environment: [{A: b}]", "`environment` is a map here; it must be text" },
    { "environment: [A=1, B=2, A=3]", "f.yml:4:29: `A` is twice in `environment`, first in line 4; take one out" },
    { "environment: {A: 1, A: 2}", "f.yml:4:25: the key 'A' is there twice" },
    { "environment: ['=x']", "`` is no name for `environment`" },
    { "environment: ['A B=x']", "`A B` is no name for `environment`" },
    { "environment: {\"A\\x07\": x}", "`A\\x07` is no name" },
    { "environment: [NONE]", "f.yml:4:19: variable `NONE` is not set; create SV_STAGING_NONE" },
    { "environment: [a-b]", "`a-b` in `environment` has no value; write it as NAME=value" },
    { "environment: [$X_REFERENCE]", "in `environment` has no value; write it as NAME=value" },
    { "environment: [$API_KEY]", "`$API_KEY` in `environment` has a secret where the name is; write NAME=${SECRET}" },
    { "environment: [A$API_KEY=x]", "has a secret where the name is" },
    { "environment: {A: $X_LATIN}", "`caf\\xe9` in `environment` is not UTF-8" },
    { "environment: {A: $1}", "f.yml:4:22: `$1` has a dollar that names no variable; write $$ for a dollar" },
    { "environment: {A: '${API_KEY}${X'}", "`${X` has no closing brace" },

    { "labels: x", "`labels` is text here; it must be a map or a list of NAME=value" },
    { "labels: {a: $API_KEY}", "f.yml:4:17: `$API_KEY` puts a secret into `labels`, which anybody on the target can read" },
    { "labels: [a=$MYSQL_PASSWORD]", "puts a secret into `labels`" },
    { "labels: {atelier.unit: x}", "f.yml:4:28: labels `atelier.…` are for the deploy's own use" },
    { "labels: [atelier.hash=x]", "labels `atelier.…` are for the deploy's own use" },
    { "labels: [a=1, a=2]", "`a` is twice in `labels`" },
    { "command: [mysql, '-p$MYSQL_PASSWORD']", "`-p$MYSQL_PASSWORD` puts a secret into `command`" },
    { "entrypoint: x $API_KEY", "puts a secret into `entrypoint`" },
    { "healthcheck: x $API_KEY", "puts a secret into `healthcheck`" },
    { "volumes: ['./data/$API_KEY:/x']", "puts a secret into `volumes`" },
    { "extra_hosts: $API_KEY", "puts a secret into `extra_hosts`" },
    { "logging: {options: {tag: $API_KEY}}", "puts a secret into `options`" },

    { "expose: 9000", "f.yml:4:13: `expose` is text here; it must be a list of ports, such as [9000]" },
    { "expose: [0]", "`0` in `expose` is no port; write a port such as 9000, '8080/udp' or '8000-8010'" },
    { "expose: [65536]", "`65536` in `expose` is no port" },
    { "expose: [-1]", "`-1` in `expose` is no port" },
    { "expose: ['80/icmp']", "`80/icmp` in `expose` is no port" },
    { "expose: ['9-8']", "`9-8` in `expose` is no port" },
    { "expose: [0100]", "`0100` in `expose` is no port" },
    { "expose: ['80:80']", "`80:80` in `expose` is no port" },
    { "expose: [1-65535]", "`expose` has more than 256 ports" },
    { "expose: [80, '80 ']", "`80 ` in `expose` is no port" },
    { "ports: x", "`ports` is text here; it must be a list; write `expose` instead" },
    { "ports: ['80:http']", "`80:http` in `ports` is no port" },
    { "ports: [{published: 80}]", "a port has no `target`" },
    { "ports: [{target: 80, ip: 1}]", "unknown key `ip` in `ports`; " },

    { "extra_hosts: my_external_server", "`my_external_server` with the address `` in `extra_hosts` is no host" },
    { "extra_hosts: ['a:b']", "`a` with the address `b` in `extra_hosts` is no host; write name:ADDRESS" },
    { "extra_hosts: ['a b:192.0.2.1']", "`a b` with the address `192.0.2.1`" },
    { "extra_hosts: ['a:192.0.2.1:x']", "`a` with the address `192.0.2.1:x`" },
    { "extra_hosts: {a: }", "`extra_hosts` is nothing here" },

    { "healthcheck: []", "f.yml:4:18: a test's list begins with CMD or CMD-SHELL" },
    { "healthcheck: [curl, x]", "a test's list begins with CMD or CMD-SHELL" },
    { "healthcheck: [CMD]", "a test's list begins with CMD" },
    { "healthcheck: [NONE, x]", "a test's list begins with CMD" },
    { "healthcheck: [CMD-SHELL, a, b]", "a test [CMD-SHELL, …] has one text" },
    { "healthcheck: ''", "`healthcheck` has an empty test" },
    { "healthcheck: {test: x, disable: true}", "f.yml:4:28: `disable: true` and a `test` contradict each other" },
    { "healthcheck: {test: x, interval: 30}", "`interval` is `30`; it must be a duration such as 30s, 1m30s or 500ms" },
    { "healthcheck: {test: x, timeout: soon}", "`timeout` is `soon`" },
    { "healthcheck: {test: x, start_period: -5s}", "`start_period` is `-5s`" },
    { "healthcheck: {test: x, retries: 0}", "`retries` must be a number from 1 to 1000" },
    { "healthcheck: {tests: x}", "unknown key `tests` in `healthcheck`; did you mean `test`?" },
    { "healthcheck: {test: {a: b}}", "`test` is a map here" },

    { "logging: json-file", "`logging` is text here; it must be a map" },
    { "logging: {driver: syslog}", "f.yml:4:23: the logging driver `syslog` is not allowed" },
    { "logging: {driver: local, options: {syslog-address: 'unix:///x'}}", "unknown key `syslog-address` in `options`" },
    { "logging: {driver: journald, options: {max-size: 1m}}", "unknown key `max-size` in `options`" },
    { "logging: {options: {max-buffer-size: 1g}}", "f.yml:4:42: `max-buffer-size` is `1g`; it must be a size such as 4m" },
    { "logging: {options: {max-buffer-size: much}}", "`max-buffer-size` is `much`" },
    { "logging: {drivr: local}", "unknown key `drivr` in `logging`; did you mean `driver`?" },

    { "read_only: 1", "`read_only` is `1`; it must be true or false" },
    { "tty: []", "`tty` is a list here; it must be text" },
    { "restart: sometimes", "f.yml:4:14: `restart` is `sometimes`; it must be \"no\", always" },
    { "restart: true", "`restart` is `true`" },
    { "restart: 'on-failure:'", "`restart` is `on-failure:`" },
    { "restart: on-failure:x", "`restart` is `on-failure:x`" },
    { "restart: {condition: any}", "`restart` is a map here" },

    /* "Limitations", volumes: below ./data alone, whatever the syntax. */
    { "volumes: ./data:/data", "`volumes` is text here; it must be a list" },
    { "volumes: ['/data:/data']", "f.yml:4:15: the volume `/data` is a folder of the host; write ./data/NAME" },
    { "volumes: ['/:/host:ro']", "the volume `/` is a folder of the host" },
    { "volumes: ['~/data:/data']", "the volume `~/data` is a folder of the host" },
    { "volumes: ['./db:/data']", "the volume `./db` is not below ./data" },
    { "volumes: ['./database:/data']", "the volume `./database` is not below ./data" },
    { "volumes: ['.:/data']", "the volume `.` is not below ./data" },
    { "volumes: ['./data/../x:/data']", "the volume `./data/../x` has .. or a backslash in it" },
    { "volumes: ['../data:/data']", "the volume `../data` has .. or a backslash" },
    { "volumes: ['./data/..:/data']", "the volume `./data/..` has .. or a backslash" },
    { "volumes: ['./data/${X_CLIMB}/etc:/data']", "the volume `./data/../../etc` has .. or a backslash" },
    { "volumes: ['${X_ROOT}data:/data']", "the volume `/data` is a folder of the host" },
    { "volumes: ['${X_EMPTY}/:/data']", "the volume `/` is a folder of the host" },
    { "volumes: ['./data/${X_LINES}:/data']", "`./data/one\\ntwo:/data` in `volumes` has a line's end" },
    { "volumes: ['./data\\x:/data']", "the volume `./data\\x` has .. or a backslash" },
    { "volumes: ['db:/data']", "the volume `db` would be a named volume, which is in no backup; write ./data/NAME" },
    { "volumes: ['data/db:/data']", "the volume `data/db` would be a named volume" },
    { "volumes: ['/data']", "the volume `/data` has no folder on the target, and would be lost with its container; write ./data/NAME:/data" },
    { "volumes: ['']", "the volume `` has no folder on the target" },
    { "volumes: [':/data']", "the volume `` would be a named volume" },
    { "volumes: ['./data:/data:ro:x']", "`./data:/data:ro:x` is not understood; write ./data/NAME:/PATH" },
    { "volumes: ['./data:/data:z']", "`./data:/data:z` is not understood" },
    { "volumes: ['./data:/data:']", "`./data:/data:` is not understood" },
    { "volumes: ['./data:']", "`` is no place for a volume in the container" },
    { "volumes: ['./data:data']", "`data` is no place for a volume" },
    { "volumes: ['./data:/']", "`/` is no place for a volume" },
    { "volumes: ['./data:/x/../proc']", "`/x/../proc` is no place for a volume" },
    { "volumes: ['./data://proc/sys']", "`//proc/sys` is no place for a volume" },
    { "volumes: ['./data:/sys']", "`/sys` is no place for a volume" },
    { "volumes: ['./data/a:/x', './data/b:/x/']", "f.yml:4:30: two volumes are at `/x`; take one out" },
    { "volumes: ['./data/a/b:/x', './data/a:/y']", "f.yml:4:5: the volume `./data/a/b` is within one that `s` can write" },
    { "volumes: [{source: ./data/a, target: /x, type: bind}, './data:/y']", "the volume `./data/a` is within one that `s`" },
    { "volumes: [[a]]", "`volumes` is a list here; it must be text" },
    { "volumes: [{source: ./data, target: /x}]", "only volumes of `type: bind` are kept on the target" },
    { "volumes: [{type: volume, source: db, target: /x}]", "f.yml:4:22: only volumes of `type: bind`" },
    { "volumes: [{type: tmpfs, target: /x}]", "only volumes of `type: bind`" },
    { "volumes: [{type: bind, source: /etc, target: /x}]", "f.yml:4:36: the volume `/etc` is a folder of the host" },
    { "volumes: [{type: bind, source: ./data/../.., target: /x}]", "the volume `./data/../..` has .." },
    { "volumes: [{type: bind, source: '${X_ROOT}', target: /x}]", "the volume `/` is a folder of the host" },
    { "volumes: [{type: bind, target: /x}]", "a volume has no `source` or no `target`" },
    { "volumes: [{type: bind, source: ./data, target: /x, bind: {propagation: shared}}]", "unknown key `propagation` in `bind`" },
    { "volumes: [{type: bind, source: ./data, target: /x, read-only: true}]", "unknown key `read-only` in `volumes`; did you mean `read_only`?" },
    { "volumes: [{<<: {type: bind, source: /etc}, target: /x}]", "the volume `/etc` is a folder of the host" },

    { "depends_on: t", "`depends_on` is text here; it must be a list of services" },
    { "depends_on: [other]", "f.yml:4:18: `other` in `depends_on` is no service of this file; write one, or take it out" },
    { "depends_on: {\"t\\x1b\": x}", "`t\\x1b` is text here; it must be a map" },
    { "depends_on: {t: {condition: healthy}}", "`condition` is `healthy`; it must be service_started" },
    { "depends_on: {t: service_healthy}", "`t` is text here; it must be a map with a `condition`" },
    { "depends_on: {t: {conditions: x}}", "unknown key `conditions` in `depends_on`; did you mean `condition`?" },
    { "depends_on: [s]", "f.yml:2:3: services wait for each other in a circle (s -> s)" },
    { "links: [other]", "`other` in `links` is no service of this file" },
    { "links: ['t:db']", "the other name `db` is not made; reach the service as `t`" },
};

static void test_each_key(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(services); i++) {
        auto_free char *text = xasprintf("services:\n  s:\n    image: i\n    %s\n  t: {image: i}\n", services[i].text);
        expect_refused(text, services[i].want);
    }
}

static const struct {
    const char *text, *want;
} files[] = {
    { "", "f.yml:1:1: there is nothing in it; write `services`" },
    { "[a]", "f.yml:1:1: `the file` is a list here; it must be a map with `services`" },
    { "version: '3'", "f.yml:1:1: there are no services" },
    { "services:", "f.yml:1:10: there are no services" },
    { "services: {}", "f.yml:1:11: there are no services" },
    { "services: [a]", "f.yml:1:11: `services` is a list here; it must be a map of services" },
    { "services: {a: i}", "f.yml:1:15: the service `a` is text; it must be a map with an `image`" },
    { "services: {a: }", "the service `a` is nothing; it must be a map" },
    { "services: {a: {}}", "f.yml:1:12: the service `a` has no `image`; build and push one in a job, and name it" },
    { "services: {a: {image: }}", "the service `a` has no `image`" },
    { "services: {a: {image: ''}}", "f.yml:1:23: " },
    { "services: {a: {image: 'a b'}}", "f.yml:1:23: " },
    { "services: {a: {image: $API_KEY}}", "puts a secret into `image`" },
    { "services: {a: {image: [i]}}", "`image` is a list here; it must be text" },
    { "services: {a b: {image: i}}", "f.yml:1:12: `a b` is no name for a service" },
    { "services:\n  a: {image: i, volumes: ['./data:/x']}\n  b: {image: i, volumes: ['./data/b:/x:ro']}",
      "f.yml:3:17: the volume `./data/b` is within one that `a` can write, and could be replaced by a link" },
    { "services: {-a: {image: i}}", "`-a` is no name for a service" },
    { "services: {../a: {image: i}}", "`../a` is no name for a service" },
    { "services: {'': {image: i}}", "`` is no name for a service" },
    { "services: {\"a\\nb\": {image: i}}", "`a\\nb` is no name for a service" },
    { "services: {a: {image: i}, a: {image: i}}", "f.yml:1:27: the key 'a' is there twice: first in line 1" },
    { "a: {image: i}", "f.yml:1:1: unknown key `a`; if it is a service, put it below `services`" },
    { "version: '2.1'\nservices: {a: {image: i}}", "f.yml:1:10: format 2.1 is not read; write version: '3.8'" },
    { "version: 2\nservices: {a: {image: i}}", "format 2 is not read" },
    { "version: '3.'\nservices: {a: {image: i}}", "format 3. is not read" },
    { "version: '30'\nservices: {a: {image: i}}", "format 30 is not read" },
    { "version: $V\nservices: {a: {image: i}}", "format $V is not read" },
    { "version: [3]\nservices: {a: {image: i}}", "`version` is a list here" },
    { "volumes: {db: }\nservices: {a: {image: i}}", "f.yml:1:1: `volumes` is not allowed: write each as ./data/NAME:/PATH" },
    { "networks: {a: }\nservices: {a: {image: i}}", "`networks` is not allowed: all services of a project are on its own network" },
    { "secrets: {a: }\nservices: {a: {image: i}}", "`secrets` is not allowed" },
    { "configs: {a: }\nservices: {a: {image: i}}", "`configs` is not allowed" },
    { "include: [a]\nservices: {a: {image: i}}", "`include` is not allowed" },
    { "name: a\nservices: {a: {image: i}}", "`name` is not allowed: the project's name is that of its group and project" },
    { "service: {a: {image: i}}", "unknown key `service`; did you mean `services`?" },
    { "services: {a: {image: i}", "f.yml:1:11: '{' has no end, or lacks a `,` before 2:1" },
    { "services: {web: {image: i}, b: {image: i, depends_on: [wbe]}}",
      "f.yml:1:56: `wbe` in `depends_on` is no service of this file; did you mean `web`?" },
    { "services: *a", "f.yml:1:11: '*a' is an alias, but no '&a' comes before it" },
    { "services: {a: {image: \"i\\0\"}}", "text with a NUL character" },
    { "services: {a: {image: i}}\n---\n{}", "a second document starts here" },
    { "services: {a: {image: i, depends_on: [b]}, b: {image: i, depends_on: [c]}, c: {image: i, depends_on: [b]}}",
      "f.yml:1:44: services wait for each other in a circle (b -> c -> b); take one out of `depends_on`" },
    { "services: {\"a\\x1b\": {image: i, depends_on: {\"a\\x1b\": }}}", "in a circle (a\\x1b -> a\\x1b)" },
    { "services: {\"a\\x1b\": {image: i}, b: {image: i, links: [\"a\\x1b:c\"]}}", "has a line's end or another control character" },
    { "services: {a: {image: i, links: [b]}, b: {image: i, depends_on: [a]}}", "in a circle (a -> b -> a)" },
};

static void test_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(files); i++)
        expect_refused(files[i].text, files[i].want);
}

static void test_every_problem_is_said(void **state)
{
    (void)state;
    auto_compose_case c = { 0 };
    assert_int_equal(compose_case_read("services:\n  a:\n    image: i\n    build: .\n    tty: x\n    volumes: ['/:/x']\n"
                                       "  b:\n    expose: [x]\n    environment: [$A, $B]\n", &c), -1);
    assert_int_equal(c.problems.n, 7);
    assert_string_equal(err_text(&c.e), "f.yml:4:5: `build` is not allowed: nothing is built on a target; build and push "
                                        "the image in a job, and name it in `image` (and 6 more problems)");
    auto_compose_case two = { 0 };
    assert_int_equal(compose_case_read("services: {a: {image: i, pid: x, ipc: x}}", &two), -1);
    expect_error(&two.e, "(and 1 more problem)");
}

/* What an anchor brings to several services is one problem, of one place. */
static void test_a_problem_is_said_once(void **state)
{
    (void)state;
    auto_compose_case c = { 0 };
    assert_int_equal(compose_case_read("x-a: &a {image: i, pid: host}\nservices: {a: *a, b: {<<: *a}, c: *a}", &c), -1);
    assert_int_equal(c.problems.n, 1);
    assert_string_equal(c.problems.items[0], "f.yml:1:20: `pid` is not allowed: a service has nothing of the host; take it out");
}

/* ---- Limits ---- */

static void test_a_hundred_services(void **state)
{
    (void)state;
    auto_strbuf text = STRBUF_TEXT;
    strbuf_puts(&text, "services:\n  s0: {image: i}\n");
    for (int i = 1; i < 100; i++)
        strbuf_printf(&text, "  s%d: {image: i, depends_on: [s%d]}\n", i, i - 1);
    auto_compose_case c = { 0 };
    compose_case_good(strbuf_text(&text), &c);
    assert_int_equal(c.compose.n, 100);
    strbuf_puts(&text, "  s100: {image: i}\n");
    expect_refused(strbuf_text(&text), "f.yml:2:3: there are more than 100 services; deploy them as several projects");
}

static void test_sizes(void **state)
{
    (void)state;
    auto_free char *large = xcalloc(1, (1 << 20) + 2);
    memset(large, '#', (1 << 20) + 1);
    expect_refused(large, "f.yml:1:1: larger than 1048576 bytes");
    expect_refused("services: {aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: {image: i}}", "is no name for a service");
    expect_refused("a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
                   "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n", "more than 50000 values, with aliases expanded");
    expect_refused("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "nested more than 32 deep");
}

/* A key of `n` entries, and of one more. */
static void expect_limit(const char *key, const char *format, int n, const char *want)
{
    auto_strbuf text = STRBUF_TEXT;
    strbuf_printf(&text, "services:\n  a:\n    image: i\n    %s:\n", key);
    for (int i = 0; i <= n; i++) {
        auto_free char *number = xasprintf("%d", 1000 + i);
        strbuf_printf(&text, "      - %s%s\n", format, number);
        auto_compose_case c = { 0 };
        if (i == n - 1)
            compose_case_good(strbuf_text(&text), &c);
    }
    expect_refused(strbuf_text(&text), want);
}

static void test_lists(void **state)
{
    (void)state;
    expect_limit("environment", "A=", 1, "`A` is twice");
    expect_limit("labels", "a", 1000, "f.yml:4:5: `labels` has more than 1000 entries; make it shorter");
    expect_limit("expose", "", 256, "f.yml:261:9: `expose` has more than 256 ports");
    expect_limit("volumes", "./data:/x", 100, "f.yml:105:9: `volumes` has more than 100 entries");
    expect_limit("extra_hosts", "db=2001:db8::", 256, "f.yml:261:9: `extra_hosts` has more than 256 addresses");
}

static void test_many_problems_are_counted(void **state)
{
    (void)state;
    auto_strbuf text = STRBUF_TEXT;
    strbuf_puts(&text, "services:\n  a:\n    image: i\n    expose:\n");
    for (int i = 0; i < 150; i++)
        strbuf_puts(&text, "    - x\n");
    auto_compose_case c = { 0 };
    assert_int_equal(compose_case_read(strbuf_text(&text), &c), -1);
    assert_int_equal(c.problems.n, 100);
    expect_error(&c.e, "(and 149 more problems)");
}

static const char *large_value(void *ctx, const char *name, bool *secret)
{
    (void)name, (void)secret;
    return ctx;
}

static void test_what_variables_come_to_is_bounded(void **state)
{
    (void)state;
    auto_free char *value = xcalloc(1, 100001);
    memset(value, 'x', 100000);
    const struct compose_variables v = { large_value, NULL, value, NULL };
    auto_strbuf text = STRBUF_TEXT;
    strbuf_puts(&text, "services:\n  a:\n    image: i\n    environment:\n");
    for (int i = 0; i < 200; i++)
        strbuf_printf(&text, "      A%d: $X\n", i);
    auto_compose_case c = { 0 };
    assert_int_equal(compose_read("f.yml", text.data, text.len, &v, &c.compose, &c.problems, &c.warnings, &c.e), -1);
    expect_error(&c.e, "the file grows beyond 16 MiB when its variables are put in");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_key),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_every_problem_is_said),
        cmocka_unit_test(test_a_problem_is_said_once),
        cmocka_unit_test(test_a_hundred_services),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_many_problems_are_counted),
        cmocka_unit_test(test_what_variables_come_to_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
