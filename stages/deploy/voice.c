#include "stages/deploy/voice.h"

#include "base/text.h"

#include <string.h>

#define LINE_BYTES ((size_t)4000)

/* Shorter ones stand in any text: masking "1" or "no" would show more than it hides. */
#define SECRET_MIN 4

void voice_open(const struct deploy_context *c, struct voice *out)
{
    *out = (struct voice){ .say = c->say, .ctx = c->say_ctx, .mask = MASK_INIT };
    voice_learn(out, c->environment);
}

void voice_learn(struct voice *v, const struct deploy_environment *environment)
{
    const struct strvec *secrets = environment ? environment_secrets(environment) : NULL;

    for (size_t i = 0; secrets && i < secrets->n; i++) {
        const char *secret = secrets->items[i];
        if (strlen(secret) >= SECRET_MIN)
            mask_add(&v->mask, secret);
        /* Of several lines each comes alone. */
        for (const char *line = secret; *line && strchr(secret, '\n');) {
            size_t len = strcspn(line, "\r\n");
            auto_free char *one = xstrndup(line, len);
            if (len >= 2 * SECRET_MIN)
                mask_add(&v->mask, one);
            line += len + (line[len] != '\0');
        }
    }
}

static void say_masked(const struct voice *v, enum log_level level, const char *line)
{
    auto_free char *masked = mask_text(&v->mask, line);
    auto_strbuf visible = STRBUF_TEXT;

    text_visible(&visible, masked, LINE_BYTES);
    v->say(v->ctx, level, strbuf_text(&visible));
}

void voice_line(const struct voice *v, enum log_level level, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    auto_free char *line = xvasprintf(fmt, ap);
    va_end(ap);
    say_masked(v, level, line);
}

void voice_text(const struct voice *v, const char *name, const char *text)
{
    /* As a whole first: a secret of several lines would not be found in one. */
    auto_free char *masked = mask_text(&v->mask, text);

    for (const char *line = masked; *line;) {
        size_t len = strcspn(line, "\n");
        auto_free char *one = xstrndup(line, len > 0 && line[len - 1] == '\r' ? len - 1 : len);
        auto_free char *shown = xasprintf("  %s | %s", name, one);
        say_masked(v, LOG_INFO, shown);
        line += len + (line[len] == '\n');
    }
}

void voice_mask_error(const struct voice *v, struct err *e)
{
    if (!e || !e->msg)
        return;
    char *masked = mask_text(&v->mask, e->msg);
    free(e->msg);
    e->msg = masked;
}

void voice_release(struct voice *v)
{
    mask_release(&v->mask);
}
