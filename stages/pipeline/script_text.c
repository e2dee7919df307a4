#include "stages/pipeline/script_text.h"

#include "stages/pipeline/escape.h"

#include <stdarg.h>
#include <string.h>

#define YELLOW "\033[0;33m"

void script_line(struct strbuf *b, const char *text)
{
    strbuf_puts(b, text);
    strbuf_putc(b, '\n');
}

static void words(struct strbuf *b, va_list args)
{
    const char *between = "";

    for (const char *word = va_arg(args, const char *); word; word = va_arg(args, const char *)) {
        strbuf_puts(b, between);
        shell_escape(b, word);
        between = " ";
    }
}

void script_words(struct strbuf *b, ...)
{
    va_list args;

    va_start(args, b);
    words(b, args);
    va_end(args);
}

void script_command(struct strbuf *b, ...)
{
    va_list args;

    va_start(args, b);
    words(b, args);
    va_end(args);
    strbuf_putc(b, '\n');
}

void script_echo(struct strbuf *b, const char *text)
{
    script_command(b, "echo", text, NULL);
}

static void echo_in(struct strbuf *b, const char *colour, const char *text)
{
    auto_free char *coloured = xasprintf("%s%s" SCRIPT_RESET, colour, text);

    script_echo(b, coloured);
}

void script_echo_green(struct strbuf *b, const char *text)
{
    echo_in(b, SCRIPT_GREEN, text);
}

void script_echo_yellow(struct strbuf *b, const char *text)
{
    echo_in(b, YELLOW, text);
}

void script_flags(struct strbuf *b, const char *value, const char *otherwise)
{
    if (!value || !*value)
        value = otherwise;
    if (strcmp(value, "none") == 0)
        return;
    while (*value) {
        size_t len = strcspn(value, " \t\n");
        auto_free char *word = xstrndup(value, len);
        if (len > 0) {
            strbuf_putc(b, ' ');
            shell_escape(b, word);
        }
        value += len + (value[len] != '\0');
    }
}
