#include "engine/event.h"

#include "base/number.h"
#include "base/text.h"
#include "engine/call.h"
#include "engine/message.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

struct listener {
    event_fn *on_event;
    void *ctx;
    bool stopped;
};

static int hear(void *ctx, const json_t *message, struct err *e)
{
    struct listener *l = ctx;
    int result = l->on_event(l->ctx, message, e);
    if (result <= 0)
        return result;
    /* An exchange without an end is left by an error, which event_listen() takes back. */
    l->stopped = true;
    return err_set(e, ERR_CANCELLED, 0, "heard enough");
}

int event_listen(struct engine *d, const struct strvec *labels, int64_t since, event_fn *on_event, void *ctx,
                 const struct engine_watch *watch, struct err *e)
{
    struct listener l = { on_event, ctx, false };
    struct message_reader reader = MESSAGE_READER_INIT(hear, &l);
    auto_strbuf query = STRBUF_TEXT;
    if (since > 0)
        strbuf_printf(&query, "since=%" PRId64, since);
    engine_query_labels(&query, labels);
    const struct engine_call c = {
        .what = "listen to events",
        .method = "GET",
        .path = "/events",
        .query = strbuf_text(&query),
        .on_data = message_data,
        .data_ctx = &reader,
        .watch = watch,
        .timeout_ms = CALL_ENDLESS,
    };
    auto_err problem = ERR_INIT;
    int result = engine_call(d, &c, NULL, &problem);
    message_reader_release(&reader);
    if (l.stopped)
        return 0;
    if (result < 0)
        return err_move(e, &problem);
    return err_set(e, ERR_SYSTEM, 0, "the daemon ended its stream of events: it is stopping");
}

static int note(void *happened, const json_t *message, struct err *e)
{
    (void)message;
    (void)e;
    *(bool *)happened = true;
    return 1;
}

/* The answer is there when `until` has come; a daemon that knows no such moment must not hold us. */
#define ANSWER_MS ((int64_t)5000)

/* What the daemon remembers of container `id`, to the listener; `query` says from and until when. Takes over `filters`. */
static int recall(struct engine *d, const char *id, struct strbuf *query, json_t *filters, struct listener *l, struct err *e)
{
    struct message_reader reader = MESSAGE_READER_INIT(hear, l);
    auto_free char *text = json_compact(filters);

    json_decref(filters);
    engine_query(query, "filters", text);
    const struct engine_call c = {
        .what = "ask what happened to container",
        .name = id,
        .method = "GET",
        .path = "/events",
        .query = strbuf_text(query),
        .on_data = message_data,
        .data_ctx = &reader,
        .timeout_ms = ANSWER_MS,
    };
    int result = engine_call(d, &c, NULL, e);
    message_reader_release(&reader);
    return result;
}

int event_happened(struct engine *d, const char *id, const char *name, int64_t since, int64_t until,
                   bool *happened, struct err *e)
{
    struct listener l = { note, happened, false };
    auto_strbuf query = STRBUF_TEXT;

    strbuf_printf(&query, "since=%" PRId64 ".%03" PRId64 "&until=%" PRId64 ".%03" PRId64, since / 1000, since % 1000,
                  until / 1000, until % 1000);
    *happened = false;
    int result = recall(d, id, &query, json_pack("{s:[s], s:[s]}", "container", id, "event", name), &l, e);
    return *happened ? 0 : result;
}

/* All that the daemon remembers of container `id`. The answer has no end of its own: the listener's stop is its end, or the
 * daemon's silence. */
static int recall_all(struct engine *d, const char *id, struct listener *l, struct err *e)
{
    auto_strbuf query = STRBUF_TEXT;
    auto_err problem = ERR_INIT;

    strbuf_puts(&query, "since=1");
    int result = recall(d, id, &query, json_pack("{s:[s]}", "container", id), l, &problem);
    return l->stopped || problem.code == ETIMEDOUT ? 0 : result < 0 ? err_move(e, &problem) : 0;
}

static const json_t *attributes_of(const json_t *event)
{
    return json_object_get(json_object_get(event, "Actor"), "Attributes");
}

static int note_death(void *ctx, const json_t *event, struct err *e)
{
    struct event_death *x = ctx;
    const char *action = json_text(event, "Action");
    int64_t code = 0;

    (void)e;
    x->oom = x->oom || strcmp(action, "oom") == 0;
    if (strcmp(action, "die") != 0)
        return 0;
    x->known = number_parse(json_text(attributes_of(event), "exitCode"), 0, INT32_MAX, &code) == 0;
    x->code = (int)code;
    return 1;
}

int event_died(struct engine *d, const char *id, struct event_death *death, struct err *e)
{
    struct listener l = { note_death, death, false };

    *death = (struct event_death){ 0 };
    return recall_all(d, id, &l, e);
}

struct exec_death {
    const char *exec;
    int code;
    bool died;
};

static int note_exec_death(void *ctx, const json_t *event, struct err *e)
{
    struct exec_death *x = ctx;
    int64_t code = x->code; /* Podman does not tell it */

    (void)e;
    if (!text_starts(json_text(event, "Action"), "exec_die") || strcmp(json_text(attributes_of(event), "execID"), x->exec) != 0)
        return 0;
    (void)number_parse(json_text(attributes_of(event), "exitCode"), 0, INT32_MAX, &code);
    x->died = code == x->code;
    return 1;
}

int event_exec_died(struct engine *d, const char *id, const char *exec, int code, bool *died, struct err *e)
{
    struct exec_death death = { exec, code, false };
    struct listener l = { note_exec_death, &death, false };
    int result = recall_all(d, id, &l, e);

    *died = death.died;
    return result;
}
