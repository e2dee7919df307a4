/* Texts, each with a zero byte behind it: no text has one within, and any bytes may be in it. */
#include "stages/pipeline/job_message.h"

#include "base/number.h"

#include <string.h>

/* What comes last: without it, the message was cut. */
static const char mark[] = "end";

static void put(struct strbuf *out, const char *text)
{
    strbuf_putn(out, text ? text : "", strlen(text ? text : "") + 1);
}

static void put_number(struct strbuf *out, int64_t n)
{
    auto_free char *text = xasprintf("%lld", (long long)n);

    put(out, text);
}

void job_message_write(const struct job_outcome *outcome, const struct job_left *left, struct strbuf *out)
{
    put_number(out, (int64_t)outcome->state);
    put(out, outcome->reason);
    put(out, outcome->failure);
    put_number(out, outcome->code);
    put(out, outcome->coverage);
    put(out, left->root);
    put(out, left->folder);
    put_number(out, left->has_archive);
    put_number(out, (int64_t)left->dotenv.n);
    for (size_t i = 0; i < left->dotenv.n; i++) {
        put(out, left->dotenv.items[i].key);
        put(out, left->dotenv.items[i].value);
        put_number(out, (int64_t)left->dotenv.items[i].flags);
    }
    put_number(out, (int64_t)left->rows.n);
    for (size_t i = 0; i < left->rows.n; i++)
        put(out, left->rows.items[i]);
    put(out, mark);
}

/* ---- Reading ---- */

struct reader {
    const char *at, *end;
    bool broken;
};

static const char *take_text(struct reader *r)
{
    size_t len = r->at < r->end ? strnlen(r->at, (size_t)(r->end - r->at)) : 0;
    const char *text = r->at;

    if (r->at + len >= r->end) {
        r->broken = true;
        return "";
    }
    r->at += len + 1;
    return text;
}

static int64_t take_number(struct reader *r, int64_t min, int64_t max)
{
    int64_t n = min;

    r->broken |= number_parse(take_text(r), min, max, &n) < 0;
    return n;
}

static char *text_or_null(const char *text)
{
    return *text ? xstrdup(text) : NULL;
}

/* The word as a static text. */
static const char *failure_of(const char *text)
{
    static const char *const failures[] = { "script_failure", "runner_system_failure", "job_execution_timeout" };

    for (size_t i = 0; i < ARRAY_SIZE(failures); i++)
        if (strcmp(failures[i], text) == 0)
            return failures[i];
    return NULL;
}

static void read_outcome(struct reader *r, struct job_outcome *out)
{
    out->state = (enum job_state)take_number(r, JOB_CREATED, JOB_CANCELED);
    out->reason = text_or_null(take_text(r));
    out->failure = failure_of(take_text(r));
    out->code = (int)take_number(r, INT32_MIN, INT32_MAX);
    (void)snprintf(out->coverage, sizeof(out->coverage), "%s", take_text(r));
}

static void read_left(struct reader *r, struct job_left *out)
{
    out->root = text_or_null(take_text(r));
    out->folder = text_or_null(take_text(r));
    out->has_archive = take_number(r, 0, 1) != 0;
    int64_t n = take_number(r, 0, (int64_t)JOB_MESSAGE_MAX);
    for (int64_t i = 0; i < n && !r->broken; i++) {
        const char *key = take_text(r);
        const char *value = take_text(r);
        variables_add(&out->dotenv, key, value, (unsigned)take_number(r, 0, UINT32_MAX));
    }
    n = take_number(r, 0, (int64_t)JOB_MESSAGE_MAX);
    for (int64_t i = 0; i < n && !r->broken; i++)
        strvec_push(&out->rows, take_text(r));
}

int job_message_read(const struct strbuf *message, struct job_outcome *outcome, struct job_left *left)
{
    struct reader r = { message->data, message->data + message->len, message->len == 0 };
    struct job_outcome read = { .code = -1 };
    struct job_left rest = { .job = left->job, .id = left->id };

    if (!r.broken)
        read_outcome(&r, &read);
    if (!r.broken)
        read_left(&r, &rest);
    if (r.broken || strcmp(take_text(&r), mark) != 0) {
        free(read.reason);
        job_left_release(&rest);
        return -1;
    }
    *outcome = read;
    *left = rest;
    return 0;
}
