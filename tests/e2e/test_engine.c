/* The engine room against the Docker daemon of this machine. Everything that is made
 * bears a name and a label with our process id, and is removed at the end. Without a
 * daemon, or without busybox-static, all tests are skipped.
 * ATELIER_TEST_REGISTRY="HOST:PORT:USER:PASSWORD-FILE" names a registry to push to. */
#include "engine/archive.h"
#include "engine/container.h"
#include "engine/event.h"
#include "engine/exec.h"
#include "engine/image.h"
#include "engine/network.h"
#include "engine/volume.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/process.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

extern char **environ;

enum { PATIENCE_MS = 180000 };

struct fixture {
    struct engine *engine;
    char *prefix;        /* of every name */
    char *image;         /* busybox */
    struct strvec label; /* on everything */
    char *container;     /* one that runs, for the tests that only need some container */
};

static void check(int result, const struct err *e)
{
    if (result < 0)
        fail_msg("%s", err_text(e));
}

static void assert_says(const struct err *e, enum err_kind kind, const char *text)
{
    if (e->kind != kind || !strstr(err_text(e), text))
        fail_msg("kind %d instead of %d, '%s' instead of '%s'", (int)e->kind, (int)kind, err_text(e), text);
}

static struct fixture *fixture_or_skip(void **state)
{
    struct fixture *f = *state;
    if (!f->engine)
        skip();
    return f;
}

/* --- bytes from and to memory --- */

struct bytes {
    const char *data;
    size_t len;
};

static ssize_t give(void *ctx, char *buf, size_t size, struct err *e)
{
    (void)e;
    struct bytes *b = ctx;
    size_t n = b->len < size ? b->len : size;
    memcpy(buf, b->data, n);
    b->data += n;
    b->len -= n;
    return (ssize_t)n;
}

static int collect(void *ctx, const char *data, size_t len, struct err *e)
{
    (void)e;
    strbuf_putn(ctx, data, len);
    return 0;
}

struct output {
    struct strbuf out, err;
};

#define OUTPUT_INIT { STRBUF_TEXT, STRBUF_TEXT }

static void output_release(struct output *o)
{
    strbuf_release(&o->out);
    strbuf_release(&o->err);
}
#define auto_output __attribute__((cleanup(output_release))) struct output

static int hear(void *ctx, enum stream_kind kind, const char *data, size_t len, struct err *e)
{
    (void)e;
    struct output *o = ctx;
    strbuf_putn(kind == STREAM_STDERR ? &o->err : &o->out, data, len);
    return 0;
}

/* --- containers --- */

static json_t *labels_of(const struct fixture *f)
{
    return json_pack("{s:s}", "atelier.test", strchr(f->label.items[0], '=') + 1);
}

static char *create(struct fixture *f, const char *name, const char *script, const char *network,
                    const char *volume)
{
    auto_err e = ERR_INIT;
    auto_free char *full = xasprintf("%s-%s", f->prefix, name);
    auto_free char *bind = volume ? xasprintf("%s:/data", volume) : NULL;
    auto_json *config =
        json_pack("{s:s, s:[s,s,s], s:o, s:{s:s, s:[s*]}}", "Image", f->image, "Cmd", "sh", "-c", script,
                  "Labels", labels_of(f), "HostConfig", "NetworkMode", network, "Binds", bind);
    char *id = NULL;
    check(container_create(f->engine, full, NULL, config, &id, &e), &e);
    return id;
}

static int sh(const struct fixture *f, const char *container, const char *script, struct bytes *input,
              const struct engine_watch *watch, struct output *o, int *code, struct err *e)
{
    auto_strvec argv = STRVEC_INIT;
    strvec_push(&argv, "sh");
    strvec_push(&argv, "-c");
    strvec_push(&argv, script);
    const struct exec_spec spec = {
        .argv = &argv,
        .input = input ? give : NULL,
        .input_ctx = input,
        .sink = hear,
        .sink_ctx = o,
        .watch = watch,
    };
    return exec_run(f->engine, container, &spec, code, e);
}

/* Until the container has said it: a machine may be slow. */
static void wait_for_log(struct fixture *f, const char *id, const char *line)
{
    auto_err e = ERR_INIT;
    auto_free char *log = NULL;
    int64_t end = clock_ms() + PATIENCE_MS;
    while (!log || !strstr(log, line)) {
        if (clock_ms() > end)
            fail_msg("container %s does not say '%s'", id, line);
        free(take(&log));
        check(container_logs(f->engine, id, 10, 1000, &log, &e), &e);
        (void)poll(NULL, 0, 20);
    }
}

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

/* --- exec --- */

static const struct {
    const char *script, *input;
    int code;
    const char *out, *err;
} scripts[] = {
    { "exit 0", NULL, 0, "", "" },
    { "echo out; echo err >&2; exit 3", NULL, 3, "out\n", "err\n" },
    { "kill -9 $$", NULL, 137, "", "" },
    { "read line; echo \"<$line>\"", "hello\n", 0, "<hello>\n", "" },
    { "cat", "one\ntwo\n", 0, "one\ntwo\n", "" },
    { "echo done", "nobody reads this\n", 0, "done\n", "" },
    { "exec >&- 2>&-; sleep 1; exit 5", NULL, 5, "", "" },
    { "nosuch 2>/dev/null", NULL, 127, "", "" },
    { "printf 'like the daemon\\r\\n'; exit 126", NULL, 126, "like the daemon\r\n", "" },
    { "printf '\\001\\000\\377'", NULL, 0, "\001", "" },
};

static void test_exec(void **state)
{
    struct fixture *f = fixture_or_skip(state);
    for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
        auto_err e = ERR_INIT;
        auto_output o = OUTPUT_INIT;
        struct bytes input = { scripts[i].input, scripts[i].input ? strlen(scripts[i].input) : 0 };
        int code = -1;
        print_message("    %s\n", scripts[i].script);
        check(sh(f, f->container, scripts[i].script, scripts[i].input ? &input : NULL, NULL, &o, &code, &e),
              &e);
        assert_int_equal(code, scripts[i].code);
        assert_string_equal(strbuf_text(&o.out), scripts[i].out);
        assert_string_equal(strbuf_text(&o.err), scripts[i].err);
    }
}

static void test_exec_large(void **state)
{
    struct fixture *f = fixture_or_skip(state);
    auto_err e = ERR_INIT;
    auto_output o = OUTPUT_INIT;
    int code = -1;
    check(sh(f, f->container, "yes 1234567 | head -c 5000000; yes abc | head -c 1000000 >&2", NULL, NULL, &o,
             &code, &e),
          &e);
    assert_int_equal(code, 0);
    assert_int_equal(o.out.len, 5000000);
    assert_int_equal(o.err.len, 1000000);

    /* There and back again: the daemon must not wait for us while we wait for it. */
    struct bytes input = { o.out.data, o.out.len };
    auto_output echo = OUTPUT_INIT;
    check(sh(f, f->container, "cat", &input, NULL, &echo, &code, &e), &e);
    assert_int_equal(echo.out.len, o.out.len);
    assert_memory_equal(echo.out.data, o.out.data, o.out.len);
}

static void test_exec_environment(void **state)
{
    struct fixture *f = fixture_or_skip(state);
    auto_err e = ERR_INIT;
    auto_output o = OUTPUT_INIT;
    auto_strvec argv = STRVEC_INIT, env = STRVEC_INIT;
    strvec_push(&argv, "sh");
    strvec_push(&argv, "-c");
    strvec_push(&argv, "echo \"$WORD|$(pwd)|$(id -u)\"");
    strvec_push(&env, "WORD=\"a\n$b\" \xc3\xa9");
    const struct exec_spec spec = {
        .argv = &argv, .env = &env, .user = "7", .dir = "/tmp", .sink = hear, .sink_ctx = &o
    };
    int code = -1;
    check(exec_run(f->engine, f->container, &spec, &code, &e), &e);
    assert_string_equal(strbuf_text(&o.out), "\"a\n$b\" \xc3\xa9|/tmp|7\n");
}

static void test_exec_of_nothing(void **state)
{
    struct fixture *f = fixture_or_skip(state);
    auto_err e = ERR_INIT;
    auto_output o = OUTPUT_INIT;
    auto_strvec argv = STRVEC_INIT;
    strvec_push(&argv, "/bin/nosuch");
    const struct exec_spec spec = { .argv = &argv, .sink = hear, .sink_ctx = &o };
    int code = -1;
    assert_int_equal(exec_run(f->engine, f->container, &spec, &code, &e), -1);
    assert_says(&e, ERR_JOB, "'/bin/nosuch' cannot be started in the container");
    const struct exec_spec stranger = { .argv = &argv, .user = "nosuch", .sink = hear, .sink_ctx = &o };
    assert_int_equal(exec_run(f->engine, f->container, &stranger, &code, &e), -1);
    assert_says(&e, ERR_JOB, "unable to find user nosuch");
    assert_int_equal(exec_run(f->engine, "atelier-test-nobody", &spec, &code, &e), -1);
    assert_says(&e, ERR_NOT_FOUND, "No such container");
}

static void test_exec_detached(void **state)
{
    struct fixture *f = fixture_or_skip(state);
    auto_err e = ERR_INIT;
    auto_strvec argv = STRVEC_INIT;
    strvec_push(&argv, "sh");
    strvec_push(&argv, "-c");
    strvec_push(&argv, "echo here > /tmp/detached");
    const struct exec_spec spec = { .argv = &argv };
    check(exec_detached(f->engine, f->container, &spec, &e), &e);
    auto_output o = OUTPUT_INIT;
    int code = -1;
    check(sh(f, f->container, "until cat /tmp/detached 2>/dev/null; do sleep 0.1; done", NULL, NULL, &o,
             &code, &e),
          &e);
    assert_string_equal(strbuf_text(&o.out), "here\n");
}

struct interruption {
    struct fixture *fixture;
    const char *victim; /* killed once the script has begun; NULL: the exchange is ended */
    const struct output *heard;
    bool done;
};

static int interrupt(void *ctx, int64_t *next_ms, struct err *e)
{
    struct interruption *i = ctx;
    *next_ms = 50;
    if (i->done || !strstr(strbuf_text(&i->heard->out), "begun\n"))
        return 0;
    i->done = true;
    if (!i->victim)
        return err_set(e, ERR_CANCELLED, 0, "told to stop");
    auto_engine *second = NULL;
    return engine_again(i->fixture->engine, &second, e) < 0 ? -1 : container_kill(second, i->victim, NULL, e);
}

static void test_exec_is_ended(void **state)
{
    struct fixture *f = fixture_or_skip(state);
    auto_err e = ERR_INIT;
    auto_output o = OUTPUT_INIT;
    struct interruption by_us = { f, NULL, &o, false };
    const struct engine_watch watch = { interrupt, &by_us, -1 };
    int code = -1;
    int64_t before = clock_ms();
    assert_int_equal(sh(f, f->container, "echo begun; sleep 600", NULL, &watch, &o, &code, &e), -1);
    assert_says(&e, ERR_CANCELLED, "told to stop");
    assert_string_equal(strbuf_text(&o.out), "begun\n");
    assert_true(clock_ms() - before < PATIENCE_MS);
    /* The connection was lost on purpose; the next call makes a new one. */
    auto_json *seen = NULL;
    check(container_inspect(f->engine, f->container, &seen, &e), &e);
}

static void test_container_dies_under_exec(void **state)
{
    struct fixture *f = fixture_or_skip(state);
    auto_err e = ERR_INIT;
    auto_output o = OUTPUT_INIT;
    auto_free char *id = create(f, "dies", "sleep 600", "none", NULL);
    check(container_start(f->engine, id, &e), &e);
    struct interruption by_kill = { f, id, &o, false };
    const struct engine_watch watch = { interrupt, &by_kill, -1 };
    int code = -1;
    check(sh(f, id, "echo begun; sleep 600", NULL, &watch, &o, &code, &e), &e);
    assert_int_equal(code, 137);
    assert_int_equal(sh(f, id, "true", NULL, NULL, &o, &code, &e), -1);
    assert_says(&e, ERR_CONFLICT, "is not running");
    err_release(&e);
    check(container_remove(f->engine, id, &e), &e);
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

/* --- images --- */

static void test_image(void **state)
{
    struct fixture *f = fixture_or_skip(state);
    auto_err e = ERR_INIT;
    auto_free char *other = xasprintf("%s/other:2", f->prefix);
    auto_json *first = NULL, *second = NULL;
    check(image_inspect(f->engine, f->image, &first, &e), &e);
    check(image_tag(f->engine, f->image, other, &e), &e);
    check(image_inspect(f->engine, other, &second, &e), &e);
    assert_string_equal(json_text(first, "Id"), json_text(second, "Id"));
    check(image_remove(f->engine, other, &e), &e);
    check(image_remove(f->engine, other, &e), &e);
    auto_json *none = NULL;
    assert_int_equal(image_inspect(f->engine, other, &none, &e), -1);
    assert_says(&e, ERR_NOT_FOUND, "No such image");

    struct bytes garbage = { "this is no tar", 14 };
    assert_int_equal(image_load(f->engine, give, &garbage, &e), -1);
    assert_says(&e, ERR_SYSTEM, "load images: ");
}

static void test_image_load(void **state)
{
    struct fixture *f = fixture_or_skip(state);
    auto_err e = ERR_INIT;
    const char *const save[] = { "docker", "save", f->image, NULL };
    auto_strbuf saved = STRBUF_TEXT;
    if (process_capture(save, NULL, NULL, &saved, &e) < 0)
        skip(); /* the room can load and has no need to save: that takes a docker client */
    struct bytes source = { saved.data, saved.len };
    check(image_load(f->engine, give, &source, &e), &e);
}

static void test_pull_from_nowhere(void **state)
{
    struct fixture *f = fixture_or_skip(state);
    auto_err e = ERR_INIT;
    assert_int_equal(image_pull(f->engine, "127.0.0.1:1/no/image:1", NULL, &e), -1);
    assert_says(&e, ERR_SYSTEM, "pull image '127.0.0.1:1/no/image:1': ");
    assert_non_null(strstr(err_text(&e), "connection refused"));
}

static void print_line(void *ctx, const char *line)
{
    int *lines = ctx;
    ++*lines;
    print_message("    %s\n", line);
}

/* "host:port:user:file" */
static bool registry_from_env(struct registry_auth *auth, struct strvec *parts)
{
    const char *text = getenv("ATELIER_TEST_REGISTRY");
    char host[256], user[256], file[1024];
    if (!text || sscanf(text, "%255[^:]:%*[0-9]:%255[^:]:%1023s", host, user, file) != 3)
        return false;
    auto_err e = ERR_INIT;
    auto_free char *password = NULL;
    check(file_read(file, 4096, &password, NULL, &e), &e);
    password[strcspn(password, "\r\n")] = '\0';
    strvec_pushf(parts, "%.*s", (int)(strstr(text, user) - text - 1), text);
    strvec_push(parts, user);
    strvec_push(parts, password);
    *auth = (struct registry_auth){ .server = parts->items[0],
                                    .username = parts->items[1],
                                    .password = parts->items[2] };
    return true;
}

static void test_registry(void **state)
{
    struct fixture *f = fixture_or_skip(state);
    struct registry_auth auth = { 0 };
    auto_strvec parts = STRVEC_INIT;
    if (!registry_from_env(&auth, &parts))
        skip();
    auto_err e = ERR_INIT;
    int lines = 0;
    auto_free char *name = xasprintf("%s/%s:1", auth.server, f->prefix);
    auto_free char *missing = xasprintf("%s/%s:2", auth.server, f->prefix);
    const struct image_transfer t = { .auth = &auth, .progress = print_line, .progress_ctx = &lines };
    const struct registry_auth wrong = { auth.username, "wrong", auth.server };
    const struct image_transfer refused = { .auth = &wrong }, nobody = { 0 };

    check(image_tag(f->engine, f->image, name, &e), &e);
    check(image_push(f->engine, name, &t, &e), &e);
    check(image_remove(f->engine, name, &e), &e);
    check(image_pull(f->engine, name, &t, &e), &e);
    assert_int_equal(lines, 2);
    assert_int_equal(image_pull(f->engine, missing, &t, &e), -1);
    assert_says(&e, ERR_NOT_FOUND, missing);
    assert_int_equal(image_pull(f->engine, name, &refused, &e), -1);
    assert_says(&e, ERR_NOT_FOUND, name);
    assert_int_equal(image_pull(f->engine, name, &nobody, &e), -1);
    assert_says(&e, ERR_NOT_FOUND, name);
    assert_int_equal(image_push(f->engine, name, &refused, &e), -1);
    assert_says(&e, ERR_SYSTEM, "push image");
    print_message("    %s\n", err_text(&e));
    err_release(&e);
    check(image_remove(f->engine, name, &e), &e);
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

/* --- the fixture --- */

static int import_busybox(struct fixture *f, struct err *e)
{
    static const char script[] =
        "d=$(mktemp -d) && mkdir $d/bin $d/tmp && chmod 1777 $d/tmp && cp /bin/busybox $d/bin && "
        "for a in sh cat echo head id kill printf pwd sleep true yes; do ln -s busybox "
        "$d/bin/$a; done && tar -C $d -c . && rm -r $d";
    const char *const make[] = { "sh", "-c", script, NULL };
    auto_strbuf tar = STRBUF_TEXT;
    auto_strvec changes = STRVEC_INIT;
    strvec_push(&changes, "ENV PATH=/bin");
    strvec_push(&changes, "CMD [\"sh\"]");
    if (process_capture(make, NULL, NULL, &tar, e) < 0)
        return -1;
    struct bytes source = { tar.data, tar.len };
    return image_import(f->engine, f->image, &changes, give, &source, e);
}

static int fixture_open(void **state)
{
    static struct fixture f;
    *state = &f;
    auto_err e = ERR_INIT;
    struct engine_endpoint here;
    engine_endpoint_from_env(&here, environ);
    if (access("/bin/busybox", X_OK) < 0) {
        print_message("SKIPPED, all: /bin/busybox is missing (busybox-static)\n");
        return 0;
    }
    if (engine_open(&here, &f.engine, &e) < 0) {
        print_message("SKIPPED, all: %s\n", err_text(&e));
        return 0;
    }
    f.prefix = xasprintf("atelier-test-engine-%d", (int)getpid());
    f.image = xasprintf("%s/busybox:1", f.prefix);
    strvec_pushf(&f.label, "atelier.test=%s", f.prefix);
    check(import_busybox(&f, &e), &e);
    f.container =
        create(&f, "fixture", "trap 'exit 0' TERM; while true; do sleep 600 & wait; done", "none", NULL);
    check(container_start(f.engine, f.container, &e), &e);
    return 0;
}

/* Whatever a failed test left behind goes as well. */
static int fixture_close(void **state)
{
    struct fixture *f = *state;
    auto_json *containers = NULL, *networks = NULL, *volumes = NULL;
    size_t i;
    json_t *thing;
    if (!f->engine)
        return 0;
    (void)container_list(f->engine, &f->label, &containers, NULL);
    json_array_foreach(containers, i, thing) {
        (void)container_remove(f->engine, json_text(thing, "Id"), NULL);
    }
    (void)network_list(f->engine, &f->label, &networks, NULL);
    json_array_foreach(networks, i, thing) {
        (void)network_remove(f->engine, json_text(thing, "Id"), NULL);
    }
    (void)volume_list(f->engine, &f->label, &volumes, NULL);
    json_array_foreach(volumes, i, thing) {
        (void)volume_remove(f->engine, json_text(thing, "Name"), NULL);
    }
    (void)image_remove(f->engine, f->image, NULL);
    engine_close(f->engine);
    strvec_release(&f->label);
    free(f->prefix);
    free(f->image);
    free(f->container);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_container_lifecycle),
        cmocka_unit_test(test_container_without_image),
        cmocka_unit_test(test_many_containers),
        cmocka_unit_test(test_exec),
        cmocka_unit_test(test_exec_large),
        cmocka_unit_test(test_exec_environment),
        cmocka_unit_test(test_exec_of_nothing),
        cmocka_unit_test(test_exec_detached),
        cmocka_unit_test(test_exec_is_ended),
        cmocka_unit_test(test_container_dies_under_exec),
        cmocka_unit_test(test_network),
        cmocka_unit_test(test_volume),
        cmocka_unit_test(test_archive),
        cmocka_unit_test(test_image),
        cmocka_unit_test(test_image_load),
        cmocka_unit_test(test_pull_from_nowhere),
        cmocka_unit_test(test_registry),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_second_network),
        cmocka_unit_test(test_archive_stat),
    };
    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
