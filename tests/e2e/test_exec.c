/* Execs by the Docker daemon of this machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/support/engine_case.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exec),
        cmocka_unit_test(test_exec_large),
        cmocka_unit_test(test_exec_environment),
        cmocka_unit_test(test_exec_of_nothing),
        cmocka_unit_test(test_exec_detached),
        cmocka_unit_test(test_exec_is_ended),
        cmocka_unit_test(test_container_dies_under_exec),
    };
    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
