#include "stages/deploy/wire.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG     8
#define HEADER      ((size_t)5)
#define RELEASE_MAX 999999999

const char *const wire_actions[WIRE_ACTIONS] = { "up", "dry-run", "rollback", "releases" };

/* The fields of a request, and the most that each may take. */
enum field { FIELD_PROTOCOL, FIELD_ACTION, FIELD_TARGET, FIELD_FILE, FIELD_TEXT, FIELD_RELEASE, FIELD_COUNT };

static const struct {
    enum wire_kind kind;
    size_t max;
    bool is_text; /* without control characters: messages have it */
} fields[FIELD_COUNT] = {
    [FIELD_PROTOCOL] = { WIRE_PROTOCOL, 16, true }, [FIELD_ACTION] = { WIRE_ACTION, 16, true },
    [FIELD_TARGET] = { WIRE_TARGET, 255, true },    [FIELD_FILE] = { WIRE_FILE, 4095, true },
    [FIELD_TEXT] = { WIRE_TEXT, WIRE_TEXT_MAX },    [FIELD_RELEASE] = { WIRE_RELEASE, 10, true },
};

int wire_listen(const char *folder, int flags)
{
    struct sockaddr_un unready = { .sun_family = AF_UNIX };
    char ready[sizeof(unready.sun_path)];
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

    (void)snprintf(ready, sizeof(ready), "%s" WIRE_SOCKET, folder);
    (void)snprintf(unready.sun_path, sizeof(unready.sun_path), "%s." WIRE_SOCKET, folder);
    (void)unlink(unready.sun_path);
    if (fd >= 0 && bind(fd, (const struct sockaddr *)&unready, sizeof(unready)) == 0 && chmod(unready.sun_path, 0666) == 0 &&
        listen(fd, BACKLOG) == 0 && rename(unready.sun_path, ready) == 0)
        return fd;
    int number = errno;
    if (fd >= 0)
        (void)close(fd);
    errno = number;
    return -1;
}

void wire_put(struct strbuf *out, enum wire_kind kind, const void *data, size_t len)
{
    const unsigned char header[HEADER] = { (unsigned char)kind, (unsigned char)(len >> 24), (unsigned char)(len >> 16),
                                           (unsigned char)(len >> 8), (unsigned char)len };

    strbuf_putn(out, (const char *)header, HEADER);
    strbuf_putn(out, data, len);
}

long wire_get(const char *data, size_t len, size_t most, struct wire_frame *out)
{
    if (len < HEADER)
        return 0;
    const unsigned char *h = (const unsigned char *)data;
    size_t size = (size_t)h[1] << 24 | (size_t)h[2] << 16 | (size_t)h[3] << 8 | (size_t)h[4];
    if (size > most)
        return -1;
    if (len - HEADER < size)
        return 0;
    *out = (struct wire_frame){ (enum wire_kind)h[0], data + HEADER, size };
    return (long)(HEADER + size);
}

int wire_number(const char *data, size_t len, int max)
{
    int value = 0;

    if (len == 0 || len > 9)
        return -1;
    for (size_t i = 0; i < len; i++) {
        if (data[i] < '0' || data[i] > '9')
            return -1;
        value = value * 10 + (data[i] - '0');
    }
    return value > max ? -1 : value;
}

static void put_text(struct strbuf *out, enum wire_kind kind, const char *text)
{
    if (text)
        wire_put(out, kind, text, strlen(text));
}

void wire_request_put(struct strbuf *out, const struct wire_request *q)
{
    char release[16];

    put_text(out, WIRE_PROTOCOL, WIRE_VERSION);
    put_text(out, WIRE_ACTION, wire_actions[q->action]);
    put_text(out, WIRE_TARGET, q->target);
    put_text(out, WIRE_FILE, q->file);
    if (q->text)
        wire_put(out, WIRE_TEXT, q->text, q->len);
    if (q->release > 0) {
        (void)snprintf(release, sizeof(release), "%d", q->release);
        put_text(out, WIRE_RELEASE, release);
    }
    wire_put(out, WIRE_DONE, "", 0);
}

/* ---- Reading a request ---- */

static bool is_plain(const struct wire_frame *f)
{
    for (size_t i = 0; i < f->len; i++)
        if ((unsigned char)f->data[i] < ' ' || f->data[i] == 0x7f)
            return false;
    return f->len > 0;
}

static bool frame_is(const struct wire_frame *f, const char *word)
{
    return f->len == strlen(word) && memcmp(f->data, word, f->len) == 0;
}

/* Put the frame among the fields of the request. */
static const char *take_field(const struct wire_frame *f, struct wire_frame got[FIELD_COUNT])
{
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (fields[i].kind != f->kind)
            continue;
        if (got[i].data)
            return "a field is there twice";
        if (f->len > fields[i].max)
            return "a field is too long";
        if (fields[i].is_text && !is_plain(f))
            return "a field is empty or has control characters";
        got[i] = *f;
        return NULL;
    }
    return "there is a field that this host does not know";
}

static const char *read_action(const struct wire_frame *f, enum wire_action *out)
{
    if (!f->data)
        return "it does not say what to do";
    for (int i = 0; i < WIRE_ACTIONS; i++)
        if (frame_is(f, wire_actions[i])) {
            *out = (enum wire_action)i;
            return NULL;
        }
    return "this host does not know what it asks for";
}

static char *copy(const struct wire_frame *f)
{
    char *text = xmalloc(f->len + 1);

    memcpy(text, f->data, f->len);
    text[f->len] = '\0';
    return text;
}

static const char *read_fields(const struct wire_frame got[FIELD_COUNT], struct wire_request *out)
{
    struct wire_request q = { 0 };

    if (!got[FIELD_PROTOCOL].data || !frame_is(&got[FIELD_PROTOCOL], WIRE_VERSION))
        return "this deploy-master and its host are of different versions";
    const char *why = read_action(&got[FIELD_ACTION], &q.action);
    if (why)
        return why;
    bool deploys = q.action == WIRE_UP || q.action == WIRE_DRY_RUN;
    const struct wire_frame *file = &got[FIELD_FILE], *text = &got[FIELD_TEXT], *release = &got[FIELD_RELEASE];
    if (!got[FIELD_TARGET].data)
        return "it names no target";
    if (deploys ? !file->data || !text->data : file->data || text->data)
        return "it needs a file, or has one that it does not need";
    if (release->data) {
        q.release = q.action == WIRE_ROLLBACK ? wire_number(release->data, release->len, RELEASE_MAX) : -1;
        if (q.release < 1)
            return "its release is no number, or it needs none";
    }
    q.target = copy(&got[FIELD_TARGET]);
    if (deploys) {
        q.file = copy(file);
        q.text = copy(text);
        q.len = text->len;
    }
    *out = q;
    return NULL;
}

int wire_request_get(const char *data, size_t len, struct wire_request *out, const char **why)
{
    struct wire_frame got[FIELD_COUNT] = { 0 };
    size_t at = 0;

    for (;;) {
        struct wire_frame frame;
        long taken = wire_get(data + at, len - at, WIRE_TEXT_MAX, &frame);
        *why = "a field is too long";
        if (taken <= 0)
            return (int)taken;
        at += (size_t)taken;
        *why = frame.kind == WIRE_DONE ? frame.len > 0 ? "its end has a length" : read_fields(got, out)
                                       : take_field(&frame, got);
        if (*why)
            return -1;
        if (frame.kind == WIRE_DONE)
            return 1;
    }
}

void wire_request_release(struct wire_request *q)
{
    free(q->target);
    free(q->file);
    free(q->text);
    *q = (struct wire_request){ 0 };
}
