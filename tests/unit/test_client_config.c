#include "executor/client_config.h"

#include "base/json.h"
#include "executor/login.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/expect.h"

/* Base64 by `printf USER:PASSWORD | base64`. */
#define ADA "{'auth':'YWRhOnNlY3JldC1h'}" /* ada:secret-a */
#define BOB "{'auth':'Ym9iOnNlY3JldC1i'}" /* bob:secret-b */

#define SENT_BOB(url) "{'type':'registry','url':'" url "','username':'bob','password':'secret-b'}"

static const struct {
    const char *what;
    const char *variable; /* NULL: not set */
    const char *sent;     /* the response's credentials */
    const char *want;     /* the entries, in full; NULL: no configuration */
    const char *warning;  /* a part of the first one; NULL: none */
} texts[] = {
    { "nothing", NULL, "", NULL, NULL },
    { "an empty variable", " \n", "", NULL, NULL },
    { "a variable without logins", "{}", "", NULL, NULL },
    { "sent", NULL, SENT_BOB("r.io:5000"), "{'r.io:5000':" BOB "}", NULL },
    { "sent, of another type", NULL, "{'type':'other','url':'r.io','username':'bob','password':'secret-b'}", NULL, NULL },
    { "in the variable", "{'auths':{'r.io':" ADA "}}", "", "{'r.io':" ADA "}", NULL },
    { "user and password apart", "{'auths':{'r.io':{'username':'ada','password':'secret-a'}}}", "", "{'r.io':" ADA "}",
      NULL },
    { "both, of two registries", "{'auths':{'r.io':" ADA "}}", SENT_BOB("s.io"), "{'r.io':" ADA ",'s.io':" BOB "}", NULL },
    { "the variable counts first", "{'auths':{'r.io':" ADA "}}", SENT_BOB("r.io"), "{'r.io':" ADA "}", NULL },
    { "however it writes the registry", "{'auths':{'https://R.io/v1/':" ADA "}}", SENT_BOB("r.io"), "{'r.io':" ADA "}",
      NULL },
    { "not of another port", "{'auths':{'r.io':" ADA "}}", SENT_BOB("r.io:5000"),
      "{'r.io':" ADA ",'r.io:5000':" BOB "}", NULL },
    { "Docker Hub", "{'auths':{'docker.io':" ADA "}}", SENT_BOB("index.docker.io"),
      "{'https://index.docker.io/v1/':" ADA "}", NULL },
    { "tokens", "{'auths':{'r.io':{'identitytoken':'t-1'},'s.io':{'registrytoken':'t-2'}}}", "",
      "{'r.io':{'identitytoken':'t-1'},'s.io':{'registrytoken':'t-2'}}", NULL },
    { "a token as docker login keeps it", "{'auths':{'r.io':{'auth':'YWRhOg==','identitytoken':'t-1'}}}", "",
      "{'r.io':{'auth':'YWRhOg==','identitytoken':'t-1'}}", NULL },
    { "an entry whose secret is elsewhere leaves the place to GitLab's", "{'auths':{'r.io':{}}}", SENT_BOB("r.io"),
      "{'r.io':" BOB "}", NULL },
    { "an entry that is none", "{'auths':{'r.io':{'auth':'%'},'s.io':" ADA "}}", "", "{'s.io':" ADA "}",
      "the entry for 'r.io' in $DOCKER_AUTH_CONFIG is left out" },
    { "a store", "{'credsStore':'pass','auths':{'r.io':" ADA "}}", "", "{'r.io':" ADA "}", "credsStore and credHelpers" },
    { "helpers", "{'credHelpers':{'r.io':'ecr'}}", "", NULL, "credsStore and credHelpers" },
    { "nothing else of the variable", "{'proxies':{'default':{}},'HttpHeaders':{'a':'b'},'auths':{'r.io':" ADA "}}", "",
      "{'r.io':" ADA "}", NULL },
    { "other types", "{'auths':[1]}", "", NULL, NULL },
};

static int make(const char *variable, const char *sent, struct strvec *warnings, char **out, struct err *e)
{
    auto_job job = { 0 };
    auto_free char *as_json = expect_text(variable ? variable : "");
    auto_free char *entry = xasprintf("CUSTOM_ENV_DOCKER_AUTH_CONFIG=%s", as_json);
    auto_free char *members = xasprintf("{'id':9,'credentials':[%s]}", sent);
    auto_free char *response = expect_text(members);
    char *env[] = { (char[]){ "CUSTOM_ENV_CI_JOB_ID=9" }, (char[]){ "CUSTOM_ENV_CI_RUNNER_SHORT_TOKEN=tok" },
                    (char[]){ "CUSTOM_ENV_CI_PROJECT_ID=42" }, entry, NULL };

    if (job_from_env(env, &job, e) < 0 || job_add_response_text(&job, response, strlen(response), e) < 0)
        fail_msg("the row itself: %s", err_text(e));
    return client_config_text(&job, env, warnings, out, e);
}

static void test_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        auto_secret *text = NULL;
        auto_strvec warnings = STRVEC_INIT;
        auto_err e = ERR_INIT;
        if (make(texts[i].variable, texts[i].sent, &warnings, &text, &e) < 0)
            fail_msg("%s: %s", texts[i].what, err_text(&e));
        auto_free char *want = texts[i].want ? xasprintf("{'auths':%s}", texts[i].want) : NULL;
        auto_free char *expected = want ? expect_text(want) : NULL;
        auto_json *want_json = expected ? json_loads(expected, 0, NULL) : NULL;
        auto_json *got = text ? json_loads(text, 0, NULL) : NULL;
        if (text ? !json_equal(got, want_json) || strchr(text, '\n') : texts[i].want != NULL)
            fail_msg("%s: %s", texts[i].what, text ? text : "nothing");
        const char *warned = warnings.n ? warnings.items[0] : "";
        if (texts[i].warning ? !strstr(warned, texts[i].warning) : *warned)
            fail_msg("%s: warned '%s'", texts[i].what, warned);
        assert_null(strstr(warned, "secret"));
    }
}

static void test_bad_variable(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        auto_secret *text = NULL;
        auto_err e = ERR_INIT;
        assert_int_equal(make(i ? "{'auths': secret" : "['secret']", "", NULL, &text, &e), -1);
        assert_int_equal(e.kind, ERR_JOB);
        assert_non_null(strstr(err_text(&e), "$DOCKER_AUTH_CONFIG"));
        assert_null(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_bad_variable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
