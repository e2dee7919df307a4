/* stages/pipeline/choice_order.c: after whom a job comes. */
#include "stages/pipeline/choice.h"

#include "base/text.h"

/* Jobs of a circle that a message names, before the last one. */
#define CIRCLE_SHOWN ((size_t)10)

enum mark { NEW, OPEN, DONE };

/* One job on the way from one to what it needs. Chains may be very long: no recursion. */
struct step {
    const struct ci_job *job;
    size_t next; /* of what it needs */
};

struct ordering {
    struct ci_file *file;
    enum mark *marks; /* by job */
    struct step *way;
    size_t n;
};

static size_t number_of(const struct ordering *o, const struct ci_job *job)
{
    return (size_t)(job - o->file->jobs);
}

static int refuse_circle(const struct ordering *o, const struct ci_job *again, struct err *e)
{
    auto_strvec names = STRVEC_INIT;
    size_t i = 0;

    while (o->way[i].job != again)
        i++;
    for (size_t from = i; i < o->n; i++) {
        if (i == from + CIRCLE_SHOWN && o->n - i > 1) {
            strvec_pushf(&names, "(%zu more)", o->n - i - 1);
            i = o->n - 1;
        }
        strvec_give(&names, text_quote(o->way[i].job->name));
    }
    strvec_give(&names, text_quote(again->name));
    auto_free char *whole = strvec_join(&names, " -> ");
    auto_free char *circle = text_quote(whole);
    return yaml_error(e, ERR_JOB, again->at->file, again->at, "the jobs need each other: %s", circle);
}

static void enter(struct ordering *o, const struct ci_job *job)
{
    o->marks[number_of(o, job)] = OPEN;
    o->way[o->n++] = (struct step){ job, 0 };
}

/* The job, after all that it needs. */
static int place(struct ordering *o, const struct ci_job *job, struct err *e)
{
    enter(o, job);
    while (o->n > 0) {
        struct step *s = &o->way[o->n - 1];
        if (s->next == s->job->n_needed) {
            o->marks[number_of(o, s->job)] = DONE;
            o->file->order[o->file->n_order++] = s->job;
            o->n--;
            continue;
        }
        const struct ci_job *needed = s->job->needed[s->next++].job;
        enum mark mark = o->marks[number_of(o, needed)];
        if (mark == OPEN)
            return refuse_circle(o, needed, e);
        if (mark == NEW)
            enter(o, needed);
    }
    return 0;
}

static int by_stage(const void *a, const void *b)
{
    const struct ci_job *one = *(const struct ci_job *const *)a, *other = *(const struct ci_job *const *)b;

    if (one->stage != other->stage)
        return one->stage < other->stage ? -1 : 1;
    return (one > other) - (one < other);
}

int choice_order(struct ci_file *f, struct err *e)
{
    struct ordering o = { .file = f };
    auto_free const struct ci_job **jobs = xcalloc(f->n + 1, sizeof(const struct ci_job *));
    auto_free enum mark *marks = xcalloc(f->n + 1, sizeof(*marks));
    auto_free struct step *way = xcalloc(f->n + 1, sizeof(*way));

    o.marks = marks;
    o.way = way;
    for (size_t i = 0; i < f->n; i++)
        jobs[i] = &f->jobs[i];
    qsort(jobs, f->n, sizeof(*jobs), by_stage);
    f->order = xcalloc(f->n + 1, sizeof(*f->order));
    for (size_t i = 0; i < f->n; i++)
        if (!jobs[i]->left_out && o.marks[number_of(&o, jobs[i])] == NEW && place(&o, jobs[i], e) < 0)
            return -1;
    return 0;
}
