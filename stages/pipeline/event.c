#include "stages/pipeline/event.h"

#include "base/strvec.h"
#include "base/text.h"

#include <string.h>

#define PUSH "push"

/* In the order in which GitLab's manual has them. */
static const char *const events[] = {
    PUSH,       "web",      "trigger", "schedule", "api", "external", "external_pull_request_event", EVENT_MERGE_REQUEST,
    "pipeline", EVENT_PARENT_PIPELINE, "chat", "webide", NULL,
};

static const char suffix[] = "_event";

int event_check(const char *event, struct err *e)
{
    if (!event || text_is_any(event, events))
        return 0;
    auto_strvec known = STRVEC_INIT;
    for (const char *const *name = events; *name; name++)
        strvec_push(&known, *name);
    auto_free char *all = strvec_join(&known, ", ");
    auto_free char *shown = text_quote(event);
    return err_set(e, ERR_USAGE, 0, "there is no event '%s'; there are %s", shown, all);
}

const char *event_name(const char *event)
{
    return event ? event : PUSH;
}

static bool event_is_push(const char *event)
{
    return strcmp(event_name(event), PUSH) == 0;
}

bool event_has_push(const char *event)
{
    return event_is_push(event) || strcmp(event, EVENT_PARENT_PIPELINE) == 0;
}

bool event_is_merge_request(const char *event)
{
    return event && strcmp(event, EVENT_MERGE_REQUEST) == 0;
}

/* As Rails makes it: "pushes", "schedules". */
static bool is_plural(const char *word, const char *name, size_t len)
{
    const char *ending = name[len - 1] == 'h' ? "es" : "s";

    return strncmp(word, name, len) == 0 && strcmp(word + len, ending) == 0;
}

bool event_is_meant(const char *event, const char *word)
{
    const char *name = event_name(event);
    size_t len = strlen(name) - (text_ends(name, suffix) ? strlen(suffix) : 0);

    return (strlen(word) == len && strncmp(word, name, len) == 0) || is_plural(word, name, len);
}

const char *event_of_word(const char *word)
{
    for (const char *const *name = events + 1; *name; name++)
        if (event_is_meant(*name, word))
            return *name;
    return NULL;
}
