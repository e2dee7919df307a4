#include "executor/garbage.h"

#include "base/number.h"
#include "executor/kept.h"
#include "stages/place.h"

#include <string.h>

/* Containers tell the seconds, networks and volumes write a date. */
static int64_t creation(const json_t *item)
{
    int64_t seconds = -1;
    const char *date = json_text(item, "Created");

    if (!*date)
        date = json_text(item, "CreatedAt");
    if (timestamp_parse(date, &seconds) < 0)
        seconds = json_number(item, "Created", -1);
    return seconds;
}

static struct thing thing_of(enum thing_kind kind, const json_t *item)
{
    const json_t *labels = json_object_get(item, "Labels");
    struct thing t = {
        .kind = kind,
        .id = thing_id(kind, item),
        .name = thing_name(kind, item),
        .job = json_text(labels, LABEL_JOB),
        .project = json_text(labels, LABEL_PROJECT),
        .created = creation(item),
        .expires = -1,
        .kept = kind == THING_VOLUME && strcmp(json_text(labels, LABEL_ROLE), KEPT_ROLE) == 0,
    };

    (void)number_parse(json_text(labels, LABEL_EXPIRES), 0, INT64_MAX, &t.expires);
    return t;
}

static bool same_job(const struct thing *a, const struct thing *b)
{
    return a == b || (*a->job && strcmp(a->job, b->job) == 0);
}

static int64_t date_of(const struct thing *t, const struct garbage_rule *rule)
{
    return rule->older_than < 0 ? t->expires : t->created;
}

/* -1: it is not such a job. */
static int64_t late_date(const struct thing *t, const struct garbage_rule *rule)
{
    for (size_t i = 0; i < rule->n_late; i++)
        if (strcmp(t->job, rule->late[i].job) == 0)
            return rule->older_than < 0 ? rule->late[i].expires : rule->late[i].began;
    return -1;
}

static bool is_garbage(const struct garbage *g, const struct thing *t, const struct garbage_rule *rule)
{
    int64_t limit = rule->older_than < 0 ? rule->now : rule->now - rule->older_than;
    int64_t last = late_date(t, rule);

    for (size_t i = 0; *t->job && rule->abandoned && i < rule->abandoned->n; i++)
        if (strcmp(t->job, rule->abandoned->items[i]) == 0)
            return true;
    /* A volume for jobs to come, which may be old and busy. */
    if (!*t->job && t->expires < 0)
        return false;
    for (size_t i = 0; i < g->n; i++) {
        const struct thing *other = &g->things[i];
        int64_t date = date_of(other, rule);
        if (!same_job(t, other))
            continue;
        if (other->kept && rule->older_than < 0 && date >= 0)
            return date <= limit;
        if (date > last)
            last = date;
    }
    return last >= 0 && last <= limit;
}

void garbage_judge(json_t *lists[THING_KINDS], const struct garbage_rule *rule, struct garbage *out)
{
    struct garbage g = { 0 };

    for (int kind = 0; kind < THING_KINDS; kind++) {
        size_t n = json_array_size(lists[kind]);
        g.lists[kind] = take(&lists[kind]);
        g.things = xreallocarray(g.things, g.n + n + 1, sizeof(*g.things));
        for (size_t i = 0; i < n; i++) {
            const json_t *item = json_array_get(g.lists[kind], i);
            const struct thing t = thing_of((enum thing_kind)kind, item);
            if (*t.id && (kind != THING_NETWORK || *t.job || t.expires >= 0))
                g.things[g.n++] = t;
        }
    }
    for (size_t i = 0; i < g.n; i++) {
        g.things[i].garbage = is_garbage(&g, &g.things[i], rule);
        g.n_garbage += g.things[i].garbage;
    }
    *out = g;
}

int garbage_find(struct engine *d, const struct strvec *labels, const struct garbage_rule *rule,
                 struct garbage *out, struct err *e)
{
    json_t *lists[THING_KINDS] = { NULL };
    auto_strvec all = STRVEC_INIT;
    int rc = 0;

    strvec_push(&all, LABEL_MANAGED);
    strvec_push_all(&all, labels);
    /* A job that begins meanwhile may be half in the lists; its whole half is new, though. */
    for (int kind = 0; rc == 0 && kind < THING_KINDS; kind++)
        rc = thing_list(d, (enum thing_kind)kind, &all, &lists[kind], e);
    if (rc == 0)
        garbage_judge(lists, rule, out);
    for (int kind = 0; kind < THING_KINDS; kind++)
        json_decref(lists[kind]);
    return rc;
}

void garbage_release(struct garbage *g)
{
    for (int kind = 0; kind < THING_KINDS; kind++)
        json_decref(g->lists[kind]);
    free(g->things);
    *g = (struct garbage){ 0 };
}
