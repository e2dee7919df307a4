/* What a compose file becomes: short and long forms of each key. */
#include "stages/deploy/compose.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/compose_case.h"

/* What a service `s` has beside `image: i`, and what it becomes. */
static const struct {
    const char *text, *want;
} good[] = {
    { "", "{'image': 'i', 'command': null, 'entrypoint': null, 'depends': {}, 'environment': [], 'expose': [],"
          " 'health': null, 'labels': [], 'log_driver': null, 'read_only': false, 'tty': false, 'restart': null,"
          " 'volumes': []}" },

    { "command: a 'b c'", "{'command': ['a', 'b c']}" },
    { "command: [a, 'b c', 1]", "{'command': ['a', 'b c', '1']}" },
    { "command: []", "{'command': []}" },
    { "command: ''", "{'command': []}" },
    { "command:", "{'command': null}" },
    { "command: ~", "{'command': null}" },
    { "command: sh -c \"echo $$HOME ${X_NAME}\"", "{'command': ['sh', '-c', 'echo $HOME value']}" },
    { "command: |\n      sh -c '\n      a\n      '\n", "{'command': ['sh', '-c', '\\na\\n']}" },
    { "entrypoint: /bin/bash", "{'entrypoint': ['/bin/bash']}" },
    { "entrypoint: [/bin/bash, -c]", "{'entrypoint': ['/bin/bash', '-c']}" },

    { "environment: {A: b, C: 1, D: true, E: '', F: 1.5}", "{'environment': ['A=b', 'C=1', 'D=true', 'E=', 'F=1.5']}" },
    { "environment: [B=2, A=b=c, C=]", "{'environment': ['A=b=c', 'B=2', 'C=']}" },
    { "environment: {X_NAME: , X_EMPTY: null}", "{'environment': ['X_EMPTY=', 'X_NAME=value']}" },
    { "environment: [X_NAME]", "{'environment': ['X_NAME=value']}" },
    { "environment: [A=$X_NAME]", "{'environment': ['A=value'], 'secrets': []}" },
    { "environment: [A=$API_KEY, API_KEY, B=x]",
      "{'environment': ['A=s3cr3t-of-api', 'API_KEY=s3cr3t-of-api', 'B=x'], 'secrets': ['A', 'API_KEY']}" },
    { "environment: {URL: 'mysql://$MYSQL_USER:$MYSQL_PASSWORD@mysql/'}",
      "{'environment': ['URL=mysql://hello:s3cr3t-of-mysql@mysql/'], 'secrets': ['URL']}" },
    { "environment: {A: $X_LINES}", "{'environment': ['A=one\\ntwo']}" },
    { "environment: {A: \"b\\tc\\x07\"}", "{'environment': ['A=b\\tc\\u0007']}" },
    { "environment: {xpack.security.enabled: false}", "{'environment': ['xpack.security.enabled=false']}" },
    { "environment: {}", "{'environment': []}" },
    { "environment:", "{'environment': []}" },

    { "labels: []", "{'labels': []}" },
    { "labels: {a: b, c: , d: 1}", "{'labels': ['a=b', 'c=', 'd=1']}" },
    { "labels: [c, a=b=c, d=]", "{'labels': ['a=b=c', 'c=', 'd=']}" },
    { "labels: {a: \"b\\nc\\n\\n\"}", "{'labels': ['a=b\\nc']}" },

    { "expose: [9000, '9001', 9000]", "{'expose': ['9000/tcp', '9001/tcp']}" },
    { "expose: [8080/udp, 8080/tcp, 8000-8002, 9000-9001/udp]",
      "{'expose': ['8080/udp', '8080/tcp', '8000/tcp', '8001/tcp', '8002/tcp', '9000/udp', '9001/udp']}" },

    { "extra_hosts: db:192.0.2.1", "{'hosts': ['db:192.0.2.1']}" },
    { "extra_hosts: [db:192.0.2.1, 'v6:2001:db8::1', 'w6:[::1]', 'eq=192.0.2.2', 'host.docker.internal:host-gateway']",
      "{'hosts': ['db:192.0.2.1', 'v6:2001:db8::1', 'w6:::1', 'eq:192.0.2.2', 'host.docker.internal:host-gateway']}" },
    { "extra_hosts: {db: 192.0.2.1, v6: '::1', two: [192.0.2.2, 192.0.2.3]}",
      "{'hosts': ['db:192.0.2.1', 'v6:::1', 'two:192.0.2.2', 'two:192.0.2.3']}" },

    { "healthcheck: bash cmd", "{'health': {'test': ['CMD-SHELL', 'bash cmd'], 'interval': 0, 'retries': 0}}" },
    { "healthcheck: [CMD, curl, -f, localhost]", "{'health': {'test': ['CMD', 'curl', '-f', 'localhost']}}" },
    { "healthcheck: [CMD-SHELL, curl localhost]", "{'health': {'test': ['CMD-SHELL', 'curl localhost']}}" },
    { "healthcheck: [NONE]", "{'health': {'test': [], 'disabled': true}}" },
    { "healthcheck: NONE", "{'health': {'test': [], 'disabled': true}}" },
    { "healthcheck: {test: NONE}", "{'health': {'test': [], 'disabled': true}}" },
    { "healthcheck: {test: [NONE]}", "{'health': {'test': [], 'disabled': true}}" },
    { "healthcheck: {disable: true}", "{'health': {'test': [], 'disabled': true}}" },
    { "healthcheck: {disable: true, test: NONE}", "{'health': {'test': [], 'disabled': true}}" },
    { "healthcheck: {disable: false, test: x}", "{'health': {'test': ['CMD-SHELL', 'x'], 'disabled': false}}" },
    { "healthcheck: {test: curl localhost, interval: 1m30s, timeout: 500ms, start_period: 1h, retries: 3}",
      "{'health': {'test': ['CMD-SHELL', 'curl localhost'], 'interval': 90000, 'timeout': 500, 'start': 3600000,"
      " 'retries': 3, 'disabled': false}}" },
    { "healthcheck: {interval: 5s}", "{'health': {'test': [], 'interval': 5000, 'disabled': false}}" },
    { "healthcheck: {test: 'mysqladmin -p$$MYSQL_PASSWORD ping'}",
      "{'health': {'test': ['CMD-SHELL', 'mysqladmin -p$MYSQL_PASSWORD ping']}}" },

    { "logging: {}", "{'log_driver': null, 'log_options': []}" },
    { "logging: {driver: json-file, options: {max-size: 10m, max-file: 3}}",
      "{'log_driver': 'json-file', 'log_options': ['max-file=3', 'max-size=10m']}" },
    { "logging: {options: {mode: non-blocking, max-buffer-size: 64m}}",
      "{'log_driver': null, 'log_options': ['max-buffer-size=64m', 'mode=non-blocking']}" },
    { "logging: {options: {max-size: 10m}}", "{'log_driver': null, 'log_options': ['max-size=10m']}" },

    { "read_only: true\n    tty: yes", "{'read_only': true, 'tty': true}" },
    { "read_only: 'true'\n    tty: $X_TRUE", "{'read_only': true, 'tty': true}" },
    { "read_only: False", "{'read_only': false}" },

    { "restart: no", "{'restart': 'no'}" },
    { "restart: false", "{'restart': 'no'}" },
    { "restart: 'no'", "{'restart': 'no'}" },
    { "restart: ${NONE:-always}", "{'restart': 'always'}" },
    { "restart: unless-stopped", "{'restart': 'unless-stopped'}" },
    { "restart: on-failure", "{'restart': 'on-failure'}" },
    { "restart: on-failure:3", "{'restart': 'on-failure:3'}" },

    { "volumes: ['./data:/data:ro', './data/db/:/var/lib//db/', './/data/./x:/x:ro', './data/y:/y:rw', './data/z:/z:ro,cached']",
      "{'volumes': ['data:/data:ro', 'data/db:/var/lib/db', 'data/x:/x:ro', 'data/y:/y', 'data/z:/z:ro']}" },
    { "volumes: ['./data/${X_NAME}:/x']", "{'volumes': ['data/value:/x']}" },
    { "volumes: ['./data/..x/y..:/x']", "{'volumes': ['data/..x/y..:/x']}" },
    { "volumes: [{type: bind, source: ./data/db, target: /db}]", "{'volumes': ['data/db:/db']}" },
    { "volumes: [{type: bind, source: ./data, target: /db, read_only: true, consistency: cached, bind: {create_host_path: true}}]",
      "{'volumes': ['data:/db:ro']}" },

    { "depends_on: [t, u]", "{'depends': {'t': 'started', 'u': 'started'}}" },
    { "depends_on: [t, t]", "{'depends': {'t': 'started'}}" },
    { "depends_on: {t: {condition: service_healthy}, u: {condition: service_completed_successfully, restart: true}}",
      "{'depends': {'t': 'healthy', 'u': 'completed'}}" },
    { "depends_on: {t: , u: {}}", "{'depends': {'t': 'started', 'u': 'started'}}" },
    { "depends_on: {other: {condition: service_started, required: false}}", "{'depends': {}}" },

    { "x-anything: {build: .}", "{'image': 'i'}" },
    { "<<: {restart: always, tty: true}\n    tty: false", "{'restart': 'always', 'tty': false}" },
    { "<<: [{restart: always}, {restart: 'no', tty: true}]", "{'restart': 'always', 'tty': true}" },
    { "labels: {<<: [{a: 1, b: 1}, {b: 2, c: 2}], c: 3}", "{'labels': ['a=1', 'b=1', 'c=3']}" },
};

static char *service_file(const char *text)
{
    return xasprintf("services:\n  t: {image: i}\n  u: {image: i}\n  s:\n    image: i\n    %s\n", text);
}

static void test_each_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        auto_compose_case c = { 0 };
        auto_free char *text = service_file(good[i].text);
        compose_case_good(text, &c);
        compose_case_expect(&c, "s", good[i].want);
    }
}

/* What works, and what is said about it. */
static const struct {
    const char *text, *want, *warning;
} warned[] = {
    { "links: [t]", "{'depends': {'t': 'started'}}", "f.yml:6:5: `links` is deprecated: its services are taken as in" },
    { "links: ['t:t']", "{'depends': {'t': 'started'}}", "f.yml:6:5: `links` is deprecated" },
    { "links: [t]\n    depends_on: {t: {condition: service_healthy}}", "{'depends': {'t': 'healthy'}}", "`links` is" },
    { "ports: [3000]", "{'expose': ['3000/tcp']}", "f.yml:6:5: `ports` is deprecated: nothing is published on the host" },
    { "ports: ['8000:8080', '9090-9091:9190-9191', '127.0.0.1:1:2', '127.0.0.1::3', '[::1]:4:5/udp', 6-7/tcp]",
      "{'expose': ['8080/tcp', '9190/tcp', '9191/tcp', '2/tcp', '3/tcp', '5/udp', '6/tcp', '7/tcp']}", "`ports` is" },
    { "ports: [{target: 80, published: 8080, protocol: udp, mode: host}]", "{'expose': ['80/udp']}", "`ports` is" },
    { "ports: [22:22]", "{'expose': ['22/tcp']}", "docker-compose reads `22:22` as something else than this text; write '22:22'" },
    { "environment: {A: 0755}", "{'environment': ['A=0755']}", "f.yml:6:22: docker-compose reads `0755` as something else" },
    { "environment: {A: 3.10}", "{'environment': ['A=3.10']}", "docker-compose reads `3.10`" },
    { "environment: {A: 1e3}", "{'environment': ['A=1e3']}", "docker-compose reads `1e3`" },
    { "environment: {A: 1_000}", "{'environment': ['A=1_000']}", "docker-compose reads `1_000`" },
    { "environment: {A: 0x1f}", "{'environment': ['A=0x1f']}", "docker-compose reads `0x1f`" },
    { "environment: {A: on}", "{'environment': ['A=on']}", "docker-compose reads `on`" },
    { "command: [sleep, 010]", "{'command': ['sleep', '010']}", "docker-compose reads `010`" },
    { "command: a && b", "{'command': ['a', '&&', 'b']}", "f.yml:6:14: no shell reads `command`" },
    { "healthcheck: {test: x, start_interval: 1s}", "{'health': {'interval': 0}}", "`start_interval` has no effect" },
};

static void test_what_is_warned_of(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(warned); i++) {
        auto_compose_case c = { 0 };
        auto_free char *text = service_file(warned[i].text);
        compose_case_good(text, &c);
        compose_case_expect(&c, "s", warned[i].want);
        auto_free char *warnings = strvec_join(&c.warnings, "\n");
        if (!strstr(warnings, warned[i].warning))
            fail_msg("%s: wanted '%s', got '%s'", warned[i].text, warned[i].warning, warnings);
    }
}

static void test_texts_that_are_no_numbers_are_not_warned_of(void **state)
{
    (void)state;
    auto_compose_case c = { 0 };
    compose_case_good("services: {s: {image: i, environment: {A: 1, B: 10, C: 1.5, D: 10.1.2, E: '0755', F: 0, G: a0, "
                      "H: -1, I: 127.0.0.1, J: 2026-11-22, K: true, L: 'http://x:80', M: 1e, N: 12h}}}", &c);
    auto_free char *warnings = strvec_join(&c.warnings, "\n");
    assert_string_equal(warnings, "");
}

static void test_files(void **state)
{
    (void)state;
    const struct {
        const char *text, *version;
    } files[] = {
        { "version: '3'\nservices: {a: {image: i}}", "3" },
        { "version: 3\nservices: {a: {image: i}}", "3" },
        { "version: 3.8\nservices: {a: {image: i}}", "3.8" },
        { "version:\nservices: {a: {image: i}}", NULL },
        { "services: {a: {image: i}}", NULL },
        { "x-a: {build: !odd 1}\nservices: {a: {image: i}}", NULL },
        { "x-base: &base {image: i}\nservices: {a: *base}", NULL },
        { "\xef\xbb\xbfservices:\r\n  a:\r\n    image: i\r\n", NULL },
    };
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        auto_compose_case c = { 0 };
        compose_case_good(files[i].text, &c);
        assert_int_equal(c.compose.n, 1);
        if (files[i].version)
            assert_string_equal(c.compose.version, files[i].version);
        else
            assert_null(c.compose.version);
        compose_case_expect(&c, "a", "{'image': 'i'}");
    }
}

static void test_services_are_in_the_files_order(void **state)
{
    (void)state;
    auto_compose_case c = { 0 };
    compose_case_good("services: {z: {image: i, depends_on: [a]}, a: {image: i, depends_on: [m]}, m: {image: i}}", &c);
    assert_string_equal(c.compose.services[0].name, "z");
    assert_string_equal(c.compose.services[1].name, "a");
    assert_string_equal(c.compose.services[2].name, "m");
    assert_null(compose_find(&c.compose, "q"));
}

/* A merge that is written down where it is, and of which a part is overridden. */
static void test_merges_of_anchors(void **state)
{
    (void)state;
    auto_compose_case c = { 0 };
    compose_case_good("x-env: &env {A: 1, B: 2}\nx-more: &more {B: 3, C: 4}\n"
                      "services:\n  one: &one\n    image: i:1\n    environment: {<<: [*env, *more], C: 5}\n"
                      "  two:\n    <<: *one\n    image: i:2\n  three:\n    <<: *one\n    environment: {<<: *more, <<: *env}\n", &c);
    compose_case_expect(&c, "one", "{'image': 'i:1', 'environment': ['A=1', 'B=2', 'C=5']}");
    compose_case_expect(&c, "two", "{'image': 'i:2', 'environment': ['A=1', 'B=2', 'C=5']}");
    compose_case_expect(&c, "three", "{'image': 'i:1', 'environment': ['A=1', 'B=2', 'C=4']}");
}

static void test_a_wordpress_project(void **state)
{
    (void)state;
    auto_compose_case c = { 0 };
    auto_free char *text = compose_case_file("wordpress-like.yml");
    compose_case_good(text, &c);
    assert_int_equal(c.compose.n, 5);
    compose_case_expect(&c, "web", "{'depends': {'mysql': 'started', 'migrate_db': 'completed'}, 'volumes':"
                                   " ['data/uploads:/var/www/html/uploads'], 'secrets': ['MYSQL_PASSWORD']}");
    compose_case_expect(&c, "migrate_db", "{'restart': 'no', 'labels': [], 'depends': {'mysql': 'healthy'}}");
    compose_case_expect(&c, "cleanup", "{'restart': 'no', 'command': ['/bin/false']}");
}

/* For developers: a variable that only the deploy has is told, and the rest is checked. */
static void test_unset_variables_can_be_told_apart(void **state)
{
    (void)state;
    auto_compose_case c = { 0 };
    auto_strvec unset = STRVEC_INIT;
    const struct compose_variables v = { compose_case_find, compose_case_missing, NULL, &unset };
    const char *text = "services: {a: {image: $IMAGE, expose: [$PORT], volumes: ['./$DIR:/x'], restart: $R, environment: [K]}}";
    if (compose_read("f.yml", text, strlen(text), &v, &c.compose, &c.problems, &c.warnings, &c.e) < 0)
        fail_msg("%s", err_text(&c.e));
    assert_int_equal(unset.n, 5);
    assert_string_equal(unset.items[0], "f.yml:1:23: variable `IMAGE` is not set; create SV_STAGING_IMAGE");
    const char *wrong = "services: {a: {image: $IMAGE, volumes: ['./$DIR:/x', '/:/host']}}";
    assert_int_equal(compose_read("f.yml", wrong, strlen(wrong), &v, &c.compose, &c.problems, &c.warnings, &c.e), -1);
    assert_int_equal(c.problems.n, 1);
    expect_error(&c.e, "f.yml:1:54: the volume `/` is a folder of the host");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_form),
        cmocka_unit_test(test_what_is_warned_of),
        cmocka_unit_test(test_texts_that_are_no_numbers_are_not_warned_of),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_services_are_in_the_files_order),
        cmocka_unit_test(test_merges_of_anchors),
        cmocka_unit_test(test_a_wordpress_project),
        cmocka_unit_test(test_unset_variables_can_be_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
