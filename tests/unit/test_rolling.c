/* When a step of a rollout may begin. */
#include "stages/deploy/rolling.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define LAYERS 50

/* Two services in each layer, both of which wait for both of the next: 2^50 ways lead from the first to the last. */
static char *layers(void)
{
    auto_strbuf text = STRBUF_TEXT;

    strbuf_puts(&text, "services:\n");
    for (int i = 0; i < LAYERS; i++)
        for (int side = 0; side < 2; side++) {
            strbuf_printf(&text, "  s%d-%d: {image: i", i, side);
            if (i + 1 < LAYERS)
                strbuf_printf(&text, ", depends_on: [s%d-0, s%d-1]", i + 1, i + 1);
            strbuf_puts(&text, i == 0 && side == 0 ? ", restart: 'no'}\n" : "}\n");
        }
    return strbuf_take(&text);
}

static void test_many_ways(void **state)
{
    const struct compose_variables variables = { 0 };
    auto_free char *text = layers();
    auto_strvec problems = STRVEC_INIT, warnings = STRVEC_INIT;
    struct compose compose = { 0 };
    struct plan_step steps[2 * LAYERS] = { 0 };
    struct rolling of[2 * LAYERS] = { 0 };
    const struct release_plan plan = { .steps = steps, .n = 2 * LAYERS };
    const struct rollout r = { .plan = &plan, .of = of };
    auto_err e = ERR_INIT;

    (void)state;
    if (compose_read("f.yml", text, strlen(text), &variables, &compose, &problems, &warnings, &e) < 0)
        fail_msg("%s", err_text(&e));
    for (size_t i = 0; i < 2 * LAYERS; i++) {
        steps[i] = (struct plan_step){ .service = &compose.services[i], .kind = i == 0 ? SERVICE_ONCE : SERVICE_PLAIN,
                                       .action = STEP_CREATE };
        of[i].step = &steps[i];
    }
    for (size_t i = 0; i < 2 * LAYERS; i++) /* what the migration waits for, and nothing else, goes before it */
        assert_int_equal(rolling_may_begin(&r, i), i >= 2 * LAYERS - 2);
    of[0].progress = of[2].progress = of[3].progress = PROGRESS_DONE;
    assert_true(rolling_may_begin(&r, 1));
    of[0].progress = PROGRESS_BEGUN;
    assert_false(rolling_may_begin(&r, 1));
    compose_release(&compose);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_many_ways) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
