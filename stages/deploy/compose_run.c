/* stages/deploy/compose_run.c: what runs, and how often: image, command, entrypoint, restart, tty, read_only. */
#include "stages/deploy/compose_reader.h"

#include "base/number.h"
#include "base/text.h"
#include "engine/registry_auth.h"
#include "stages/deploy/compose_words.h"

#include <string.h>

void compose_read_image(struct compose_reader *r, const struct yaml *y, struct compose_service *s)
{
    auto_free char *text = compose_text(r, y, "image", COMPOSE_LINE, NULL);
    auto_image_reference reference = { 0 };
    auto_err problem = ERR_INIT;

    if (!text)
        return;
    if (image_reference_parse(text, &reference, &problem) < 0)
        compose_problem(r, y, "%s; write it as registry/group/project/name:tag", err_text(&problem));
    else
        s->image = take(&text);
}

/* A list's items are words already. */
static void read_word_list(struct compose_reader *r, const struct yaml *y, const char *keyword, struct strvec *out)
{
    for (size_t i = 0; i < y->n; i++) {
        auto_free char *word = compose_text(r, y->items[i], keyword, COMPOSE_TEXT, NULL);
        compose_warn_of_number(r, y->items[i]);
        if (word)
            strvec_give(out, take(&word));
    }
}

static void read_word_text(struct compose_reader *r, const struct yaml *y, const char *keyword, struct strvec *out)
{
    auto_free char *text = compose_text(r, y, keyword, COMPOSE_TEXT, NULL);
    bool operator;

    if (!text)
        return;
    if (compose_words(text, out, &operator) < 0)
        compose_problem(r, y, "a quote or backslash in `%s` has no end; close it, or write a list of words", keyword);
    else if (operator)
        compose_warning(r, y, "no shell reads `%s`, so that &&, | and > are words as others; for a shell write "
                        "[sh, -c, '…']", keyword);
}

/* [] and "" clear the image's own, nothing leaves it. */
static void read_words(struct compose_reader *r, const struct yaml *y, const char *keyword, bool *given,
                       struct strvec *out)
{
    if (y->type != YAML_LIST && y->type != YAML_SCALAR) {
        (void)compose_is(r, y, YAML_LIST, keyword, "text or a list of words");
        return;
    }
    *given = true;
    if (y->type == YAML_LIST)
        read_word_list(r, y, keyword, out);
    else
        read_word_text(r, y, keyword, out);
}

void compose_read_command(struct compose_reader *r, const struct yaml *y, struct compose_service *s)
{
    read_words(r, y, "command", &s->command_given, &s->command);
}

void compose_read_entrypoint(struct compose_reader *r, const struct yaml *y, struct compose_service *s)
{
    read_words(r, y, "entrypoint", &s->entrypoint_given, &s->entrypoint);
}

static bool is_restart(const char *text)
{
    static const char *const words[] = { "no", "always", "unless-stopped", "on-failure", NULL };
    static const char with_number[] = "on-failure:";
    int64_t times;

    return text_is_any(text, words) || (text_starts(text, with_number) &&
                                        number_parse(text + strlen(with_number), 1, 1000, &times) == 0);
}

void compose_read_restart(struct compose_reader *r, const struct yaml *y, struct compose_service *s)
{
    auto_free char *text = compose_text(r, y, "restart", COMPOSE_LINE, NULL);
    bool value;

    if (!text)
        return;
    if (yaml_bool(y, &value) == 0 && !value) { /* restart: no */
        free(text);
        text = xstrdup("no");
    }
    if (is_restart(text)) {
        s->restart = take(&text);
        return;
    }
    auto_free char *shown = text_quote(text);
    compose_problem(r, y, "`restart` is `%s`; it must be \"no\", always, unless-stopped, on-failure or on-failure:3",
                    shown);
}

void compose_read_read_only(struct compose_reader *r, const struct yaml *y, struct compose_service *s)
{
    compose_read_bool(r, y, "read_only", &s->read_only);
}

void compose_read_tty(struct compose_reader *r, const struct yaml *y, struct compose_service *s)
{
    compose_read_bool(r, y, "tty", &s->tty);
}
