#include "stages/service_log.h"

#include "base/json.h"
#include "base/number.h"
#include "base/text.h"
#include "stages/job.h"

#include <string.h>

/* gitlab-runner's. */
#define GREY  "\033[0;37m"
#define RESET "\033[0;m"

int service_log_asked(char *const *env)
{
    const char *word = job_env(env, "CI_DEBUG_SERVICES");
    bool asked = false;

    return *word && bool_parse(word, &asked) < 0 ? -1 : asked;
}

char *service_log_begin(struct service_log *l)
{
    const char *newest = strcmp(l->last[0].time, l->last[1].time) > 0 ? l->last[0].time : l->last[1].time;
    const char *fraction = strchr(newest, '.');
    int64_t seconds;

    memcpy(l->until, l->last, sizeof(l->until));
    if (timestamp_parse(newest, &seconds) < 0)
        return NULL;
    size_t digits = fraction ? strspn(fraction + 1, "0123456789") : 0;
    return xasprintf("%lld.%.*s", (long long)seconds - 1, digits ? (int)digits : 1, digits ? fraction + 1 : "0");
}

/* Whether a message of this time was shown before. What is not seen again must be new, so from the first new one on
 * the clock may be set back. */
static bool was_shown(struct service_log_mark *until, const char *time)
{
    int order = *until->time ? strcmp(time, until->time) : 1;

    if (order < 0 || (order == 0 && until->n-- > 0))
        return true;
    until->time[0] = '\0';
    return false;
}

static void mark(struct service_log_mark *last, const char *time)
{
    if (strcmp(last->time, time) == 0) {
        last->n++;
        return;
    }
    *last = (struct service_log_mark){ .n = 1 };
    memcpy(last->time, time, strlen(time) + 1);
}

/* The time in front of a message; returns how many bytes it and its blank take, 0 when there is none. */
static size_t read_time(const char *text, size_t len, char time[SERVICE_LOG_TIME_MAX])
{
    const char *blank = memchr(text, ' ', len);
    size_t n = blank ? (size_t)(blank - text) : 0;
    int64_t seconds;

    time[0] = '\0';
    if (n == 0 || n >= SERVICE_LOG_TIME_MAX || memchr(text, '\0', n))
        return 0;
    memcpy(time, text, n);
    time[n] = '\0';
    return timestamp_parse(time, &seconds) < 0 ? 0 : n + 1;
}

static void add_visible(struct strbuf *out, const char *text, size_t len)
{
    while (len > 0) {
        auto_free char *part = xstrndup(text, len); /* up to a NUL */
        size_t n = strlen(part);
        text_visible(out, part, n);
        if (n < len)
            strbuf_puts(out, "\\x00");
        n += n < len;
        text += n;
        len -= n;
    }
}

void service_log_line(struct service_log *l, enum stream_kind kind, const char *text, size_t len, bool colour,
                      struct strbuf *out)
{
    char time[SERVICE_LOG_TIME_MAX];
    size_t stream = kind == STREAM_STDERR;
    size_t n = read_time(text, len, time);

    if (n > 0 && was_shown(&l->until[stream], time))
        return;
    if (n > 0)
        mark(&l->last[stream], time);
    text += n;
    len -= n;
    len -= len > 0 && text[len - 1] == '\n';
    len -= len > 0 && text[len - 1] == '\r';
    auto_free char *name = text_quote(l->name);
    strbuf_printf(out, "%s[service:%s] ", colour ? GREY : "", name);
    add_visible(out, text, len);
    strbuf_printf(out, "%s\n", colour ? RESET : "");
}

static const char *const streams[] = { "stdout", "stderr" };

void service_log_save(const struct service_log *l, json_t *all)
{
    json_t *marks = json_object();

    for (size_t i = 0; i < ARRAY_SIZE(streams); i++)
        json_object_set_new(marks, streams[i],
                            json_pack("{s:s, s:I}", "time", l->last[i].time, "n", (json_int_t)l->last[i].n));
    json_object_set_new(all, l->id, marks);
}

void service_log_load(struct service_log *l, const json_t *all)
{
    for (size_t i = 0; i < ARRAY_SIZE(streams); i++) {
        const json_t *one = json_at(all, l->id, streams[i]);
        const char *time = json_text(one, "time");
        l->last[i] = (struct service_log_mark){ .n = json_number(one, "n", 0) };
        if (strlen(time) < SERVICE_LOG_TIME_MAX)
            memcpy(l->last[i].time, time, strlen(time) + 1);
    }
}
