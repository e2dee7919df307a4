/* tests/support/engine_case.h: this machine's Docker daemon, and an image and a container there for tests to use.
 *
 * Everything that is made bears a name and a label with our process id, and is removed at the end. Without a daemon, or
 * without busybox-static, all tests are skipped. Include after cmocka.h. */
#ifndef TESTS_ENGINE_CASE_H
#define TESTS_ENGINE_CASE_H

#include "base/clock.h"
#include "base/process.h"
#include "engine/container.h"
#include "engine/exec.h"
#include "engine/image.h"
#include "engine/network.h"
#include "engine/volume.h"

#include <poll.h>
#include <string.h>

extern char **environ;

enum { PATIENCE_MS = 180000 };

struct fixture {
    struct engine *engine;
    char *prefix;        /* of every name */
    char *image;         /* busybox */
    struct strvec label; /* on everything */
    char *container;     /* one that runs, for the tests that only need some container */
};

static inline void check(int result, const struct err *e)
{
    if (result < 0)
        fail_msg("%s", err_text(e));
}

static inline void assert_says(const struct err *e, enum err_kind kind, const char *text)
{
    if (e->kind != kind || !strstr(err_text(e), text))
        fail_msg("kind %d instead of %d, '%s' instead of '%s'", (int)e->kind, (int)kind, err_text(e), text);
}

static inline struct fixture *fixture_or_skip(void **state)
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

static inline ssize_t give(void *ctx, char *buf, size_t size, struct err *e)
{
    (void)e;
    struct bytes *b = ctx;
    size_t n = b->len < size ? b->len : size;
    memcpy(buf, b->data, n);
    b->data += n;
    b->len -= n;
    return (ssize_t)n;
}

static inline int collect(void *ctx, const char *data, size_t len, struct err *e)
{
    (void)e;
    strbuf_putn(ctx, data, len);
    return 0;
}

struct output {
    struct strbuf out, err;
};

#define OUTPUT_INIT { STRBUF_TEXT, STRBUF_TEXT }

static inline void output_release(struct output *o)
{
    strbuf_release(&o->out);
    strbuf_release(&o->err);
}
#define auto_output __attribute__((cleanup(output_release))) struct output

static inline int hear(void *ctx, enum stream_kind kind, const char *data, size_t len, struct err *e)
{
    (void)e;
    struct output *o = ctx;
    strbuf_putn(kind == STREAM_STDERR ? &o->err : &o->out, data, len);
    return 0;
}

/* --- containers --- */

static inline json_t *labels_of(const struct fixture *f)
{
    return json_pack("{s:s}", "atelier.test", strchr(f->label.items[0], '=') + 1);
}

static inline char *create(struct fixture *f, const char *name, const char *script, const char *network,
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

static inline int sh(const struct fixture *f, const char *container, const char *script, struct bytes *input,
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
static inline void wait_for_log(struct fixture *f, const char *id, const char *line)
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

/* --- the fixture --- */

static inline int import_busybox(struct fixture *f, struct err *e)
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

static inline int fixture_open(void **state)
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
static inline int fixture_close(void **state)
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

#endif
