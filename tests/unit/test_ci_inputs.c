#include "stages/pipeline/ci_tree.h"

#include "base/strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* One included file, and inputs of the command line. */
static int read_file(void *ctx, const char *path, size_t max, char **text, size_t *len, struct err *e)
{
    (void)max;
    if (strcmp(path, "part.yml") != 0)
        return err_set(e, ERR_NOT_FOUND, 0, "no such file");
    *text = xstrdup(ctx);
    *len = strlen(*text);
    return 0;
}

static int read_tree(const char *text, const char *part, const char *word, struct ci_tree *out, struct err *e)
{
    auto_free char *copy = xstrdup(part);
    auto_strvec words = STRVEC_INIT;
    auto_variables variables = VARIABLES_INIT;
    const struct project_files files = { copy, "", read_file, NULL, NULL };
    const struct ci_given given = { .words = &words, .variables = &variables };
    const struct ci_world world = { &files, &variables, NULL, &given };

    variables_add(&variables, "BRANCH", "main", 0);
    variables_add(&variables, "TOKEN", "secret", VARIABLE_MASKED);
    variables_addf(&variables, 0, "LARGE", "%0100000d", 0);
    if (word)
        strvec_push(&words, word);
    return ci_tree_read("ci.yml", text, strlen(text), &world, out, e);
}

#define SPEC(inputs) "spec:\n  inputs:\n    " inputs "\n---\n"

/* With inputs of another file. */
#define FROM(include) "spec:\n  include: " include "\n  inputs:\n    own: {default: o}\n---\n"

#define RULES \
    SPEC("more: {rules: [{if: \"$[[ inputs.type ]] == 'large'\", default: null}]}\n" \
         "    type:\n" \
         "      rules:\n" \
         "      - {if: \"$[[ inputs.cloud ]] == 'aws' && $[[ inputs.env ]] == 'dev'\", options: [t3.micro, t3.small], default: t3.micro}\n" \
         "      - {if: \"$[[ inputs.cloud ]] =~ /^aws$/\", options: [m5], default: m5}\n" \
         "      - {options: [small, large], default: small}\n" \
         "    cloud: {default: aws}\n" \
         "    env: {default: dev, options: [dev, prod]}")

static const struct {
    const char *text, *part, *word, *want;
} good[] = {
    { SPEC("x: {default: a b}") "j: {x: \"$[[ inputs.x ]]\", y: '1-$[[inputs.x]]-2-$[[ inputs.x ]]'}", NULL, NULL,
      "j:\n  x: a b\n  y: 1-a b-2-a b\n" },
    { SPEC("x:") "j: $[[ inputs.x ]]", NULL, "x=v=w", "j: v=w\n" },
    { SPEC("x: {default: old}") "j: $[[ inputs.x ]]", NULL, "x=new", "j: new\n" },
    { "---\n# first\n" SPEC("x: {default: k}") "$[[ inputs.x ]]-job: {a: 1}", NULL, NULL, "k-job:\n  a: 1\n" },
    { FROM("part.yml") "j: $[[ inputs.own ]]-$[[ inputs.x ]]", "inputs: {x: {default: a}}", NULL, "j: o-a\n" },
    { FROM("[{local: /part.yml}]") "j: $[[ inputs.x ]]", "inputs: {x: {type: number}}", "x=3", "j: 3\n" },
    { FROM("part.yml") "j: $[[ inputs.x ]]", "inputs: {x: {rules: [{if: \"$[[ inputs.own ]] == 'o'\", default: a}]}}", NULL, "j: a\n" },
    { FROM("part.yml") "j: $[[ inputs.own ]]", "inputs:", NULL, "j: o\n" },
    { FROM("") "j: $[[ inputs.own ]]", NULL, NULL, "j: o\n" },
    /* Types: a block alone keeps them, within text they are text. */
    { SPEC("x: {type: number, default: 3}") "j: $[[ inputs.x ]]\nk: n$[[ inputs.x ]]", NULL, "x=4", "j: 4\nk: n4\n" },
    { SPEC("x: {type: boolean, default: true}") "j: $[[ inputs.x ]]", NULL, NULL, "j: true\n" },
    { SPEC("{x: {type: boolean, default: Yes}, y: {type: number, default: 0x10}}") "j: $[[ inputs.x ]]-$[[ inputs.y ]]", NULL, NULL,
      "j: true-16\n" },
    { SPEC("x: {type: array, default: [1.10, off, 1.2.3, a]}") "j: <$[[ inputs.x ]]>", NULL, NULL,
      "j: <[1.1, false, \\1.2.3\\, \\a\\]>\n" },
    { SPEC("x: {type: array, default: [a, {b: c}]}") "j: $[[ inputs.x ]]", NULL, NULL, "j:\n- a\n- b: c\n" },
    { SPEC("x: {type: array}") "j: $[[ inputs.x ]]", NULL, "x=[p, q]", "j:\n- p\n- q\n" },
    { SPEC("x: {default: '1'}") "j: $[[ inputs.x ]]", NULL, NULL, "j: 1\n" },
    { SPEC("x: {options: [a, b], default: a, description: one of two}") "j: $[[ inputs.x ]]", NULL, "x=b", "j: b\n" },
    { SPEC("x: {regex: ^v\\d+$}") "j: $[[ inputs.x ]]", NULL, "x=v12", "j: v12\n" },
    { SPEC("x: {type: array, default: [a, 2, [true], {k: null}]}") "j: is $[[ inputs.x ]]", NULL, NULL, "j: is [\\a\\, 2, [true], {:k=>nil}]\n" },
    { SPEC("x: {default: null}") "j: <$[[ inputs.x ]]>", NULL, NULL, "j: <>\n" },
    { SPEC("x: {default: d}") "j: '$[[ matrix.OS ]]-$[[ inputs.x ]]'", NULL, NULL, "j: $[[ matrix.OS ]]-d\n" },
    { "include: {local: part.yml, inputs: {name: null}}", SPEC("name: {default: d}") "j-$[[ inputs.name ]]: 1", NULL, "j-d: 1\n" },
    /* Rules: the first that holds says the default and the options. */
    { RULES "j: $[[ inputs.type ]]", NULL, NULL, "j: t3.micro\n" },
    { RULES "j: $[[ inputs.type ]]", NULL, "env=prod", "j: m5\n" },
    { RULES "j: $[[ inputs.type ]]", NULL, "cloud=other", "j: small\n" },
    { RULES "j: $[[ inputs.type ]]", NULL, "type=t3.small", "j: t3.small\n" },
    { RULES "j: <$[[ inputs.more ]]>", NULL, NULL, "j: <>\n" },
    { SPEC("{p: {type: boolean, default: true}, n: {type: number, default: 3}, x: {rules: [{if: \"$[[ inputs.p ]] == false\", default: none}, "
           "{if: \"$[[ inputs.p ]] == true && $[[inputs.n]] == 3\", default: three}]}}") "j: $[[ inputs.x ]]", NULL, NULL, "j: three\n" },
    /* Functions */
    { SPEC("x: {default: 'on $BRANCH ${BRANCH} $NONE $TOKEN $'}") "j: $[[ inputs.x | expand_vars ]]", NULL, NULL,
      "j: on main main $NONE $TOKEN $\n" },
    { SPEC("x: {default: grün-blau}") "j: $[[ inputs.x | truncate(1,4) ]]", NULL, NULL, "j: rün-\n" },
    { SPEC("x: {default: $BRANCH}") "j: $[[ inputs.x | expand_vars | truncate(0,2) ]]", NULL, NULL, "j: ma\n" },
    { SPEC("x: {default: it's; rm *}") "j: $[[ inputs.x | posix_escape ]]", NULL, NULL, "j: it\\\\'s\\\\;\\\\ rm\\\\ \\\\*\n" },
    /* Without a header nothing is put in. */
    { "j: '$[[ inputs.x ]]'", NULL, NULL, "j: $[[ inputs.x ]]\n" },
    /* An included file has its own. */
    { "include:\n- {local: part.yml, inputs: {name: a}}\n- {local: part.yml, inputs: {name: b}}",
      SPEC("name:") "job-$[[ inputs.name ]]: {script: x}", NULL, "job-a:\n  script: x\njob-b:\n  script: x\n" },
};

/* Text is written with them, numbers are without: here they are the same. */
static void without_quotes(char *text)
{
    char *to = text;

    for (const char *from = text; *from; from++)
        if (*from != '"')
            *to++ = *from;
    *to = '\0';
}

/* What was text stays text, whatever it looks like. */
static void test_types(void **state)
{
    auto_ci_tree t = CI_TREE_INIT;

    (void)state;
    assert_int_equal(read_tree(SPEC("{x: {default: '1'}, y: {type: number, default: 1}}") "a: $[[ inputs.x ]]\nb: $[[ inputs.y ]]\n",
                               NULL, NULL, &t, NULL), 0);
    assert_true(yaml_get(t.root, "a")->quoted);
    assert_false(yaml_get(t.root, "b")->quoted);
}

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        auto_ci_tree t = CI_TREE_INIT;
        auto_err e = ERR_INIT;
        if (read_tree(good[i].text, good[i].part, good[i].word, &t, &e) < 0)
            fail_msg("%s\n%s", good[i].text, err_text(&e));
        auto_free char *is = yaml_write(t.root);
        without_quotes(is);
        assert_string_equal(is, good[i].want);
    }
}

static const struct {
    const char *text, *part, *word, *want;
} bad[] = {
    { SPEC("x:") "j: 1", NULL, NULL, "ci.yml:3:7: input `x` has no value; give it with --input" },
    { SPEC("x: {default: 1}") "j: 1", NULL, NULL, "ci.yml:3:18: input `x` is of type string; its value is a number" },
    { SPEC("x: {default: no}") "j: 1", NULL, NULL, "ci.yml:3:18: input `x` is of type string; its value is a boolean" },
    { SPEC("x: {default: 2024-01-31}") "j: 1", NULL, NULL, "ci.yml:3:18: input `x` is of type string; its value is a date" },
    { SPEC("x: {type: number, default: 1e3}") "j: 1", NULL, NULL, "ci.yml:3:32: input `x` is of type number; its value is text" },
    { SPEC("x: {type: number}") "j: 1", NULL, "x=a", "--input:1:1: input `x` is of type number; its value is text" },
    { SPEC("x: {type: lots}") "j: 1", NULL, NULL, "ci.yml:3:15: input `x`: a type is string, number, boolean or array" },
    { SPEC("x: {defualt: a}") "j: 1", NULL, NULL, "ci.yml:3:18: unknown keyword `defualt` in input `x`" },
    { SPEC("x: {options: [a, b]}") "j: 1", NULL, "x=c", "--input:1:1: input `x`: `c` is not among its `options`: a, b" },
    { SPEC("x: {regex: ^a}") "j: 1", NULL, "x=b", "--input:1:1: input `x`: its value does not match `^a`" },
    { SPEC("x: {default: a}") "j: 1", NULL, "y=b", "--input y: there is no such input in ci.yml" },
    { SPEC("x: {default: a}") "j: 1", NULL, "x", "--input x: it wants a value: --input x=VALUE" },
    { "j: 1", NULL, "x=a", "--input x: there is no such input in ci.yml" },
    { SPEC("x: {default: a}") "\nj: {a: '$[[ inputs.y ]]'}", NULL, NULL,
      "ci.yml:6:8: `$[[ inputs.y ]]`: there is no such input in this file's `spec`" },
    { SPEC("x: {default: a}") "j: $[[ inputs.x | upcase ]]", NULL, NULL, "ci.yml:5:4: `$[[ inputs.x | upcase ]]`: the functions are" },
    { SPEC("x: {default: a}") "j: $[[ inputs.x | truncate(a,1) ]]", NULL, NULL, "ci.yml:5:4: " },
    { SPEC("x: {type: array, default: [a]}") "j: $[[ inputs.x | posix_escape ]]", NULL, NULL, "functions are for inputs of type string" },
    { SPEC("{x: {rules: [{if: \"$[[ inputs.y ]] == 'a'\", default: b}]}, y: {rules: [{if: \"$[[ inputs.x ]] == 'a'\", default: b}]}}") "j: 1",
      NULL, NULL, "input `y`: its `rules` lead back to itself" },
    { SPEC("x: {default: a, rules: [{options: [a]}]}") "j: 1", NULL, NULL, "in the place of `options` and `default`" },
    { SPEC("x: {rules: [{default: a}]}") "j: 1", NULL, NULL, "a rule has `options`, or an `if` and a `default`" },
    { SPEC("x: {rules: [{if: a, defualt: a, options: [a]}]}") "j: 1", NULL, NULL, "unknown keyword `defualt` in a rule" },
    { SPEC("x: {rules: [{if: \"$[[ inputs.z ]] == 'a'\", default: b}]}") "j: 1", NULL, NULL, "`if: $[[ inputs.z ]] == 'a'`: at character 1" },
    { SPEC("x: {rules: [{options: [a, b], default: a}]}") "j: 1", NULL, "x=c", "`c` is not among its `options`: a, b" },
    { SPEC("{f: {default: x}, x: {rules: [{if: \"$[[ inputs.f ]] == 'x'\", default: null}]}}") "j: 1", NULL, NULL, "input `x` has no value" },
    { SPEC("x: {default: a}") "a: 1\n$[[ inputs.x ]]: 2", NULL, NULL, "the key `a` is there twice" },
    { "include: {local: part.yml, inputs: {nome: a}}", SPEC("name: {default: b}") "j: 1", NULL,
      "ci.yml:1:43: there is no input `nome` in part.yml" },
    { "include: {local: part.yml}", SPEC("name:") "j: 1", NULL,
      "ci.yml:1:10: input `name` has no value; give it in the `inputs` of this `include`" },
    { SPEC("x: {default: a}") "j: 1", NULL, "x=caf\xe9", "--input x: its value is not UTF-8 text" },
    { "include: {local: part.yml, inputs: [a]}", "j: 1", NULL, "ci.yml:1:36: `inputs` is a list here; it must be a map" },
    { "spec: [inputs]\n---\nj: 1", NULL, NULL, "ci.yml:1:7: `spec` is a list; it must be a map" },
    { "spec: inputs\n---\nj: 1", NULL, NULL, "ci.yml:1:7: `spec` is text; it must be a map" },
    /* spec: include */
    { FROM("part.yml") "j: 1", "x: 1", NULL, "part.yml:1:1: a file of `spec: include` is a map with `inputs`, and nothing else; it has `x`" },
    { FROM("part.yml") "j: 1", "inputs: {x: }\ny: 1", NULL, "and nothing else; it has `y`" },
    { FROM("part.yml") "j: 1", "[inputs]", NULL, "part.yml:1:1: a file of `spec: include` is a map with `inputs`, and nothing else" },
    { FROM("part.yml") "j: 1", "", NULL, "a file of `spec: include` is a map" },
    { FROM("part.yml") "j: 1", "inputs: [x]", NULL, "part.yml:1:9: `inputs` is a list; it must be a map" },
    { FROM("part.yml") "j: 1", "inputs:\n  own:\n", NULL, "ci.yml:4:10: input `own` is in part.yml:2, too" },
    { FROM("part.yml") "j: 1", "inputs: {x: {type: lots}}", NULL, "part.yml:1:20: input `x`: a type is" },
    { FROM("part.yml") "j: 1", "inputs: {x: }", NULL, "part.yml:1:13: input `x` has no value; give it with --input" },
    { FROM("{local: none.yml}") "j: 1", NULL, NULL, "ci.yml:2:20: `include`: there is no file `none.yml` in the project" },
    { FROM("{local: part.yml, rules: [{if: $A}]}") "j: 1", NULL, NULL, "`rules` is not supported in `include` of a `local`" },
    { FROM("{template: x.yml}") "j: 1", NULL, NULL, "ci.yml:2:12: `include` in `spec` takes `local`, `project` and `remote`, but no `template`" },
    { FROM("{project: g/p, file: x.yml}") "j: 1", NULL, NULL, "keep a copy at DIR/project/g/p/x.yml and give --includes DIR" },
    { FROM("[part.yml, part.yml]") "j: 1", "inputs: {x: {default: a}}", NULL, "part.yml:1:13: input `x` is in part.yml:1, too" },
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        auto_ci_tree t = CI_TREE_INIT;
        auto_err e = ERR_INIT;
        if (read_tree(bad[i].text, bad[i].part, bad[i].word, &t, &e) == 0)
            fail_msg("%s: taken", bad[i].text);
        if (!strstr(err_text(&e), bad[i].want))
            fail_msg("%s\n  is not\n%s", err_text(&e), bad[i].want);
    }
}

/* A small file cannot become a large one. */
static void test_growth(void **state)
{
    auto_strbuf text = STRBUF_TEXT;
    auto_ci_tree t = CI_TREE_INIT;
    auto_err e = ERR_INIT;

    (void)state;
    strbuf_puts(&text, "spec: {inputs: {x: {default: ");
    for (int i = 0; i < 100000; i++)
        strbuf_putc(&text, 'x');
    strbuf_puts(&text, "}}}\n---\nj:\n");
    for (int i = 0; i < 1000; i++)
        strbuf_puts(&text, "- a$[[ inputs.x ]]$[[ inputs.x ]]\n");
    assert_int_equal(read_tree(strbuf_text(&text), NULL, NULL, &t, &e), -1);
    assert_non_null(strstr(err_text(&e), "grow too large"));
}

/* Nor does a function make a large one, whatever the next one leaves of it. */
static void test_growth_by_variables(void **state)
{
    auto_strbuf text = STRBUF_TEXT;
    auto_ci_tree t = CI_TREE_INIT;
    auto_err e = ERR_INIT;

    (void)state;
    strbuf_puts(&text, "spec: {inputs: {x: {default: '");
    for (int i = 0; i < 1000; i++)
        strbuf_puts(&text, "$LARGE");
    strbuf_puts(&text, "'}}}\n---\nj: $[[ inputs.x | expand_vars | posix_escape ]]\n");
    assert_int_equal(read_tree(strbuf_text(&text), NULL, NULL, &t, &e), -1);
    assert_non_null(strstr(err_text(&e), "grow too large"));
}

static void put_inputs(struct strbuf *out, char name, int n)
{
    strbuf_puts(out, "inputs: {");
    for (int i = 0; i < n; i++)
        strbuf_printf(out, "%c%d: ,", name, i);
    strbuf_puts(out, "}");
}

/* Nor do files make a header that no file may have. */
static void test_growth_by_files(void **state)
{
    auto_strbuf text = STRBUF_TEXT, part = STRBUF_TEXT;
    auto_ci_tree t = CI_TREE_INIT;
    auto_err e = ERR_INIT;

    (void)state;
    put_inputs(&part, 'a', 9000);
    strbuf_puts(&text, "spec:\n  include: part.yml\n  ");
    put_inputs(&text, 'b', 12000);
    strbuf_puts(&text, "\n---\nj: 1\n");
    assert_int_equal(read_tree(strbuf_text(&text), strbuf_text(&part), NULL, &t, &e), -1);
    assert_non_null(strstr(err_text(&e), "ci.yml:3:11: more than 20000 inputs with these"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_growth),
        cmocka_unit_test(test_growth_by_variables),
        cmocka_unit_test(test_growth_by_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
