/* tests/support/script_case.h: a job's scripts, run by bash in a folder of the test's own.
 *
 * Include after cmocka.h. */
#ifndef TESTS_SCRIPT_CASE_H
#define TESTS_SCRIPT_CASE_H

#include "base/file.h"
#include "base/process.h"
#include "stages/pipeline/script.h"

#include <stdlib.h>
#include <string.h>

/* Run a script by bash; its standard output, the caller's. */
static inline char *bash(const char *script)
{
    const char *const argv[] = { "bash", "-c", script, NULL };
    auto_strbuf out = STRBUF_INIT(1 << 20);
    auto_err e = ERR_INIT;

    if (process_capture(argv, NULL, NULL, &out, &e) < 0)
        fail_msg("%s", err_text(&e));
    return strbuf_take(&out);
}

/* A job's scripts in a folder of the test's own. */
struct fixture {
    char *dir;
    char *project;
    char *files;
    struct variables variables;
    struct strvec script, after, refspecs;
    struct script_source src;
};

static inline struct fixture *fixture_new(void)
{
    struct fixture *f = xcalloc(1, sizeof(*f));

    assert_int_equal(dir_temporary("/tmp", "atelier-test-script", &f->dir, NULL), 0);
    f->project = xasprintf("%s/group/my project", f->dir);
    f->files = xasprintf("%s.tmp", f->project);
    assert_int_equal(dir_make(f->project, 0700, NULL), 0);
    f->src = (struct script_source){
        .variables = &f->variables, .shell = "bash", .project_dir = f->project, .files_dir = f->files,
        .builds_dir = f->dir, .repository = "source-2.git", .sha = "0123456789abcdef", .ref = "main", .refspecs = &f->refspecs,
        .script = &f->script, .after_script = &f->after,
    };
    return f;
}

static inline void fixture_free(struct fixture *f)
{
    (void)dir_remove(f->dir, NULL);
    free(f->dir);
    free(f->project);
    free(f->files);
    variables_release(&f->variables);
    strvec_release(&f->script);
    strvec_release(&f->after);
    strvec_release(&f->refspecs);
    free(f);
}

/* Output and code of a sub-stage's script, fed on standard input as a container's shell gets it. */
static inline char *run_script(const struct fixture *f, enum substage s, int *code)
{
    auto_free char *text = script_write(&f->src, s);
    auto_free char *path = xasprintf("%s/script", f->dir);
    auto_free char *command = xasprintf("bash < %s 2>&1; printf '\\003%%d' $?", path);

    assert_int_equal(file_write(path, text, strlen(text), 0600, NULL), 0);
    char *out = bash(command);
    char *end = strrchr(out, '\003');
    assert_non_null(end);
    *code = end[1] - '0';
    *end = '\0';
    return out;
}

#endif
