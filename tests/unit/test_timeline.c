#include "stages/pipeline/timeline.h"
#include "stages/pipeline/timeline_log.h"

#include "base/clock.h"
#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* ---- A log ---- */

static const struct {
    const char *text, *want;
} rows[] = {
    { "", "" },
    { "a\nb\n", "a\nb\n" },
    { "</pre><script>x</script>", "&lt;/pre&gt;&lt;script&gt;x&lt;/script&gt;" },
    { "\033[32;1mgreen\033[0m plain", "<span class=\" f2 b\">green</span> plain" },
    { "\033[91mred\033[39m\033[44mback\033[49mno", "<span class=\" f9\">red</span><span class=\" g4\">back</span>no" },
    { "\033[1;2;3;4mall\033[22mless\033[23;24mnone",
      "<span class=\" b d i u\">all</span><span class=\" i u\">less</span>none" },
    /* Of 256 colours the first 16; of others none, and what follows them still counts. */
    { "\033[38;5;1mred\033[38;5;200mno\033[48;2;1;2;3;1mbold", "<span class=\" f1\">red</span>no<span class=\" b\">bold</span>" },
    /* No span is open over the end of a line, and each is closed. */
    { "\033[1ma\nb", "<span class=\" b\">a</span>\n<span class=\" b\">b</span>" },
    { "\033[1m<", "<span class=\" b\">&lt;</span>" },
    /* What a carriage return overwrites. */
    { "10%\r50%\r100%\n", "100%\n" },
    { "x\n\033[1m10%\r\033[0m100%\n", "x\n100%\n" },
    { "dos\r\nlines\r\n", "dos\nlines\n" },
    { "end\r", "end" },
    /* Other sequences are left out; broken ones hide nothing. */
    { "\033]0;title\aa\033[2Kb\033(c", "abc" },
    { "\033[31", "" },
    { "\033[31\nnext", "\nnext" },
    { "\033]0;open\nnext", "\nnext" },
    { "\033[99999999999999999999m\033[;;;;;;;;;;;;;;;;;;;;;;;;;;;;;1mx", "<span class=\" b\">x</span>" },
    { "\033\033[1mx", "<span class=\" b\">x</span>" },
};

static void test_log(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_strbuf out = STRBUF_TEXT;
        timeline_log(&out, rows[i].text, strlen(rows[i].text));
        assert_string_equal(strbuf_text(&out), rows[i].want);
    }
    auto_strbuf out = STRBUF_TEXT;
    timeline_log(&out, "a\0b", 3);
    assert_string_equal(strbuf_text(&out), "a\xef\xbf\xbd" "b");
}

/* ---- Records ---- */

#define HOSTILE "</details><script>alert('x')</script><img src=x onerror=\"y\">"

static void read_yaml(const char *text, struct ci_file *f)
{
    auto_err e = ERR_INIT;

    if (ci_file_parse("ci.yml", text, strlen(text), NULL, f, &e) < 0)
        fail_msg("%s", err_text(&e));
    f->order = xcalloc(f->n, sizeof(const struct ci_job *));
    for (size_t i = 0; i < f->n; i++)
        f->order[f->n_order++] = &f->jobs[i];
}

static void run_job(const struct record *r, const struct ci_file *f, size_t i, int64_t id, const char *state, const char *reason)
{
    struct job_record x;

    job_record_open(r, f, &f->jobs[i], id, &x);
    job_record_phase(&x, PHASE_PREPARING, "Preparing");
    job_record_line(&x, "\033[1m", "a title");
    job_record_phase(&x, PHASE_RUNNING, "Script");
    job_record_log(&x, HOSTILE "\n", strlen(HOSTILE "\n"));
    job_record_end(&x, state, reason);
}

struct folder {
    char *path;
    int64_t start;
};

static void make_records(struct folder *folder)
{
    auto_ci_file f = CI_FILE_INIT;
    auto_err e = ERR_INIT;

    if (dir_temporary("/tmp", "test-timeline", &folder->path, &e) < 0)
        fail_msg("%s", err_text(&e));
    folder->start = clock_ms();
    read_yaml("stages: [build, test]\nbuild: {stage: build, script: x}\n'" "<i>\"unit\"" "': {script: x, retry: 1}\nlate: {script: x}\n", &f);
    char nothing[] = "";
    const struct record r = { folder->path, nothing, nothing };
    const struct record none = { NULL, nothing, nothing };
    run_job(&none, &f, 0, 1, "passed", NULL);
    run_job(&r, &f, 0, 11, "passed", NULL);
    run_job(&r, &f, 1, 12, "failed", "exit code 3");
    run_job(&r, &f, 1, 13, "failed", "exit code 4 " HOSTILE);
    record_idle(&r, &f, &f.jobs[2], "skipped", "an earlier job failed");
    auto_free char *place = record_place(&r, &f, &f.jobs[0]);
    auto_free char *inner = xasprintf("%s.", place);
    char prefix[] = "build/";
    const struct record child = { folder->path, prefix, inner };
    run_job(&child, &f, 0, 14, "passed", NULL);
}

static void test_read(void **state)
{
    struct folder folder;
    auto_timeline t = { 0 };
    auto_err e = ERR_INIT;

    (void)state;
    make_records(&folder);
    if (timeline_read(folder.path, folder.start, &t, &e) < 0)
        fail_msg("%s", err_text(&e));
    static const char *const jobs[] = { "build", "build/build", "<i>\"unit\"", "<i>\"unit\"", "late" };
    static const char *const reasons[] = { "", "", "exit code 3", ("exit code 4 " HOSTILE), "an earlier job failed" };
    assert_int_equal(t.n, ARRAY_SIZE(jobs));
    for (size_t i = 0; i < t.n; i++) {
        assert_string_equal(t.tries[i].job, jobs[i]);
        assert_string_equal(t.tries[i].reason, reasons[i]);
        assert_int_equal(t.tries[i].n, i == 4 ? 0 : 2);
        assert_true(t.tries[i].ready >= folder.start && t.tries[i].ready <= t.tries[i].start);
    }
    assert_string_equal(t.tries[1].within, "00000.");
    assert_string_equal(t.tries[0].phases[1].title, "Script");
    assert_int_equal(t.tries[0].phases[1].phase, PHASE_RUNNING);
    assert_int_equal(t.tries[2].ready, t.tries[0].end); /* the stage before; a child's jobs are none of it */
    assert_int_equal(dir_remove(folder.path, NULL), 0);
    free(folder.path);
}

static void test_page(void **state)
{
    struct folder folder;
    struct report r = { .fd = 2 };
    auto_free char *text = NULL;

    (void)state;
    make_records(&folder);
    auto_free char *path = xasprintf("%s/page.html", folder.path);
    char ref[] = "fix&", name[] = "<name>", project_path[] = "g/<p>";
    const struct project project = { .checkout = { .ref = ref, .remote = { .path = project_path } }, .pipeline_name = name };
    const struct record records = { folder.path, NULL, NULL }, nowhere = { project_path, NULL, NULL };
    struct timeline_facts facts = {
        .project = &project, .sha = "0123456789", .status = 1, .start = folder.start, .end = clock_ms(),
    };
    assert_int_equal(timeline_finish(&r, &records, &facts, path), 1);
    assert_int_equal(file_read(path, (size_t)1 << 20, &text, NULL, NULL), 0);
    assert_null(strstr(text, "<script"));
    assert_null(strstr(text, "<img"));
    assert_null(strstr(text, "<i>"));
    assert_null(strstr(text, "http:"));
    assert_non_null(strstr(text, "content=\"default-src 'none'; style-src 'sha256-"));
    assert_non_null(strstr(text, "&lt;/details&gt;&lt;script&gt;alert(&#39;x&#39;)"));
    assert_non_null(strstr(text, "title=\"&lt;i&gt;&quot;unit&quot;\""));
    assert_non_null(strstr(text, "Try 2 of 2: failed, exit code 4"));
    assert_non_null(strstr(text, "<span><b>1</b> skipped</span>"));
    assert_null(strstr(strstr(text, "<details") + 1, "open><summary><span class=\"name\" title=\"build\"")); /* it passed */

    facts.status = 0;
    assert_int_equal(timeline_finish(&r, &nowhere, &facts, path), 1);
    facts.status = 130;
    assert_int_equal(timeline_finish(&r, &records, &facts, "/nowhere/page.html"), 130);
    assert_int_equal(dir_remove(folder.path, NULL), 0);
    free(folder.path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log),
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
