#include "stages/pipeline/ci_tree.h"

#include "base/file.h"
#include "base/strbuf.h"
#include "stages/pipeline/ci_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

/* A tree as one line. */
static void show(struct strbuf *out, const struct yaml *y)
{
    if (y->type == YAML_NULL || y->type == YAML_SCALAR) {
        strbuf_puts(out, y->text ? y->text : "~");
        return;
    }
    strbuf_putc(out, y->type == YAML_MAP ? '{' : '[');
    for (size_t i = 0; i < y->n; i++) {
        strbuf_printf(out, "%s%s%s", i ? ", " : "", y->type == YAML_MAP ? y->items[i]->key : "",
                      y->type == YAML_MAP ? ": " : "");
        show(out, y->items[i]);
    }
    strbuf_putc(out, y->type == YAML_MAP ? '}' : ']');
}

/* ---- A project in memory ---- */

static const struct {
    const char *path, *text;
} project[] = {
    { "a.yml", "a: {script: [a], stage: x}\n" },
    { "ci/b.yml", "a: {script: [b]}\nb: {script: [b]}\n" },
    { "ci/nested.yml", "include: /a.yml\nn: {extends: a}\n" },
    { "ci/sub/c.yml", "c: {script: [c]}\n" },
    { "ci/sub/deep/d.yaml", "d: {script: [d]}\n" },
    { "ci/sub/readme.md", "no yaml: [" },
    { "empty.yml", "" },
    { "list.yml", "- a\n" },
    { "broken.yml", "a: [\n" },
    { "self.yml", "include: self.yml\n" },
    { "one.yml", "include: two.yml\n" },
    { "two.yml", "include: [{local: one.yml}]\n" },
    { "main.yml", "include: .gitlab-ci.yml\n" },
    { "wrong.yml", "\nw: {extends: nobody}\n" },
};

static int read_project(void *ctx, const char *path, size_t max, char **text, size_t *len, struct err *e)
{
    (void)ctx;
    (void)max;
    for (size_t i = 0; i < ARRAY_SIZE(project); i++) {
        if (strcmp(project[i].path, path) != 0)
            continue;
        *text = xstrdup(project[i].text);
        *len = strlen(*text);
        return 0;
    }
    return err_set(e, ERR_NOT_FOUND, 0, "none");
}

static const struct strvec *list_project(void *ctx, struct err *e)
{
    struct strvec *all = ctx;

    (void)e;
    for (size_t i = 0; all->n < ARRAY_SIZE(project) && i < ARRAY_SIZE(project); i++)
        strvec_push(all, project[i].path);
    return all;
}

/* `copies`: of files that are on a server; may be NULL. */
static int read_with(const char *text, const char *copies, struct ci_tree *out, struct err *e)
{
    auto_strvec all = STRVEC_INIT;
    auto_variables variables = VARIABLES_INIT;
    const struct project_files files = { &all, "p/", read_project, list_project, NULL };
    const struct ci_world world = { &files, &variables, copies, NULL, false };

    variables_add(&variables, "FILE", "a.yml", 0);
    return ci_tree_read("ci.yml", text, strlen(text), &world, out, e);
}

static int read_tree(const char *text, struct ci_tree *out, struct err *e)
{
    return read_with(text, NULL, out, e);
}

/* ---- What becomes of it ---- */

static const struct {
    const char *text, *want;
} good[] = {
    /* extends */
    { ".a: {x: 1, m: {p: 1, q: 1}, l: [1]}\nj: {extends: .a, m: {q: 2}, l: [2]}",
      "{.a: {x: 1, m: {p: 1, q: 1}, l: [1]}, j: {x: 1, m: {p: 1, q: 2}, l: [2]}}" },
    { "j: {extends: .a, x: ~}\n.a: {x: 1, y: 2}", "{j: {x: ~, y: 2}, .a: {x: 1, y: 2}}" },
    { ".a: {x: 1, y: 1}\n.b: {y: 2, z: 2}\nj: {extends: [.a, .b]}",
      "{.a: {x: 1, y: 1}, .b: {y: 2, z: 2}, j: {x: 1, y: 2, z: 2}}" },
    { "j: {extends: .b}\n.b: {extends: .a, y: 2}\n.a: {x: 1, y: 1}", "{j: {x: 1, y: 2}, .b: {x: 1, y: 2}, .a: {x: 1, y: 1}}" },
    { ".a: {x: {p: 1}}\nj: {extends: .a, x: [1]}", "{.a: {x: {p: 1}}, j: {x: [1]}}" },
    { "j: {extends: [], x: 1}", "{j: {x: 1}}" },
    /* !reference */
    { ".a: {script: [x, y]}\nj: {script: [!reference [.a, script], z]}", "{.a: {script: [x, y]}, j: {script: [[x, y], z]}}" },
    { ".a: {v: {X: 1, Y: 2}}\nj: {variables: {A: !reference [.a, v, Y]}}",
      "{.a: {v: {X: 1, Y: 2}}, j: {variables: {A: 2}}}" },
    { "j: {s: !reference [.b, s]}\n.b: {s: [!reference [.a, s]]}\n.a: {s: [x]}",
      "{j: {s: [[x]]}, .b: {s: [[x]]}, .a: {s: [x]}}" },
    { ".a: {b: !reference [.c]}\n.c: {d: 1}\nj: {x: !reference [.a, b, d]}", "{.a: {b: {d: 1}}, .c: {d: 1}, j: {x: 1}}" },
    { ".a: {s: [x]}\n.b: {s: !reference [.a, s]}\nj: {extends: .b}", "{.a: {s: [x]}, .b: {s: [x]}, j: {s: [x]}}" },
    /* include */
    { "include: a.yml\nj: {x: 1}", "{a: {script: [a], stage: x}, j: {x: 1}}" },
    { "include: /a.yml\na: {script: [own]}", "{a: {script: [own], stage: x}}" },
    { "include: [a.yml, {local: ci/b.yml}]", "{a: {script: [b], stage: x}, b: {script: [b]}}" },
    { "include: {local: ci/nested.yml}", "{a: {script: [a], stage: x}, n: {script: [a], stage: x}}" },
    { "include: $FILE", "{a: {script: [a], stage: x}}" },
    { "include: [a.yml, a.yml]", "{a: {script: [a], stage: x}}" },
    { "include: ci/sub/*.yml", "{c: {script: [c]}}" },
    { "include: ci/**.yaml", "{d: {script: [d]}}" },
    { "include: ci/**c.yml", "{c: {script: [c]}}" },
    { "include: ci/**/*.yml", "{c: {script: [c]}}" },
    { "include: nothing*.yml", "{}" },
    { "include: []\nj: 1", "{j: 1}" },
    { "include: {local: a.yml, rules: [{if: $NO}]}\nj: 1", "{j: 1}" },
    { "include: {local: a.yml, rules: [{if: $NO}, {if: '$FILE == \"a.yml\"'}]}", "{a: {script: [a], stage: x}}" },
    { "include: {local: a.yml, rules: [{if: $FILE, when: never}, {when: always}]}\nj: 1", "{j: 1}" },
    { "include: {local: a.yml, rules: [{exists: [ci/b.yml]}]}", "{a: {script: [a], stage: x}}" },
    { "include: {local: a.yml, rules: [{exists: [none]}]}\nj: 1", "{j: 1}" },
};

static void test_composition(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        auto_ci_tree t = CI_TREE_INIT;
        auto_err e = ERR_INIT;
        auto_strbuf is = STRBUF_TEXT;
        if (read_tree(good[i].text, &t, &e) < 0)
            fail_msg("%s: %s", good[i].text, err_text(&e));
        show(&is, t.root);
        assert_string_equal(strbuf_text(&is), good[i].want);
    }
}

static const struct {
    const char *text, *message;
} bad[] = {
    { "include: [empty.yml]\nj: 1", "ci.yml:1:11: the included file `p/empty.yml` is empty" },
    { "j: {extends: x}", "ci.yml:1:14: `j` extends `x`, and there is no such job" },
    { ".base: {}\nj: {extends: .bas}", "ci.yml:2:14: `j` extends `.bas`, and there is no such job; did you mean `.base`?" },
    { "x: 1\nj: {extends: x}", "ci.yml:2:14: `j` extends `x`, and there is no such job" },
    { "j: {extends: {a: b}}", "ci.yml:1:14: `extends` is a map here" },
    { "j: {extends: j}", "ci.yml:1:14: `extends` leads back to where it began: j -> j" },
    { "a: {extends: b}\nb: {extends: c}\nc: {extends: b}", "ci.yml:3:14: `extends` leads back to where it began: b -> c -> b" },
    { "j: {s: !reference [x]}", "ci.yml:1:8: `!reference [x]` could not be found" },
    { "a: {b: c}\nj: {s: !reference [a, x]}", "ci.yml:2:8: `!reference [a, x]` could not be found" },
    { "j: {s: !reference x}", "ci.yml:1:8: `!reference` wants a list of names" },
    { "j: {s: !reference []}", "ci.yml:1:8: `!reference` wants a list of names" },
    { "j: {s: [!reference [j, s]]}", "ci.yml:1:9: `!reference [j, s]` leads back to itself" },
    { "a: {s: !reference [b, s]}\nb: {s: !reference [a, s]}", "ci.yml:1:8: `!reference [b, s]` leads back to itself" },
    { "j: {s: [!reference [j]]}", "ci.yml:1:9: `!reference [j]` leads back to itself" },
    { "include: no.yml", "ci.yml:1:10: `include`: there is no file `no.yml` in the project" },
    { "include: a.txt", "ci.yml:1:10: `include` of `a.txt`: a file's name must end in .yml or .yaml" },
    { "include: ../a.yml", "ci.yml:1:10: `include` of `../a.yml`: a path begins at the project's top" },
    { "include: https://x.example/a.yml", "ci.yml:1:10: `include` of a `remote`: nothing is fetched from a server; keep a "
                                          "copy at DIR/remote/x.example/a.yml and give --includes DIR" },
    { "include: {template: X.yml}", "ci.yml:1:21: `include` of a `template`: nothing is fetched from a server; keep a copy at DIR/template/X.yml" },
    { "include: [{project: a/b, file: x.yml}]",
      "ci.yml:1:32: `include` of a `project`: nothing is fetched from a server; keep a copy at DIR/project/a/b/x.yml" },
    { "include: {project: a/b}", "ci.yml:1:10: an `include` of a `project` wants a `file`" },
    { "include: {template: ../X.yml}", "ci.yml:1:21: `include` of `../X.yml`: a path begins at the project's top" },
    { "include: {component: a/b@1}", "ci.yml:1:22: `include` of a `component`: nothing is fetched from a server; keep a copy at DIR/component/a/b.yml" },
    { "include: {artifact: a, job: b}", "ci.yml:1:21: `include` of an `artifact` is not supported" },
    { "include: {local: a.yml, inputs: {a: b}}", "ci.yml:1:37: there is no input `a` in p/a.yml" },
    { "include: {local: a.yml, rules: [{if: a}]}", "ci.yml:1:38: the condition `a`: at character 1: " },
    { "include: {local: a.yml, rules: [{if: $A, when: manual}]}", "ci.yml:1:48: `when: manual` is neither always nor never" },
    { "include: {}", "ci.yml:1:10: an `include` wants a `local`: a file's path in this project" },
    { "include: [{locale: a}]", "ci.yml:1:11: an `include` wants a `local`: a file's path in this project; it has `locale`" },
    { "include: [[a.yml]]", "ci.yml:1:11: `include` has a list here" },
    { "include: list.yml", "p/list.yml:1:1: an included file must be a map" },
    { "include: broken.yml", "p/broken.yml:" },
    { "include: self.yml", "p/self.yml:1:10: `include` leads back to where it began: self.yml -> self.yml" },
    { "include: one.yml", "p/two.yml:1:19: `include` leads back to where it began: one.yml -> two.yml -> one.yml" },
    { "include: main.yml", "p/main.yml:1:10: `include` leads back to where it began: .gitlab-ci.yml -> main.yml -> .gitlab-ci.yml" },
    { "include: wrong.yml", "p/wrong.yml:2:14: `w` extends `nobody`" },
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        auto_ci_tree t = CI_TREE_INIT;
        auto_err e = ERR_INIT;
        assert_int_equal(read_tree(bad[i].text, &t, &e), -1);
        assert_int_equal(e.kind, ERR_JOB);
        if (strncmp(err_text(&e), bad[i].message, strlen(bad[i].message)) != 0)
            fail_msg("%s: %s", bad[i].text, err_text(&e));
    }
}

static void test_copies(void **state)
{
    static const struct {
        const char *path, *text;
    } copies[] = {
        { "/template/Jobs/T.yml", "t: {x: 1}\n" },
        { "/remote/x.example/r.yml", "r: {x: 1}\n" },
        { "/project/a/b/p.yml", "include: {local: /ci/q.yml}\np: {x: 1}\n" },
        { "/component/x.example/c/d.yml", "c: {x: 1}\n" },
        { "/project/a/b/ci/q.yml", "q: {x: 1}\n" },
        { "/project/a/b/self.yml", "include: {project: a/b, file: self.yml}\n" },
    };
    static const char want[] = "{t: {x: 1}, r: {x: 1}, q: {x: 1}, p: {x: 1}, a: {script: [a], stage: x}, c: {x: 1}}";
    static const char text[] = "include:\n- template: Jobs/T.yml\n- https://x.example/r.yml\n"
                               "- {project: a/b, file: [/p.yml], ref: v1}\n- a.yml\n"
                               "- {component: x.example/c/d@1.0, inputs: {a: b}}\n";
    auto_free char *dir = NULL;
    auto_ci_tree t = CI_TREE_INIT;
    auto_err e = ERR_INIT;
    auto_strbuf is = STRBUF_TEXT;

    (void)state;
    assert_int_equal(dir_temporary("/tmp", "test-ci-tree-", &dir, NULL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(copies); i++) {
        auto_free char *path = xasprintf("%s%s", dir, copies[i].path);
        for (char *slash = path + strlen(dir) + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
            *slash = '\0';
            (void)mkdir(path, 0700);
        }
        assert_int_equal(file_write(path, copies[i].text, strlen(copies[i].text), 0600, NULL), 0);
    }
    if (read_with(text, dir, &t, &e) < 0)
        fail_msg("%s", err_text(&e));
    show(&is, t.root);
    assert_string_equal(strbuf_text(&is), want);
    assert_int_equal(t.notes.n, 2);
    assert_non_null(strstr(t.notes.items[0], "keyword `ref` in `include` has no effect here"));
    ci_tree_release(&t);
    assert_int_equal(read_with("include: {template: No.yml}", dir, &t, &e), -1);
    assert_non_null(strstr(err_text(&e), "there is no copy `"));
    ci_tree_release(&t);
    assert_int_equal(read_with("include: {project: a/b, file: self.yml}", dir, &t, &e), -1);
    assert_non_null(strstr(err_text(&e), "leads back to where it began"));
    assert_int_equal(dir_remove(dir, NULL), 0);
}

/* Job 0 extends nothing, each other one the one before. */
static int read_chain(size_t jobs, bool upwards, struct err *e)
{
    auto_ci_tree t = CI_TREE_INIT;
    auto_strbuf text = STRBUF_TEXT;

    for (size_t i = 0; i < jobs; i++) {
        size_t at = upwards ? i : jobs - 1 - i;
        strbuf_printf(&text, at ? "j%zu: {extends: j%zu}\n" : "j%zu: {x: 1}\n", at, at - 1);
    }
    return read_tree(strbuf_text(&text), &t, e);
}

static void test_levels(void **state)
{
    (void)state;
    for (int upwards = 0; upwards < 2; upwards++) {
        auto_err e = ERR_INIT;
        assert_int_equal(read_chain(CI_EXTENDS_MAX + 1, upwards, NULL), 0);
        assert_int_equal(read_chain(CI_EXTENDS_MAX + 2, upwards, &e), -1);
        assert_non_null(strstr(err_text(&e), "`extends` goes over more than 11 levels"));
        assert_int_equal(read_chain(5000, upwards, NULL), -1);
    }
}

/* Each level ten times the one below it: a few lines that would be millions. */
static char *write_bomb(const char *before, const char *after, bool anchors)
{
    auto_strbuf text = STRBUF_TEXT;

    strbuf_printf(&text, "a0: %s{s: [x]}\n", anchors ? "&a0 " : "");
    for (int i = 1; i < 9; i++) {
        strbuf_printf(&text, "a%d: ", i);
        if (anchors)
            strbuf_printf(&text, "&a%d ", i);
        strbuf_puts(&text, "{s: [");
        for (int k = 0; k < 10; k++)
            strbuf_printf(&text, "%s%sa%d%s", k ? ", " : "", before, i - 1, after);
        strbuf_puts(&text, "]}\n");
    }
    return strbuf_take(&text);
}

static void test_bombs(void **state)
{
    (void)state;
    auto_free char *references = write_bomb("!reference [", ", s]", false);
    auto_free char *aliases = write_bomb("*", "", true);
    auto_ci_tree t = CI_TREE_INIT;
    auto_err e = ERR_INIT;

    assert_int_equal(read_tree(references, &t, &e), -1);
    assert_non_null(strstr(err_text(&e), "more than 500000 values"));
    ci_tree_release(&t);
    assert_int_equal(read_tree(aliases, &t, &e), -1);
    assert_non_null(strstr(err_text(&e), "more than 200000 values"));
}

/* Many heirs of a large job. */
static void test_many_heirs(void **state)
{
    (void)state;
    auto_ci_tree t = CI_TREE_INIT;
    auto_err e = ERR_INIT;
    auto_strbuf text = STRBUF_TEXT;

    strbuf_puts(&text, ".large:\n  script:\n");
    for (int i = 0; i < 1000; i++)
        strbuf_printf(&text, "    - echo %d\n", i);
    for (int i = 0; i < 1000; i++)
        strbuf_printf(&text, "j%d: {extends: .large}\n", i);
    assert_int_equal(read_tree(strbuf_text(&text), &t, &e), -1);
    assert_non_null(strstr(err_text(&e), "more than 500000 values"));
}

/* What stands once is in each job: a few lines that would be gigabytes. */
static void test_heavy_jobs(void **state)
{
    static const char *const heads[] = {
        "j:\n  parallel: 200\n  script:\n",
        "default:\n  before_script:\n",
        "default:\n  artifacts:\n    paths:\n",
        "j: {parallel: 200, script: a, stage: build}\nk:\n  script: a\n  dependencies:\n",
    };

    (void)state;
    for (size_t i = 0; i < 2 * ARRAY_SIZE(heads); i++) {
        auto_ci_file f = CI_FILE_INIT;
        auto_err e = ERR_INIT;
        auto_strvec problems = STRVEC_INIT;
        auto_strbuf text = STRBUF_TEXT;
        strbuf_puts(&text, heads[i / 2]);
        for (int k = 0; k < 10000; k++)
            strbuf_puts(&text, "    - j\n");
        for (int k = 0; k < 300; k++)
            strbuf_printf(&text, "j%d: {script: a}\n", k);
        if (i % 2)
            assert_int_equal(ci_file_check("ci.yml", strbuf_text(&text), text.len, NULL, &f, &problems), -1);
        else
            assert_int_equal(ci_file_parse("ci.yml", strbuf_text(&text), text.len, NULL, &f, &e), -1);
        assert_int_equal(problems.n, i % 2);
        assert_non_null(strstr(i % 2 ? problems.items[0] : err_text(&e), "take more than 64 MB of memory"));
    }
}

/* The nearest name is looked for while there are few problems. */
static void test_many_gone(void **state)
{
    static const char *const bodies[] = { "needs: [jpb", "dependencies: [jpb" };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
        auto_ci_file f = CI_FILE_INIT;
        auto_strvec problems = STRVEC_INIT;
        auto_strbuf text = STRBUF_TEXT;
        for (int k = 0; k < 5000; k++) {
            strbuf_printf(&text, "job%d: {script: a, %s%d]}\n", k, bodies[i], k);
        }
        assert_int_equal(ci_file_check("ci.yml", strbuf_text(&text), text.len, NULL, &f, &problems), -1);
        assert_int_equal(problems.n, 5000);
        assert_non_null(strstr(problems.items[0], "did you mean `job0`?"));
        assert_null(strstr(problems.items[4999], "did you mean"));
    }
}

static void test_path_patterns(void **state)
{
    static const struct {
        const char *pattern, *path;
        bool want;
    } cases[] = {
        { "README.md", "README.md", true },        { "README.md", "docs/README.md", false },
        { "*.md", "README.md", true },             { "*.md", "docs/README.md", false },
        { "**/*.md", "README.md", true },          { "**/*.md", "a/b/README.md", true },
        { "docs/**/*", "docs/a", true },           { "docs/**/*", "docs/a/b/c", true },
        { "docs/**/*", "docs", false },            { "docs/*", "docs/a/b", false },
        { "a/**/b/**/c", "a/x/b/y/z/c", true },    { "a/**/b/**/c", "a/b/c", true },
        { "a/**/b/**/c", "a/x/y/c", false },       { "*.{rb,py}", "x.py", true },
        { "*.{rb,py}", "x.pl", false },            { "{a,b/{c,d}}/x", "b/d/x", true },
        { "src/[a-c]?.c", "src/b1.c", true },      { "src/[a-c]?.c", "src/d1.c", false },
        { ".*", ".env", true },                    { "*", ".env", true },
        { "/a", "a", true },                       { "a{", "a{", true },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        if (path_pattern_matches(cases[i].pattern, cases[i].path) != cases[i].want)
            fail_msg("%s and %s", cases[i].pattern, cases[i].path);
    assert_false(path_pattern_matches("{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}", "x"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copies),      cmocka_unit_test(test_composition), cmocka_unit_test(test_refusals),   cmocka_unit_test(test_levels),
        cmocka_unit_test(test_bombs),       cmocka_unit_test(test_many_heirs), cmocka_unit_test(test_heavy_jobs), cmocka_unit_test(test_many_gone),
        cmocka_unit_test(test_path_patterns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
