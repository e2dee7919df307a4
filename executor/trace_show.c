/* executor/trace_show.c: the waterfall of `atelier trace`. */
#include "base/json.h"
#include "base/text.h"
#include "executor/command.h"
#include "executor/table.h"
#include "executor/trace.h"

#include "base/file.h"

#include <string.h>
#include <time.h>

enum { COLUMNS = 5, WIDTH = 40 };

/* All times are microseconds since the epoch. */
struct span {
    int64_t began, ended;
};

static struct span span_of(const json_t *hook)
{
    int64_t began = json_number(hook, "began", 0);
    int64_t ended = json_number(hook, "ended", began);

    return (struct span){ began, ended > began ? ended : began };
}

static struct span span_of_all(const json_t *hooks)
{
    struct span all = span_of(json_array_get(hooks, 0));
    size_t i;
    json_t *hook;

    json_array_foreach(hooks, i, hook) {
        struct span one = span_of(hook);
        if (one.ended > all.ended)
            all.ended = one.ended;
    }
    return all;
}

/* A bar where the span lies within the whole. */
static char *bar(struct span one, struct span all)
{
    int64_t whole = all.ended > all.began ? all.ended - all.began : 1;
    int64_t from = (one.began - all.began) * WIDTH / whole;
    int64_t until = (one.ended - all.began) * WIDTH / whole;
    char text[WIDTH + 1];

    from = from < 0 ? 0 : from >= WIDTH ? WIDTH - 1 : from;
    until = until <= from ? from + 1 : until > WIDTH ? WIDTH : until;
    memset(text, ' ', (size_t)from);
    memset(text + from, '#', (size_t)(until - from));
    text[until] = '\0';
    return xstrdup(text);
}

static void add_row(struct strvec *cells, char *name, struct span one, struct span all, int64_t code)
{
    strvec_give(cells, name);
    strvec_give(cells, xasprintf("%7.1f", (double)(one.began - all.began) / 1000));
    strvec_give(cells, xasprintf("%8.1f", (double)(one.ended - one.began) / 1000));
    strvec_give(cells, code == 0 ? xstrdup("") : xasprintf("%lld", (long long)code));
    strvec_give(cells, bar(one, all));
}

/* A hook, and below it its steps: each begins where the one before it ended. */
static void add_hook(struct strvec *cells, const json_t *hook, struct span all)
{
    const char *what = json_text(hook, "what");
    const json_t *steps = json_object_get(hook, "steps");
    struct span whole = span_of(hook), one = whole;
    auto_free char *name = text_quote(*what ? what : json_text(hook, "hook"));
    size_t i;
    json_t *step;

    add_row(cells, take(&name), whole, all, json_number(hook, "code", 0));
    json_array_foreach(steps, i, step) {
        auto_free char *called = text_quote(json_string_value(json_array_get(step, 0)) ?: "");
        one.ended = json_integer_value(json_array_get(step, 1));
        add_row(cells, xasprintf("  %s", called), one, all, 0);
        one.began = one.ended;
    }
    one.ended = whole.ended;
    if (i > 0)
        add_row(cells, xstrdup("  (its end)"), one, all, 0);
}

static int64_t sum_of(const json_t *hooks)
{
    int64_t sum = 0;
    size_t i;
    json_t *hook;

    json_array_foreach(hooks, i, hook) {
        struct span one = span_of(hook);
        sum += one.ended - one.began;
    }
    return sum;
}

void trace_describe(const char *key, const json_t *hooks, struct strbuf *out)
{
    static const char *const heads[COLUMNS] = { "", "AT ms", "TAKES ms", "CODE", "" };
    struct span all = span_of_all(hooks);
    time_t at = (time_t)(all.began / 1000000);
    auto_strvec cells = STRVEC_INIT;
    auto_free char *shown = text_quote(key);
    struct tm local = { 0 };
    char date[32] = "?";
    size_t i;
    json_t *hook;

    if (localtime_r(&at, &local))
        (void)strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &local);
    strbuf_printf(out, "Job %s, %s: %.1f ms from its first hook's begin to its last one's end, %.1f ms in hooks\n\n",
                  shown, date, (double)(all.ended - all.began) / 1000, (double)sum_of(hooks) / 1000);
    for (size_t c = 0; c < COLUMNS; c++)
        strvec_push(&cells, heads[c]);
    json_array_foreach(hooks, i, hook) {
        add_hook(&cells, hook, all);
    }
    table_write(&cells, COLUMNS, out);
}

int command_trace(const struct invocation *in, struct err *e)
{
    auto_config config = { 0 };
    auto_json *hooks = NULL;
    auto_free char *key = NULL;
    auto_strbuf out = STRBUF_TEXT;

    if (config_read(in->config, in->env, &config, e) < 0 || trace_read(&config, in->args[0], &key, &hooks, e) < 0)
        return -1;
    trace_describe(key, hooks, &out);
    return fd_write(STDOUT_FILENO, strbuf_text(&out), out.len, e);
}
