#include "executor/verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/support/scripted.h"

#define NO_NEWS ">> GET /events*\n 200 chunked\n"
#define RUNS    "> GET /containers/c/json\n 200 {\"State\":{\"Running\":true}}\n"
#define SOME(x) x x x x x x x x x x

static struct ending ending_of(const struct scripted *s, const struct log *log)
{
    return (struct ending){ .engine = s->engine, .container = "c", .role = "build", .kind = "test", .log = log };
}

/* The daemon notes it when others have long seen it. */
static void test_an_end_that_is_noted_late(void **state)
{
    const struct log log = { .fd = STDERR_FILENO };
    auto_err e = ERR_INIT;
    struct scripted s;
    int code = -1;

    (void)state;
    scripted_open(&s, NO_NEWS SOME(RUNS) SOME(RUNS) SOME(RUNS) SOME(RUNS) SOME(RUNS)
                      "> GET /containers/c/json\n 200 {\"State\":{\"Running\":false}}\n");
    struct ending ending = ending_of(&s, &log);
    ending.gone = true;
    (void)err_set(&e, ERR_SYSTEM, 0, "went away");
    assert_int_equal(verdict(&ending, -1, &code, &e), -1);
    assert_says(&e, ERR_SYSTEM, "the job's build container was stopped from outside");
    scripted_stop(&s);
}

/* Who told the code lives: there is nothing to wait for. */
static void test_a_code_of_its_own(void **state)
{
    const struct log log = { .fd = STDERR_FILENO };
    auto_err e = ERR_INIT;
    struct scripted s;
    int code = 137;

    (void)state;
    scripted_open(&s, NO_NEWS);
    struct ending ending = ending_of(&s, &log);
    ending.answered = true;
    check(verdict(&ending, 0, &code, &e), &e);
    assert_int_equal(code, 137);
    scripted_stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_end_that_is_noted_late),
        cmocka_unit_test(test_a_code_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
