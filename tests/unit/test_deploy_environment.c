#include "stages/deploy/environment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/expect.h"

/* ---- What it is called ---- */

static const struct {
    const char *project, *environment;
    const char *want; /* or the error after "!" */
} units[] = {
    { "group/proj", "staging", "group-proj-staging" },
    { "g/p", "12345678901234567", "g-p-12345678901234567" },
    /* a mark where another one would be called alike */
    { "Group/proj", "staging", "group-proj-staging-" },
    { "a-b/c", "d", "a-b-c-d-" },
    { "a/b-c", "d", "a-b-c-d-" },
    { "a/b/c", "d", "a-b-c-d-" },
    { "a/b", "review/foo", "a-b-review-foo-" },
    { "a/b", "review-foo", "a-b-review-foo-" },
    { "a/b", "123456789012345678", "a-b-12345678901234567-" },
    { "0123456789/0123456789012345678-1", "1234567890123456-8", "0123456789-0123456789012345678-1-1234567890123456-" },
    /* names with the same beginning of their SHA-256 are found in a moment */
    { "my-group/app", "production", "my-group-app-production-" },
    { "my/group-app", "PRODUCTION- ._/  _/ ", "my-group-app-production-" },
    { "a_b/c.d", "-e-", "a-b-c-d-e-" },
    /* "Une limitation liée à la taille des comptes UNIX impose que le nom de votre groupe/projet ne dépasse pas 32
     * caractères": Déploiement, Environnements */
    { "0123456789/012345678901234567890", "e", "0123456789-012345678901234567890-e" },
    { "0123456789/0123456789012345678901", "e",
      "!'0123456789/0123456789012345678901' has 33 characters, and what is deployed may have 32" },
    { "group/proj", "---", "!'---' has no letter or digit, so nothing can be called after it on the target; choose another "
                           "name for the environment" },
    { "proj", "e", "!choose another name for the project" },
    { "_/_", "e", "!choose another name for the project" },
};

static void test_units(void **state)
{
    auto_strvec seen = STRVEC_INIT;
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
        const char *want = units[i].want;
        auto_free char *unit = NULL;
        auto_err e = ERR_INIT;
        int rc = identity_unit(units[i].project, units[i].environment, &unit, &e);
        assert_int_equal(rc, *want == '!' ? -1 : 0);
        if (rc < 0) {
            expect_error(&e, want + 1);
            assert_int_equal(e.kind, ERR_JOB);
            continue;
        }
        size_t len = strlen(want);
        bool marked = want[len - 1] == '-';
        if (strncmp(unit, want, len) != 0 || strlen(unit) != len + (marked ? 12 : 0))
            fail_msg("wanted '%s', got '%s'", want, unit);
        assert_true(strlen(unit) <= 63);
        assert_false(strvec_has(&seen, unit));
        strvec_push(&seen, unit);
    }
}

/* ---- What it has ---- */

struct fixture {
    struct targets targets;
    struct variables job;
    struct deploy_identity who;
    struct deploy_environment *env;
};

static void fixture_release(struct fixture *f)
{
    environment_free(f->env);
    variables_release(&f->job);
    targets_release(&f->targets);
    free(f->who.unit);
}

static const char key[] = "0123456789abcdef0123456789abcdef";

static int fixture_make(struct fixture *f, const char *environment, const char *url, struct err *e)
{
    static const struct {
        const char *name, *value;
        unsigned flags;
    } job[] = {
        { "CI_COMMIT_SHA", "c0ffee", VARIABLE_PUBLIC },
        { "CI_ENVIRONMENT_NAME", "wrong", VARIABLE_PUBLIC },
        { "CI_ENVIRONMENT_DOMAIN", "wrong", VARIABLE_PUBLIC },
        { "CI_JOB_TOKEN", "job-token-1", VARIABLE_MASKED },
        { "CI_REGISTRY_PASSWORD", "job-token-1", VARIABLE_MASKED },
        { "CI_REPOSITORY_URL", "https://u:job-token-1@h/p.git", 0 },
        { "X_CONFIG_FILE", "prod.yml", VARIABLE_PUBLIC },
        { "X_MASKED", "masked-value", VARIABLE_MASKED },
        { "X_COPY", "url-of-key-for-prod", 0 },
        { "OTHER", "seen by the job alone", VARIABLE_PUBLIC },
        { "SV_PROD_API_KEY", "key-for-prod", VARIABLE_MASKED },
        { "SV_PREPROD_API_KEY", "key-for-preprod", VARIABLE_MASKED },
        { "SV_PROD_EU_KEY", "key-for-eu", 0 },
        { "SV_REVIEW_FOO_API_KEY", "key-for-review", 0 },
        { "SV_PROD_CERT", "line one\nline two\n", VARIABLE_FILE },
        { "SV_PROD_", "no name", 0 },
        { "SV_PROD_1X", "no name", 0 },
        { "SV_PREPROD_MYSQL_PASSWORD", "own", 0 },
        { "SV_PREPROD_MAILS_PORT", "26", 0 },
        { "SV_PROD_X_CONFIG_FILE", "secret.yml", 0 },
    };

    struct target *t = targets_add(&f->targets, "t");
    free(t->key);
    t->key = xstrdup(key);
    strvec_push(&t->mails, "MAILS_PORT=25");
    strvec_push(&t->mails, "MAILS_TOKEN=mail-token");
    strvec_push(&t->influxdb, "INFLUXDB_PASSWORD=influx-password");
    for (size_t i = 0; i < ARRAY_SIZE(job); i++)
        variables_add(&f->job, job[i].name, job[i].value, job[i].flags);
    if (url)
        variables_add(&f->job, "CI_ENVIRONMENT_URL", url, VARIABLE_PUBLIC);
    f->who = (struct deploy_identity){ .project = "g/p", .environment = environment };
    assert_int_equal(identity_unit("g/p", environment, &f->who.unit, e), 0);
    return environment_make(&f->job, &f->who, &f->targets.items[0], &f->env, e);
}

static const struct {
    const char *environment, *name;
    const char *value; /* NULL: none */
    bool secret;
} found[] = {
    /* "Pour les retrouver dans le contexte de déploiement, ces variables doivent être préfixées par X_" */
    { "prod", "OTHER", NULL, false },
    { "preprod", "X_CONFIG_FILE", "prod.yml", false },
    { "preprod", "X_MASKED", "masked-value", true },
    { "preprod", "X_COPY", "url-of-key-for-prod", true },
    { "prod", "X_CONFIG_FILE", "secret.yml", true },
    { "prod", "CI_COMMIT_SHA", "c0ffee", false },
    /* "SV_PROD_API_KEY=your_api_key_for_prod": Ajouter des variables secrètes */
    { "prod", "API_KEY", "key-for-prod", true },
    { "PROD", "API_KEY", "key-for-prod", true },
    { "preprod", "API_KEY", "key-for-preprod", true },
    { "review/foo", "API_KEY", "key-for-review", true },
    { "staging", "API_KEY", NULL, false },
    { "prod", "SV_PROD_API_KEY", NULL, false },
    { "prod", "CERT", "line one\nline two\n", true },
    /* each environment reads what its own name says */
    { "prod", "EU_KEY", "key-for-eu", true },
    { "prod-eu", "KEY", "key-for-eu", true },
    { "prod", "KEY", NULL, false },
    { "prod", "", NULL, false },
    { "prod", "1X", NULL, false },
    /* the job's passwords end with it */
    { "prod", "CI_JOB_TOKEN", NULL, false },
    { "prod", "CI_REGISTRY_PASSWORD", NULL, false },
    { "prod", "CI_REPOSITORY_URL", NULL, false },
    { "prod", "CI_ENVIRONMENT_NAME", "prod", false },
    /* "Une base de donnée InfluxDB est créée par projet et environnement": Metrics */
    { "prod", "INFLUXDB_DATABASE", "g-p-prod", false },
    { "prod", "INFLUXDB_PASSWORD", "influx-password", true },
    { "prod", "MAILS_PORT", "25", false },
    { "prod", "MAILS_TOKEN", "mail-token", true },
    { "preprod", "MAILS_PORT", "26", true },
    { "prod", "MAILS_USER", NULL, false },
    { "prod", "MYSQL_DATABASE", "g_p_prod", false },
    { "prod", "MYSQL_USER", "g_p_prod", false },
    { "prod", "POSTGRES_DB", "g_p_prod", false },
    { "prod", "MONGODB_USER", "g_p_prod", false },
    /* "Les variables _SSL contiennent true quand l'utilisation du service requiert ssl" */
    { "prod", "MONGODB_SSL", "false", false },
    { "preprod", "MYSQL_PASSWORD", "own", true },
};

static void test_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(found); i++) {
        __attribute__((cleanup(fixture_release))) struct fixture f = { 0 };
        auto_err e = ERR_INIT;
        bool secret = true;
        if (fixture_make(&f, found[i].environment, NULL, &e) < 0)
            fail_msg("%s", err_text(&e));
        const char *value = environment_find(f.env, found[i].name, &secret);
        if (!value != !found[i].value || (value && strcmp(value, found[i].value) != 0) || secret != found[i].secret)
            fail_msg("%s of %s: got %s (%d)", found[i].name, found[i].environment, value ? value : "nothing", secret);
        if (secret)
            assert_true(strvec_has(environment_secrets(f.env), value));
    }
}

static void test_generated_passwords(void **state)
{
    static const char *const names[] = { "MYSQL_PASSWORD", "POSTGRES_PASSWORD", "MONGODB_PASSWORD" };
    static const char *const environments[] = { "prod", "staging" };
    auto_strvec seen = STRVEC_INIT;
    (void)state;

    for (int again = 0; again < 2; again++)
        for (size_t i = 0; i < ARRAY_SIZE(names) * ARRAY_SIZE(environments); i++) {
            __attribute__((cleanup(fixture_release))) struct fixture f = { 0 };
            bool secret = false;
            assert_int_equal(fixture_make(&f, environments[i % 2], NULL, NULL), 0);
            const char *value = environment_find(f.env, names[i / 2], &secret);
            assert_true(secret);
            assert_int_equal(strlen(value), 32);
            assert_int_equal(strspn(value, "0123456789abcdef"), 32);
            assert_int_equal(strvec_has(&seen, value), again == 1); /* stable, and each another one */
            strvec_push(&seen, value);
        }
    /* by another program: printf 'mysql\ng/p\nprod' | openssl dgst -sha256 -hmac KEY */
    assert_true(strvec_has(&seen, "9adeaf49a64e88784c02f3c5d1b5aff1"));
}

static void test_names_of_accounts(void **state)
{
    __attribute__((cleanup(fixture_release))) struct fixture f = { 0 };
    bool secret;
    (void)state;

    assert_int_equal(fixture_make(&f, "an-environment-of-a-long-name", NULL, NULL), 0);
    const char *user = environment_find(f.env, "MYSQL_USER", &secret);
    assert_int_equal(strlen(user), 32);
    assert_int_equal(strspn(user, "abcdefghijklmnopqrstuvwxyz0123456789_"), 32);
    assert_int_equal(strncmp(user, "g_p_an_environment", 18), 0);
}

/* ---- Where it is ---- */

static const struct {
    const char *url, *domain, *want; /* want: or the error after "!"; NULL: none */
} places[] = {
    /* "Cette variable nommée CI_ENVIRONMENT_DOMAIN est basée sur l’url déclarée": Gestion des noms de domaine */
    { "https://www.example.com", "", "www.example.com" },
    { "http://WWW.Example.com:8080/path?q#f", "", "www.example.com" },
    { "https://me:pw@h.example.com/", "", "h.example.com" },
    { "www.example.com/", "x.org", "www.example.com" },
    { "https://h?x/y", "", "h" },
    { NULL, "staging.example.com", "g-p-prod.staging.example.com" },
    { "", "staging.example.com", "g-p-prod.staging.example.com" },
    { NULL, "", NULL },
    { "https://", "x.org", "!environment:url 'https://' is no address" },
    { "https://a b/", "", "!is no address" },
    { "https://$HOST/", "", "!is no address" },
    { "https://a`b`.c", "", "!is no address" },
    { "https://a,b.c", "", "!is no address" },
    { "https://.a", "", "!is no address" },
};

static void test_places(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        __attribute__((cleanup(fixture_release))) struct fixture f = { 0 };
        auto_deploy_environment *env = NULL;
        const char *want = places[i].want;
        auto_err e = ERR_INIT;
        bool secret;
        (void)fixture_make(&f, "prod", places[i].url, NULL);
        free(f.targets.items[0].domain);
        f.targets.items[0].domain = xstrdup(places[i].domain);
        int rc = environment_make(&f.job, &f.who, &f.targets.items[0], &env, &e);
        assert_int_equal(rc, want && *want == '!' ? -1 : 0);
        if (rc < 0) {
            expect_error(&e, want + 1);
            assert_int_equal(e.kind, ERR_JOB);
            continue;
        }
        const char *got = environment_find(env, "CI_ENVIRONMENT_DOMAIN", &secret);
        if (want && strcmp(want, got ? got : "") != 0)
            fail_msg("wanted '%s', got '%s'", want, got ? got : "nothing");
        if (!want) /* the job's own word counts when there is no other */
            assert_string_equal(got, "wrong");
    }
}

/* ---- What is missing ---- */

static const struct {
    const char *name;
    bool key;
    const char *hint;
} missing[] = {
    { "TOKEN", true, "create SV_STAGING_TOKEN in the project's CI/CD variables" },
    { "API_KEY", true, "create SV_STAGING_API_KEY in the project's CI/CD variables (SV_PROD_API_KEY is another environment's)" },
    { "OTHER", true, "the job has OTHER, but what is deployed sees variables X_* and SV_* alone: name it X_OTHER, or" },
    { "X_FILE", true, "set X_FILE under `variables` in .gitlab-ci.yml" },
    { "CI_JOB_TOKEN", true, "it ends with the job, so what is deployed cannot use it; create SV_STAGING_CI_JOB_TOKEN" },
    { "CI_COMMIT_SHAA", true, "did you mean CI_COMMIT_SHA?" },
    { "CI_WHATEVER_ELSE", true, "GitLab sent no such variable with this job" },
    { "MYSQL_PASSWORD", false, "the target t has no key to make it of (its owner: targets: t: key_file); or create SV_STAGING_MYSQL" },
    { "MYSQL_ROOT_PASSWORD", true, "create SV_STAGING_MYSQL_ROOT_PASSWORD" },
    { "MAILS_USER", true, "the target t has none (its owner: targets: t: mails); or create SV_STAGING_MAILS_USER" },
    { "INFLUXDB_DOMAIN", true, "(its owner: targets: t: influxdb)" },
};

static void test_missing(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(missing); i++) {
        __attribute__((cleanup(fixture_release))) struct fixture f = { 0 };
        auto_deploy_environment *env = NULL;
        auto_strbuf hint = STRBUF_TEXT;
        bool secret;
        assert_int_equal(fixture_make(&f, "staging", NULL, NULL), 0);
        if (!missing[i].key)
            *f.targets.items[0].key = '\0';
        assert_int_equal(environment_make(&f.job, &f.who, &f.targets.items[0], &env, NULL), 0);
        assert_null(environment_find(env, missing[i].name, &secret));
        environment_missing(env, missing[i].name, &hint);
        if (!strstr(strbuf_text(&hint), missing[i].hint))
            fail_msg("%s: %s", missing[i].name, strbuf_text(&hint));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_units),  cmocka_unit_test(test_found),  cmocka_unit_test(test_generated_passwords),
        cmocka_unit_test(test_places), cmocka_unit_test(test_missing), cmocka_unit_test(test_names_of_accounts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
