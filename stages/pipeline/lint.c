#include "stages/pipeline/lint.h"

#include "stages/pipeline/project.h"
#include "stages/pipeline/report.h"

#include <unistd.h>

static void release(struct project *p)
{
    project_release(p);
}

static void show(struct report *r, enum report_style style, const struct strvec *lines)
{
    for (size_t i = 0; i < lines->n; i++)
        report_line(r, style, "%s", lines->items[i]);
}

int lint_run(const struct lint_options *o, struct err *e)
{
    __attribute__((cleanup(release))) struct project p = { .unknown_changes = false };
    auto_strvec problems = STRVEC_INIT;
    struct report r = { .fd = STDOUT_FILENO, .colour = o->colour };
    const struct project_place place = {
        .directory = o->directory,
        .branch = o->branch,
        .variables_file = o->variables_file,
        .copies = o->copies,
        .inputs = o->inputs,
        .file = o->file,
        .env = o->env,
    };

    if (project_check(&place, &p, &problems, e) < 0)
        return -1;
    show(&r, STYLE_BAD, &problems);
    show(&r, STYLE_WARNING, &p.file.warnings);
    if (problems.n > 0)
        report_line(&r, STYLE_BAD, "%zu problem%s", problems.n, problems.n == 1 ? "" : "s");
    else
        report_line(&r, STYLE_GOOD, "No problem in %zu job%s", p.file.n, p.file.n == 1 ? "" : "s");
    return problems.n > 0;
}
