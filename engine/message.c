#include "engine/message.h"

#include <string.h>

static bool is_blank(const struct strbuf *line)
{
    const char *text = strbuf_text(line);
    return strspn(text, " \t\r") == line->len;
}

/* `what` begins the error's text when the line is no JSON. */
static int read_line(struct message_reader *r, const char *what, struct err *e)
{
    int result = 0;
    if (!is_blank(&r->line)) {
        auto_json *message = NULL;
        result = json_parse(strbuf_text(&r->line), r->line.len, what, &message, e);
        if (result == 0)
            result = r->on_message(r->ctx, message, e);
    }
    strbuf_clear(&r->line);
    return result;
}

int message_data(void *reader, const char *data, size_t len, struct err *e)
{
    struct message_reader *r = reader;
    const char *end = data + len;
    while (data < end) {
        const char *newline = memchr(data, '\n', (size_t)(end - data));
        const char *stop = newline ? newline : end;
        if (strbuf_add(&r->line, data, (size_t)(stop - data)) < 0)
            return err_set(e, ERR_SYSTEM, 0, "the daemon sent a message of more than %zu bytes", r->line.max);
        if (newline && read_line(r, "the daemon's message", e) < 0)
            return -1;
        data = newline ? newline + 1 : end;
    }
    return 0;
}

int message_finish(struct message_reader *r, struct err *e)
{
    return read_line(r, "the daemon closed the stream early: its last message", e);
}

void message_reader_release(struct message_reader *r)
{
    strbuf_release(&r->line);
}
