#include "stages/pipeline/period.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_periods(void **state)
{
    static const struct {
        const char *text;
        int64_t want; /* -1: it is none */
    } cases[] = {
        { "90", 90 },           { "3600 seconds", 3600 }, { "60 minutes", 3600 },         { "1h 30m", 5400 },
        { "1h30m", 5400 },      { "2 hrs 20 min", 8400 }, { "2 hours and 5 mins", 7500 }, { "1 day", 86400 },
        { "1 week", 604800 },   { "1.5 hours", 5400 },    { "2 H, 1 M", 7260 },           { "0", 0 },
        { "one hour", 3600 },    { "two hours and thirty minutes", 9000 }, { "ninety seconds", 90 },     { "1:30", 90 },
        { "2:01:05", 7265 },    { "3 weeks, plus 2 days", 1987200 }, { "3 weeks with 2 days", 1987200 },
        { "1:2:3:4", -1 },      { "1.2.3 h", -1 },        { "hour", -1 },                 { "one", 1 },
        { "", -1 },             { "soon", -1 },           { "1 fortnight", -1 },          { "-1 h", -1 },
        { "1 h x", -1 },        { "9999999 years", -1 },  { "1h:30", -1 },                { "and", -1 },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int64_t is = -1;
        int rc = period_parse(cases[i].text, &is);
        if (rc != (cases[i].want < 0 ? -1 : 0) || is != cases[i].want)
            fail_msg("%s: %d", cases[i].text, (int)is);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_periods) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
