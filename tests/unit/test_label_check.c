/* What is said of a compose file's labels, without a target and with one. */
#include "stages/deploy/label_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/compose_case.h"

#define CRON "sh.factory.cronjob."
#define JOB  "services:\n  job:\n    image: i\n    command: /bin/false\n    restart: 'no'\n    labels:\n"
#define APP  "services:\n  app:\n    image: i\n    labels:\n"

/* The target's proxy; ANY: no target is known. */
enum { ANY = -1 };

struct row {
    int to;
    const char *text;
    const char *want; /* the problems, with a line break between them; "" for none */
};

static const struct row rows[] = {
    /* "Cronjob": both labels, a line of cron, a command that fails fast, no restart */
    { ANY, JOB "      " CRON "schedule: '0 * * * *'\n      " CRON "command: ls\n", "" },
    { ANY, JOB "      " CRON "schedule: '0 * * * *'\n", "f.yml:7: service 'job': label " CRON "schedule is there without " CRON
      "command; a cron job has both" },
    { ANY, JOB "      " CRON "command: ls\n", "f.yml:7: service 'job': label " CRON "command is there without " CRON
      "schedule; a cron job has both" },
    { ANY, JOB "      " CRON "command: ''\n      " CRON "schedule: '@daily'\n", "f.yml:7: service 'job': label " CRON
      "command is empty; write what `bash -c` is to run" },
    { ROUTING_NONE, JOB "      x: y\n      " CRON "command: ls\n      " CRON "schedule: 0 25 * * *\n", "f.yml:9: service 'job': "
      "label " CRON "schedule: " },
    { ANY, JOB "    - " CRON "command=ls\n    - " CRON "schedule=now\n", "f.yml:8: service 'job': label " CRON "schedule: " },
    { ROUTING_NONE, APP "      " CRON "schedule: '@daily'\n      " CRON "command: ls\n", "f.yml:5: service 'app': it has the labels "
      "of a cron job, and would run as a service all the same; write `command: /bin/false` and `restart: \"no\"`" },
    { ANY, "services:\n  job:\n    image: i\n    command: /bin/false\n    labels: {" CRON "schedule: '@daily', " CRON "command: ls}",
      "f.yml:5: service 'job': it has the labels of a cron job" },
    { ANY, "services:\n  job:\n    image: i\n    restart: 'no'\n    labels: {" CRON "schedule: '@daily', " CRON "command: ls}",
      "f.yml:5: service 'job': it has the labels of a cron job" },
    /* a variable that only the deploy has */
    { ANY, JOB "      " CRON "schedule: '@daily'\n      " CRON "command: run $WHAT\n", "" },
    { ANY, JOB "      " CRON "schedule: '@often'\n      " CRON "command: run $WHAT\n", "f.yml:7: service 'job': label " CRON
      "schedule: " },
    { ANY, APP "      traefik.enable: 'true'\n      traefik.frontend.rule: Host:$WHERE\n", "" },
    { ANY, APP "      traefik.port: $PORT\n      traefik.frontend.rule: Hots:a.io\n", "f.yml:6: service 'app': "
      "traefik.frontend.rule: `Hots` is no matcher of Traefik 1" },
    { ANY, APP "      traefik.enable: 'false'\n      traefik.port: $PORT\n      traefik.frontend.rule: Hots:a.io\n", "" },
    { ANY, APP "      x: $PORT\n      traefik.port: '80'\n      traefik.http.routers.r.rule: Host(`a`)\n", "f.yml:6: service "
      "'app': traefik.port is of Traefik 1, and traefik.http.routers.r.rule of Traefik 2" },
    /* "Routage": one generation, a rule that can be read */
    { ANY, APP "      traefik.enable: 'true'\n      traefik.frontend.rule: Host:a.io;PathPrefix:/ws/\n", "" },
    { ANY, APP "      traefik.http.routers.r.rule: Host(`a.io`)\n", "" },
    { ANY, APP "      traefik.http.routers.r.rule: Host(`a.io`)\n      traefik.port: '80'\n", "f.yml:6: service 'app': "
      "traefik.port is of Traefik 1, and traefik.http.routers.r.rule of Traefik 2" },
    { ANY, APP "      traefik.enable: 'true'\n", "f.yml:5: service 'app': traefik.frontend.rule is missing" },
    { ANY, APP "      traefik.port: '80'\n      traefik.frontend.priority: x\n      traefik.frontend.rule: Host:a\n",
      "f.yml:6: service 'app': traefik.frontend.priority: a priority is a whole number" },
    { ANY, APP "      traefik.http.routers.r.service: s\n", "f.yml:5: service 'app': traefik.http.routers.r.service: the router has no "
      "rule" },
    { ANY, APP "      traefik.admin.frontend.rule: 'Hots:a'\n", "f.yml:5: service 'app': traefik.admin.frontend.rule: " },
    /* what depends on the target */
    { ROUTING_NONE, APP "      traefik.frontend.rule: Hots:a.io\n", "" },
    { ROUTING_TRAEFIK1, APP "      traefik.http.routers.r.rule: Host(`a.io`)\n", "f.yml:5: service 'app': "
      "traefik.http.routers.r.rule: the target's proxy is Traefik 1" },
    { ROUTING_TRAEFIK3, APP "      traefik.frontend.rule: Host:a.io\n      traefik.weight: '3'\n", "f.yml:6: service 'app': "
      "traefik.weight: " },
    { ANY, APP "      traefik.frontend.rule: Host:a.io\n      traefik.weight: '3'\n", "" },
    /* a migration is not for the proxy */
    { ANY, JOB "      traefik.frontend.rule: Hots:a.io\n", "" },
    /* all of them */
    { ANY, "services:\n  a: {image: i, labels: {traefik.frontend.rule: 'Hots:a'}}\n  b: {image: i, labels: {" CRON "command: ls}}\n",
      "f.yml:2: service 'a': traefik.frontend.rule: `Hots` is no matcher of Traefik 1; did you mean `Host`?\n"
      "f.yml:3: service 'b': label " CRON "command is there without " CRON "schedule; a cron job has both" },
};

static void check(const struct row *row)
{
    auto_strvec problems = STRVEC_INIT, unset = STRVEC_INIT, found = STRVEC_INIT, warnings = STRVEC_INIT;
    struct compose_variables v = compose_case_variables;
    auto_compose c = COMPOSE_INIT;
    auto_err e = ERR_INIT, wrong = ERR_INIT;
    const struct target target = { .name = (char[]){ "t" }, .routing = (enum routing)row->to };

    v.unset = &unset;
    if (compose_read("f.yml", row->text, strlen(row->text), &v, &c, &problems, &warnings, &e) < 0)
        fail_msg("%s\n%s", row->text, err_text(&e));
    int rc = labels_check("f.yml", &c, row->to == ANY ? NULL : &target, &found, &wrong);
    auto_free char *all = strvec_join(&found, "\n");
    if (rc != (*row->want ? -1 : 0) || strncmp(all, row->want, strlen(row->want)) != 0 || (!*row->want && *all))
        fail_msg("%s\n%s\nbut wanted\n%s", row->text, all, row->want);
    if (rc < 0) {
        assert_int_equal(wrong.kind, ERR_JOB);
        assert_string_equal(err_text(&wrong), found.items[0]);
    }
}

/* What the target's owner lets a project route. */
static void test_domains(void **state)
{
    static const char text[] = APP "      traefik.port: '80'\n      traefik.frontend.rule: Host:x.a.io,b.io\n";
    static const char good[] = APP "      traefik.port: '80'\n      traefik.frontend.rule: Host:x.a.io\n";
    struct target target = { .name = (char[]){ "t" } };

    (void)state;
    strvec_push(&target.domains, "*.a.io");
    for (int to = ROUTING_NONE; to <= ROUTING_TRAEFIK3; to++) {
        auto_strvec found = STRVEC_INIT;
        auto_compose_case c = { .compose = COMPOSE_INIT }, fine = { .compose = COMPOSE_INIT };
        target.routing = (enum routing)to;
        compose_case_good(text, &c);
        assert_int_equal(labels_check("f.yml", &c.compose, &target, &found, NULL), -1);
        assert_int_equal(found.n, 1);
        assert_string_equal(found.items[0], "f.yml:6: service 'app': traefik.frontend.rule: the host name 'b.io' is not for this "
                            "project; this target routes *.a.io to a project, and nothing else (`domains` of its configuration)");
        assert_int_equal(labels_check("f.yml", &c.compose, NULL, &found, NULL), 0);
        compose_case_good(good, &fine);
        assert_int_equal(labels_check("f.yml", &fine.compose, &target, &found, NULL), 0);
    }
    strvec_release(&target.domains);
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        check(&rows[i]);
}

/* Whatever its labels are, a service that the target has elsewhere gets none. */
static void test_managed(void **state)
{
    static const char text[] = "services: {mysql: {image: i, labels: {" CRON "command: ls, traefik.frontend.rule: nothing}}}";
    struct target_managed managed = { (char[]){ "mysql" }, (char[]){ "" } };
    const struct target target = { .name = (char[]){ "t" }, .routing = ROUTING_TRAEFIK3, .managed = &managed, .n_managed = 1 };
    auto_strvec found = STRVEC_INIT;
    auto_compose_case c = { .compose = COMPOSE_INIT };

    (void)state;
    compose_case_good(text, &c);
    assert_int_equal(labels_check("f.yml", &c.compose, &target, &found, NULL), 0);
    assert_int_equal(found.n, 0);
    assert_int_equal(labels_check("f.yml", &c.compose, NULL, &found, NULL), -1);
    assert_int_equal(found.n, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows), cmocka_unit_test(test_domains),
                                        cmocka_unit_test(test_managed) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
