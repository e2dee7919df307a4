#include "stages/pipeline/project.h"

#include "base/file.h"
#include "base/text.h"
#include "stages/pipeline/child.h"
#include "stages/pipeline/choice.h"
#include "stages/pipeline/env_file.h"
#include "stages/pipeline/event.h"
#include "stages/pipeline/percent.h"
#include "stages/pipeline/predefined.h"

#include <errno.h>
#include <string.h>

/* GitLab's limit for one file. */
#define CI_FILE_MAX ((size_t)2 << 20)

static int no_file(const struct project *p, struct err *e)
{
    auto_free char *shown = text_quote(p->checkout.ref);

    if (p->checkout.sources == SOURCES_COMMIT)
        return err_set(e, ERR_JOB, 0, "there is no " CI_FILE " in %s '%s': it says what the pipeline's jobs are",
                       p->checkout.is_tag ? "tag" : "branch", shown);
    return err_set(e, ERR_JOB, 0, "there is no " CI_FILE " in '%s': it says what the pipeline's jobs are",
                   p->checkout.top);
}

/* The file's name as messages have it, and its text. */
static int read_text(struct project *p, const struct project_place *at, char **name, char **text, size_t *len, struct err *e)
{
    const char *file = at->file;
    const struct project_files files = checkout_files(&p->files);
    auto_err problem = ERR_INIT;

    if (at->child) {
        *name = xstrdup(at->child->name);
        *text = xstrndup(at->child->text, at->child->len);
        *len = at->child->len;
        return 0;
    }
    *name = file ? xstrdup(file) : xasprintf("%s" CI_FILE, files.prefix);
    int rc = file ? file_read(file, CI_FILE_MAX, text, len, &problem)
                  : files.read(files.ctx, CI_FILE, CI_FILE_MAX, text, len, &problem);
    if (rc == 0)
        return 0;
    if (problem.code == EFBIG)
        return err_set(e, ERR_JOB, EFBIG, "%s: larger than %zu bytes, which GitLab does not take", *name, CI_FILE_MAX);
    return file ? err_move(e, &problem) : problem.kind == ERR_NOT_FOUND ? no_file(p, e) : err_move(e, &problem);
}

static struct ref_facts ref_of(const struct project *p)
{
    return (struct ref_facts){ p->checkout.ref, p->checkout.is_tag, p->checkout.remote.path, p->checkout.event };
}

static int no_such_job(const struct project *p, const char *name, struct err *e)
{
    auto_free char *shown = text_quote(name);
    const char *near = ci_file_nearest(&p->file, name);
    auto_free char *hint = near ? xasprintf("; did you mean '%s'?", near) : xstrdup("; --list shows them");
    return err_set(e, ERR_USAGE, 0, "there is no job '%s' in " CI_FILE "%s", shown, hint);
}

int project_check_names(const struct project *p, const char *const *names, struct err *e)
{
    const struct ref_facts ref = ref_of(p);

    for (const char *const *name = names; name && *name; name++) {
        size_t n, in = 0;
        struct ci_job *const *jobs = ci_file_named(&p->file, *name, &n);
        if (n == 0)
            return no_such_job(p, *name, e);
        for (size_t i = 0; i < n; i++)
            in += !jobs[i]->left_out;
        if (in > 0)
            continue;
        auto_free char *shown = text_quote(*name);
        auto_free char *shown_ref = text_quote(ref.name);
        return err_set(e, ERR_USAGE, 0,
                       "job '%s' is not for %s '%s' (its `rules`, `only` or `except`); --branch names another one", shown,
                       ref.is_tag ? "tag" : "branch", shown_ref);
    }
    return 0;
}

/* Its own text is all that can be wrong with it; then it has none. */
static void name_pipeline(struct project *p)
{
    auto_variables all = VARIABLES_INIT;
    auto_variables resolved = VARIABLES_INIT;
    auto_free char *name = NULL;

    if (!p->file.name)
        return;
    variables_append(&all, &p->server);
    variables_append(&all, &p->file.variables);
    variables_append(&all, &p->variables);
    percent_values(&all);
    auto_free char *text = percent_names(p->file.name, &all);
    if (variables_resolve(&all, "", &resolved, NULL) < 0 || variables_expand(&resolved, text, &name, NULL) < 0)
        return;
    const char *start = name + strspn(name, " ");
    size_t len = strlen(start);
    while (len > 0 && start[len - 1] == ' ')
        len--;
    auto_free char *trimmed = xstrndup(start, len);
    if (*trimmed)
        p->pipeline_name = text_quote(trimmed);
}

int project_choose(struct project *p, const char *const *names, struct err *e)
{
    const struct ref_facts ref = ref_of(p);
    const struct project_files files = checkout_files(&p->files);
    struct choice_world world = { &ref, &files, &p->server, &p->variables, false };

    if (choice_make(&p->file, &world, e) < 0)
        return -1;
    p->unknown_changes = world.unknown_changes;
    name_pipeline(p);
    if (project_check_names(p, names, e) < 0)
        return -1;
    if (p->file.n_order > 0)
        return 0;
    auto_free char *shown = text_quote(ref.name);
    return err_set(e, ERR_JOB, 0,
                   "no job of " CI_FILE " is for %s '%s' (their `rules`, `only` and `except`): GitLab would make no pipeline",
                   ref.is_tag ? "tag" : "branch", shown);
}

/* Rules are judged by what a server knows when it makes the pipeline: no commit of ours has been made yet. */
static int read_known(struct project *p, struct err *e)
{
    static const char no_commit[] = "0000000000000000000000000000000000000000";
    const struct pipeline_facts facts = {
        .checkout = &p->checkout, .sha = p->checkout.head ? p->checkout.head : no_commit,
    };
    auto_variables all = VARIABLES_INIT;

    predefined_known(&facts, &p->server);
    variables_append(&all, &p->server);
    variables_append(&all, &p->variables);
    return variables_resolve(&all, "", &p->known, e);
}

static int open_files(const struct project_place *at, struct project *p, struct err *e)
{
    auto_free char *tag = at->tag ? xasprintf("refs/tags/%s", at->tag) : NULL;

    if (at->branch && at->tag)
        return err_set(e, ERR_USAGE, 0, "--branch and --tag: a pipeline is of one of them");
    if (checkout_open(at->directory, tag ? tag : at->branch, at->env, &p->checkout, e) < 0 ||
        checkout_set_event(&p->checkout, at->event, at->env, e) < 0)
        return -1;
    checkout_files_init(&p->files, &p->checkout, !at->directory, at->copies, at->env);
    if (variable_files_read(p->checkout.top, &p->checkout.remote, at->env, &p->kept, &p->notes, e) < 0)
        return -1;
    scoped_variables_choose(&p->kept, NULL, &p->variables);
    p->n_kept = p->variables.n;
    if (at->variables_file && env_file_read(at->variables_file, &p->variables, e) < 0)
        return -1;
    if (at->child)
        variables_append(&p->variables, at->child->forwarded);
    return read_known(p, e);
}

static struct ci_given given_to(const struct project_place *at, const struct project *p)
{
    return (struct ci_given){
        .map = at->child ? at->child->inputs : NULL, .words = at->child ? NULL : at->inputs, .variables = &p->known,
    };
}

static int read_jobs(const struct project_place *at, struct project *p, struct err *e)
{
    auto_free char *name = NULL;
    auto_free char *text = NULL;
    size_t len = 0;

    if (read_text(p, at, &name, &text, &len, e) < 0)
        return -1;
    const struct project_files files = checkout_files(&p->files);
    const struct ci_given given = given_to(at, p);
    const struct ci_world world = { &files, &p->known, at->copies, &given, at->goes_without };
    if (ci_file_parse(name, text, len, &world, &p->file, e) < 0)
        return -1;
    strvec_push_all(&p->file.warnings, &p->notes);
    return 0;
}

int project_open(const struct project_place *at, struct project *p, struct err *e)
{
    return open_files(at, p, e) < 0 ? -1 : read_jobs(at, p, e);
}

int project_open_child(const struct project *parent, const struct project_place *at, struct project *p, struct err *e)
{
    p->checkout = parent->checkout;
    p->checkout.event = EVENT_PARENT_PIPELINE;
    p->kept = parent->kept;
    p->n_kept = parent->n_kept;
    checkout_files_init(&p->files, &p->checkout, !at->directory, at->copies, at->env);
    variables_append(&p->variables, &parent->variables);
    variables_append(&p->variables, at->child->forwarded);
    return read_known(p, e) < 0 ? -1 : read_jobs(at, p, e);
}

void project_close_child(struct project *p)
{
    p->checkout = (struct checkout){ .top = NULL };
    p->kept = (struct scoped_variables)SCOPED_VARIABLES_INIT;
    project_release(p);
}

/* A file of its own need not be in a checkout; then it can include nothing. */
int project_check(const struct project_place *at, struct project *p, struct strvec *problems, struct err *e)
{
    auto_free char *name = NULL;
    auto_free char *text = NULL;
    auto_err problem = ERR_INIT;
    size_t len = 0;
    bool alone = open_files(at, p, &problem) < 0;

    if (alone && !(at->file && !p->checkout.top))
        return err_move(e, &problem);
    if (read_text(p, at, &name, &text, &len, e) < 0)
        return -1;
    const struct project_files files = checkout_files(&p->files);
    const struct ci_given given = given_to(at, p);
    const struct ci_world world = { &files, &p->known, at->copies, &given, at->goes_without };
    err_release(&problem);
    if (ci_file_check(name, text, len, alone ? NULL : &world, &p->file, problems) == 0 &&
        choice_check(&p->file, &problem) < 0)
        strvec_push(problems, err_text(&problem));
    strvec_push_all(&p->file.warnings, &p->notes);
    return 0;
}

void project_release(struct project *p)
{
    free(p->pipeline_name);
    variables_release(&p->variables);
    scoped_variables_release(&p->kept);
    strvec_release(&p->notes);
    variables_release(&p->server);
    variables_release(&p->known);
    ci_file_release(&p->file);
    checkout_files_release(&p->files);
    checkout_release(&p->checkout);
}
