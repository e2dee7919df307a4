#include "cache/helper/flag.h"
#include "cache/helper/go_duration.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/expect.h"

struct options {
    const char *name;
    struct strvec paths;
    bool untracked;
    int64_t size, pause;
};

#define O(member) offsetof(struct options, member)

static const struct flag table[] = {
    { "name", "T_NAME", "nobody", FLAG_TEXT, O(name), "who" },
    { "path", NULL, NULL, FLAG_LIST, O(paths), "where" },
    { "untracked", "T_UNTRACKED", NULL, FLAG_SWITCH, O(untracked), "all" },
    { "size", "T_SIZE", "7", FLAG_NUMBER, O(size), "how much" },
    { "pause", NULL, "1s", FLAG_DURATION, O(pause), "how long" },
    { NULL, NULL, NULL, FLAG_TEXT, 0, NULL },
};

/* What came out, as one line of text, and how many words were options; "error: ..." */
static char *parse(const char *words, const char *environment, int *n, char **log)
{
    auto_strvec argv = STRVEC_INIT, env = STRVEC_INIT;
    struct options o = { 0 };
    auto_err e = ERR_INIT;
    int fds[2];
    char said[2048] = "";
    auto_free char *copy = xstrdup(words), *env_copy = xstrdup(environment);
    char *rest = NULL;

    for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        strvec_push(&argv, strcmp(word, "''") == 0 ? "" : word);
    for (char *word = strtok_r(env_copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        strvec_push(&env, word);
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    const struct report report = { .fd = fds[1] };
    *n = flags_parse(table, strvec_list(&argv), strvec_list(&env), &report, &o, &e);
    (void)close(fds[1]);
    (void)!read(fds[0], said, sizeof(said) - 1);
    (void)close(fds[0]);
    *log = xstrdup(said);
    auto_free char *paths = strvec_join(&o.paths, ",");
    char *out = *n < 0 ? xasprintf("error: %s", err_text(&e))
                       : xasprintf("%s [%s] %s %lld %lld", o.name, paths, o.untracked ? "all" : "-", (long long)o.size,
                                   (long long)o.pause);
    flags_release(table, &o);
    return out;
}

static const struct {
    const char *words, *env;
    int n; /* words that were options */
    const char *wanted;
} rows[] = {
    { "", "", 0, "nobody [] - 7 1000" },
    { "--name you", "", 2, "you [] - 7 1000" },
    { "-name you --path=a -path b --path c=d", "", 7, "you [a,b,c=d] - 7 1000" },
    { "--untracked file --name x", "", 1, "nobody [] all 7 1000" },
    { "--untracked=false -- --name x", "T_UNTRACKED=true", 2, "nobody [] - 7 1000" },
    { "--untracked=T --size 0 --pause 1h0m0.5s", "", 5, "nobody [] all 0 3600500" },
    { "--name -Abc --path --untracked - x", "", 4, "-Abc [--untracked] - 7 1000" }, /* a token may begin with a dash */
    { "--pause 500ms --name x", "", 4, "x [] - 7 500" },
    { "--name ''", "T_NAME=me", 2, " [] - 7 1000" },
    { "--size 3", "T_NAME=me T_SIZE=4 T_UNTRACKED=1", 2, "me [] all 3 1000" },
    { "", "T_SIZE= T_NAME=", 0, "nobody [] - 7 1000" },
    { "--size", "", -1, "error: option --size needs a value" },
    { "--size -1", "", -1, "error: invalid value \"-1\" for --size: it must be a whole number that is not negative" },
    { "--untracked=maybe", "", -1, "error: invalid value \"maybe\" for --untracked: it must be true or false" },
    { "--pause soon", "", -1, "error: invalid value \"soon\" for --pause: it must be a duration such as 10m or 1h0m0s" },
};

static void test_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int n = 0;
        auto_free char *log = NULL;
        auto_free char *got = parse(rows[i].words, rows[i].env, &n, &log);
        assert_string_equal(got, rows[i].wanted);
        assert_int_equal(n, rows[i].n);
        assert_string_equal(log, "");
    }
}

/* Of a newer gitlab-runner: left out with its value, which may be a secret. */
static void test_unknown(void **state)
{
    static const struct {
        const char *words;
        int n;
    } cases[] = { { "--newer secret --name x", 4 }, { "--newer=secret --name x", 3 }, { "--newer --name x", 3 } };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int n = 0;
        auto_free char *log = NULL;
        auto_free char *got = parse(cases[i].words, "", &n, &log);
        assert_string_equal(got, "x [] - 7 1000");
        assert_int_equal(n, cases[i].n);
        assert_non_null(strstr(log, "WARNING: Unknown option --newer: "));
        assert_null(strstr(log, "secret"));
    }
}

static void test_wrong_environment(void **state)
{
    int n = 0;
    auto_free char *log = NULL;
    auto_free char *got = parse("--name x", "T_SIZE=many", &n, &log);

    (void)state;
    assert_string_equal(got, "x [] - 7 1000");
    assert_non_null(strstr(log, "WARNING: invalid value \"many\" for --size"));
    assert_non_null(strstr(log, "(from the variable T_SIZE)"));
}

static void test_durations(void **state)
{
    static const struct {
        const char *text;
        int64_t ms; /* -1: none */
    } durations[] = {
        { "0", 0 },        { "0s", 0 },     { "1.5s", 1500 }, { "500ms", 500 },  { "10m0s", 600000 },
        { "1h0m0s", 3600000 }, { ".5h", 1800000 }, { "1ns", 1 }, { "2500us", 3 }, { "2\xc2\xb5s", 1 },
        { "10", -1 },      { "", -1 },      { "-1s", -1 },    { "1.2.3s", -1 },  { "0x1s", -1 },
        { "1e3s", -1 },    { "s", -1 },     { "1d", -1 },     { "1s ", -1 },     { "99999999999999h", -1 },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(durations); i++) {
        int64_t ms = -1;
        int rc = go_duration_parse(durations[i].text, &ms);
        if (rc != (durations[i].ms < 0 ? -1 : 0) || ms != durations[i].ms)
            fail_msg("'%s': %d, %lld", durations[i].text, rc, (long long)ms);
    }
}

static void test_help(void **state)
{
    auto_strbuf out = STRBUF_TEXT;

    (void)state;
    flags_help(table, &out);
    assert_non_null(strstr(strbuf_text(&out), "--name"));
    assert_non_null(strstr(strbuf_text(&out), "who [T_NAME]\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_wrong_environment),
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_help),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
