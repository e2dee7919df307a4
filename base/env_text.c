#include "base/env_text.h"

#include "base/strbuf.h"
#include "base/text.h"

#include <ctype.h>
#include <string.h>

/* What a backslash and this letter mean between double quotes. */
static const struct {
    char letter;
    const char *meaning;
} escapes[] = {
    { 'n', "\n" }, { 't', "\t" }, { 'r', "\r" }, { '"', "\"" }, { '\\', "\\" },
};

struct reader {
    const char *file;
    const char *at; /* the next character; the text ends with NUL */
    int line;
    const struct env_text *how;
};

static int problem(const struct reader *r, int line, struct err *e, const char *what)
{
    return err_set(e, ERR_JOB, 0, "%s:%d: %s", r->file, line, what);
}

static void skip(struct reader *r, const char *set)
{
    r->at += strspn(r->at, set);
}

static void skip_line(struct reader *r)
{
    r->at += strcspn(r->at, "\n");
    if (*r->at == '\n') {
        r->at++;
        r->line++;
    }
}

static void put(struct reader *r, struct strbuf *value)
{
    if (*r->at == '\n')
        r->line++;
    strbuf_putc(value, *r->at++);
}

/* After the backslash. One that means nothing stays as it was written. */
static void read_escape(struct reader *r, struct strbuf *value)
{
    for (size_t i = 0; i < ARRAY_SIZE(escapes); i++) {
        if (*r->at != escapes[i].letter)
            continue;
        strbuf_puts(value, escapes[i].meaning);
        r->at++;
        return;
    }
    strbuf_puts(value, *r->at == '$' ? r->how->dollar : "\\");
    r->at += *r->at == '$';
}

static int read_quoted(struct reader *r, struct strbuf *value, struct err *e)
{
    int start = r->line;
    char quote = *r->at++;

    while (*r->at && *r->at != quote) {
        if (quote == '"' && *r->at == '\\') {
            r->at++;
            read_escape(r, value);
        } else {
            put(r, value);
        }
    }
    if (!*r->at)
        return problem(r, start, e, "the quote that opens here is never closed");
    r->at++;
    skip(r, " \t\r");
    if (*r->at && *r->at != '\n' && *r->at != '#')
        return problem(r, r->line, e, "text after the closing quote; quote the whole value");
    return 0;
}

static void read_bare(struct reader *r, struct strbuf *value)
{
    size_t len = strcspn(r->at, "\n");

    for (size_t i = 0; i + 1 < len; i++) {
        if (isspace((unsigned char)r->at[i]) && r->at[i + 1] == '#') {
            len = i;
            break;
        }
    }
    while (len > 0 && isspace((unsigned char)r->at[len - 1]))
        len--;
    strbuf_putn(value, r->at, len);
}

static bool is_name(const char *key)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";

    return *key && !isdigit((unsigned char)*key) && key[strspn(key, letters)] == '\0';
}

static int read_assignment(struct reader *r, struct err *e)
{
    if (text_starts(r->at, "export "))
        r->at += strlen("export ");
    skip(r, " \t");
    size_t len = strcspn(r->at, "=\n");
    if (r->at[len] != '=')
        return problem(r, r->line, e, "no '=' in this line; write KEY=value");
    auto_free char *key = xstrndup(r->at, len);
    for (size_t end = len; end > 0 && isspace((unsigned char)key[end - 1]); end--)
        key[end - 1] = '\0';
    if (!is_name(key))
        return problem(r, r->line, e, "a variable's name has only letters, digits and _, and no digit first");
    r->at += len + 1;
    skip(r, " \t");

    auto_strbuf value = STRBUF_TEXT;
    bool raw = *r->at == '\'';
    if (*r->at == '\'' || *r->at == '"') {
        if (read_quoted(r, &value, e) < 0)
            return -1;
    } else {
        read_bare(r, &value);
    }
    skip_line(r);
    r->how->add(r->how->ctx, key, strbuf_text(&value), raw);
    return 0;
}

int env_text_parse(const char *name, const char *text, size_t len, const struct env_text *how, struct err *e)
{
    struct reader r = { name, text, 1, how };

    if (strlen(text) != len)
        return problem(&r, 1, e, "there is a NUL byte in it; this is no text file");
    if (text_starts(r.at, "\xef\xbb\xbf"))
        r.at += 3;
    while (*r.at) {
        skip(&r, " \t\r");
        if (*r.at == '#' || *r.at == '\n' || !*r.at)
            skip_line(&r);
        else if (read_assignment(&r, e) < 0)
            return -1;
    }
    return 0;
}
