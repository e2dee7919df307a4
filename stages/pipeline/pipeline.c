#include "stages/pipeline/pipeline_state.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/number.h"
#include "base/text.h"
#include "base/strvec.h"
#include "stages/pipeline/child.h"
#include "stages/pipeline/child_list.h"
#include "stages/pipeline/graph_show.h"
#include "stages/pipeline/listing.h"
#include "stages/pipeline/timeline.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>


static void pipeline_release(struct pipeline *p)
{
    for (size_t i = 0; i < p->n; i++) {
        free(p->entries[i].outcome.reason);
        free(p->entries[i].group);
        job_left_release(&p->entries[i].left);
    }
    free(p->entries);
    free(p->order.items);
    free(p->order.of);
    free(p->config);
    free(p->state);
    record_release(&p->record);
    snapshot_release(&p->snapshot);
    source_release(&p->source);
    slot_release(&p->slot);
    project_release(&p->project);
}

const char *pipeline_temporary(const struct pipeline *p)
{
    const char *dir = env_get(p->options->env, "TMPDIR");
    return dir && *dir == '/' ? dir : "/tmp";
}

/* ---- What is to run ---- */

static bool any_asked(const struct pipeline_options *o)
{
    return (o->jobs && *o->jobs) || o->stage;
}

/* The user wants it, whatever its `when` says. */
static bool is_named(const struct pipeline *p, const struct ci_job *job)
{
    return ci_job_is_named(job, p->options->jobs) ||
           (job->when == WHEN_MANUAL && ci_job_is_named(job, p->options->manual));
}

static bool is_asked(const struct pipeline *p, const struct ci_job *job)
{
    const char *stage = p->options->stage;

    return !any_asked(p->options) || is_named(p, job) ||
           (stage && strcmp(p->project.file.stages.items[job->stage], stage) == 0);
}

/* What a job waits for is asked for with it. From the end: what it waits for is before it. */
static void add_needs(const struct pipeline *p, bool *asked)
{
    const struct ci_file *file = &p->project.file;
    size_t stages = 0; /* before this one, all is asked for */

    for (size_t i = file->n_order; i-- > 0;) {
        const struct ci_job *job = file->order[i];
        bool *is = &asked[job - file->jobs];
        *is |= job->stage < stages;
        if (*is && !job->by_needs && job->stage > stages)
            stages = job->stage;
        for (size_t k = 0; *is && k < job->n_needed; k++)
            asked[job->needed[k].job - file->jobs] = true;
    }
}

static int check_stage(const struct pipeline *p, struct err *e)
{
    const struct strvec *stages = &p->project.file.stages;
    const char *stage = p->options->stage;
    auto_free char *known = strvec_join(stages, ", ");
    auto_free char *shown = stage ? text_quote(stage) : NULL;

    if (!stage || strvec_has(stages, stage))
        return 0;
    return err_set(e, ERR_USAGE, 0, "there is no stage '%s'; the stages are %s", shown, known);
}

static int choose_jobs(struct pipeline *p, struct err *e)
{
    const struct ci_file *file = &p->project.file;
    auto_free bool *asked = xcalloc(file->n + 1, sizeof(*asked));

    if (check_stage(p, e) < 0)
        return -1;
    for (size_t i = 0; i < file->n; i++)
        asked[i] = !file->jobs[i].left_out && is_asked(p, &file->jobs[i]);
    if (p->options->needs)
        add_needs(p, asked);
    p->entries = xcalloc(file->n_order + 1, sizeof(*p->entries));
    p->order = (struct order_jobs){ .first = file->jobs };
    p->order.items = xcalloc(file->n_order + 1, sizeof(*p->order.items));
    p->order.of = xcalloc(file->n + 1, sizeof(struct order_job *));
    for (size_t i = 0; i < file->n_order; i++) {
        const struct ci_job *job = file->order[i];
        if (!asked[job - file->jobs])
            continue;
        struct order_job *turn = &p->order.items[p->order.n++];
        *turn = (struct order_job){ .job = job, .named = is_named(p, job) };
        p->order.of[job - file->jobs] = turn;
        p->entries[p->n++] = (struct entry){ .job = job, .turn = turn, .ms = -1 };
    }
    p->most = p->options->side_by_side < p->n ? p->options->side_by_side : p->n;
    return 0;
}

/* Before anything is done. A manual job that nobody has named would not run. */
static int check_barred(const struct pipeline *p, struct err *e)
{
    for (size_t i = 0; i < p->n; i++) {
        const struct ci_job *job = p->entries[i].job;
        if (job->barred && (job->when != WHEN_MANUAL || is_named(p, job)))
            return err_set(e, ERR_JOB, 0, "%s; the other jobs can be run by their names", job->barred);
    }
    return 0;
}

/* ---- Getting ready ---- */

/* The time in seconds, and 20 random bits. */
int pipeline_new_id(int64_t *out, struct err *e)
{
    static const time_t epoch = 1704067200; /* 2024-01-01 */
    uint32_t random;

    if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return err_set(e, ERR_SYSTEM, 0, "no random bytes from the kernel");
    *out = ((int64_t)(time(NULL) - epoch) << 20) | (random & 0xfffff);
    return 0;
}

static int choose_driver(struct pipeline *p, struct err *e)
{
    const struct pipeline_options *o = p->options;

    if (o->config) {
        p->config = realpath(o->config, NULL);
        if (!p->config)
            return err_set(e, ERR_CONFIG, errno, "configuration '%s': %s", o->config, strerror(errno));
    }
    p->driver = (struct hook_driver){ o->program, p->config, o->env, &p->cancel };
    return 0;
}

/* With what a server knows of the job, and what its author wrote. */
static int name_group(const struct pipeline *p, struct entry *x, struct err *e)
{
    auto_variables all = VARIABLES_INIT;
    auto_variables environment = VARIABLES_INIT;
    auto_variables resolved = VARIABLES_INIT;

    predefined_pipeline(&p->facts, &all);
    predefined_job_known(x->job, p->project.file.stages.items[x->job->stage], &all);
    ci_job_globals(&p->project.file, x->job, &all);
    variables_append(&all, &x->job->variables);
    variables_append(&all, &p->project.variables);
    if (predefined_environment(&x->job->environment, &all, &environment, e) < 0)
        return -1;
    variables_append(&all, &environment);
    if (variables_resolve(&all, "", &resolved, e) < 0 ||
        variables_expand(&resolved, x->job->resource_group, &x->group, e) < 0)
        return err_wrap(e, "resource_group");
    return 0;
}

static int name_groups(struct pipeline *p, struct err *e)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->entries[i].job->resource_group && name_group(p, &p->entries[i], e) < 0)
            return -1;
    return 0;
}

static int get_ready(struct pipeline *p, struct err *e)
{
    const struct pipeline_options *o = p->options;

    p->state = slot_state_dir(o->env);
    if (choose_driver(p, e) < 0)
        return -1;
    if (!p->state)
        return err_set(e, ERR_SYSTEM, 0, "neither XDG_STATE_HOME nor HOME says where state can be kept; set one");
    if (pipeline_new_id(&p->facts.id, e) < 0 || slot_take(p->state, p->project.checkout.project_id, &p->slot, e) < 0 ||
        source_take(&p->project.checkout, o->env, pipeline_temporary(p), p->facts.id, &p->source, e) < 0 ||
        snapshot_take(&p->source, &p->snapshot, e) < 0)
        return -1;
    p->facts.checkout = &p->project.checkout;
    p->facts.sha = p->source.sha;
    p->facts.slot = p->slot.number;
    p->facts.name = p->project.pipeline_name;
    if (o->child)
        record_share(o->child->record, &p->record);
    if (o->timeline && record_open(pipeline_temporary(p), &p->record, e) < 0)
        return -1;
    return name_groups(p, e);
}

/* ---- Words ---- */

static void announce(struct pipeline *p)
{
    auto_free char *ref = text_quote(p->project.checkout.ref);

    for (size_t i = 0; i < p->project.file.warnings.n; i++)
        report_line(&p->report, STYLE_WARNING, "%s", p->project.file.warnings.items[i]);
    if (p->project.checkout.sources == SOURCES_AS_BRANCH)
        report_line(&p->report, STYLE_WARNING, "There is no %s %s: its pipeline is run with the current files",
                    p->project.checkout.is_tag ? "tag" : "branch", ref);
    if (p->project.unknown_changes)
        report_line(&p->report, STYLE_WARNING,
                    "`changes`: every file counts as changed: this checkout knows of no earlier push of %s", ref);
    if (p->project.pipeline_name)
        report_line(&p->report, STYLE_BOLD, "%s", p->project.pipeline_name);
    report_line(&p->report, STYLE_BOLD, "Pipeline of %s, %s %s at %.8s%s: %zu job%s", p->project.checkout.remote.path,
                p->project.checkout.is_tag ? "tag" : "branch", ref, p->facts.sha,
                p->source.changed ? " (with what is not committed)" : "", p->n, p->n == 1 ? "" : "s");
}

/* ---- The whole ---- */

static void show_artifacts(struct pipeline *p)
{
    auto_free struct job_left *left = xcalloc(p->n + 1, sizeof(*left));
    size_t n = 0;

    for (size_t i = 0; i < p->n; i++)
        if (p->entries[i].has_left)
            left[n++] = p->entries[i].left;
    job_left_show(&p->report, left, n);
}

static int run_jobs(struct pipeline *p)
{
    struct order whole = ORDER_INIT;

    pipeline_run_jobs(p, &whole);
    show_artifacts(p);
    pipeline_tell_all(p);
    return pipeline_conclude(p, &whole);
}

static bool runs_nothing(const struct pipeline_options *o)
{
    return o->list || o->json || o->graph || o->preview;
}

/* Beside what is asked for, which may be for a program. */
static void tell_beside(const struct pipeline *p, const struct strvec *lines)
{
    struct report report = { .fd = runs_nothing(p->options) ? STDERR_FILENO : STDOUT_FILENO, .colour = p->options->colour };

    for (size_t i = 0; i < lines->n; i++)
        report_line(&report, STYLE_WARNING, "%s", lines->items[i]);
}

/* Takes the text. */
static int print(char *text, struct err *e)
{
    auto_free char *whole = text;

    return fd_write(STDOUT_FILENO, whole, strlen(whole), e);
}

/* With the jobs of child pipelines. */
static int list_all(struct pipeline *p, const struct project_place *place, const struct ci_job *const *jobs, struct err *e)
{
    struct listing l = { .project = &p->project, .jobs = jobs, .n = p->n, .prefix = "" };
    auto_strvec notes = STRVEC_INIT;
    struct child_list *children = child_list_open(&p->project, place, &l, &notes);
    int rc = 0;

    if (p->options->json) {
        rc = print(listing_json(&l), e);
    } else {
        tell_beside(p, &notes);
        listing_table(&p->report, &l);
    }
    child_list_close(children);
    return rc;
}

static int list(struct pipeline *p, const struct project_place *place, struct err *e)
{
    auto_free const struct ci_job **jobs = xcalloc(p->n + 1, sizeof(const struct ci_job *));

    for (size_t i = 0; i < p->n; i++)
        jobs[i] = p->entries[i].job;
    if (p->options->graph)
        return graph_show(&p->project, jobs, p->n, p->options->graph, p->options->colour, e);
    return list_all(p, place, jobs, e);
}

static int write_timeline(struct pipeline *p, int status)
{
    const struct timeline_facts facts = {
        .project = &p->project, .sha = p->facts.sha, .status = status, .start = p->started_ms, .end = clock_ms(),
    };

    for (size_t i = 0; i < p->n; i++) {
        auto_free char *reason = order_reason(p->entries[i].turn);
        if (p->entries[i].ms < 0)
            record_idle(&p->record, &p->project.file, p->entries[i].job, job_state_name(p->entries[i].turn->state), reason);
    }
    return p->options->timeline ? timeline_finish(&p->report, &p->record, &facts, p->options->timeline) : status;
}

int pipeline_run(const struct pipeline_options *o, struct err *e)
{
    __attribute__((cleanup(pipeline_release))) struct pipeline p = {
        .options = o,
        .slot = SLOT_INIT,
        .cancel = { .fd = o->interrupt_fd },
        .report = { .fd = STDOUT_FILENO, .colour = o->colour },
        .started_ms = clock_ms(),
    };
    if (o->child)
        p.cancel = *o->child->cancel;
    const struct project_place place = {
        .directory = o->directory,
        .branch = o->branch,
        .tag = o->tag,
        .event = o->event,
        .variables_file = o->variables_file,
        .copies = o->copies,
        .goes_without = runs_nothing(o) || any_asked(o),
        .child = o->child,
        .inputs = o->inputs,
        .env = o->env,
    };

    if (project_open(&place, &p.project, e) < 0)
        return -1;
    tell_beside(&p, &p.project.file.tree.missing);
    if (!o->preview && (project_choose(&p.project, o->jobs, e) < 0 || project_check_names(&p.project, o->manual, e) < 0))
        return -1;
    if (o->preview)
        return print(yaml_write(p.project.file.tree.root), e);
    if (choose_jobs(&p, e) < 0)
        return -1;
    if (runs_nothing(o))
        return list(&p, &place, e);
    if (check_barred(&p, e) < 0)
        return -1;
    if (get_ready(&p, e) < 0) {
        /* A terminal's Ctrl-C reaches git too: then its failure is not the news. */
        return cancel_check(&p.cancel) ? 128 + p.cancel.signal : -1;
    }
    announce(&p);
    int status = run_jobs(&p);
    if (o->child)
        *o->child->cancel = p.cancel;
    return write_timeline(&p, status);
}
