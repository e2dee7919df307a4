#include "stages/pipeline/variable_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static char protocol[] = "https", host[] = "git.example.org", port[] = "443", path[] = "group/sub/project";
static const struct remote here = { protocol, host, port, path };

/* "KEY=value", file variables with @, masked ones with !, raw ones with ', a blank between them. */
static char *describe(const struct scoped_variables *s, const char *environment)
{
    auto_variables chosen = VARIABLES_INIT;
    auto_strvec each = STRVEC_INIT;

    scoped_variables_choose(s, environment, &chosen);
    for (size_t i = 0; i < chosen.n; i++)
        strvec_pushf(&each, "%s=%s%s%s%s", chosen.items[i].key, chosen.items[i].value,
                     chosen.items[i].flags & VARIABLE_FILE ? "@" : "", chosen.items[i].flags & VARIABLE_MASKED ? "!" : "",
                     chosen.items[i].flags & VARIABLE_RAW ? "'" : "");
    return strvec_join(&each, " ");
}

static const struct {
    const char *text;
    bool own; /* the project's file */
    const char *environment, *want;
} files[] = {
    { "A: 1\nB: x y\nC: ''\nD:\n", true, NULL, "A=1 B=x y C= D=" },
    { "A: {value: 1}\nB: {values: {prod: 2}}", true, NULL, "A=1" },
    { "A: {value: 1, values: {prod: 2}}\nB: {values: {'*': 3, 'review/*': 4, 'review/x*': 5}}", true, "prod", "A=2 B=3" },
    { "A: {value: 1, values: {prod: 2}}\nB: {values: {'*': 3, 'review/*': 4, 'review/x*': 5}}", true, "review/xy", "A=1 B=5" },
    { "B: {values: {'review/xy': 6, 'review/x*y*': 5, '*': 1}}", true, "review/xy", "B=6" },
    { "B: {values: {'*y': 1, '*x*': 2}}", true, "axby", "B=2" },
    { "A: {value: x, type: file}\nB: {value: y, masked: true}\nC: {value: $x, expand: false}", true, NULL, "A=x@' B=y! C=$x'" },
    { "MY_TOKEN: secret-enough\nMY_TOKENS: short", true, NULL, "MY_TOKEN=secret-enough! MY_TOKENS=short" },
    { "", true, NULL, "" },
    { "", false, NULL, "" },
    { "global: {A: 1, B: 1, C: 1, D: 1}\ngroup:\n  git.example.org/group/sub: {A: 3}\n  git.example.org/group/: {A: 2, B: 2}\n"
      "  git.example.org/gro: {A: 9}\n  git.example.org/group/sub/project: {A: 9}\n  other.org/group: {A: 9}\n"
      "project:\n  git.example.org/group/sub/project: {C: 4}\n  git.example.org/group/sub: {A: 9}\n",
      false, NULL, "D=1 B=2 A=3 C=4" },
    { "global: {A: {values: {prod: 1}}}\nproject: {git.example.org/group/sub/project: {A: 2}}", false, "prod", "A=2" },
    { "global:\ngroup:\nproject: {}", false, NULL, "" },
};

static void test_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        struct scoped_variables s = SCOPED_VARIABLES_INIT;
        auto_err e = ERR_INIT;
        if (variable_file_parse("f", files[i].text, strlen(files[i].text), files[i].own ? NULL : &here, &s, &e) < 0)
            fail_msg("%s: %s", files[i].text, err_text(&e));
        auto_free char *is = describe(&s, files[i].environment);
        if (strcmp(is, files[i].want) != 0)
            fail_msg("%s: %s", files[i].text, is);
        scoped_variables_release(&s);
    }
}

static const struct {
    const char *text;
    bool own;
    const char *error;
} refusals[] = {
    { "[A]", true, "f:1:1: this is a list; it must be a map, NAME: value" },
    { "A-B: 1", true, "f:1:6: variable `A-B`: a name has only letters" },
    { "A: [1]", true, "f:1:4: variable `A`: its value must be text or a number" },
    { "A: {}", true, "f:1:4: variable `A`: it has neither `value` nor `values`" },
    { "A: {values: x}", true, "f:1:13: variable `A`: its `values` are a map" },
    { "A: {values: {x: {}}}", true, "f:1:17: variable `A`: its value must be text" },
    { "A: {value: x, type: files}", true, "f:1:21: variable `A`: its `type` is `variable` or `file`" },
    { "A: {value: x, masked: 7}", true, "f:1:23: variable `A`: `masked` and `expand` are true or false" },
    { "A: {vale: x}", true, "f:1:11: variable `A`: it may have" },
    { "A: 1", false, "f:1:4: `A` is none of `global`, `group` and `project`" },
    { "project: x", false, "f:1:10: this is text; it must be a map, HOST/PATH: variables" },
    { "A: 1\nA: 2", true, "f:2:1: the key 'A' is there twice" },
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
        struct scoped_variables s = SCOPED_VARIABLES_INIT;
        auto_err e = ERR_INIT;
        if (variable_file_parse("f", refusals[i].text, strlen(refusals[i].text), refusals[i].own ? NULL : &here, &s, &e) == 0)
            fail_msg("%s: taken", refusals[i].text);
        if (e.kind != ERR_JOB || strncmp(err_text(&e), refusals[i].error, strlen(refusals[i].error)) != 0)
            fail_msg("%s: %s", refusals[i].text, err_text(&e));
        scoped_variables_release(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_files), cmocka_unit_test(test_refusals) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
