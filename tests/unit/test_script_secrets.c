#include "stages/script_secrets.h"

#include "base/file.h"
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* What the job of tests/cases/scripts has. */
static char *const environment[] = {
    (char[]){ "CUSTOM_ENV_CI=true" },
    (char[]){ "CUSTOM_ENV_SV_PROD_KEY=plain-key-123" },
    (char[]){ "CUSTOM_ENV_SV_PROD_QUOTED=it's \"$quoted\" `a` \\ and; \xc3\xa9\t." },
    (char[]){ "CUSTOM_ENV_SV_PROD_LINES=line one\nexport SV_PROD_NOT=x\nline three\n" },
    (char[]){ "CUSTOM_ENV_SV_PROD_FILE=file content 'q'\n" },
    (char[]){ "CUSTOM_ENV_SV_PROD_EMPTY=" },
    NULL,
};

static const struct job nobody = { .project_path = (char[]){ "group/production" } };

static char *read_case(const char *name, const char *end, size_t *len)
{
    auto_free char *path = xasprintf(TEST_SOURCE_DIR "/cases/scripts/%s%s", name, end);
    char *text = NULL;

    assert_int_equal(file_read(path, 1 << 20, &text, len, NULL), 0);
    return text;
}

static const struct {
    const char *name;
    bool authors_own;
} scripts[] = {
    { "14.7.0-build_script", true },
    { "14.7.0-after_script-new-eval", true },
    { "14.7.0-cleanup_file_variables", false },
    { "17.9.3-archive_cache", false },
    { "19.3.0-build_script", true },
    { "19.3.0-build_script-posix", true },
    { "19.3.0-cleanup_file_variables", false },
    { "19.3.0-prepare_script", false },
};

static void test_scripts_of_real_runners(void **state)
{
    auto_secret_variables secrets;
    (void)state;

    secret_variables_read(&nobody, environment, &secrets);
    for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
        size_t len, want_len;
        auto_free char *script = read_case(scripts[i].name, "", &len);
        auto_free char *want = read_case(scripts[i].name, ".clean", &want_len);
        auto_strbuf out = STRBUF_TEXT;
        auto_err e = ERR_INIT;
        const struct script_secrets with = { &secrets, scripts[i].authors_own };
        if (script_secrets_remove(&with, script, len, &out, &e) < 0)
            fail_msg("%s: %s", scripts[i].name, err_text(&e));
        if (out.len != want_len || memcmp(strbuf_text(&out), want, want_len) != 0)
            fail_msg("%s became:\n%s", scripts[i].name, strbuf_text(&out));
    }
}

/* ---- Small ones ---- */

#define HEAD  "#!/usr/bin/env bash\n\nset -eo pipefail\nset +o noclobber\n"
#define OLD(body) HEAD ": | eval $'" body "'\nexit 0"
#define NEW(body) HEAD "(trap 'exit 1' TERM; eval $'" body "') < /dev/null\nexit 0\n"
#define POSIX(body) HEAD "(trap 'exit 1' TERM; eval \"" body "\") < /dev/null\nexit 0\n"

struct small {
    const char *env;    /* one variable of the job's */
    const char *script;
    const char *want;   /* the script; or a part of the error after "!" */
    bool helper;
};

static const struct small smalls[] = {
    /* without exports there is nothing to take out */
    { "SV_PROD_KEY=abcdefgh1", OLD("echo hello\\n"), OLD("echo hello\\n"), true },
    { "SV_PROD_KEY=abcdefgh1", HEAD ": | eval ''\nexit 0", HEAD ": | eval ''\nexit 0", true },
    /* the last of several counts, all of them go */
    { "SV_A=2", NEW("export SV_A=1\\nexport SV_A=2\\ncd /b\\n"), NEW("cd /b\\n"), false },
    { "SV_A=2", NEW("export SV_A=2\\nexport SV_A=1\\ncd /b\\n"), "!SV_A is not among its exports", false },
    { "SV_A=2", NEW("export X=2\\ncd /b\\n"), "!SV_A is not among its exports", false },
    /* names that only look like it stay, and so do mentions */
    { "SV_A=2", NEW("export XSV_A=1\\nexport SV_A=2\\nexport sv_a=2\\necho $SV_A\\n"),
      NEW("export XSV_A=1\\nexport sv_a=2\\necho $SV_A\\n"), false },
    { "SV_A=2", NEW("export SV_=x\\nexport SV_A=2\\necho\\n"), NEW("export SV_=x\\necho\\n"), false },
    /* a value in another variable, however it is quoted; too short a one, or a plain word, is not looked for */
    { "SV_PROD_KEY=abcdefgh1", NEW("export SV_PROD_KEY=abcdefgh1\\nexport URL=http-abcdefgh1\\n"),
      "!the variable URL holds the value of SV_PROD_KEY", false },
    { "SV_PROD_KEY=a'b'cdefg", NEW("export SV_PROD_KEY=$\\'a\\\\\\'b\\\\\\'cdefg\\'\\nexport U=$\\'xa\\\\\\'b\\\\\\'cdefg\\'\\n"),
      "!the variable U holds the value of SV_PROD_KEY", false },
    { "SV_PROD_KEY=abcdefgh1", NEW("printf \\'%s\\' abcdefgh1 > \"/t/CERT\"\\nexport SV_PROD_KEY=abcdefgh1\\n"),
      "!the variable CERT holds the value of SV_PROD_KEY", false },
    { "SV_PROD_KEY=ab$cd-efgh$ij12", NEW("export SV_PROD_KEY=$\\'ab$cd-efgh$ij12\\'\\nexport U=$\\'xab$$cd-efgh$$ij12\\'\\n"),
      "!the variable U holds the value of SV_PROD_KEY", false },
    { "SV_PROD_KEY=ab$cd-efghij12", NEW("export SV_PROD_KEY=$\\'ab$cd-efghij12\\'\\nexport U=xab-efghij12\\n"),
      "!the variable U holds the value of SV_PROD_KEY", false },
    { "SV_PROD_DEBUG=true", NEW("export CI=true\\nexport SV_PROD_DEBUG=true\\n"), NEW("export CI=true\\n"), false },
    { "SV_PROD_ENV=wordpress", NEW("export X=wordpress\\nexport SV_PROD_ENV=wordpress\\n"), NEW("export X=wordpress\\n"), true },
    { "SV_PROD_ENV=production", NEW("export X=group/production\\nexport SV_PROD_ENV=production\\n"),
      NEW("export X=group/production\\n"), true },
    /* a value in the rest: the author's own word in his script, an expanded one in a helper's */
    { "SV_PROD_KEY=abcdefgh1", NEW("export SV_PROD_KEY=abcdefgh1\\ncd /b\\necho abcdefgh1\\n"),
      NEW("cd /b\\necho abcdefgh1\\n"), false },
    { "SV_PROD_KEY=abcdefgh1", NEW("export SV_PROD_KEY=abcdefgh1\\ngitlab-runner --key k-abcdefgh1\\n"),
      "!this script holds the value of SV_PROD_KEY", true },
    { "SV_PROD_KEY=ab\"\\cdefg", NEW("export SV_PROD_KEY=$\\'ab\"\\\\\\\\cdefg\\'\\nX=\"{ab\\\\\"\\\\\\\\cdefg}\"\\n"),
      "!this script holds the value of SV_PROD_KEY", true },
    { "SV_PROD_KEY=abcdefgh1", NEW("cat ab cdefgh1\\ngit clone abcdefgh1\\n"), "!this script holds", true },
    /* FF_POSIXLY_CORRECT_ESCAPES does not quote a line's end alone: the rest of the value would stay */
    { "SV_A=one\ntwo", POSIX("export CI=true\nexport SV_A=one\ntwo\ncd /b\n"), "!SV_A is not among its exports", false },
    { "SV_A=a;b", POSIX("export CI=true\nexport SV_A=a;b\ncd /b\n"), "!SV_A is not among its exports", false },
    { "SV_A=x", POSIX("export B=a;b\nexport SV_A=x\ncd /b\n"), "!SV_A is exported where", false },
    { "SV_A=x", POSIX("export SV_A=x\nexport B=a;b\nexport SV_A=x\ncd /b\n"), "!SV_A is exported where", false },
    { "SV_A=a b", POSIX("export SV_A=\\\"a b\\\"\ncd /b\n"), POSIX("cd /b\n"), false },
    /* files */
    { "SV_A=x y", NEW("mkdir -p \"/b.tmp\"\\nprintf \\'%s\\' $\\'x y\\' > \"/b.tmp/SV_A\"\\nexport SV_A=\"/b.tmp/SV_A\"\\ncd /b\\n"),
      NEW("mkdir -p \"/b.tmp\"\\ncd /b\\n"), false },
    { "SV_A=x y", NEW("export SV_A=/b.tmp/SV_A\\nrm -f \"/b.tmp/SV_A\"\\n"), NEW("rm -f \"/b.tmp/SV_A\"\\n"), true },
    /* forms that no runner writes */
    { "SV_A=x", "export SV_A=x\necho hello\n", "!it has no `eval`", false },
    { "SV_A=x", "", "!it has no `eval`", false },
    { "SV_A=x", HEAD ": | eval $'export SV_A=x", "!what it evaluates is not one word", false },
    { "SV_A=x", HEAD ": | eval $'export \\q'\nexit 0", "!what it evaluates is not one word", false },
    { "SV_A=x", HEAD ": | eval $'export \\x00'\nexit 0", "!what it evaluates is not one word", false },
    { "SV_A=x", HEAD ": | eval \"$(env)\"\nexit 0", "!what it evaluates is not one word", false },
    { "SV_A=x", HEAD ": | eval $'a' \"$SV_A\"\nexit 0", "!it goes on after what it evaluates", false },
    { "SV_A=x", HEAD ": | eval $'a'$'b'\nexit 0", "!it goes on after what it evaluates", false },
    { "SV_A=x", HEAD ": | eval $'a'\nexit 0\necho x", "!it goes on after its `exit 0`", false },
};

static void test_small_scripts(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(smalls); i++) {
        const struct small *s = &smalls[i];
        auto_free char *entry = xasprintf("CUSTOM_ENV_%s", s->env);
        char *const env[] = { entry, NULL };
        auto_secret_variables secrets;
        auto_strbuf out = STRBUF_TEXT;
        auto_err e = ERR_INIT;

        secret_variables_read(&nobody, env, &secrets);
        const struct script_secrets with = { &secrets, !s->helper };
        int rc = script_secrets_remove(&with, s->script, strlen(s->script), &out, &e);
        if (rc < 0 && (*s->want != '!' || !strstr(err_text(&e), s->want + 1)))
            fail_msg("%zu: %s", i, err_text(&e));
        if (rc == 0 && strcmp(strbuf_text(&out), s->want) != 0)
            fail_msg("%zu became:\n%s", i, strbuf_text(&out));
        if (rc < 0 && strlen(strchr(s->env, '=')) > 3 && strstr(err_text(&e), strchr(s->env, '=') + 1))
            fail_msg("%zu: the error tells the value: %s", i, err_text(&e));
    }
}

static void test_masked_words_are_looked_for(void **state)
{
    static const char script[] = NEW("export X=wordpress\\nexport SV_PROD_ENV=wordpress\\n");
    char entry[] = "CUSTOM_ENV_SV_PROD_ENV=wordpress";
    char *const env[] = { entry, NULL };
    struct job job = nobody;
    auto_secret_variables secrets;
    auto_strbuf out = STRBUF_TEXT;
    auto_err e = ERR_INIT;
    (void)state;

    strvec_push(&job.masked_variables, "SV_PROD_ENV");
    secret_variables_read(&job, env, &secrets);
    const struct script_secrets with = { &secrets, true };
    assert_int_equal(script_secrets_remove(&with, script, strlen(script), &out, &e), -1);
    assert_int_equal(e.kind, ERR_JOB);
    strvec_release(&job.masked_variables);
}

static void test_what_the_daemon_is_told(void **state)
{
    char entry[] = "CUSTOM_ENV_SV_PROD_KEY=abcdefgh1";
    char *const env[] = { entry, NULL };
    auto_secret_variables secrets;
    auto_json *good = json_pack("{s:[s, s], s:{s:s}}", "Env", "A=abcdefgh", "SV_PROD_KEY=", "Labels", "a", "b");
    auto_json *bad = json_pack("{s:{s:{s:s}}}", "a", "b", "x-abcdefgh1", "c");
    auto_err e = ERR_INIT;
    (void)state;

    secret_variables_read(&nobody, env, &secrets);
    assert_int_equal(secret_variables_check(&secrets, good, "it", &e), 0);
    assert_int_equal(secret_variables_check(&secrets, bad, "service 'x'", &e), -1);
    assert_int_equal(e.kind, ERR_JOB);
    assert_true(strstr(err_text(&e), "service 'x' would hold the value of SV_PROD_KEY"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scripts_of_real_runners),
        cmocka_unit_test(test_small_scripts),
        cmocka_unit_test(test_masked_words_are_looked_for),
        cmocka_unit_test(test_what_the_daemon_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
