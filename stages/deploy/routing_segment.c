#include "stages/deploy/routing_segment.h"

#include "base/text.h"

#include <string.h>
#include <strings.h>

#define PREFIX "traefik."
#define SPACES " \t\r\n"

bool routing_same(const char *a, const char *b)
{
    return strcasecmp(a, b) == 0;
}

/* Where the property begins in "traefik.admin.port"; NULL: the label is of no segment. */
static const char *property_of_segment(const char *label)
{
    static const char *const whole[] = { "port", "portName", "portIndex", "protocol", "weight", "backend", NULL };
    const char *rest = label + strlen(PREFIX);

    if (text_starts(rest, "frontend.") || text_starts(rest, "backend.") || text_starts(rest, "docker."))
        return NULL;
    for (const char *dot = strchr(rest, '.'); dot; dot = strchr(dot + 1, '.'))
        if (dot > rest && (text_is_any(dot + 1, whole) || text_starts(dot + 1, "frontend.")))
            return dot + 1;
    return NULL;
}

static struct routing_segment *segment_at(struct routing_segments *s, const char *name, size_t len)
{
    for (size_t i = 0; i < s->n; i++)
        if (strlen(s->items[i].name) == len && strncmp(s->items[i].name, name, len) == 0)
            return &s->items[i];
    s->items = xreallocarray(s->items, s->n + 1, sizeof(*s->items));
    s->items[s->n] = (struct routing_segment){ .name = xstrndup(name, len) };
    return &s->items[s->n++];
}

static void add(struct routing_segment *s, const char *label, size_t key_at, const char *value, size_t written,
                bool inherited)
{
    s->labels = xreallocarray(s->labels, s->n + 1, sizeof(*s->labels));
    struct routing_label *l = &s->labels[s->n++];
    *l = (struct routing_label){ .label = xstrdup(label), .value = xstrdup(value), .written = written, .inherited = inherited };
    l->key = l->label + key_at;
}

static void read_label(struct routing_segments *out, const char *entry)
{
    size_t len = strcspn(entry, "=");
    auto_free char *label = xstrndup(entry, len);
    const char *value = entry + len + (entry[len] == '=');
    size_t written = strlen(value);

    value += strspn(value, SPACES);
    auto_free char *text = xstrdup(value);
    for (size_t end = strlen(text); end > 0 && strchr(SPACES, text[end - 1]);)
        text[--end] = '\0';
    const char *key = property_of_segment(label);
    const char *segment = label + strlen(PREFIX);
    if (!*text)
        return;
    if (key)
        add(segment_at(out, segment, (size_t)(key - 1 - segment)), label, (size_t)(key - label), text, written, false);
    else
        add(segment_at(out, "", 0), label, strlen(PREFIX), text, written, false);
}

static void segment_release(struct routing_segment *s)
{
    for (size_t i = 0; i < s->n; i++) {
        free(s->labels[i].label);
        free(s->labels[i].value);
    }
    free(s->labels);
    free(s->name);
}

/* The container's own are the first; where there are others, it gives them what they do not say, and goes. */
static void inherit(struct routing_segments *s)
{
    if (s->n == 1)
        return;
    for (size_t i = 1; i < s->n; i++)
        for (size_t k = 0; k < s->items[0].n; k++) {
            const struct routing_label *l = &s->items[0].labels[k];
            if (!routing_segment_find(&s->items[i], l->key))
                add(&s->items[i], l->label, (size_t)(l->key - l->label), l->value, l->written, true);
        }
    segment_release(&s->items[0]);
    s->n--;
    memmove(&s->items[0], &s->items[1], s->n * sizeof(*s->items));
}

void routing_segments_of(const struct strvec *labels, struct routing_segments *out)
{
    (void)segment_at(out, "", 0);
    for (size_t i = 0; i < labels->n; i++)
        if (text_starts(labels->items[i], PREFIX))
            read_label(out, labels->items[i]);
    inherit(out);
}

void routing_segments_release(struct routing_segments *s)
{
    for (size_t i = 0; i < s->n; i++)
        segment_release(&s->items[i]);
    free(s->items);
    *s = (struct routing_segments)ROUTING_SEGMENTS_INIT;
}

const struct routing_label *routing_segment_find(const struct routing_segment *s, const char *key)
{
    for (size_t i = 0; i < s->n; i++)
        if (routing_same(s->labels[i].key, key))
            return &s->labels[i];
    return NULL;
}
