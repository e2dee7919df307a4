#include "stages/pipeline/choice.h"

#include "base/strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* ---- A project of four files, of which one has changed ---- */

struct disk {
    struct strvec all, changed;
    bool known;
};

static const struct strvec *list_files(void *ctx, struct err *e)
{
    (void)e;
    return &((struct disk *)ctx)->all;
}

static const struct strvec *list_files_of(void *ctx, const char *project, const char *ref, struct err *e)
{
    if (strcmp(project, "g/p") == 0 && ref && strcmp(ref, "feature") == 0)
        return &((struct disk *)ctx)->changed;
    (void)err_set(e, ERR_JOB, 0, "no copy of %s, %s", project, ref ? ref : "its default branch");
    return NULL;
}

static const struct strvec *changed_files(void *ctx, const char *compare_to, bool *known, struct err *e)
{
    struct disk *d = ctx;

    if (compare_to && strcmp(compare_to, "main") != 0) {
        (void)err_set(e, ERR_JOB, 0, "no such branch");
        return NULL;
    }
    *known = d->known || compare_to;
    return &d->changed;
}

static void make_disk(struct disk *d)
{
    static const char *const names[] = { "Dockerfile", "src/main.c", "docs/a/b.md", "go.mod" };

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        strvec_push(&d->all, names[i]);
    strvec_push(&d->changed, "src/main.c");
}

/* ---- A pipeline as one line ---- */

/* "name when[?][ <need[-]]", in the order of running: ? may fail, - without artifacts; then the variable X. */
static char *describe(const struct ci_file *f)
{
    auto_strvec jobs = STRVEC_INIT;

    for (size_t i = 0; i < f->n_order; i++) {
        const struct ci_job *job = f->order[i];
        auto_strbuf line = STRBUF_TEXT;
        const char *x = variables_value(&job->variables, "X");
        strbuf_printf(&line, "%s %s%s", job->name, ci_when_name(job->when), job->allow_failure ? "?" : "");
        for (size_t k = 0; k < job->n_needed; k++)
            strbuf_printf(&line, " <%s%s", job->needed[k].job->name, job->needed[k].artifacts ? "" : "-");
        if (job->by_needs && job->n_needed == 0)
            strbuf_puts(&line, " <nothing");
        if (x)
            strbuf_printf(&line, " X=%s", x);
        strvec_give(&jobs, strbuf_take(&line));
    }
    return strvec_join(&jobs, "; ");
}

/* `disk`: NULL for one where nothing is known of earlier pushes. */
static int make(const char *text, bool known, struct ci_file *f, bool *unknown, struct err *e)
{
    struct disk disk = { STRVEC_INIT, STRVEC_INIT, known };
    const struct project_files files = { &disk, "", NULL, list_files, list_files_of, changed_files };
    const struct ref_facts ref = { "feature", false, "g/p", NULL };
    auto_variables server = VARIABLES_INIT;
    auto_variables project = VARIABLES_INIT;
    struct choice_world w = { &ref, &files, &server, &project, false };

    make_disk(&disk);
    variables_add(&server, "CI_COMMIT_BRANCH", "feature", 0);
    variables_add(&server, "CI_DEFAULT_BRANCH", "main", 0);
    variables_add(&server, "CI_PIPELINE_SOURCE", "push", 0);
    variables_add(&project, "SECRET", "given", 0);
    int rc = ci_file_parse("ci.yml", text, strlen(text), NULL, f, e);
    if (rc == 0)
        rc = choice_make(f, &w, e);
    *unknown = w.unknown_changes;
    strvec_release(&disk.all);
    strvec_release(&disk.changed);
    return rc;
}

static const struct {
    const char *text, *want;
} good[] = {
    /* rules: if and when */
    { "j: {script: a, rules: [{if: '$CI_COMMIT_BRANCH == \"feature\"'}]}", "j on_success" },
    { "j: {script: a, rules: [{if: $NO}, {when: always}]}", "j always" },
    { "j: {script: a, rules: [{if: $CI_COMMIT_BRANCH, when: never}, {when: always}]}\nk: {script: a}", "k on_success" },
    { "j: {script: a, rules: [{if: $NO}]}\nk: {script: a}", "k on_success" },
    { "j: {script: a, rules: [{when: manual}]}", "j manual" },
    { "j: {script: a, rules: [{when: manual, allow_failure: true}]}", "j manual?" },
    { "j: {script: a, when: manual, rules: [{if: $SECRET}]}", "j manual?" },
    { "j: {script: a, when: on_failure, rules: [{if: $SECRET}]}", "j on_failure" },
    { "j: {script: a, allow_failure: true, rules: [{if: $SECRET, allow_failure: false}]}", "j on_success" },
    { "j: {script: a, rules: [{when: delayed, start_in: 3 days}]}", "j delayed" },
    { "j: {script: a, variables: {X: 1}, rules: [{if: '$X == \"1\"', variables: {X: 2}}]}", "j on_success X=2" },
    { "variables: {SECRET: file}\nj: {script: a, rules: [{if: '$SECRET == \"given\"'}]}", "j on_success" },
    { "j: {script: a, rules: [{if: '$CI_JOB_NAME == \"j\"'}]}", "j on_success" },
    { "variables: {A: $B, B: x}\nj: {script: a, rules: [{if: '$A == \"x\"'}]}", "j on_success" },
    { ".r: {rules: [{if: $NO}, {when: always}]}\nj: {script: a, rules: [!reference [.r, rules]]}", "j always" },
    /* rules: changes and exists */
    { "j: {script: a, rules: [{changes: [src/*]}]}", "j on_success" },
    { "j: {script: a, rules: [{changes: {paths: ['**/*.c'], compare_to: main}}]}", "j on_success" },
    { "j: {script: a, rules: [{changes: [docs/**/*]}]}\nk: {script: a}", "k on_success" },
    { "variables: {D: src}\nj: {script: a, rules: [{changes: [$D/*]}]}", "j on_success" },
    { "j: {script: a, rules: [{exists: [Dockerfile]}]}", "j on_success" },
    { "j: {script: a, rules: [{exists: {paths: ['docs/**/*.md']}}]}", "j on_success" },
    { "j: {script: a, rules: [{exists: [package.json]}]}\nk: {script: a}", "k on_success" },
    { "variables: {P: p}\nj: {script: a, rules: [{exists: {paths: [src/*], project: g/$P, ref: $CI_COMMIT_BRANCH}}]}", "j on_success" },
    { "j: {script: a, rules: [{exists: {paths: [go.mod], project: g/p, ref: feature}}]}\nk: {script: a}", "k on_success" },
    { "j: {script: a, rules: [{if: $NO, exists: [go.mod]}]}\nk: {script: a}", "k on_success" },
    /* only and except */
    { "j: {script: a, only: {variables: [$NO, $SECRET]}}", "j on_success" },
    { "j: {script: a, only: {refs: [feature], variables: [$NO]}}\nk: {script: a}", "k on_success" },
    { "j: {script: a, only: {changes: [go.mod]}}\nk: {script: a, except: {changes: [go.mod]}}", "k on_success" },
    { "j: {script: a, except: {variables: [$SECRET]}}\nk: {script: a}", "k on_success" },
    /* workflow */
    { "workflow: {rules: [{if: $CI_COMMIT_BRANCH, variables: {W: 1}}]}\nj: {script: a, rules: [{if: $W}]}", "j on_success" },
    { "workflow: {rules: [{when: always}]}\nj: {script: a}", "j on_success" },
    { "workflow: {name: n, auto_cancel: {on_new_commit: none}}\nj: {script: a}", "j on_success" },
    /* needs */
    { "stages: [x, y]\na: {stage: x, script: a}\nb: {stage: y, script: a, needs: [a]}\nc: {stage: y, script: a, needs: []}",
      "a on_success; b on_success <a; c on_success <nothing" },
    { "a: {script: a, needs: [b]}\nb: {script: a, needs: [{job: c, artifacts: false}]}\nc: {script: a}",
      "c on_success; b on_success <c-; a on_success <b" },
    { "a: {script: a, needs: [{job: b, optional: true}]}\nb: {script: a, rules: [{if: $NO}]}", "a on_success <nothing" },
    { "a: {script: a, needs: [{job: z, optional: true}]}", "a on_success <nothing" },
    { "a: {script: a, rules: [{if: $SECRET, needs: [c]}], needs: [b]}\nb: {script: a}\nc: {script: a}",
      "c on_success; a on_success <c; b on_success" },
    /* parallel */
    { "j: {script: a, parallel: 2}\nk: {script: a, needs: [j]}", "j 1/2 on_success; j 2/2 on_success; k on_success <j 1/2 <j 2/2" },
    { "j: {script: a, parallel: {matrix: [{A: [x, y], X: [1, 2]}, {X: 3}]}}",
      "j: [x, 1] on_success X=1; j: [x, 2] on_success X=2; j: [y, 1] on_success X=1; j: [y, 2] on_success X=2; "
      "j: [3] on_success X=3" },
    { "j: {script: a, parallel: {matrix: [{X: [1, 2]}]}, rules: [{if: '$X == \"2\"'}]}", "j: [2] on_success X=2" },
    { "j: {script: a, parallel: {matrix: [{X: [1, 2]}]}}\n"
      "k: {script: a, needs: [{job: j, parallel: {matrix: [{X: 2}]}}]}",
      "j: [1] on_success X=1; j: [2] on_success X=2; k on_success <j: [2]" },
    { "j: {script: a, parallel: {matrix: [{X: [1, 2]}]}}\n"
      "k: {script: a, parallel: {matrix: [{X: [1, 2]}]}, needs: [{job: j, parallel: {matrix: [{X: '$[[ matrix.X ]]'}]}}]}",
      "j: [1] on_success X=1; j: [2] on_success X=2; k: [1] on_success <j: [1] X=1; k: [2] on_success <j: [2] X=2" },
    { "j: {script: a, parallel: {matrix: [{A: [x], X: [1, 2]}, {A: y, X: 1}]}}\n"
      "k: {script: a, needs: [{job: j, parallel: {matrix: [{A: x, X: [1, 2]}]}}]}",
      "j: [x, 1] on_success X=1; j: [x, 2] on_success X=2; j: [y, 1] on_success X=1; "
      "k on_success <j: [x, 1] <j: [x, 2]" },
    { ".n: {needs: [j]}\nj: {script: a}\nk: {script: a, needs: [!reference [.n, needs]]}", "j on_success; k on_success <j" },
    { "j: {script: a}\nk: {script: a, needs: [{project: a/b, job: c, ref: main, artifacts: true}]}", "j on_success; k on_success <nothing" },
    { "j: {script: a, parallel: 2}\nk: {script: a, needs: ['j 2/2']}", "j 1/2 on_success; j 2/2 on_success; k on_success <j 2/2" },
};

static void test_pipelines(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        auto_ci_file f = CI_FILE_INIT;
        auto_err e = ERR_INIT;
        bool unknown;
        if (make(good[i].text, true, &f, &unknown, &e) < 0)
            fail_msg("%s: %s", good[i].text, err_text(&e));
        auto_free char *is = describe(&f);
        if (strcmp(is, good[i].want) != 0)
            fail_msg("%s: %s", good[i].text, is);
        assert_false(unknown);
    }
}

static const struct {
    const char *text, *message;
} bad[] = {
    { "workflow: {rules: [{if: $NO}]}\nj: {script: a}", "no rule of `workflow` holds: GitLab would make no pipeline" },
    { "workflow: {rules: [{when: never}]}\nj: {script: a}", "ci.yml:1:20: this rule of `workflow` holds and says `never`" },
    { "a: {script: a, needs: [b]}\nb: {script: a, rules: [{if: $NO}]}",
      "ci.yml:1:24: 'a' job needs 'b' job, but 'b' does not exist in the pipeline" },
    { "a: {script: a, needs: [a]}", "ci.yml:1:4: the jobs need each other: a -> a" },
    { "a: {script: a, needs: [b]}\nb: {script: a, needs: [c]}\nc: {script: a, needs: [b]}",
      "ci.yml:2:4: the jobs need each other: b -> c -> b" },
    { "j: {script: a, rules: [{changes: {paths: [x], compare_to: nowhere}}]}", "ci.yml:1:24: no such branch" },
    { "j: {script: a, parallel: {matrix: [{A: [x, y]}]}, rules: [{if: $A == 'x'}]}\nk: {script: a, needs: [j]}",
      "ci.yml:2:24: 'k' job needs 'j: [y]' job, but 'j: [y]' does not exist in the pipeline" },
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        auto_ci_file f = CI_FILE_INIT;
        auto_err e = ERR_INIT;
        bool unknown;
        assert_int_equal(make(bad[i].text, true, &f, &unknown, &e), -1);
        assert_int_equal(e.kind, ERR_JOB);
        if (strncmp(err_text(&e), bad[i].message, strlen(bad[i].message)) != 0)
            fail_msg("%s: %s", bad[i].text, err_text(&e));
    }
}

static void test_what_cannot_be_compared_has_changed(void **state)
{
    (void)state;
    auto_ci_file f = CI_FILE_INIT;
    auto_err e = ERR_INIT;
    bool unknown;

    assert_int_equal(make("j: {script: a, rules: [{changes: [nothing]}]}", false, &f, &unknown, &e), 0);
    assert_true(unknown);
    assert_int_equal(f.n_order, 1);
}

/* Each needs the one before it: no recursion, and no time that grows with the square. */
static void test_a_long_chain(void **state)
{
    (void)state;
    auto_ci_file f = CI_FILE_INIT;
    auto_err e = ERR_INIT;
    auto_strbuf text = STRBUF_TEXT;
    bool unknown;

    for (int i = 0; i < 10000; i++)
        strbuf_printf(&text, "j%d: {script: a, needs: [%s%.0d]}\n", i, i < 9999 ? "j" : "", i < 9999 ? i + 1 : 0);
    if (make(strbuf_text(&text), true, &f, &unknown, &e) < 0)
        fail_msg("%s", err_text(&e));
    assert_int_equal(f.n_order, 10000);
    assert_string_equal(f.order[0]->name, "j9999");
}

static void test_a_long_circle(void **state)
{
    (void)state;
    auto_ci_file f = CI_FILE_INIT;
    auto_err e = ERR_INIT;
    auto_strbuf text = STRBUF_TEXT;
    bool unknown;

    for (int i = 0; i < 1000; i++)
        strbuf_printf(&text, "j%d: {script: a, needs: [j%d]}\n", i, (i + 1) % 1000);
    assert_int_equal(make(strbuf_text(&text), true, &f, &unknown, &e), -1);
    assert_string_equal(err_text(&e), "ci.yml:1:5: the jobs need each other: j0 -> j1 -> j2 -> j3 -> j4 -> j5 -> j6 -> j7 -> j8 "
                                      "-> j9 -> (989 more) -> j999 -> j0");
}

static void test_inherit(void **state)
{
    static const struct {
        const char *inherit, *image, *variables;
    } cases[] = {
        { "{}", "i", "A B " },
        { "{default: false}", "", "A B " },
        { "{default: [before_script]}", "", "A B " },
        { "{default: [image], variables: true}", "i", "A B " },
        { "{variables: false}", "i", "" },
        { "{default: true, variables: [B]}", "i", "B " },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        auto_ci_file f = CI_FILE_INIT;
        auto_err e = ERR_INIT;
        auto_variables globals = VARIABLES_INIT;
        auto_strbuf names = STRBUF_TEXT;
        auto_free char *text = xasprintf("default: {image: i}\nvariables: {A: 1, B: 2}\nj: {script: a, inherit: %s}", cases[i].inherit);
        if (ci_file_parse("ci.yml", text, strlen(text), NULL, &f, &e) < 0)
            fail_msg("%s", err_text(&e));
        ci_job_globals(&f, &f.jobs[0], &globals);
        for (size_t k = 0; k < globals.n; k++)
            strbuf_printf(&names, "%s ", globals.items[k].key);
        assert_string_equal(f.jobs[0].image.name ? f.jobs[0].image.name : "", cases[i].image);
        assert_string_equal(strbuf_text(&names), cases[i].variables);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pipelines), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_what_cannot_be_compared_has_changed), cmocka_unit_test(test_a_long_chain),
        cmocka_unit_test(test_a_long_circle),
        cmocka_unit_test(test_inherit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
