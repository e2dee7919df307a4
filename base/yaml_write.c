#include "base/yaml.h"

#include "base/strbuf.h"

#include <string.h>
#include <yaml.h>

static void emit(yaml_emitter_t *emitter, yaml_event_t *event)
{
    if (!yaml_emitter_emit(emitter, event))
        abort(); /* out of memory: the text is UTF-8, as it was read */
}

/* What was quoted stays text: "true" and "1.0" would be read as something else. */
static yaml_scalar_style_t style_of(const struct yaml *y)
{
    if (!y->quoted)
        return YAML_PLAIN_SCALAR_STYLE;
    return strchr(y->text, '\n') ? YAML_LITERAL_SCALAR_STYLE : YAML_DOUBLE_QUOTED_SCALAR_STYLE;
}

static void write_scalar(yaml_emitter_t *emitter, const char *text, yaml_char_t *tag, yaml_scalar_style_t style)
{
    yaml_event_t event;

    if (!yaml_scalar_event_initialize(&event, NULL, tag, (const yaml_char_t *)text, (int)strlen(text), !tag, !tag, style))
        abort(); /* likewise */
    emit(emitter, &event);
}

static void write_node(yaml_emitter_t *emitter, const struct yaml *y)
{
    yaml_char_t *tag = (yaml_char_t *)y->tag;
    yaml_event_t event;

    if (y->type == YAML_NULL || y->type == YAML_SCALAR) {
        write_scalar(emitter, y->text ? y->text : "null", tag, y->text ? style_of(y) : YAML_PLAIN_SCALAR_STYLE);
        return;
    }
    if (y->type == YAML_LIST)
        (void)yaml_sequence_start_event_initialize(&event, NULL, tag, !tag, YAML_ANY_SEQUENCE_STYLE);
    else
        (void)yaml_mapping_start_event_initialize(&event, NULL, tag, !tag, YAML_ANY_MAPPING_STYLE);
    emit(emitter, &event);
    for (size_t i = 0; i < y->n; i++) {
        if (y->type == YAML_MAP)
            write_scalar(emitter, y->items[i]->key, NULL, YAML_PLAIN_SCALAR_STYLE);
        write_node(emitter, y->items[i]);
    }
    if (y->type == YAML_LIST)
        (void)yaml_sequence_end_event_initialize(&event);
    else
        (void)yaml_mapping_end_event_initialize(&event);
    emit(emitter, &event);
}

static int add(void *out, unsigned char *data, size_t size)
{
    strbuf_putn(out, (const char *)data, size);
    return 1;
}

char *yaml_write(const struct yaml *y)
{
    auto_strbuf out = STRBUF_TEXT;
    yaml_emitter_t emitter;
    yaml_event_t event;

    if (!yaml_emitter_initialize(&emitter))
        abort();
    yaml_emitter_set_output(&emitter, add, &out);
    yaml_emitter_set_unicode(&emitter, 1);
    yaml_emitter_set_width(&emitter, -1);
    (void)yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING);
    emit(&emitter, &event);
    (void)yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1);
    emit(&emitter, &event);
    write_node(&emitter, y);
    (void)yaml_document_end_event_initialize(&event, 1);
    emit(&emitter, &event);
    (void)yaml_stream_end_event_initialize(&event);
    emit(&emitter, &event);
    yaml_emitter_delete(&emitter);
    return strbuf_take(&out);
}
