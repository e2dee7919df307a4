/* The engine room against the Docker daemon of this machine: containers, networks, volumes, files and events. */
#include "base/file.h"
#include "engine/archive.h"
#include "engine/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

#include "tests/support/engine_case.h"

/* --- containers --- */

static void test_container_lifecycle(void **state)
{
    struct fixture *f = fixture_or_skip(state);
    auto_err e = ERR_INIT;
    auto_free char *id =
        create(f, "life", "trap 'exit 3' TERM; echo up; echo down >&2; sleep 600 & wait", "none", NULL);
    check(container_start(f->engine, id, &e), &e);
    check(container_start(f->engine, id, &e), &e);

    auto_json *seen = NULL, *list = NULL, *config = json_pack("{s:s}", "Image", f->image);
    check(container_inspect(f->engine, id, &seen, &e), &e);
    assert_true(json_flag(json_object_get(seen, "State"), "Running", false));
    check(container_list(f->engine, &f->label, &list, &e), &e);
    assert_int_equal(json_array_size(list), 2); /* and the fixture's own */

    auto_free char *name = xasprintf("%s-life", f->prefix);
    auto_free char *other = NULL;
    assert_int_equal(container_create(f->engine, name, NULL, config, &other, &e), -1);
    assert_says(&e, ERR_CONFLICT, "already in use");

    wait_for_log(f, id, "up\n");
    wait_for_log(f, id, "down\n");

    int code = -1;
    check(container_kill(f->engine, id, "TERM", &e), &e);
    check(container_wait(f->engine, id, NULL, &code, &e), &e);
    assert_int_equal(code, 3);
    check(container_kill(f->engine, id, NULL, &e), &e);
    check(container_remove(f->engine, id, &e), &e);
    check(container_remove(f->engine, id, &e), &e);
    check(container_kill(f->engine, id, NULL, &e), &e);
    assert_int_equal(container_start(f->engine, id, &e), -1);
    assert_says(&e, ERR_NOT_FOUND, "No such container");
}

static void test_container_without_image(void **state)
{
    struct fixture *f = fixture_or_skip(state);
    auto_err e = ERR_INIT;
    auto_free char *id = NULL;
    auto_json *config = json_pack("{s:s}", "Image", "atelier-test/nowhere:1");
    assert_int_equal(container_create(f->engine, NULL, NULL, config, &id, &e), -1);
    assert_says(&e, ERR_NOT_FOUND, "atelier-test/nowhere:1");
}

static void test_many_containers(void **state)
{
    struct fixture *f = fixture_or_skip(state);
    auto_free char *a = create(f, "many-a", "sleep 60", "none", NULL);
    auto_free char *b = create(f, "many-b", "sleep 60", "none", NULL);
    auto_free char *c = create(f, "many-c", "sleep 60", "none", NULL);
    const char *const ids[] = { a, b, "atelier-test-nobody", c };
    struct err errs[ARRAY_SIZE(ids)] = { 0 };
    assert_int_equal(container_start_all(f->engine, ids, errs, ARRAY_SIZE(ids)), -1);
    assert_says(&errs[2], ERR_NOT_FOUND, "atelier-test-nobody");
    err_release(&errs[2]);
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
        assert_string_equal(err_text(&errs[i]), "");
    assert_int_equal(container_remove_all(f->engine, ids, errs, ARRAY_SIZE(ids)), 0);

    auto_err e = ERR_INIT;
    auto_json *list = NULL;
    check(container_list(f->engine, &f->label, &list, &e), &e);
    assert_int_equal(json_array_size(list), 1);
}

/* --- networks and volumes --- */

static void test_network(void **state)
{
    struct fixture *f = fixture_or_skip(state);
    auto_err e = ERR_INIT;
    auto_free char *name = xasprintf("%s-net", f->prefix);
    auto_free char *id = NULL, *other = NULL;
    auto_json *labels = labels_of(f);
    check(network_create(f->engine, name, labels, &id, &e), &e);
    assert_int_equal(network_create(f->engine, name, labels, &other, &e), -1);
    assert_says(&e, ERR_CONFLICT, "already exists");
    err_release(&e);

    auto_json *list = NULL, *empty = NULL;
    check(network_list(f->engine, &f->label, &list, &e), &e);
    assert_int_equal(json_array_size(list), 1);
    auto_free char *container = create(f, "attached", "sleep 60", name, NULL);
    check(container_start(f->engine, container, &e), &e);
    check(network_remove(f->engine, id, &e), &e);
    check(network_remove(f->engine, id, &e), &e);
    check(container_remove(f->engine, container, &e), &e);
    check(network_list(f->engine, &f->label, &empty, &e), &e);
    assert_int_equal(json_array_size(empty), 0);
}

static void test_volume(void **state)
{
    struct fixture *f = fixture_or_skip(state);
    auto_err e = ERR_INIT;
    auto_free char *name = xasprintf("%s-volume", f->prefix);
    auto_json *labels = labels_of(f), *list = NULL;
    check(volume_create(f->engine, name, labels, &e), &e);
    check(volume_create(f->engine, name, labels, &e), &e);
    check(volume_list(f->engine, &f->label, &list, &e), &e);
    assert_int_equal(json_array_size(list), 1);
    assert_string_equal(json_text(json_array_get(list, 0), "Name"), name);

    auto_free char *container = create(f, "with-volume", "true", "none", name);
    assert_int_equal(volume_remove(f->engine, name, &e), -1);
    assert_says(&e, ERR_CONFLICT, "in use");
    err_release(&e);
    check(container_remove(f->engine, container, &e), &e);
    check(volume_remove(f->engine, name, &e), &e);
    check(volume_remove(f->engine, name, &e), &e);
}

/* --- files --- */

static void test_archive(void **state)
{
    struct fixture *f = fixture_or_skip(state);
    auto_err e = ERR_INIT;
    const char *const make[] = {
        "sh", "-c", "d=$(mktemp -d) && echo hello > $d/greeting && tar -C $d -c greeting && rm -r $d", NULL
    };
    auto_strbuf tar = STRBUF_TEXT, back = STRBUF_TEXT;
    check(process_capture(make, NULL, NULL, &tar, &e), &e);
    struct bytes source = { tar.data, tar.len };
    check(archive_put(f->engine, f->container, "/tmp", give, &source, &e), &e);

    auto_output o = OUTPUT_INIT;
    int code = -1;
    check(sh(f, f->container, "cat /tmp/greeting", NULL, NULL, &o, &code, &e), &e);
    assert_string_equal(strbuf_text(&o.out), "hello\n");
    check(archive_get(f->engine, f->container, "/tmp/greeting", collect, &back, &e), &e);
    assert_true(back.len >= 1024);
    assert_string_equal(back.data, "greeting");
    assert_memory_equal(back.data + 512, "hello\n", 7);

    struct bytes again = { tar.data, tar.len };
    assert_int_equal(archive_put(f->engine, f->container, "/nowhere", give, &again, &e), -1);
    assert_says(&e, ERR_NOT_FOUND, "nowhere");
    assert_int_equal(archive_get(f->engine, f->container, "/nowhere", collect, &back, &e), -1);
    assert_says(&e, ERR_NOT_FOUND, "nowhere");
}

/* --- events --- */

static int until_destroy(void *ctx, const json_t *event, struct err *e)
{
    (void)e;
    const char *action = json_text(event, "Action");
    strbuf_printf(ctx, "%s ", action);
    return strcmp(action, "destroy") == 0;
}

static void test_events(void **state)
{
    struct fixture *f = fixture_or_skip(state);
    auto_err e = ERR_INIT;
    auto_json *info = NULL;
    check(engine_info(f->engine, &info, &e), &e);
    assert_true(*json_text(info, "ServerVersion") != '\0');

    /* A label of its own: the daemon also remembers what the other tests did. */
    auto_strvec label = STRVEC_INIT;
    strvec_pushf(&label, "atelier.test=%s-events", f->prefix);
    auto_json *config =
        json_pack("{s:s, s:[s], s:{s:s}, s:{s:s}}", "Image", f->image, "Cmd", "true", "Labels",
                  "atelier.test", strchr(label.items[0], '=') + 1, "HostConfig", "NetworkMode", "none");
    auto_free char *id = NULL;
    int code = -1;
    int64_t since = (int64_t)time(NULL) - 1;
    check(container_create(f->engine, NULL, NULL, config, &id, &e), &e);
    check(container_start(f->engine, id, &e), &e);
    check(container_wait(f->engine, id, NULL, &code, &e), &e);
    check(container_remove(f->engine, id, &e), &e);
    auto_strbuf heard = STRBUF_TEXT;
    check(event_listen(f->engine, &label, since, until_destroy, &heard, NULL, &e), &e);
    assert_string_equal(strbuf_text(&heard), "create start die destroy ");
}

/* --- what a rollout asks --- */

/* Its state is the second start's, its end the daemon's to remember. */
static void test_died_and_runs_again(void **state)
{
    struct fixture *f = fixture_or_skip(state);
    auto_err e = ERR_INIT;
    auto_json *config = json_pack("{s:s, s:[s,s,s], s:o, s:{s:s, s:{s:s}}}", "Image", f->image, "Cmd", "sh", "-c",
                                  "[ ! -e /tmp/was ] || { echo again; exec sleep 600; }; touch /tmp/was; exit 9",
                                  "Labels", labels_of(f), "HostConfig", "NetworkMode", "none",
                                  "RestartPolicy", "Name", "always");
    auto_free char *id = NULL;
    auto_json *seen = NULL;
    struct event_death death;

    check(container_create(f->engine, NULL, NULL, config, &id, &e), &e);
    check(container_start(f->engine, id, &e), &e);
    wait_for_log(f, id, "again\n");
    check(container_inspect(f->engine, id, &seen, &e), &e);
    assert_int_equal(json_number(json_object_get(seen, "State"), "ExitCode", -1), 0);
    assert_int_equal(json_number(seen, "RestartCount", -1), 1);
    check(event_died(f->engine, id, &death, &e), &e);
    assert_true(death.known);
    assert_int_equal(death.code, 9);
    assert_false(death.oom);
}

static void test_stop(void **state)
{
    struct fixture *f = fixture_or_skip(state);
    auto_err e = ERR_INIT;
    auto_free char *asked = create(f, "stop-asked", "trap 'exit 3' TERM; echo set; while true; do sleep 0.1; done", "none", NULL);
    auto_free char *deaf = create(f, "stop-deaf", "trap '' TERM; echo set; while true; do sleep 0.1; done", "none", NULL);
    auto_free char *never = create(f, "stop-never", "true", "none", NULL);
    const char *const ids[] = { asked, deaf, never, "atelier-test-nobody" };
    struct err errs[ARRAY_SIZE(ids)] = { 0 };
    static const int codes[] = { 3, 137, 0 };

    assert_int_equal(container_start_all(f->engine, ids, errs, 2), 0);
    for (size_t i = 0; i < 2; i++)
        wait_for_log(f, ids[i], "set\n"); /* the traps */
    assert_int_equal(container_stop_all(f->engine, ids, PATIENCE_MS, errs, 1), 0); /* ends long before */
    if (container_stop_all(f->engine, ids, 1000, errs, ARRAY_SIZE(ids)) < 0)
        fail_msg("%s %s %s %s", err_text(&errs[0]), err_text(&errs[1]), err_text(&errs[2]), err_text(&errs[3]));
    for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
        auto_json *seen = NULL;
        check(container_inspect(f->engine, ids[i], &seen, &e), &e);
        assert_false(json_flag(json_object_get(seen, "State"), "Running", true));
        assert_int_equal(json_number(json_object_get(seen, "State"), "ExitCode", -1), codes[i]);
    }
    assert_int_equal(container_remove_all(f->engine, ids, errs, 3), 0);
}

static void test_second_network(void **state)
{
    struct fixture *f = fixture_or_skip(state);
    auto_err e = ERR_INIT;
    auto_free char *name = xasprintf("%s-second", f->prefix);
    auto_free char *network = NULL, *own = NULL;
    auto_json *labels = labels_of(f), *there = NULL, *seen = NULL, *nothing = NULL;
    auto_strvec aliases = STRVEC_INIT;

    assert_int_equal(network_inspect(f->engine, name, &nothing, &e), -1);
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    check(network_create(f->engine, name, labels, &network, &e), &e);
    check(network_inspect(f->engine, name, &there, &e), &e);
    assert_string_equal(json_text(there, "Id"), network);

    auto_free char *id = create(f, "two-networks", "sleep 60", "bridge", NULL);
    strvec_push(&aliases, "also");
    check(network_connect(f->engine, name, id, &aliases, &e), &e);
    check(container_inspect(f->engine, id, &seen, &e), &e);
    const json_t *networks = json_at(seen, "NetworkSettings", "Networks");
    assert_int_equal(json_object_size(networks), 2);
    auto_free char *names = json_compact(json_at(networks, name, "Aliases"));
    assert_non_null(strstr(names, "\"also\""));
    check(container_remove(f->engine, id, &e), &e);
    check(network_remove(f->engine, network, &e), &e);
}

static void test_archive_stat(void **state)
{
    struct fixture *f = fixture_or_skip(state);
    auto_err e = ERR_INIT;
    static const struct {
        const char *path;
        enum archive_kind kind;
    } rows[] = { { "/tmp", ARCHIVE_FOLDER }, { "/bin/sh", ARCHIVE_LINK }, { "/bin/busybox", ARCHIVE_OTHER } };
    enum archive_kind kind = ARCHIVE_OTHER;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        check(archive_stat(f->engine, f->container, rows[i].path, &kind, &e), &e);
        assert_int_equal(kind, rows[i].kind);
    }
    assert_int_equal(archive_stat(f->engine, f->container, "/tmp/nothing", &kind, &e), -1);
    assert_int_equal(e.kind, ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_container_lifecycle),
        cmocka_unit_test(test_container_without_image),
        cmocka_unit_test(test_many_containers),
        cmocka_unit_test(test_network),
        cmocka_unit_test(test_volume),
        cmocka_unit_test(test_archive),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_died_and_runs_again),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_second_network),
        cmocka_unit_test(test_archive_stat),
    };
    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
