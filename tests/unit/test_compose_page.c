/* The rules of Factory's page, each under its heading, with the page's own examples (tests/cases/deploy/page-*.yml). */
#include "stages/deploy/compose.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/compose_case.h"

#define HELLO "registry.example/group/hello"

static void read_page(const char *name, struct compose_case *c)
{
    auto_free char *text = compose_case_file(name);
    compose_case_good(text, c);
    assert_int_equal(c->warnings.n, 0);
}

static void expect_problems(const char *text, const char *want)
{
    auto_compose_case c = { 0 };
    assert_int_equal(compose_case_read(text, &c), -1);
    auto_free char *got = strvec_join(&c.problems, "\n");
    assert_string_equal(got, want);
    assert_int_equal(c.compose.n, 0);
}

/* "Docker Compose": the first file of "Prise en main". */
static void test_docker_compose(void **state)
{
    (void)state;
    auto_compose_case c = { 0 };
    read_page("page-docker-compose.yml", &c);
    assert_string_equal(c.compose.version, "3");
    assert_int_equal(c.compose.n, 1);
    compose_case_expect(&c, "app",
                        "{'image': '" HELLO "/app:1f2e3d', 'expose': ['9000/tcp'], 'environment': ['ENV=staging'],"
                        " 'labels': ['traefik.enable=true', 'traefik.frontend.rule=Host:hello.staging.example',"
                        " 'traefik.tags=web'], 'command': null, 'restart': null, 'health': null}");
    assert_int_equal(c.compose.services[0].line, 7);
    assert_int_equal(c.compose.services[0].label_lines[0], 18);
    assert_int_equal(c.compose.services[0].label_lines[1], 17);
}

/* "Exemple d’image Docker: un CDN" */
static void test_cdn(void **state)
{
    (void)state;
    auto_compose_case c = { 0 };
    read_page("page-cdn.yml", &c);
    compose_case_expect(&c, "cdn", "{'image': '" HELLO "/cdn:1f2e3d', 'expose': ['8000/tcp']}");
}

/* "Migration de base de donnée": the anchor is merged; command, restart and labels are the service's own. */
static void test_migration(void **state)
{
    (void)state;
    auto_compose_case c = { 0 };
    read_page("page-migration.yml", &c);
    assert_int_equal(c.compose.n, 2);
    compose_case_expect(&c, "migrate_db",
                        "{'image': '" HELLO "/app:1f2e3d', 'command': ['./migrate.sh'], 'restart': 'no', 'labels': [],"
                        " 'environment': ['ENV=staging'], 'expose': ['9000/tcp']}");
    compose_case_expect(&c, "app", "{'command': null, 'restart': null}");
}

/* "Cronjob": command /bin/false, restart "no", and the two labels. */
static void test_cronjob(void **state)
{
    (void)state;
    auto_compose_case c = { 0 };
    read_page("page-cronjob.yml", &c);
    compose_case_expect(&c, "run_hourly",
                        "{'image': '" HELLO "/app:1f2e3d', 'command': ['/bin/false'], 'restart': 'no', 'labels': ["
                        "'sh.factory.cronjob.command=echo time to run', 'sh.factory.cronjob.schedule=0 * * * *']}");
}

/* "Cronjob": its text has `restart: no` without quotes, which YAML takes for false. */
static void test_cronjob_restart_without_quotes(void **state)
{
    (void)state;
    auto_compose_case c = { 0 };
    compose_case_good("services: {a: {image: i, restart: no}}", &c);
    compose_case_expect(&c, "a", "{'restart': 'no'}");
}

/* "Gestion des noms de domaine" */
static void test_domains(void **state)
{
    (void)state;
    auto_compose_case c = { 0 };
    read_page("page-domains.yml", &c);
    compose_case_expect(&c, "app", "{'environment': ['CDN=cdn.hello.staging.example', 'ENV=staging']}");
    compose_case_expect(&c, "cdn", "{'labels': ['traefik.enable=true',"
                                   " 'traefik.frontend.rule=Host:cdn.hello.staging.example', 'traefik.tags=web']}");
}

/* "Routage": two rules on one domain, with priorities. */
static void test_routing(void **state)
{
    (void)state;
    auto_compose_case c = { 0 };
    read_page("page-priority.yml", &c);
    compose_case_expect(&c, "ws", "{'image': 'bearstech/node', 'labels': ['traefik.frontend.priority=1',"
                                  " 'traefik.frontend.rule=Host:hello.staging.example;PathPrefix:/ws/']}");
}

/* "Authentification basique": $$ is a dollar, and what `>` adds at the end is no part of the label. */
static void test_basic_auth(void **state)
{
    (void)state;
    auto_compose_case c = { 0 };
    read_page("page-basic-auth.yml", &c);
    compose_case_expect(&c, "web", "{'labels': ['traefik.frontend.auth.basic=bob:$apr1$FNdSDLrp$TAXy/4ZjKQtNCupEyQ4tl1',"
                                   " 'traefik.frontend.rule=Host:hello.staging.example']}");
}

/* "Consommer un service managé": secrets in `environment`, a link that becomes an order. */
static void test_managed_service(void **state)
{
    (void)state;
    auto_compose_case c = { 0 };
    auto_free char *mysql = compose_case_file("page-mysql.yml"), *app = compose_case_file("page-mysql-link.yml");
    auto_free char *text = xasprintf("%s%s", mysql, app + strlen("services:\n"));
    compose_case_good(text, &c);
    compose_case_expect(&c, "mysql",
                        "{'image': 'mariadb:10.1', 'environment': ['MYSQL_DATABASE=hello', 'MYSQL_PASSWORD=s3cr3t-of-mysql',"
                        " 'MYSQL_ROOT_PASSWORD=s3cr3t-of-mysql', 'MYSQL_USER=hello'],"
                        " 'secrets': ['MYSQL_PASSWORD', 'MYSQL_ROOT_PASSWORD']}");
    compose_case_expect(&c, "app", "{'depends': {'mysql': 'started'}, 'secrets': ['MYSQL_PASSWORD']}");
    assert_int_equal(c.warnings.n, 1);
    assert_string_equal(c.warnings.items[0],
                        "f.yml:16:9: `links` is deprecated: its services are taken as in `depends_on`; write that");
}

/* "Services supportés": the page's own slip of the pen. */
static void test_services_without_s(void **state)
{
    (void)state;
    auto_free char *text = compose_case_file("page-service-typo.yml");
    expect_problems(text, "f.yml:1:1: unknown key `service`; did you mean `services`?\n"
                          "f.yml:1:1: there are no services; write them below `services`");
}

/* "Limitations": every key of its list is taken; what the example has in place of values is not. */
static void test_limitations_example(void **state)
{
    (void)state;
    auto_free char *text = compose_case_file("page-limitations.yml");
    expect_problems(text, "f.yml:7:11: `other_service` in `depends_on` is no service of this file; write one, or take it out\n"
                          "f.yml:13:22: `my_external_server` with the address `` in `extra_hosts` is no host; write "
                          "name:ADDRESS, with an IP address\n"
                          "f.yml:19:11: `DEPRECATED. Use \"depends_on\" instead` in `links` is no service of this file; write "
                          "one, or take it out\n"
                          "f.yml:21:16: `ports` is text here; it must be a list; write `expose` instead");
}

/* The same with values: `healthcheck: bash cmd` is for the image's shell, ./data:/data is the project's data. */
static void test_limitations(void **state)
{
    (void)state;
    auto_compose_case c = { 0 };
    compose_case_good("version: '3'\nservices:\n  other_service: {image: i}\n  myservice:\n    command: /command\n"
                      "    depends_on:\n    - other_service\n    entrypoint: /command\n    environment:\n"
                      "        MY_SERVICE: http://...\n    expose:\n    - '8080'\n"
                      "    extra_hosts: my_external_server:192.0.2.1\n    healthcheck: bash cmd\n"
                      "    image: ${CI_REGISTRY_IMAGE}\n    labels:\n"
                      "        traefik.frontend.rule: Host:${CI_ENVIRONMENT_DOMAIN}\n    links:\n    - other_service\n"
                      "    logging: {}\n    ports: ['80:8081']\n    read_only: false\n    restart: always\n    tty: false\n"
                      "    volumes:\n    - ./data:/data\n", &c);
    compose_case_expect(&c, "myservice",
                        "{'image': '" HELLO "', 'command': ['/command'], 'entrypoint': ['/command'],"
                        " 'depends': {'other_service': 'started'}, 'environment': ['MY_SERVICE=http://...'],"
                        " 'expose': ['8080/tcp', '8081/tcp'], 'hosts': ['my_external_server:192.0.2.1'],"
                        " 'health': {'test': ['CMD-SHELL', 'bash cmd'], 'disabled': false}, 'log_driver': null,"
                        " 'log_options': [], 'read_only': false, 'restart': 'always', 'tty': false,"
                        " 'volumes': ['data:/data']}");
    assert_int_equal(c.warnings.n, 2); /* links and ports */
}

/* "Variables d’environnement": "le mot clé env_file n’est pas autorisé". */
static void test_env_file(void **state)
{
    (void)state;
    expect_problems("services:\n  app:\n    image: i\n    env_file: .env\n",
                    "f.yml:4:5: `env_file` is not allowed: the file is not on the target; name each variable in "
                    "`environment`: NAME: ${NAME}");
}

/* "Ajouter des variables secrètes": one that nobody set is named. */
static void test_secret_variables(void **state)
{
    (void)state;
    expect_problems("services:\n  app:\n    image: i\n    environment:\n      KEY: ${OTHER_KEY}\n      FLAG:\n",
                    "f.yml:5:12: variable `OTHER_KEY` is not set; create SV_STAGING_OTHER_KEY\n"
                    "f.yml:6:7: variable `FLAG` is not set; create SV_STAGING_FLAG");
}

/* "Traefik, Mailhog et InfluxDB pour le développement": that file is for development; the host's socket is not given. */
static void test_tools(void **state)
{
    (void)state;
    auto_free char *text = compose_case_file("page-tools.yml");
    auto_compose_case c = { 0 };
    assert_int_equal(compose_case_read(text, &c), -1);
    auto_free char *got = strvec_join(&c.problems, "\n");
    assert_non_null(strstr(got, "f.yml:32:15: the volume `/var/run/docker.sock` is a folder of the host; write ./data/NAME"));
    assert_non_null(strstr(got, "variable `INFLUXDB_USERNAME` is not set"));
    assert_non_null(strstr(c.warnings.items[0], "`ports` is deprecated"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_docker_compose),
        cmocka_unit_test(test_cdn),
        cmocka_unit_test(test_migration),
        cmocka_unit_test(test_cronjob),
        cmocka_unit_test(test_cronjob_restart_without_quotes),
        cmocka_unit_test(test_domains),
        cmocka_unit_test(test_routing),
        cmocka_unit_test(test_basic_auth),
        cmocka_unit_test(test_managed_service),
        cmocka_unit_test(test_services_without_s),
        cmocka_unit_test(test_limitations_example),
        cmocka_unit_test(test_limitations),
        cmocka_unit_test(test_env_file),
        cmocka_unit_test(test_secret_variables),
        cmocka_unit_test(test_tools),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
