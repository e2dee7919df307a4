#include "stages/pipeline/choice.h"
#include "stages/pipeline/graph.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void draw(const char *yaml, bool colour, size_t width, bool svg, char **out)
{
    auto_ci_file f = CI_FILE_INIT;
    auto_err e = ERR_INIT;
    auto_graph g = { 0 };
    const struct ref_facts ref = { "main", false, "g/p", NULL };
    const struct variables none = VARIABLES_INIT;
    struct choice_world w = { &ref, NULL, &none, &none, false };

    if (ci_file_parse("ci.yml", yaml, strlen(yaml), NULL, &f, &e) < 0 || choice_make(&f, &w, &e) < 0)
        fail_msg("%s", err_text(&e));
    graph_make(&f, f.order, f.n_order, &g);
    *out = svg ? graph_svg(&g, "g/p, <main>") : graph_text(&g, colour, width);
}

static const struct {
    const char *yaml;
    size_t width;
    const char *want;
} rows[] = {
    { "stages: [build, test]\n"
      "a: {stage: build, script: x}\n"
      "b: {script: x, when: manual}\n"
      "c: {script: x, allow_failure: true, needs: []}\n",
      0,
      "build\n"
      "  a\n"
      "test\n"
      "  b (manual)\n"
      "  c (may fail, needs nothing)\n" },
    /* One lane each; one that is over is used again; a line that crosses another one does not touch it. */
    { "stages: [build, test, deploy]\n"
      "a: {stage: build, script: x}\n"
      "b: {stage: build, script: x}\n"
      "t: {script: x, needs: [a]}\n"
      "u: {script: x, needs: [b]}\n"
      "d: {stage: deploy, script: x, needs: [t, u]}\n"
      "e: {stage: deploy, script: x, needs: [a, b]}\n",
      0,
      "build\n"
      "  a   ●\n"
      "  b   │ ●\n"
      "test\n"
      "  t ◀─┤ │ ●\n"
      "  u ◀─│─┤ │ ●\n"
      "deploy\n"
      "  d ◀─│─│─┴─╯\n"
      "  e ◀─┴─╯\n" },
    { "stages: [build, test, deploy]\n"
      "a: {stage: build, script: x}\n"
      "b: {script: x, needs: [a]}\n"
      "c: {stage: deploy, script: x, needs: [b]}\n"
      "d: {stage: deploy, script: x, needs: [b]}\n",
      0,
      "build\n"
      "  a   ●\n"
      "test\n"
      "  b ◀─╯ ●\n"
      "deploy\n"
      "  c ◀───┤\n"
      "  d ◀───╯\n" },
    /* Parallel ones are one. */
    { "a: {stage: build, script: x, parallel: 3}\n"
      "b: {script: x, needs: [a]}\n",
      0,
      "build\n"
      "  a (3 jobs)   ●\n"
      "test\n"
      "  b          ◀─╯\n" },
    /* Too narrow for lines. */
    { "a: {stage: build, script: x}\n"
      "b: {stage: build, script: x}\n"
      "c: {script: x, needs: [a, b]}\n",
      8,
      "build\n"
      "  a\n"
      "  b\n"
      "test\n"
      "  c ◀ a, b\n" },
};

static void test_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_free char *text = NULL;
        draw(rows[i].yaml, false, rows[i].width, false, &text);
        assert_string_equal(text, rows[i].want);
    }
}

static void test_colour(void **state)
{
    auto_free char *text = NULL;

    (void)state;
    draw("a: {script: x, when: manual}\n", true, 0, false, &text);
    assert_string_equal(text, "\033[1mtest\033[0m\n  a\033[2m (manual)\033[0m\n");
}

static size_t count(const char *text, const char *word)
{
    size_t n = 0;

    for (const char *p = text; (p = strstr(p, word)) != NULL; p++)
        n++;
    return n;
}

/* Names are text, whatever is in them. */
static void test_svg(void **state)
{
    auto_free char *svg = NULL;

    (void)state;
    draw("a: {stage: build, script: x}\n"
         "'</text><script>alert(1)</script>': {script: x, needs: [a]}\n"
         "c: {script: x, when: manual}\n",
         false, 0, true, &svg);
    assert_null(strstr(svg, "<script"));
    assert_non_null(strstr(svg, "<title>g/p, &lt;main&gt;</title>"));
    assert_non_null(strstr(svg, "&lt;/text&gt;&lt;script&gt;alert(1)&lt;/script&gt; needs a</title>"));
    assert_int_equal(count(svg, "<rect class=\"box"), 3);
    assert_int_equal(count(svg, "<rect class=\"box waits\""), 1);
    assert_int_equal(count(svg, "<path class=\"edge\""), 1);
    assert_int_equal(count(svg, "http"), 1); /* the name of its language: it loads nothing */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_colour),
        cmocka_unit_test(test_svg),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
