#include "base/file.h"
#include "base/strbuf.h"
#include "base/strvec.h"
#include "base/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct yaml_limits usual = YAML_LIMITS;

/* A tree as one line: {key: value}, [item], 'quoted', plain, ~ for nothing, and tags. */
static void show(struct strbuf *out, const struct yaml *y)
{
    if (y->tag)
        strbuf_printf(out, "%s ", y->tag);
    if (y->type == YAML_NULL)
        strbuf_putc(out, '~');
    if (y->type == YAML_SCALAR)
        strbuf_printf(out, y->quoted ? "'%s'" : "%s", y->text);
    if (y->type == YAML_NULL || y->type == YAML_SCALAR)
        return;
    strbuf_putc(out, y->type == YAML_MAP ? '{' : '[');
    for (size_t i = 0; i < y->n; i++) {
        if (i)
            strbuf_puts(out, ", ");
        if (y->type == YAML_MAP)
            strbuf_printf(out, "%s: ", y->items[i]->key);
        show(out, y->items[i]);
    }
    strbuf_putc(out, y->type == YAML_MAP ? '}' : ']');
}

static const struct {
    const char *name, *text, *wanted;
} trees[] = {
    { "nothing", "", "~" },
    { "a comment", "# x\n", "~" },
    { "an empty document", "---\n", "~" },
    { "a byte order mark", "\xef\xbb\xbf" "a: 1\n", "{a: 1}" },
    { "scalars", "[a, 'b', \"c\\n\", ~, null, Null, '', 5, yes]", "[a, 'b', 'c\n', ~, ~, ~, '', 5, yes]" },
    { "blocks", "- |\n  one\n  two\n- >-\n  a\n  b\n", "['one\ntwo\n', 'a b']" },
    { "a map in order", "z: 1\na:\nm: [x]\n", "{z: 1, a: ~, m: [x]}" },
    { "start and end marks", "---\na: 1\n...\n", "{a: 1}" },
    { "alias", "a: &x [1, {b: 2}]\nc: *x\n", "{a: [1, {b: 2}], c: [1, {b: 2}]}" },
    { "alias of a member", "a: &x 1\nb: *x\n", "{a: 1, b: 1}" },
    { "anchor again", "[&x 1, *x, &x 2, *x]", "[1, 1, 2, 2]" },
    { "merge", "a: &x {b: 1, c: 2}\nd: {<<: *x, c: 3}\n", "{a: {b: 1, c: 2}, d: {c: 3, b: 1}}" },
    { "merge before or after", "a: &x {b: 1}\nd: {b: 2, <<: *x}\n", "{a: {b: 1}, d: {b: 2}}" },
    { "merge a list, the earlier wins", "- &x {a: 1}\n- &y {a: 2, b: 2}\n- <<: [*x, *y]\n",
      "[{a: 1}, {a: 2, b: 2}, {a: 1, b: 2}]" },
    { "two merges, the later wins", "- &x {a: 1}\n- &y {a: 2, b: 2}\n- <<: *y\n  <<: *x\n",
      "[{a: 1}, {a: 2, b: 2}, {a: 1, b: 2}]" },
    { "merge of a merged map", "- &x {a: 1}\n- &y {<<: *x, b: 2}\n- {<<: *y}\n",
      "[{a: 1}, {b: 2, a: 1}, {b: 2, a: 1}]" },
    { "merge of a list by its alias", "- &l [{a: 1}, {b: 2}]\n- {<<: *l}\n", "[[{a: 1}, {b: 2}], {a: 1, b: 2}]" },
    { "merge in place, with anchors in it", "- {<<: &m {a: &k 1}}\n- *m\n- *k\n", "[{a: 1}, {a: 1}, 1]" },
    { "a quoted << is a key", "'<<': 1\n", "{<<: 1}" },
    { "gitlab's reference", "script: [!reference [.a, script], x]", "{script: [!reference [.a, script], x]}" },
    { "standard tags are no tags", "[!!str 5, !!int 5, ! 6, !!map {}, !!seq []]", "['5', 5, '6', {}, []]" },
    { "odd keys", "1: a\n'': b\n~: c\n\"x y\": d\n", "{1: a, : b, ~: c, x y: d}" },
    { "version", "%YAML 1.1\n---\na: 1\n", "{a: 1}" },
};

static void test_trees(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(trees); i++) {
        auto_yaml *y = NULL;
        auto_err e = ERR_INIT;
        if (yaml_read("f", trees[i].text, strlen(trees[i].text), &usual, &y, &e) < 0)
            fail_msg("%s: %s", trees[i].name, err_text(&e));
        auto_strbuf shown = STRBUF_TEXT;
        show(&shown, y);
        if (strcmp(strbuf_text(&shown), trees[i].wanted) != 0)
            fail_msg("%s: %s", trees[i].name, strbuf_text(&shown));
    }
}

static const struct {
    const char *text, *error;
} refusals[] = {
    { "a: 1\nb: [\n", "f:3:1: a value is missing here, or a bracket above is not closed" },
    { "a: b: c\n", "f:1:5: a value with `: ` in it must be quoted as a whole" },
    { "a: \"b\": c\n", "f:1:7: a value with `: ` in it must be quoted as a whole" },
    { "a\n  b: c\n", "f:2:4: a key where none can be: the line above lacks its `:`" },
    { "a:\n  b: 1\n   c: 2\n", "f:3:5: a key where none can be" },
    { "a: 1\n\tb: 2\n", "f:2:1: a tab: YAML is indented with blanks" },
    { "a:\n\tb: 2\n", "f:2:1: a tab: YAML is indented with blanks" },
    { "a: |\n\tb\n", "f:2:1: a tab: YAML is indented with blanks" },
    { "a:\n  b: 1\n c: 2\n", "f:3:2: this line's indentation fits none above: it begins in the column of the keys" },
    { "a:\n  - b\n - c\n", "f:3:2: this line's indentation fits none above: a list's items are all in one column" },
    { "a:\n - b\n c: 1\n", "f:3:2: this line's indentation fits none above: a list's items begin with `- `" },
    { "a:\nfoo\nb: c\n", "f:2:1: neither a key, `KEY: value`, nor a list's item, `- item`" },
    { "a: - b\n", "f:1:4: a list's first item begins on a line of its own" },
    { "a: \"x\" && y\n", "f:1:8: text goes on after a closing quote" },
    { "a: [ x ] | y\n", "f:1:10: text goes on after a closing quote or bracket" },
    { "a: \"x\" y\n", "f:1:8: text goes on after a closing quote" },
    { "- \"x\" $Y\n", "f:1:7: text goes on after a closing quote" },
    { "a: 'x\nb: c\n", "f:1:4: this quote is not closed" },
    { "\"ä\": \"\\d\"\n", "f:1:7: between \" quotes a backslash begins an escape" },
    { "a: [x\nb: c\n", "f:1:4: '[' has no end, or lacks a `,` before 2:2" },
    { "a: {x: 1\n", "f:1:4: '{' has no end, or lacks a `,` before 2:1" },
    { "a: @x\n", "f:1:4: '@' begins no value: quote what begins so" },
    { "ä: [ö, `x`]\n", "f:1:8: '`' begins no value: quote what begins so" },
    { "%x\n", "f:1:1: '%' begins no value: quote what begins so" },
    { "a: *\n", "f:1:4: '*' begins an alias, *NAME: put text that begins so between quotes" },
    { "a: & b\n", "f:1:4: '&' begins an anchor, &NAME" },
    { "a: ]\n", "f:1:4: ']' stands where a value should be" },
    { "a: >x\n y\n", "f:1:5: after `|` or `>` the text begins on the next line" },
    { "a: 1\nb: 2\na: 3\n", "f:3:1: the key 'a' is there twice: first in line 1" },
    { "a: 1\n---\nb: 2\n", "f:2:1: a second document starts here, only one is read" },
    { "a: 1\n--- x\n", "f:2:1: a second document starts here, only one is read" },
    { "a: *x\n", "f:1:4: '*x' is an alias, but no '&x' comes before it" },
    { "*x\n", "f:1:1: '*x' is an alias" },
    { "a: &x [1, *x]\n", "f:1:11: '*x' contains itself" },
    { "a: &x {<<: *x}\n", "f:1:12: '*x' contains itself" },
    { "a: &x {b: &y {c: *x}}\n", "f:1:18: '*x' contains itself" },
    { "a: {<<: 5}\n", "f:1:9: '<<' takes a map or a list of maps, not text" },
    { "a: {<<: [{b: 1}, c]}\n", "f:1:9: '<<' takes a map or a list of maps, not a list" },
    { "a: {<<: }\n", "f:1:9: '<<' takes a map or a list of maps, not nothing" },
    { "a: {<<: !reference [{}]}\n", "f:1:9: '<<' takes a map or a list of maps, not a list" },
    { "[a]: 1\n", "f:1:1: a key must be text" },
    { "? {a: b}\n: 1\n", "f:1:3: a key must be text" },
    { "&x a: 1\n? *x\n: 2\n", "f:2:3: a key must be text" },
    { "a: \"x\\0y\"\n", "f:1:4: text with a NUL character" },
    { "\"\\0\": 1\n", "f:1:1: text with a NUL character" },
    { "a: 1\nb: caf\xe9\n", "f:2:7: this is not UTF-8: save the file in that encoding" },
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
        auto_yaml *y = NULL;
        auto_err e = ERR_INIT;
        if (yaml_read("f", refusals[i].text, strlen(refusals[i].text), &usual, &y, &e) != -1)
            fail_msg("'%s' was taken", refusals[i].text);
        if (e.kind != ERR_JOB || strncmp(err_text(&e), refusals[i].error, strlen(refusals[i].error)) != 0)
            fail_msg("'%s': '%s'", refusals[i].text, err_text(&e));
        assert_null(y);
    }
}

static const struct {
    const char *text, *tree, *notes;
} doubled[] = {
    { "a: 1\nb: 2\na: 3\n", "a: 3\nb: 2\n", "f:3:1: the key 'a' is there twice: this one wins over that of line 1" },
    { "a: {b: &x [1], b: 2}\nc: *x\n", "a:\n  b: 2\nc:\n- 1\n",
      "f:1:16: the key 'b' is there twice: this one wins over that of line 1" },
    { "a: &x {b: 1}\na: &y {c: 2}\nd: {<<: *x}\n", "a:\n  c: 2\nd:\n  b: 1\n",
      "f:2:1: the key 'a' is there twice: this one wins over that of line 1" },
    { "a: 1\na: 2\na: 3\n", "a: 3\n",
      "f:2:1: the key 'a' is there twice: this one wins over that of line 1, "
      "f:3:1: the key 'a' is there twice: this one wins over that of line 2" },
};

/* The last one wins where GitLab's reader has it so. */
static void test_doubled(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(doubled); i++) {
        auto_yaml *y = NULL;
        auto_strvec notes = STRVEC_INIT;
        assert_int_equal(yaml_read_last("f", doubled[i].text, strlen(doubled[i].text), &usual, &notes, &y, NULL), 0);
        auto_free char *tree = yaml_write(y);
        auto_free char *said = strvec_join(&notes, ", ");
        assert_string_equal(tree, doubled[i].tree);
        assert_string_equal(said, doubled[i].notes);
    }
}

static void test_too_many_doubled(void **state)
{
    auto_strbuf text = STRBUF_TEXT;
    auto_strvec notes = STRVEC_INIT;
    auto_yaml *y = NULL;
    auto_err e = ERR_INIT;

    (void)state;
    for (int i = 0; i < 1002; i++)
        strbuf_printf(&text, "a: 1\n");
    assert_int_equal(yaml_read_last("f", text.data, text.len, &usual, &notes, &y, &e), -1);
    assert_string_equal(err_text(&e), "f:1002:1: the key 'a' is there twice: first in line 1001");
}

static const struct {
    const char *text;
    struct yaml_limits limits;
    const char *error; /* NULL: fits */
} limited[] = {
    { "[a, b]", { 6, 3, 2 }, NULL },
    { "[a, b]", { 5, 3, 2 }, "f:1:1: larger than 5 bytes" },
    { "[a, b]", { 6, 2, 2 }, "f:1:5: more than 2 values, with aliases expanded" },
    { "[a, b]", { 6, 3, 1 }, "f:1:2: nested more than 1 deep" },
    { "[&x [a, b], *x]", { 99, 7, 3 }, NULL },
    { "[&x [a, b], *x]", { 99, 6, 3 }, "f:1:13: more than 6 values" },
    { "[&x [a], [[*x]]]", { 99, 99, 4 }, "f:1:12: nested more than 4 deep" },
    { "[&x {a: 1, b: 2}, {<<: *x}]", { 99, 7, 3 }, NULL },
    { "[&x {a: 1, b: 2}, {<<: *x}]", { 99, 6, 3 }, "f:1:26: more than 6 values" },
    { "- &a [x,x,x,x,x,x,x,x,x]\n- &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n- &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
      "- &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n- &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\n- [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n",
      YAML_LIMITS, "f:6:" },
};

static void test_limits(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(limited); i++) {
        auto_yaml *y = NULL;
        auto_err e = ERR_INIT;
        int got = yaml_read("f", limited[i].text, strlen(limited[i].text), &limited[i].limits, &y, &e);
        const char *wanted = limited[i].error ? limited[i].error : "";
        if (got != (limited[i].error ? -1 : 0) || strncmp(err_text(&e), wanted, strlen(wanted)) != 0)
            fail_msg("row %zu: %d '%s'", i, got, err_text(&e));
    }
}

/* As many keys, anchors and merges as the limits allow, in no time. */
static void test_large(void **state)
{
    (void)state;
    auto_strbuf text = STRBUF_TEXT;
    for (int i = 0; i < 30000; i++)
        strbuf_printf(&text, "k%d: &a%d x\n", i, i);
    for (int i = 0; i < 30000; i++)
        strbuf_printf(&text, "l%d: *a%d\n", i, i);
    auto_yaml *y = NULL;
    auto_err e = ERR_INIT;
    if (yaml_read("f", text.data, text.len, &usual, &y, &e) < 0)
        fail_msg("%s", err_text(&e));
    assert_int_equal(y->n, 60000);
    assert_string_equal(y->items[59999]->key, "l29999");
}

static void test_places(void **state)
{
    (void)state;
    static const char text[] = "base: &b\n  image: x\njob:\n  <<: *b\n  script: [ 'y' ]\n";
    auto_yaml *y = NULL;
    assert_int_equal(yaml_read("f", text, strlen(text), &usual, &y, NULL), 0);
    const struct yaml *job = yaml_get(y, "job"), *script = yaml_get(job, "script"), *image = yaml_get(job, "image");
    assert_int_equal(job->key_line, 3);
    assert_int_equal(job->key_column, 1);
    assert_int_equal(script->key_line, 5);
    assert_int_equal(script->key_column, 3);
    assert_int_equal(script->column, 11);
    assert_int_equal(script->items[0]->column, 13);
    assert_int_equal(image->line, 2); /* what is merged points to where it was written */
    assert_int_equal(image->column, 10);

    auto_err e = ERR_INIT;
    assert_int_equal(yaml_error(&e, ERR_CONFIG, "f", script->items[0], "no %s", "way"), -1);
    assert_string_equal(err_text(&e), "f:5:13: no way");
    assert_int_equal(e.kind, ERR_CONFIG);
    assert_int_equal(yaml_error(&e, ERR_JOB, "f", NULL, "nothing"), -1);
    assert_string_equal(err_text(&e), "f: nothing");
}

static void test_get(void **state)
{
    (void)state;
    auto_yaml *y = NULL;
    assert_int_equal(yaml_read("f", "a: 1\nb: [x]\n", 12, &usual, &y, NULL), 0);
    assert_string_equal(yaml_get(y, "a")->text, "1");
    assert_null(yaml_get(y, "c"));
    assert_null(yaml_get(yaml_get(y, "b"), "x"));
    assert_null(yaml_get(NULL, "a"));
    assert_string_equal(yaml_type_name(y), "a map");
    assert_string_equal(yaml_type_name(yaml_get(y, "a")), "text");
    assert_string_equal(yaml_type_name(yaml_get(y, "b")), "a list");
    assert_string_equal(yaml_type_name(NULL), "nothing");
}

static const struct {
    const char *text;
    int wanted; /* -1: no boolean */
} booleans[] = {
    { "true", 1 }, { "True", 1 }, { "yes", 1 }, { "ON", 1 },      { "false", 0 },    { "No", 0 },  { "off", 0 },
    { "tRue", -1 }, { "y", -1 },  { "1", -1 },  { "'true'", -1 }, { "!!str yes", -1 }, { "~", -1 }, { "[true]", -1 },
};

static void test_booleans(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(booleans); i++) {
        auto_yaml *y = NULL;
        assert_int_equal(yaml_read("f", booleans[i].text, strlen(booleans[i].text), &usual, &y, NULL), 0);
        bool got = booleans[i].wanted == 0;
        int result = yaml_bool(y, &got);
        if (result != (booleans[i].wanted < 0 ? -1 : 0) || (result == 0 && got != (booleans[i].wanted == 1)))
            fail_msg("'%s': %d, %d", booleans[i].text, result, got);
    }
    bool untouched = true;
    assert_int_equal(yaml_bool(NULL, &untouched), -1);
    assert_true(untouched);
}

static void test_files(void **state)
{
    (void)state;
    auto_free char *dir = NULL;
    assert_int_equal(dir_temporary("/tmp", "test-yaml-", &dir, NULL), 0);
    auto_free char *path = xasprintf("%s/a.yml", dir);
    auto_free char *wanted = xasprintf("%s:1:1: larger than 3 bytes", path);
    struct yaml_limits small = { 3, 10, 10 };
    auto_yaml *y = NULL;
    auto_err e = ERR_INIT;
    assert_int_equal(yaml_read_file(path, &usual, &y, &e), -1);
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    assert_int_equal(file_write(path, "a: 1", 4, 0644, NULL), 0);
    assert_int_equal(yaml_read_file(path, &small, &y, &e), -1);
    assert_int_equal(e.kind, ERR_JOB);
    assert_string_equal(err_text(&e), wanted);
    assert_null(y);
    assert_int_equal(yaml_read_file(path, &usual, &y, NULL), 0);
    assert_string_equal(yaml_get(y, "a")->text, "1");
    assert_int_equal(dir_remove(dir, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trees),    cmocka_unit_test(test_refusals), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_large),    cmocka_unit_test(test_places),   cmocka_unit_test(test_get),
        cmocka_unit_test(test_booleans), cmocka_unit_test(test_files),   cmocka_unit_test(test_doubled),
        cmocka_unit_test(test_too_many_doubled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
