#include "stages/pipeline/timeline.h"

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A few lines for each step of a job. */
#define EVENTS_MAX ((size_t)1 << 20)

/* ---- Reading ---- */

static enum record_phase phase_of(const char *name)
{
    for (enum record_phase p = PHASE_PREPARING; p < PHASE_CLEANUP; p++)
        if (strcmp(name, record_phase_name(p)) == 0)
            return p;
    return PHASE_CLEANUP;
}

static void end_phase(struct timeline_try *t, int64_t at)
{
    if (t->n > 0)
        t->phases[t->n - 1].end = at;
    t->end = at;
}

static void take_header(struct timeline_try *t, const json_t *event, int64_t at)
{
    t->job = xstrdup(json_text(event, "job"));
    t->stage = xstrdup(json_text(event, "stage"));
    t->place = xstrdup(json_text(event, "place"));
    t->within = xstrdup(json_text(event, "within"));
    t->stage_number = json_number(event, "stage_number", 0);
    t->by_needs = json_is_array(json_object_get(event, "needs"));
    json_list(event, "needs", &t->needs);
    t->start = t->end = at;
}

static void take_event(struct timeline_try *t, const json_t *event)
{
    int64_t at = json_number(event, "at", 0);

    if (!t->job) {
        take_header(t, event, at);
        return;
    }
    end_phase(t, at);
    if (*json_text(event, "phase")) {
        t->phases = xreallocarray(t->phases, t->n + 1, sizeof(*t->phases));
        t->phases[t->n++] = (struct timeline_phase){ phase_of(json_text(event, "phase")), xstrdup(json_text(event, "title")),
                                                     at, at };
    } else {
        free(t->state);
        free(t->reason);
        t->state = xstrdup(json_text(event, "state"));
        t->reason = xstrdup(json_text(event, "reason"));
    }
}

/* A last line that was cut off is left out. */
static void read_events(char *text, struct timeline_try *t)
{
    for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        auto_json *event = NULL;
        if (json_parse(line, (size_t)(end - line), "a record", &event, NULL) == 0)
            take_event(t, event);
    }
}

static int read_try(const char *dir, const char *file, struct timeline *out, struct err *e)
{
    auto_free char *path = xasprintf("%s/%s", dir, file);
    auto_free char *text = NULL;

    if (file_read(path, EVENTS_MAX, &text, NULL, e) < 0)
        return -1;
    out->tries = xreallocarray(out->tries, out->n + 1, sizeof(*out->tries));
    struct timeline_try *t = &out->tries[out->n++];
    *t = (struct timeline_try){ .state = xstrdup("running"), .reason = xstrdup("") };
    read_events(text, t);
    t->log = xasprintf("%.*s" RECORD_LOG, (int)(strlen(path) - strlen(RECORD_EVENTS)), path);
    if (!t->job)
        take_header(t, NULL, 0);
    return 0;
}

static int compare(const void *a, const void *b)
{
    const struct timeline_try *one = a, *other = b;
    int order = strcmp(one->place, other->place);

    return order ? order : (one->start > other->start) - (one->start < other->start);
}

/* ---- When each could have begun ---- */

static bool waits_for(const struct timeline_try *t, const struct timeline_try *other)
{
    if (strcmp(t->within, other->within) != 0)
        return false;
    return t->by_needs ? strvec_has(&t->needs, other->job) : other->stage_number < t->stage_number;
}

static void find_ready(struct timeline *t, int64_t start)
{
    for (size_t i = 0; i < t->n; i++) {
        struct timeline_try *one = &t->tries[i];
        one->ready = start;
        for (size_t k = 0; k < t->n; k++)
            if (waits_for(one, &t->tries[k]) && t->tries[k].n > 0 && t->tries[k].end > one->ready)
                one->ready = t->tries[k].end;
        /* What is tried again was ready when the try before it had ended. */
        if (i > 0 && strcmp(one->place, t->tries[i - 1].place) == 0)
            one->ready = t->tries[i - 1].end;
        if (one->ready > one->start)
            one->ready = one->start;
    }
}

int timeline_read(const char *dir, int64_t start, struct timeline *out, struct err *e)
{
    DIR *d = opendir(dir);
    int rc = 0;

    *out = (struct timeline){ 0 };
    if (!d)
        return err_set(e, ERR_SYSTEM, errno, "%s: %s", dir, strerror(errno));
    for (const struct dirent *x; rc == 0 && (x = readdir(d)) != NULL;)
        if (text_ends(x->d_name, RECORD_EVENTS))
            rc = read_try(dir, x->d_name, out, e);
    (void)closedir(d);
    if (out->n > 0)
        qsort(out->tries, out->n, sizeof(*out->tries), compare);
    find_ready(out, start);
    return rc;
}

static void try_release(struct timeline_try *t)
{
    for (size_t i = 0; i < t->n; i++)
        free(t->phases[i].title);
    free(t->phases);
    strvec_release(&t->needs);
    free(t->place);
    free(t->job);
    free(t->stage);
    free(t->within);
    free(t->state);
    free(t->reason);
    free(t->log);
}

void timeline_release(struct timeline *t)
{
    for (size_t i = 0; i < t->n; i++)
        try_release(&t->tries[i]);
    free(t->tries);
    *t = (struct timeline){ 0 };
}

/* ---- Writing ---- */

static char *read_end(void *ctx, const char *path, size_t max, size_t *len, size_t *whole)
{
    auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    auto_free char *text = NULL;
    struct stat st;

    (void)ctx;
    *len = *whole = 0;
    if (fd < 0 || fstat(fd, &st) < 0 || st.st_size <= 0)
        return NULL;
    *whole = (size_t)st.st_size;
    size_t wanted = *whole < max ? *whole : max;
    text = xcalloc(wanted + 1, 1);
    while (*len < wanted) {
        ssize_t n = pread(fd, text + *len, wanted - *len, (off_t)(*whole - wanted + *len));
        if (n <= 0)
            break;
        *len += (size_t)n;
    }
    return take(&text);
}

static int write_page(const char *dir, const struct timeline_facts *facts, const char *path, struct err *e)
{
    auto_timeline t = { 0 };

    if (timeline_read(dir, facts->start, &t, e) < 0)
        return -1;
    auto_free char *page = timeline_page(&t, facts, read_end, NULL);
    return file_write(path, page, strlen(page), 0644, e);
}

int timeline_finish(struct report *r, const struct record *record, const struct timeline_facts *facts, const char *path)
{
    auto_err e = ERR_INIT;

    if (write_page(record->dir, facts, path, &e) < 0) {
        report_line(r, STYLE_BAD, "There is no timeline: %s", err_text(&e));
        return facts->status ? facts->status : 1;
    }
    report_line(r, STYLE_PLAIN, "The timeline is in %s", path);
    return facts->status;
}
