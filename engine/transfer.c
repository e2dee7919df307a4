#include "engine/transfer.h"

#include "base/clock.h"
#include "base/number.h"
#include "base/text.h"

#include <string.h>

/* The daemon tells of every layer several times a second; a job log wants less. */
#define PROGRESS_MS 3000

/* A registry's whole answer may be quoted in the daemon's message. */
#define REASON_BYTES 1000

/* How the messages say that a layer needs nothing more. */
static const char *const layer_done[] = { "Pull complete", "Already exists", "Pushed", "Layer already exists",
                                          "Mounted from" };

static bool is_done(const char *status)
{
    for (size_t i = 0; i < ARRAY_SIZE(layer_done); i++) {
        if (text_starts(status, layer_done[i]))
            return true;
    }
    return false;
}

/* The bytes of a layer that travel; unpacking counts them a second time. */
static int64_t travelled(const char *status, const json_t *message)
{
    if (strcmp(status, "Downloading") && strcmp(status, "Pushing"))
        return 0;
    return json_number(json_object_get(message, "progressDetail"), "current", 0);
}

static void note_layer(struct transfer *t, const char *id, const char *status, const json_t *message)
{
    int64_t before = json_number(json_object_get(t->layers, id), "bytes", 0);
    int64_t now = travelled(status, message);
    json_int_t bytes = now > before ? now : before;
    json_t *layer = json_pack("{s:b, s:I}", "done", is_done(status), "bytes", bytes);
    (void)json_object_set_new(t->layers, id, layer);
}

static void note_digest(struct transfer *t, const char *digest)
{
    if (!*digest)
        return;
    free(t->digest);
    t->digest = text_quote(digest);
}

static void say_progress(const struct transfer *t)
{
    size_t done = 0;
    int64_t bytes = 0;
    const char *id;
    json_t *layer;
    json_object_foreach(t->layers, id, layer) {
        done += json_flag(layer, "done", false);
        bytes += json_number(layer, "bytes", 0);
    }
    char size[32];
    auto_free char *line = xasprintf("%s %s: %zu of %zu layers, %s", t->doing, t->name, done,
                                     json_object_size(t->layers), size_format(bytes, size, sizeof(size)));
    t->how->progress(t->how->progress_ctx, line);
}

static void say_progress_when_due(struct transfer *t)
{
    int64_t now = clock_ms();
    if (!t->how->progress || now < t->next_ms || json_object_size(t->layers) == 0)
        return;
    t->next_ms = now + PROGRESS_MS;
    say_progress(t);
}

static int fail(const json_t *message, struct err *e)
{
    const char *reason = json_text(json_object_get(message, "errorDetail"), "message");
    if (!*reason)
        reason = json_text(message, "error");
    auto_strbuf text = STRBUF_TEXT;
    text_visible(&text, *reason ? reason : "the daemon gave no reason", REASON_BYTES);
    return err_set(e, ERR_SYSTEM, 0, "%s", strbuf_text(&text));
}

static int on_message(void *ctx, const json_t *message, struct err *e)
{
    struct transfer *t = ctx;
    if (json_object_get(message, "error") || json_object_get(message, "errorDetail"))
        return fail(message, e);

    const char *status = json_text(message, "status");
    const char *id = json_text(message, "id");
    if (text_starts(status, "Digest: "))
        note_digest(t, status + strlen("Digest: "));
    note_digest(t, json_text(json_object_get(message, "aux"), "Digest"));
    /* Here the id is not a layer's, it is the image's tag. */
    if (*id && !text_starts(status, "Pulling from"))
        note_layer(t, id, status, message);
    say_progress_when_due(t);
    return 0;
}

void transfer_init(struct transfer *t, const char *doing, const char *done, const char *name,
                   const struct image_transfer *how)
{
    *t = (struct transfer){
        .reader = MESSAGE_READER_INIT(on_message, t),
        .doing = doing,
        .done = done,
        .name = name,
        .how = how,
        .layers = json_object(),
        .next_ms = clock_ms() + PROGRESS_MS,
    };
}

int transfer_finish(struct transfer *t, struct err *e)
{
    if (message_finish(&t->reader, e) < 0)
        return -1;
    if (!t->how->progress)
        return 0;
    auto_free char *line = t->digest ? xasprintf("%s %s (%s)", t->done, t->name, t->digest)
                                     : xasprintf("%s %s", t->done, t->name);
    t->how->progress(t->how->progress_ctx, line);
    return 0;
}

void transfer_release(struct transfer *t)
{
    message_reader_release(&t->reader);
    json_decref(t->layers);
    free(t->digest);
}
