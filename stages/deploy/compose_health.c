/* stages/deploy/compose_health.c: healthcheck: text, list or map. */
#include "stages/deploy/compose_reader.h"

#include "base/number.h"
#include "base/text.h"

#include <string.h>

#define WORDS_MAX 100

static void disable(struct compose_health *h)
{
    strvec_release(&h->test);
    h->disabled = true;
}

/* `test` as a text is for the image's shell. */
static void read_test_text(struct compose_reader *r, const struct yaml *y, struct compose_health *h)
{
    auto_free char *text = compose_text(r, y, "healthcheck", COMPOSE_TEXT, NULL);

    if (!text)
        return;
    if (!*text) {
        compose_problem(r, y, "`healthcheck` has an empty test; write a command, or `disable: true`");
        return;
    }
    if (strcmp(text, "NONE") == 0) {
        disable(h);
        return;
    }
    strvec_push(&h->test, "CMD-SHELL");
    strvec_give(&h->test, take(&text));
}

static void read_test_list(struct compose_reader *r, const struct yaml *y, struct compose_health *h)
{
    for (size_t i = 0; i < y->n && i < WORDS_MAX; i++) {
        auto_free char *word = compose_text(r, y->items[i], "healthcheck", COMPOSE_TEXT, NULL);
        if (!word)
            return;
        strvec_give(&h->test, take(&word));
    }
    const char *first = h->test.n > 0 ? h->test.items[0] : "";
    if (strcmp(first, "NONE") == 0 && y->n == 1)
        disable(h);
    else if (strcmp(first, "CMD-SHELL") == 0 && y->n != 2)
        compose_problem(r, y, "a test [CMD-SHELL, …] has one text for the shell behind it; for words write "
                        "[CMD, word, word…]");
    else if ((strcmp(first, "CMD") != 0 && strcmp(first, "CMD-SHELL") != 0) || y->n < 2 || y->n > WORDS_MAX)
        compose_problem(r, y, "a test's list begins with CMD or CMD-SHELL and has a command behind it, or is [NONE]; "
                        "write [CMD, word, word…]");
}

static void read_test(struct compose_reader *r, const struct yaml *y, struct compose_health *h)
{
    if (y->type == YAML_LIST)
        read_test_list(r, y, h);
    else if (y->type == YAML_SCALAR)
        read_test_text(r, y, h);
    else
        (void)compose_is(r, y, YAML_LIST, "test", "a command's text or a list that begins with CMD");
}

static void read_retries(struct compose_reader *r, const struct yaml *y, struct compose_health *h)
{
    auto_free char *text = compose_text(r, y, "retries", COMPOSE_LINE, NULL);
    int64_t n;

    if (!text)
        return;
    if (number_parse(text, 1, 1000, &n) == 0)
        h->retries = (int)n;
    else
        compose_problem(r, y, "`retries` must be a number from 1 to 1000");
}

static void read_disable(struct compose_reader *r, const struct yaml *map, struct compose_health *h)
{
    const struct yaml *y = yaml_get(map, "disable");
    bool off = false;

    if (compose_absent(y))
        return;
    compose_read_bool(r, y, "disable", &off);
    if (off && h->test.n > 0)
        compose_key_problem(r, y, "`disable: true` and a `test` contradict each other; take one out");
    if (off)
        disable(h);
}

static void read_map(struct compose_reader *r, const struct yaml *map, struct compose_health *h)
{
    static const char *const known[] = { "test", "interval", "timeout", "retries", "start_period", "start_interval",
                                         "disable", NULL };
    const struct {
        const char *key;
        int64_t *out;
    } durations[] = {
        { "interval", &h->interval_ms }, { "timeout", &h->timeout_ms }, { "start_period", &h->start_ms },
    };

    compose_check_keys(r, map, "healthcheck", known);
    for (size_t i = 0; i < ARRAY_SIZE(durations); i++) {
        const struct yaml *y = yaml_get(map, durations[i].key);
        if (!compose_absent(y))
            compose_read_duration(r, y, durations[i].key, durations[i].out);
    }
    const struct yaml *test = yaml_get(map, "test"), *retries = yaml_get(map, "retries");
    const struct yaml *start_interval = yaml_get(map, "start_interval");
    if (!compose_absent(test))
        read_test(r, test, h);
    if (!compose_absent(retries))
        read_retries(r, retries, h);
    if (start_interval)
        compose_key_warning(r, start_interval, "`start_interval` has no effect; `interval` holds from the start on");
    read_disable(r, map, h);
}

void compose_read_healthcheck(struct compose_reader *r, const struct yaml *y, struct compose_service *s)
{
    s->health.given = true;
    if (y->type == YAML_MAP)
        read_map(r, y, &s->health);
    else
        read_test(r, y, &s->health);
}
