/* Any text as a word of shell: only harmless characters in it, and bash's own rules read it back. */
#include "stages/pipeline/escape.h"

#include <stdint.h>
#include <string.h>

static void require(bool promise)
{
    if (!promise)
        abort();
}

static int hex(char c)
{
    const char *digits = "0123456789abcdef";
    const char *at = c ? strchr(digits, c) : NULL;
    require(at);
    return (int)(at - digits);
}

/* What $'…' means, by the bash manual; the real bash is asked in test_escape.c. */
static void read_back(const char *word, struct strbuf *out)
{
    static const char from[] = "abtnvfr'\\";
    static const char to[] = "\a\b\t\n\v\f\r'\\";

    for (; *word != '\''; word++) {
        require((unsigned char)*word >= ' ' && (unsigned char)*word < 0x7f);
        if (*word != '\\') {
            strbuf_putc(out, *word);
            continue;
        }
        word++;
        if (*word == 'x') {
            strbuf_putc(out, (char)(hex(word[1]) * 16 + hex(word[2])));
            word += 2;
        } else {
            const char *at = *word ? strchr(from, *word) : NULL;
            require(at);
            strbuf_putc(out, to[at - from]);
        }
    }
    require(word[1] == '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_free char *text = xstrndup((const char *)data, size);
    auto_strbuf word = STRBUF_TEXT;
    auto_strbuf back = STRBUF_TEXT;

    shell_escape(&word, text);
    const char *w = strbuf_text(&word);
    if (strncmp(w, "$'", 2) == 0)
        read_back(w + 2, &back);
    else if (strcmp(w, "''") != 0)
        strbuf_puts(&back, w);
    require(strcmp(strbuf_text(&back), text) == 0);
    require(*w && (w[0] == '$' || w[0] == '\'' || !strpbrk(w, " \t\n\"'`$\\;&|<>()*?[]#~=%!{}")));
    return 0;
}
