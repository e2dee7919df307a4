/* Where a job's time went: what hooks write, and what people read. */
#include "base/file.h"
#include "base/json.h"
#include "executor/trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <utime.h>

#include <cmocka.h>

static int make_root(void **state)
{
    static char root[64];
    char *made = NULL;

    assert_int_equal(dir_temporary("/tmp", "atelier-trace-", &made, NULL), 0);
    (void)snprintf(root, sizeof(root), "%s", made);
    free(made);
    *state = root;
    return 0;
}

static int remove_root(void **state)
{
    return dir_remove(*state, NULL);
}

static struct config configuration(void *root, int64_t trace_ms)
{
    return (struct config){ .builds = root, .trace_ms = trace_ms };
}

static void write_hook(const struct config *c, const char *key, const char *hook, const char *what, int code)
{
    struct trace t = { 0 };

    trace_begin(&t);
    trace_of(&t, c, key);
    trace_step(&t, "connect");
    trace_end(&t, hook, what, code);
}

static void test_hooks_are_read_in_their_order(void **state)
{
    const struct config c = configuration(*state, 1000000);
    auto_json *hooks = NULL;
    auto_free char *key = NULL;
    auto_err e = ERR_INIT;

    write_hook(&c, "tok-7", "prepare", "", 0);
    write_hook(&c, "tok-7", "run", "build_script", 1);
    assert_int_equal(trace_read(&c, "7", &key, &hooks, &e), 0);
    assert_string_equal(key, "tok-7");
    assert_int_equal(json_array_size(hooks), 2);
    assert_string_equal(json_text(json_array_get(hooks, 1), "what"), "build_script");
    assert_int_equal(json_number(json_array_get(hooks, 1), "code", -1), 1);
    const json_t *step = json_array_get(json_object_get(json_array_get(hooks, 0), "steps"), 0);
    assert_string_equal(json_string_value(json_array_get(step, 0)), "connect");
}

static void test_a_cut_line_is_passed_over(void **state)
{
    const struct config c = configuration(*state, 1000000);
    auto_free char *path = xasprintf("%s/.trace/tok-7", (char *)*state);
    auto_json *hooks = NULL;
    auto_free char *key = NULL;

    write_hook(&c, "tok-7", "prepare", "", 0);
    FILE *f = fopen(path, "a");
    assert_non_null(f);
    (void)fputs("{\"hook\":\"ru\n\n", f);
    (void)fclose(f);
    write_hook(&c, "tok-7", "cleanup", "", 0);
    assert_int_equal(trace_read(&c, "tok-7", &key, &hooks, NULL), 0);
    assert_int_equal(json_array_size(hooks), 2);
}

static void set_age(const char *root, const char *key, time_t seconds)
{
    auto_free char *path = xasprintf("%s/.trace/%s", root, key);
    const struct utimbuf then = { time(NULL) - seconds, time(NULL) - seconds };

    assert_int_equal(utime(path, &then), 0);
}

static void test_the_last_job_without_a_name(void **state)
{
    const struct config c = configuration(*state, 1000000);
    auto_json *hooks = NULL;
    auto_free char *key = NULL;

    for (int i = 1; i < 6; i++) {
        auto_free char *name = xasprintf("tok-%d", i);
        write_hook(&c, name, "prepare", "", 0);
        set_age(*state, name, i == 3 ? 5 : 10 * i);
    }
    assert_int_equal(trace_read(&c, NULL, &key, &hooks, NULL), 0);
    assert_string_equal(key, "tok-3");
}

static void test_none(void **state)
{
    const struct config on = configuration(*state, 1000000), off = configuration(*state, 0);
    auto_json *hooks = NULL;
    auto_free char *key = NULL;
    auto_err e = ERR_INIT, why = ERR_INIT;

    write_hook(&off, "tok-7", "prepare", "", 0);
    assert_int_equal(trace_read(&off, "7", &key, &hooks, &e), -1);
    assert_int_equal(e.kind, ERR_USAGE);
    assert_non_null(strstr(err_text(&e), "trace: 0"));
    assert_int_equal(trace_read(&on, "7", &key, &hooks, &why), -1);
    assert_non_null(strstr(err_text(&why), "of job '7'"));
}

static void test_old_ones_go(void **state)
{
    const struct config c = configuration(*state, 60000);
    auto_json *hooks = NULL;
    auto_free char *key = NULL;

    write_hook(&c, "tok-1", "prepare", "", 0);
    write_hook(&c, "tok-2", "prepare", "", 0);
    set_age(*state, "tok-1", 120);
    trace_prune(&c);
    assert_int_equal(trace_read(&c, "1", &key, &hooks, NULL), -1);
    assert_int_equal(trace_read(&c, "2", &key, &hooks, NULL), 0);
}

static void test_waterfall(void **state)
{
    (void)state;
    auto_json *hooks = json_pack("[{s:s, s:s, s:I, s:I, s:i, s:[[s,I]]}, {s:s, s:s, s:I, s:I, s:i}]", "hook", "prepare",
                                 "what", "", "began", (json_int_t)1000000, "ended", (json_int_t)1100000, "code", 0,
                                 "steps", "images", (json_int_t)1025000, "hook", "run", "what", "build_\x1bscript",
                                 "began", (json_int_t)1150000, "ended", (json_int_t)1200000, "code", 1);
    auto_strbuf out = STRBUF_TEXT;

    trace_describe("tok-7", hooks, &out);
    const char *text = strbuf_text(&out);
    static const char *const lines[] = {
        "Job tok-7, ",
        ": 200.0 ms from its first hook's begin to its last one's end, 150.0 ms in hooks\n\n",
        "prepare               0.0     100.0        ####################\n",
        "  images              0.0      25.0        #####\n",
        "  (its end)          25.0      75.0             ###############\n",
        "build_\\x1bscript    150.0      50.0  1                                   ##########\n",
    };
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        if (!strstr(text, lines[i]))
            print_error("%s\nhas no\n%s\n", text, lines[i]);
        assert_non_null(strstr(text, lines[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_hooks_are_read_in_their_order, make_root, remove_root),
        cmocka_unit_test_setup_teardown(test_a_cut_line_is_passed_over, make_root, remove_root),
        cmocka_unit_test_setup_teardown(test_the_last_job_without_a_name, make_root, remove_root),
        cmocka_unit_test_setup_teardown(test_none, make_root, remove_root),
        cmocka_unit_test_setup_teardown(test_old_ones_go, make_root, remove_root),
        cmocka_unit_test(test_waterfall),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
