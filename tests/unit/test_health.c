/* Whether a container serves, by what the daemon says of it. */
#include "stages/deploy/health.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define UP(health) "{\"State\": {\"Running\": true" health "}}"

static const struct {
    const char *container;
    bool checked;
    int64_t up_ms;
    enum health health;
    const char *problem; /* NULL: nobody asks */
} rows[] = {
    { UP(""), false, 0, HEALTH_STARTING, "it only just began" },
    { UP(""), false, HEALTH_STEADY_MS, HEALTH_READY, NULL },
    { UP(""), true, HEALTH_STEADY_MS, HEALTH_STARTING, "its HEALTHCHECK says ''" },
    { UP(", \"Health\": {\"Status\": \"starting\"}"), true, 99999, HEALTH_STARTING, "its HEALTHCHECK says 'starting'" },
    { UP(", \"Health\": {\"Status\": \"healthy\"}"), true, 0, HEALTH_READY, NULL },
    { UP(", \"Health\": {\"Status\": \"unhealthy\"}"), true, 0, HEALTH_FAILED, "its HEALTHCHECK says 'unhealthy'" },
    { UP(", \"ExitCode\": 7, \"Restarting\": true"), false, 99999, HEALTH_ENDED, "ended with exit code 7" },
    { "{\"State\": {\"Running\": true, \"ExitCode\": 0}, \"RestartCount\": 2}", false, 99999, HEALTH_ENDED,
      "ended, and its restart policy started it again" },
    { "{\"State\": {\"Running\": true, \"Restarting\": true, \"ExitCode\": 9}, \"RestartCount\": 1}", false, 99999, HEALTH_ENDED,
      "ended with exit code 9" },
    { "{\"State\": {\"Running\": false, \"ExitCode\": 137, \"OOMKilled\": true}, \"HostConfig\": {\"Memory\": 1024}}", false, 0,
      HEALTH_ENDED, "was killed for want of memory (limit 1024 bytes)" },
    { "{\"State\": {\"Running\": false, \"ExitCode\": 127, \"Error\": \"no such\\nfile\"}}", false, 0, HEALTH_ENDED,
      "could not run: no such\\nfile" },
    { "{}", true, 0, HEALTH_ENDED, "ended with exit code -1" },
};

static void test_judge(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_json *container = NULL;
        auto_health seen = { 0 };
        assert_int_equal(json_parse(rows[i].container, strlen(rows[i].container), "row", &container, NULL), 0);
        health_judge(container, rows[i].checked, rows[i].up_ms, &seen);
        assert_int_equal(seen.health, rows[i].health);
        if (rows[i].problem)
            assert_string_equal(seen.problem, rows[i].problem);
    }
}

/* One that runs again: its state says exit code 0, the daemon's events what it was. */
static void test_recall(void **state)
{
    static const struct {
        struct event_death death;
        int code;
        const char *problem;
    } cases[] = {
        { { true, 9, false }, 9, "ended with exit code 9" },
        { { true, 137, true }, 137, "was killed for want of memory (limit 1024 bytes)" },
        { { false, 0, false }, -1, "ended, and its restart policy started it again" },
    };
    auto_json *container = json_pack("{s:{s:b, s:i}, s:i, s:{s:i}}", "State", "Running", 1, "ExitCode", 0, "RestartCount", 1,
                                     "HostConfig", "Memory", 1024);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        auto_health seen = { 0 };
        health_judge(container, false, 0, &seen);
        assert_true(seen.again);
        health_recall(container, &cases[i].death, &seen);
        assert_int_equal(seen.health, HEALTH_ENDED);
        assert_int_equal(seen.code, cases[i].code);
        assert_string_equal(seen.problem, cases[i].problem);
    }
}

static void test_output(void **state)
{
    auto_json *container = json_pack("{s:{s:{s:[{s:s}, {s:s}]}}}", "State", "Health", "Log", "Output", "old", "Output", "last");
    auto_json *nothing = json_object();

    (void)state;
    assert_string_equal(health_output(container), "last");
    assert_string_equal(health_output(nothing), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_judge), cmocka_unit_test(test_recall), cmocka_unit_test(test_output) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
