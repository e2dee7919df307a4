#include "stages/pipeline/cache_key.h"

#include "base/strbuf.h"
#include "base/strvec.h"
#include "base/text.h"

#include <ctype.h>
#include <string.h>

static char *decoded(const char *raw)
{
    char *out = xmalloc(strlen(raw) + 1);
    char *to = out;

    while (*raw) {
        bool escape = *raw == '%' && raw[1] == '2' && strchr("eEfF", raw[2]) && raw[2];
        *to++ = !escape ? (char)(*raw == '\\' ? '/' : *raw) : tolower((unsigned char)raw[2]) == 'e' ? '.' : '/';
        raw += escape ? 3 : 1;
    }
    *to = '\0';
    return out;
}

/* Blanks and slashes at the end, however mixed. */
static void trim_end(char *text)
{
    size_t len = strlen(text);

    while (len > 0 && (text[len - 1] == '/' || isspace((unsigned char)text[len - 1])))
        len--;
    text[len] = '\0';
}

char *cache_key_sanitize(const char *raw)
{
    auto_free char *path = decoded(raw);
    auto_strvec elements = STRVEC_INIT;

    trim_end(path);
    for (const char *at = path; *at;) {
        size_t len = strcspn(at, "/");
        auto_free char *element = xstrndup(at, len);
        if (strcmp(element, "..") == 0 && elements.n > 0) {
            elements.n--;
            free(take(&elements.items[elements.n]));
        } else if (*element && strcmp(element, ".") != 0 && strcmp(element, "..") != 0) {
            strvec_push(&elements, element);
        }
        at += len + (at[len] == '/');
    }
    char *clean = strvec_join(&elements, "/");
    trim_end(clean);
    return clean;
}

bool cache_key_is_protected(const char *key)
{
    size_t len = strlen(key);

    while (len > 0 && (key[len - 1] == '.' || isspace((unsigned char)key[len - 1])))
        len--;
    auto_free char *trimmed = xstrndup(key, len);
    return text_ends(trimmed, "-protected");
}

char *cache_key_way(const char *from, const char *to)
{
    auto_strbuf out = STRBUF_TEXT;
    size_t same = 0;

    /* To the last slash up to which both are one: elements, not letters. */
    for (size_t i = 0; from[i] == to[i] || (!from[i] && to[i] == '/'); i++) {
        if (!from[i] || from[i] == '/')
            same = i;
        if (!from[i] || !to[i])
            break;
    }
    for (const char *at = from + same; *at; at++)
        if (*at == '/')
            strbuf_puts(&out, "../");
    const char *rest = to + same;
    strbuf_puts(&out, rest + (*rest == '/'));
    return strbuf_take(&out);
}
