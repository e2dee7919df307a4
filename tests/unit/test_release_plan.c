/* What a deploy does to which service, as data: files, images and containers are written down here. */
#include "stages/deploy/release_plan.h"

#include "stages/deploy/labels.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define MAX 8

struct world {
    struct target *target;
    struct targets targets;
    struct compose compose;
    json_t *images[MAX];
    json_t *containers;
    struct release live;
    struct deploy_identity who;
};

static const char *unset(void *ctx, const char *name, bool *secret)
{
    (void)ctx;
    (void)name;
    *secret = false;
    return NULL;
}

static void read_compose(struct world *w, const char *text)
{
    const struct compose_variables variables = { .find = unset };
    auto_strvec problems = STRVEC_INIT, warnings = STRVEC_INIT;
    auto_err e = ERR_INIT;

    compose_release(&w->compose);
    if (compose_read("f.yml", text, strlen(text), &variables, &w->compose, &problems, &warnings, &e) < 0)
        fail_msg("%s", err_text(&e));
    for (size_t i = 0; i < w->compose.n; i++)
        if (!w->images[i])
            w->images[i] = json_pack("{s:s, s:{s:s}}", "Id", "sha256:1", "Config", "User", "1001");
}

static int set_up(void **state)
{
    struct world *w = xcalloc(1, sizeof(*w));

    w->target = targets_add(&w->targets, "here");
    free(w->target->key);
    w->target->key = xstrdup("0123456789abcdef0123456789abcdef");
    free(w->target->data);
    w->target->data = xstrdup("/srv/data");
    w->target->routing = ROUTING_TRAEFIK1;
    free(w->target->network);
    w->target->network = xstrdup("proxy");
    w->containers = json_array();
    w->live = (struct release){ .number = 4, .result = xstrdup("deployed"), .services = json_object() };
    w->who = (struct deploy_identity){ .project = "g/p", .environment = "staging", .unit = xstrdup("g-p-staging") };
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;

    targets_release(&w->targets);
    compose_release(&w->compose);
    for (size_t i = 0; i < MAX; i++)
        json_decref(w->images[i]);
    json_decref(w->containers);
    release_release(&w->live);
    free(w->who.unit);
    free(w);
    return 0;
}

static void make(const struct world *w, bool back, struct release_plan *out)
{
    const struct release_plan_from from = { &w->compose, w->images, w->target, &w->who, w->containers, &w->live, 5, back };
    auto_err e = ERR_INIT;

    if (release_plan_make(&from, out, &e) < 0)
        fail_msg("%s", err_text(&e));
}

/* As if this plan had been carried out: every service has its container, and the record says so. */
static void carry_out(struct world *w)
{
    auto_release_plan plan = { 0 };

    make(w, false, &plan);
    json_array_clear(w->containers);
    json_object_clear(w->live.services);
    for (size_t i = 0; i < plan.n; i++) {
        const struct plan_step *s = &plan.steps[i];
        auto_free char *id = xasprintf("id-%s", s->service->name);
        (void)json_array_append_new(w->containers, json_pack("{s:s, s:s, s:s, s:O}", "Id", id, "State", "running", "Status", "Up",
                                                             "Labels", json_object_get(s->body.json, "Labels")));
        (void)json_object_set_new(w->live.services, s->service->name,
                                  json_pack("{s:s, s:s, s:s, s:b, s:b}", "hash", s->body.hash, "digest", s->body.image,
                                            "container", id, "routed", s->body.routed, "once", s->kind == SERVICE_ONCE));
    }
}

static void assert_lines(const struct world *w, bool back, const char *expected)
{
    auto_release_plan plan = { 0 };
    auto_strvec lines = STRVEC_INIT;

    make(w, back, &plan);
    release_plan_lines(&plan, &lines);
    auto_free char *all = strvec_join(&lines, "\n");
    assert_string_equal(all, expected);
}

#define FILE_ALL                                                                                                    \
    "services:\n"                                                                                                   \
    "  app: {image: a, environment: {K: v}, labels: {traefik.enable: 'true', traefik.frontend.rule: 'Host:x'}}\n"   \
    "  worker: {image: a, command: [run]}\n"                                                                        \
    "  migrate: {image: a, command: [up], restart: 'no'}\n"                                                         \
    "  hourly: {image: a, command: /bin/false, restart: 'no', labels: {sh.factory.cronjob.schedule: '@hourly', "    \
    "sh.factory.cronjob.command: ls}}\n"

static void test_new(void **state)
{
    struct world *w = *state;

    read_compose(w, FILE_ALL);
    assert_lines(w, false, "app: create (it is new)\n"
                           "worker: create (it is new)\n"
                           "migrate: run once (to its end)\n"
                           "hourly: register cron job (it is new)");
}

static void test_unchanged(void **state)
{
    struct world *w = *state;
    auto_release_plan plan = { 0 };

    read_compose(w, FILE_ALL);
    carry_out(w);
    make(w, false, &plan);
    assert_true(release_plan_is_empty(&plan));
    assert_lines(w, false, "app: keep (nothing changed)\n"
                           "worker: keep (nothing changed)\n"
                           "migrate: keep (it ran, and nothing changed)\n"
                           "hourly: keep (nothing changed)");
}

static void test_changed(void **state)
{
    struct world *w = *state;

    read_compose(w, FILE_ALL);
    carry_out(w);
    read_compose(w, "services:\n"
                    "  app: {image: a, environment: {K: other}, labels: {traefik.enable: 'true', "
                    "traefik.frontend.rule: 'Host:x'}}\n"
                    "  migrate: {image: a, command: [up, more], restart: 'no'}\n"
                    "  cache: {image: a}\n");
    assert_lines(w, false, "app: replace (its configuration changed)\n"
                           "migrate: run once (to its end)\n"
                           "cache: create (it is new)\n"
                           "worker: remove (the file has it no more)\n"
                           "hourly: remove (the file has it no more)");
    assert_lines(w, true, "app: replace (its configuration changed)\n"
                          "migrate: do not run (what runs once does not run backwards)\n"
                          "cache: create (it is new)\n"
                          "worker: remove (the file has it no more)\n"
                          "hourly: remove (the file has it no more)");
}

static void test_another_image(void **state)
{
    struct world *w = *state;

    read_compose(w, "services: {app: {image: a}}");
    carry_out(w);
    (void)json_object_set_new(w->images[0], "Id", json_string("sha256:2"));
    assert_lines(w, false, "app: replace (its image changed)");
}

static void test_gone_and_ill(void **state)
{
    struct world *w = *state;

    read_compose(w, "services: {app: {image: a}}");
    carry_out(w);
    (void)json_object_set_new(json_array_get(w->containers, 0), "Status", json_string("Up 2 hours (unhealthy)"));
    assert_lines(w, false, "app: replace (it is unhealthy)");
    json_array_clear(w->containers);
    assert_lines(w, false, "app: create (its container is gone)");
}

static void test_managed(void **state)
{
    struct world *w = *state;

    w->target->managed = xcalloc(2, sizeof(*w->target->managed));
    w->target->managed[0] = (struct target_managed){ xstrdup("mysql"), xstrdup("") };
    w->target->managed[1] = (struct target_managed){ xstrdup("redis"), xstrdup("10.0.0.7") };
    w->target->n_managed = 2;
    read_compose(w, "services: {app: {image: a}, mysql: {image: 'mysql:5'}, redis: {image: r}}");
    assert_lines(w, false, "app: create (it is new)\n"
                           "mysql: create (the target manages it, and it is not there yet)\n"
                           "redis: managed (the target has it elsewhere)");
    auto_release_plan plan = { 0 };
    make(w, false, &plan);
    assert_string_equal(json_string_value(json_array_get(json_at(plan.steps[0].body.json, "HostConfig", "ExtraHosts"), 0)),
                        "redis:10.0.0.7");
    const json_t *mount = json_array_get(json_at(plan.steps[1].body.json, "HostConfig", "Mounts"), 0);
    assert_string_equal(json_text(mount, "Source"), "atelier-data-g-p-staging-mysql");
    assert_string_equal(json_text(mount, "Target"), "/var/lib/mysql");

    (void)json_array_append_new(w->containers, json_pack("{s:s, s:s, s:O}", "Id", "db", "State", "running", "Labels",
                                                         json_object_get(plan.steps[1].body.json, "Labels")));
    read_compose(w, "services: {mysql: {image: 'mysql:5', environment: {K: v}}}");
    assert_lines(w, false, "mysql: managed, keep (the target manages it)");
    read_compose(w, "services: {mysql: {image: 'mysql:8'}}");
    assert_lines(w, false, "mysql: replace (its image is another one; its data stay)");
}

static void test_body(void **state)
{
    struct world *w = *state;
    auto_release_plan plan = { 0 };

    w->target->memory = 1000;
    read_compose(w, FILE_ALL);
    make(w, false, &plan);
    const json_t *app = plan.steps[0].body.json, *migrate = plan.steps[2].body.json, *hourly = plan.steps[3].body.json;
    assert_true(plan.steps[0].body.routed);
    assert_false(plan.steps[1].body.routed);
    assert_string_equal(plan.steps[0].name, "g-p-staging.app.5");
    assert_string_equal(json_text(json_object_get(app, "Labels"), LABEL_RELEASE), "5");
    assert_string_equal(json_text(json_object_get(app, "Labels"), LABEL_HASH), plan.steps[0].body.hash);
    assert_int_equal(strlen(plan.steps[0].body.hash), 64);
    assert_string_equal(json_text(json_object_get(app, "HostConfig"), "NetworkMode"), "atelier-g-p-staging");
    assert_int_equal(json_number(json_object_get(app, "HostConfig"), "Memory", 0), 1000);
    assert_string_equal(json_text(json_at(app, "HostConfig", "RestartPolicy"), "Name"), "unless-stopped");
    assert_string_equal(json_text(json_at(migrate, "HostConfig", "RestartPolicy"), "Name"), "no");
    assert_string_equal(json_text(json_object_get(migrate, "Labels"), "traefik.enable"), "false");
    auto_free char *words = json_compact(json_object_get(hourly, "Cmd"));
    assert_string_equal(words, "[\"@hourly\",\"--\",\"bash\",\"-c\",\"ls\"]");
}

/* The hash says nothing of a secret to whoever has not the key, and all of it to the next deploy. */
static void test_hash(void **state)
{
    struct world *w = *state;
    auto_release_plan one = { 0 }, same = { 0 }, keyed = { 0 };

    read_compose(w, "services: {app: {image: a, environment: {K: secret}}}");
    make(w, false, &one);
    make(w, false, &same);
    assert_string_equal(one.steps[0].body.hash, same.steps[0].body.hash);
    w->target->key[0] = 'x';
    make(w, false, &keyed);
    assert_string_not_equal(one.steps[0].body.hash, keyed.steps[0].body.hash);
}

static void test_data_folder(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *environment, *folder;
    } rows[] = {
        { "staging", "/srv/data/g/p/staging" },
        { "review/a b", "/srv/data/g/p/review%2Fa%20b" },
        { "..", "/srv/data/g/p/%2E%2E" },
        { "../other", "/srv/data/g/p/%2E%2E%2Fother" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        w->who.environment = rows[i].environment;
        auto_free char *folder = body_data_folder(w->target, &w->who);
        assert_string_equal(folder, rows[i].folder);
    }
}

/* A container of the release before could put a link to the host's folders there. */
static void test_volume_within_a_running_one(void **state)
{
    static const struct {
        const char *source;
        bool writable, refused;
    } rows[] = {
        { "/srv/data/g/p/staging/data", true, true },
        { "/srv/data/g/p/staging/data", false, false },
        { "/srv/data/g/p/staging/data/a", true, false },
        { "/srv/data/g/p/staging/dat", true, false },
        { "", true, false },
    };
    struct world *w = *state;

    read_compose(w, "services: {app: {image: a, volumes: ['./data/a:/x']}}");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct release_plan_from from = { &w->compose, w->images, w->target, &w->who, w->containers, &w->live, 5, false };
        auto_release_plan plan = { 0 };
        auto_err e = ERR_INIT;
        json_array_clear(w->containers);
        (void)json_array_append_new(w->containers, json_pack("{s:s, s:{s:s}, s:[{s:s, s:b}]}", "Id", "old",
                                                             "Labels", LABEL_DUTY, DUTY_SERVICE, "Mounts", "Source",
                                                             rows[i].source, "RW", rows[i].writable));
        assert_int_equal(release_plan_make(&from, &plan, &e), rows[i].refused ? -1 : 0);
        if (rows[i].refused && !strstr(err_text(&e), "service 'app': the volume ./data/a is within one"))
            fail_msg("%s", err_text(&e));
    }
}

/* A label of the image's becomes one of the container's. */
static void test_labels_of_images(void **state)
{
    static const struct {
        const char *label, *problem;
    } rows[] = {
        { "maintainer", NULL },
        { "atelier.recipe", NULL },
        { "atelier.job", "service 'app': image 'a' has the label atelier.job, which would be the container's" },
        { "Atelier.unit", "the label Atelier.unit" },
        { "traefik.http.services.x.loadbalancer.server.port", "write it below `labels` in the compose file" },
        { "TRAEFIK.enable", "the label TRAEFIK.enable" },
    };
    struct world *w = *state;

    read_compose(w, "services: {app: {image: a}}");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_json *image = json_pack("{s:{s:{s:s, s:s}}}", "Config", "Labels", "a", "b", rows[i].label, "x");
        auto_err e = ERR_INIT;
        assert_int_equal(body_check_labels(&w->compose.services[0], image, &e), rows[i].problem ? -1 : 0);
        if (rows[i].problem && (e.kind != ERR_JOB || !strstr(err_text(&e), rows[i].problem)))
            fail_msg("%s: %s", rows[i].label, err_text(&e));
    }
}

/* To Traefik the names of labels have no case. */
static void test_migration_is_not_routed(void **state)
{
    struct world *w = *state;
    auto_release_plan plan = { 0 };

    read_compose(w, "services: {app: {image: a, restart: 'no', labels: {Traefik.enable: 'true', other: x}}}");
    make(w, false, &plan);
    const json_t *labels = json_object_get(plan.steps[0].body.json, "Labels");
    assert_null(json_object_get(labels, "Traefik.enable"));
    assert_string_equal(json_text(labels, "traefik.enable"), "false");
    assert_string_equal(json_text(labels, "other"), "x");
}

static void add(struct world *w, const char *id, const char *duty, const char *state)
{
    (void)json_array_append_new(w->containers, json_pack("{s:s, s:s, s:{s:s, s:s}}", "Id", id, "State", state, "Labels",
                                                         LABEL_DUTY, duty, LABEL_SERVICE, id));
}

static void test_leftovers(void **state)
{
    struct world *w = *state;
    auto_leftovers left = { STRVEC_INIT, STRVEC_INIT };

    add(w, "kept", DUTY_SERVICE, "running");
    add(w, "stopped", DUTY_SERVICE, "exited");
    add(w, "migrated", DUTY_SERVICE, "exited");
    add(w, "new", DUTY_SERVICE, "running");
    add(w, "hands", DUTY_HANDS, "created");
    add(w, "lock", DUTY_LOCK, "created");
    add(w, "db", DUTY_MANAGED, "exited");
    (void)json_object_set_new(w->live.services, "a", json_pack("{s:s}", "container", "kept"));
    (void)json_object_set_new(w->live.services, "b", json_pack("{s:s}", "container", "stopped"));
    (void)json_object_set_new(w->live.services, "c", json_pack("{s:s, s:b}", "container", "migrated", "once", 1));
    leftovers_find(w->containers, &w->live, &left);
    auto_free char *remove = strvec_join(&left.remove, " ");
    auto_free char *start = strvec_join(&left.start, " ");
    assert_string_equal(remove, "new hands");
    assert_string_equal(start, "stopped db");
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_new),     T(test_unchanged),      T(test_changed), T(test_another_image),
        T(test_managed), T(test_gone_and_ill),   T(test_body),    T(test_hash),
        T(test_data_folder), T(test_leftovers),   T(test_labels_of_images),
        T(test_migration_is_not_routed), T(test_volume_within_a_running_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
