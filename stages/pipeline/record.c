#include "stages/pipeline/record.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

static const char *const phase_names[] = {
    [PHASE_PREPARING] = "preparing",
    [PHASE_FILES] = "files",
    [PHASE_RUNNING] = "running",
    [PHASE_CLEANUP] = "cleanup",
};

const char *record_phase_name(enum record_phase phase)
{
    return phase_names[phase];
}

int record_open(const char *temporary, struct record *out, struct err *e)
{
    *out = (struct record){ NULL, xstrdup(""), xstrdup(""), false };
    return dir_temporary(temporary, "atelier-timeline", &out->dir, e);
}

void record_share(const struct record *from, struct record *out)
{
    *out = (struct record){ xstrdup(from->dir), xstrdup(from->prefix), xstrdup(from->place), true };
}

void record_release(struct record *r)
{
    if (r->dir && !r->shared)
        (void)dir_remove(r->dir, NULL);
    free(r->dir);
    free(r->prefix);
    free(r->place);
    *r = (struct record){ NULL };
}

static int create(const struct record *r, const char *name, const char *ending)
{
    auto_free char *path = xasprintf("%s/%s%s", r->dir, name, ending);
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
}

/* Text is UTF-8 as long as nobody cut it; what is not is left out. */
static json_t *text_of(const char *text)
{
    json_t *value = text ? json_string(text) : json_null();
    return value ? value : json_string("?");
}

/* Takes the event. */
static void put(const struct job_record *r, json_t *event)
{
    auto_json *owned = event;

    if (r->events < 0)
        return;
    (void)json_object_set_new(owned, "at", json_integer(clock_ms()));
    auto_free char *text = json_compact(owned);
    auto_free char *line = xasprintf("%s\n", text);
    (void)fd_write(r->events, line, strlen(line), NULL);
}

char *record_place(const struct record *r, const struct ci_file *f, const struct ci_job *job)
{
    size_t i = 0;

    while (i < f->n_order && f->order[i] != job)
        i++;
    return xasprintf("%s%05zu", r ? r->place : "", i);
}

/* What it waited for, by the names that the page shows. */
static json_t *needs_of(const struct record *r, const struct ci_job *job)
{
    json_t *list = job->by_needs ? json_array() : json_null();

    for (size_t i = 0; job->by_needs && i < job->n_needed; i++) {
        auto_free char *name = xasprintf("%s%s", r->prefix, job->needed[i].job->name);
        (void)json_array_append_new(list, text_of(name));
    }
    return list;
}

void job_record_open(const struct record *r, const struct ci_file *f, const struct ci_job *job, int64_t id,
                     struct job_record *out)
{
    *out = (struct job_record)JOB_RECORD_INIT;
    if (!r || !r->dir)
        return;
    auto_free char *place = record_place(r, f, job);
    auto_free char *file = xasprintf("%s-%" PRId64, place, id);
    auto_free char *name = xasprintf("%s%s", r->prefix, job->name);
    *out = (struct job_record){ create(r, file, RECORD_EVENTS), create(r, file, RECORD_LOG) };
    put(out, json_pack("{s:o s:o s:s s:i s:s s:o}", "job", text_of(name), "stage", text_of(f->stages.items[job->stage]),
                       "place", place, "stage_number", (int)job->stage, "within", r->place, "needs", needs_of(r, job)));
}

void job_record_phase(struct job_record *r, enum record_phase phase, const char *title)
{
    put(r, json_pack("{s:s s:o}", "phase", phase_names[phase], "title", text_of(title)));
}

void job_record_log(struct job_record *r, const char *data, size_t len)
{
    if (r->log >= 0)
        (void)fd_write(r->log, data, len, NULL);
}

void job_record_line(struct job_record *r, const char *style, const char *text)
{
    auto_free char *line = xasprintf("%s%s\033[0m\n", style, text);
    job_record_log(r, line, strlen(line));
}

void job_record_end(struct job_record *r, const char *state, const char *reason)
{
    put(r, json_pack("{s:s s:o}", "state", state, "reason", text_of(reason)));
    if (r->events >= 0)
        (void)close(r->events);
    if (r->log >= 0)
        (void)close(r->log);
    *r = (struct job_record)JOB_RECORD_INIT;
}

void record_idle(const struct record *r, const struct ci_file *f, const struct ci_job *job, const char *state,
                 const char *reason)
{
    struct job_record idle;

    job_record_open(r, f, job, 0, &idle);
    job_record_end(&idle, state, reason);
}
