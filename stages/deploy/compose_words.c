#include "stages/deploy/compose_words.h"

#include "base/strbuf.h"
#include "base/text.h"

#include <string.h>

static const char space[] = " \t\r\n";

/* From the opening quote on; returns what follows the closing one, or NULL. */
static const char *read_quoted(const char *p, struct strbuf *word)
{
    char quote = *p++;

    for (; *p && *p != quote; p++) {
        if (quote == '"' && p[0] == '\\' && p[1] == '\n') {
            p++;
            continue;
        }
        if (quote == '"' && *p == '\\' && p[1] && strchr("\"\\$`", p[1]))
            p++;
        strbuf_putc(word, *p);
    }
    return *p ? p + 1 : NULL;
}

/* White space, and lines that go on in the next one. */
static const char *skip_space(const char *p)
{
    for (;;) {
        p += strspn(p, space);
        if (p[0] != '\\' || p[1] != '\n')
            return p;
        p += 2;
    }
}

static bool is_operator(const char *word)
{
    static const char *const operators[] = { "&&", "||", "|", "&", ";", ">", ">>", "<", "2>&1", "2>", NULL };

    return text_is_any(word, operators) || (*word && text_ends(word, ";"));
}

int compose_words(const char *text, struct strvec *out, bool *operator)
{
    *operator = false;
    for (const char *p = skip_space(text); *p; p = skip_space(p)) {
        auto_strbuf word = STRBUF_TEXT;
        bool bare = true;
        while (*p && !strchr(space, *p)) {
            if (*p == '\'' || *p == '"') {
                bare = false;
                p = read_quoted(p, &word);
                if (!p)
                    return -1;
                continue;
            }
            if (p[0] == '\\' && p[1] == '\n') {
                p += 2;
                continue;
            }
            if (*p == '\\') {
                bare = false;
                if (!*++p)
                    return -1;
            }
            strbuf_putc(&word, *p++);
        }
        *operator |= bare && is_operator(strbuf_text(&word));
        strvec_give(out, strbuf_take(&word));
    }
    return 0;
}
