/* Any bytes as .gitlab-ci.yml: an error that names the file, or jobs that can run. */
#include "stages/pipeline/choice.h"
#include "stages/pipeline/ci_file.h"

#include <stdint.h>
#include <string.h>

static void require(bool promise)
{
    if (!promise)
        abort();
}

static void check_job(const struct ci_file *f, const struct ci_job *job)
{
    require(job->name && *job->name && *job->name != '.');
    require(job->stage < f->stages.n);
    require(job->script.n > 0 || job->barred || job->trigger.given);
    require(!job->allowed_codes || job->allow_failure);
    for (size_t i = 0; i < job->variables.n; i++)
        require(variables_key_valid(job->variables.items[i].key));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_ci_file f = CI_FILE_INIT;
    auto_err e = ERR_INIT;

    if (ci_file_parse("file", (const char *)data, size, NULL, &f, &e) < 0) {
        require(f.n == 0 && e.kind == ERR_JOB && strncmp(err_text(&e), "file:", 5) == 0);
        return 0;
    }
    require(f.n > 0 && e.kind == ERR_NONE);
    for (size_t i = 0; i < f.n; i++)
        check_job(&f, &f.jobs[i]);
    if (choice_check(&f, &e) == 0)
        require(f.n_order == f.n);
    else
        require(e.kind == ERR_JOB && strncmp(err_text(&e), "file:", 5) == 0);
    return 0;
}
