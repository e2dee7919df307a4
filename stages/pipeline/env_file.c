#include "stages/pipeline/env_file.h"

#include "base/file.h"
#include "base/strbuf.h"
#include "base/text.h"

#include <ctype.h>
#include <string.h>

#define FILE_MAX      ((size_t)1 << 20)
#define SECRET_LENGTH 8

static const char *const secret_names[] = { "PASSWORD", "TOKEN", "SECRET", "KEY" };

/* What a backslash and this letter mean between double quotes. A dollar is
 * written twice, which is how a variable's value says "just a dollar". */
static const struct {
    char letter;
    const char *meaning;
} escapes[] = {
    { 'n', "\n" }, { 't', "\t" }, { 'r', "\r" }, { '"', "\"" }, { '\\', "\\" }, { '$', "$$" },
};

struct reader {
    const char *file;
    const char *at; /* the next character; the text ends with NUL */
    int line;
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
    strbuf_putc(value, '\\');
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

bool env_file_is_secret(const char *key, const char *value)
{
    if (strlen(value) < SECRET_LENGTH)
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(secret_names); i++)
        if (strcasestr(key, secret_names[i]))
            return true;
    return false;
}

static int read_assignment(struct reader *r, struct variables *out, struct err *e)
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
    if (!variables_key_valid(key))
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
    unsigned masked = env_file_is_secret(key, strbuf_text(&value)) ? VARIABLE_MASKED : 0;
    variables_add(out, key, strbuf_text(&value), masked | (raw ? VARIABLE_RAW : 0));
    return 0;
}

int env_file_parse(const char *name, const char *text, size_t len, struct variables *out, struct err *e)
{
    struct reader r = { name, text, 1 };

    if (strlen(text) != len)
        return problem(&r, 1, e, "there is a NUL byte in it; this is no text file");
    if (text_starts(r.at, "\xef\xbb\xbf"))
        r.at += 3;
    while (*r.at) {
        skip(&r, " \t\r");
        if (*r.at == '#' || *r.at == '\n' || !*r.at)
            skip_line(&r);
        else if (read_assignment(&r, out, e) < 0)
            return -1;
    }
    return 0;
}

int env_file_read(const char *path, struct variables *out, struct err *e)
{
    auto_free char *text = NULL;
    size_t len;

    if (file_read(path, FILE_MAX, &text, &len, e) < 0)
        return err_wrap(e, "variables");
    return env_file_parse(path, text, len, out, e);
}
