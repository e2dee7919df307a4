#include "base/clock.h"
#include "base/file.h"
#include "executor/credentials.h"
#include "executor/docker_config.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "tests/support/expect.h"

/* Base64 by `printf USER:PASSWORD | base64`. */
#define ADA "'auth':'YWRhOnNlY3JldC1h'" /* ada:secret-a */
#define BOB "'auth':'Ym9iOnNlY3JldC1i'" /* bob:secret-b */

/* Where helpers and homes are made; PATH begins with it. */
static char *folder;

/* Warnings go to a file that a test can read. */
static struct log warnings = { .fd = -1, .level = LOG_WARNING };

static char *warned(void)
{
    char text[2000] = "";
    ssize_t n = pread(warnings.fd, text, sizeof(text) - 1, 0);
    assert_true(n >= 0);
    assert_int_equal(ftruncate(warnings.fd, 0), 0);
    return xstrdup(text);
}

static void write_file(const char *name, const char *text, mode_t mode)
{
    auto_free char *path = xasprintf("%s/%s", folder, name);
    auto_free char *parent = xstrndup(path, (size_t)(strrchr(path, '/') - path));
    assert_int_equal(dir_make(parent, 0700, NULL), 0);
    assert_int_equal(file_write(path, text, strlen(text), mode, NULL), 0);
}

static const struct {
    const char *key, *registry;
} registries[] = {
    { "r.io", "r.io" },
    { "R.io:5000", "r.io:5000" },
    { "r.io/Group/app", "r.io/Group/app" },
    { "https://r.io", "r.io" },
    { "HTTP://r.io/", "r.io" },
    { "https://r.io/v1/", "r.io" },
    { "https://r.io/v2", "r.io" },
    { "r.io//", "r.io" },
    { "https://index.docker.io/v1/", "docker.io" },
    { "index.docker.io", "docker.io" },
    { "Index.Docker.io/library", "docker.io/library" },
    { "registry-1.docker.io", "docker.io" },
    { "docker.io", "docker.io" },
    { "", "" },
    { "/", "" },
    { "https://", "" },
};

static void test_registries(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(registries); i++) {
        auto_free char *got = docker_config_registry(registries[i].key);
        assert_string_equal(got, registries[i].registry);
    }
}

/* What a search found: "USER:PASSWORD@SERVER", "token:…@SERVER", or "" for nothing. */
static char *describe(const struct login *l)
{
    if (login_is_empty(l))
        return xstrdup("");
    if (l->identity_token)
        return xasprintf("token:%s@%s", l->identity_token, l->server);
    if (l->registry_token)
        return xasprintf("bearer:%s@%s", l->registry_token, l->server);
    return xasprintf("%s:%s@%s", l->username, l->password, l->server);
}

static const struct {
    const char *what, *doc, *image;
    const char *want; /* as describe() says it, or NULL and an error */
    const char *says; /* part of the error, or of the warning; NULL: silence */
} logins[] = {
    /* Which entry. */
    { "of its host", "{'auths':{'r.io':{" ADA "}}}", "r.io/app", "ada:secret-a@r.io", NULL },
    { "of another host", "{'auths':{'q.io':{" ADA "}}}", "r.io/app", "", NULL },
    { "of another port", "{'auths':{'r.io:5000':{" ADA "}}}", "r.io/app", "", NULL },
    { "tag and digest do not count", "{'auths':{'r.io':{" ADA "}}}",
      "r.io/app:1@sha256:0123456789012345678901234567890123456789012345678901234567890123", "ada:secret-a@r.io", NULL },
    { "the longest path", "{'auths':{'r.io':{" ADA "},'r.io/a/b':{" BOB "}}}", "r.io/a/b/c", "bob:secret-b@r.io/a/b",
      NULL },
    { "the image itself", "{'auths':{'r.io/a':{" BOB "},'r.io':{" ADA "}}}", "r.io/a:2", "bob:secret-b@r.io/a", NULL },
    { "a path that is longer", "{'auths':{'r.io/a/b':{" ADA "}}}", "r.io/a", "", NULL },
    { "half a word of a path", "{'auths':{'r.io/ap':{" ADA "}}}", "r.io/app", "", NULL },
    { "an empty entry leads on", "{'auths':{'r.io/a':{},'r.io':{" ADA "}}}", "r.io/a/b", "ada:secret-a@r.io", NULL },
    { "capitals in the host", "{'auths':{'R.IO':{" ADA "}}}", "r.io/app", "ada:secret-a@R.IO", NULL },
    { "the Hub's key", "{'auths':{'https://index.docker.io/v1/':{" ADA "}}}", "debian",
      "ada:secret-a@https://index.docker.io/v1/", NULL },
    { "the Hub's name", "{'auths':{'docker.io':{" ADA "}}}", "index.docker.io/me/app", "ada:secret-a@docker.io", NULL },
    { "a user of the Hub", "{'auths':{'docker.io/me':{" ADA "},'docker.io':{" BOB "}}}", "me/app",
      "ada:secret-a@docker.io/me", NULL },

    /* What an entry holds. */
    { "two members", "{'auths':{'r.io':{'username':'u','password':'p:q'}}}", "r.io/app", "u:p:q@r.io", NULL },
    { "auth before members", "{'auths':{'r.io':{'username':'u','password':'p'," ADA "}}}", "r.io/app",
      "ada:secret-a@r.io", NULL },
    { "an identity token", "{'auths':{'r.io':{'identitytoken':'it'," ADA "}}}", "r.io/app", "token:it@r.io", NULL },
    { "a registry token", "{'auths':{'r.io':{'registrytoken':'rt'}}}", "r.io/app", "bearer:rt@r.io", NULL },
    { "a password with colons", "{'auths':{'r.io':{'auth':'YTpiOmM='}}}", "r.io/app", "a:b:c@r.io", NULL },
    { "NULs at its end", "{'auths':{'r.io':{'auth':'YTpiAAA='}}}", "r.io/app", "a:b@r.io", NULL },
    { "line breaks", "{'auths':{'r.io':{'auth':'YWRh\\nOnNlY3JldC1h\\n'}}}", "r.io/app", "ada:secret-a@r.io", NULL },
    { "a user alone", "{'auths':{'r.io':{'username':'u'}}}", "r.io/app", "", NULL },
    { "other types", "{'auths':{'r.io':[1,2],'q.io':7}}", "r.io/app", "", NULL },
    { "no auths", "{'auths':null}", "r.io/app", "", NULL },
    { "no base64", "{'auths':{'r.io':{'auth':'secret!'}}}", "r.io/app", NULL,
      "the entry for 'r.io': its 'auth' is not the base64 of USER:PASSWORD" },
    { "no padding", "{'auths':{'r.io':{'auth':'YWRhOnNlY3JldC1'}}}", "r.io/app", NULL, "is not the base64" },
    { "padding within", "{'auths':{'r.io':{'auth':'YW=hOnNlY3JldC1h'}}}", "r.io/app", NULL, "is not the base64" },
    { "nothing but padding", "{'auths':{'r.io':{'auth':'===='}}}", "r.io/app", NULL, "is not the base64" },
    { "NULs within", "{'auths':{'r.io':{'auth':'YToAYg=='}}}", "r.io/app", NULL, "is not the base64" },
    { "no colon", "{'auths':{'r.io':{'auth':'YWRh'}}}", "r.io/app", NULL, "is not the base64" },
    { "no user", "{'auths':{'r.io':{'auth':'OnNlY3JldA=='}}}", "r.io/app", NULL, "is not the base64" },
    { "another's fault", "{'auths':{'q.io':{'auth':'!'},'r.io':{" ADA "}}}", "r.io/app", "ada:secret-a@r.io", NULL },

    /* Helpers: `echo` answers as the user SERVER. */
    { "of a helper", "{'credHelpers':{'r.io':'echo'}}", "r.io/app", "r.io:secret-h@r.io", NULL },
    { "a helper for another", "{'credHelpers':{'q.io':'echo'}}", "r.io/app", "", NULL },
    { "a helper before auths", "{'credHelpers':{'r.io':'echo'},'auths':{'r.io':{" ADA "}}}", "r.io/app",
      "r.io:secret-h@r.io", NULL },
    { "a longer path before a helper", "{'credHelpers':{'r.io':'echo'},'auths':{'r.io/a':{" ADA "}}}", "r.io/a",
      "ada:secret-a@r.io/a", NULL },
    { "of the store", "{'credsStore':'echo'}", "r.io/app", "r.io:secret-h@r.io", NULL },
    { "by the key in auths", "{'credsStore':'echo','auths':{'https://r.io/v1/':{}}}", "r.io/app",
      "https://r.io/v1/:secret-h@https://r.io/v1/", NULL },
    { "the store's Hub", "{'credsStore':'echo'}", "debian", "https://index.docker.io/v1/:secret-h@https://index.docker.io/v1/",
      NULL },
    { "a helper before the store", "{'credsStore':'token','credHelpers':{'r.io':'echo'}}", "r.io/app",
      "r.io:secret-h@r.io", NULL },
    { "a token", "{'credsStore':'token'}", "r.io/app", "token:secret-t@r.io", NULL },
    { "a helper that knows none", "{'credsStore':'none','auths':{'r.io':{" ADA "}}}", "r.io/app", "ada:secret-a@r.io",
      NULL },
    { "a helper that is missing", "{'credsStore':'gone','auths':{'r.io':{" ADA "}}}", "r.io/app", "ada:secret-a@r.io",
      "credentials: start 'docker-credential-gone': No such file or directory, going on without" },
    { "a helper that fails", "{'credsStore':'fails'}", "r.io/app", "",
      "credentials: 'docker-credential-fails' ended with 3, going on without" },
    { "a helper that is slow", "{'credsStore':'slow'}", "r.io/app", "", "took longer than 1.0 s" },
    { "a helper that floods", "{'credsStore':'flood'}", "r.io/app", "", "wrote more than 65536 bytes" },
    { "a helper that babbles", "{'credsStore':'babble'}", "r.io/app", "", "its answer is not JSON" },
    { "a helper without a secret", "{'credsStore':'half'}", "r.io/app", "", "has no Username or no Secret" },
    { "a path", "{'credsStore':'../../tmp/x'}", "r.io/app", NULL,
      "the credential helper's name 'docker-credential-../../tmp/x' has a path separator" },
    { "another system's path", "{'credHelpers':{'r.io':'a\\\\b'}}", "r.io/app", NULL, "has a path separator" },
};

static const struct {
    const char *name, *script;
} helpers[] = {
    { "echo", "test \"$1\" = get && IFS= read -r server || true\n"
              "printf '{\"ServerURL\":\"%s\",\"Username\":\"%s\",\"Secret\":\"secret-h\"}\\n' \"$server\" \"$server\"\n" },
    { "token", "printf '{\"Username\":\"<token>\",\"Secret\":\"secret-t\"}'\n" },
    { "none", "echo 'credentials not found in native keychain'; exit 1\n" },
    { "fails", "echo secret-out; echo secret-err >&2; exit 3\n" },
    { "slow", "exec sleep 300\n" },
    { "flood", "exec yes secret-flood\n" },
    { "babble", "echo secret-babble\n" },
    { "half", "echo '{\"Username\":\"secret-half\"}'\n" },
};

/* Nothing that people read quotes a secret. */
static void check_words(const char *what, const char *text, const char *wanted)
{
    if (strstr(text, "secret"))
        fail_msg("%s: a secret in '%s'", what, text);
    if (wanted ? !strstr(text, wanted) : *text != '\0')
        fail_msg("%s: wanted '%s', got '%s'", what, wanted ? wanted : "nothing", text);
}

static void test_logins(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(logins); i++) {
        print_message("    %s\n", logins[i].what);
        const struct credential_helper helper = { environ, -1, strstr(logins[i].doc, "slow") ? 1000 : 60000 };
        auto_json *doc = expect_json(logins[i].doc);
        auto_image_reference image = { 0 };
        auto_login found = { 0 };
        auto_err e = ERR_INIT;
        assert_int_equal(image_reference_parse(logins[i].image, &image, NULL), 0);
        int rc = docker_config_find(doc, &image, &helper, &warnings, &found, &e);
        auto_free char *heard = warned();
        auto_free char *got = describe(&found);
        assert_int_equal(rc, logins[i].want ? 0 : -1);
        assert_string_equal(got, logins[i].want ? logins[i].want : "");
        check_words(logins[i].what, logins[i].want ? heard : err_text(&e), logins[i].says);
        assert_int_equal(e.kind, logins[i].want ? ERR_NONE : ERR_CONFIG);
    }
}

static void test_a_helper_ends_when_told_to(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    const struct credential_helper helper = { environ, ends[0], 300000 };
    auto_login found = { 0 };
    auto_err e = ERR_INIT;
    int64_t start = clock_ms();
    assert_int_equal(credential_helper_get(&helper, "slow", "r.io", &found, &e), -1);
    assert_int_equal(e.kind, ERR_CANCELLED);
    assert_true(clock_ms() - start < 60000);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

#define NOBODY ""
#define JOB    "job payload (GitLab Registry)"

/* Folders of the rows below, by their HOME. */
static const struct {
    const char *path, *text;
} homes[] = {
    { "empty/.keep", "" },
    { "new/.docker/config.json", "{'auths':{'h.io':{" BOB "}}}" },
    { "new/.dockercfg", "{'old.io':{" ADA "}}" },
    { "old/.dockercfg", "{'h.io':{" ADA "}}" },
    { "older/.dockercfg", "{'auths':{'h.io':{" ADA "}}}" },
    { "elsewhere/config.json", "{'auths':{'e.io':{" ADA "}}}" },
    { "broken/.docker/config.json", "{'auths':'secret" },
    { "list/.docker/config.json", "[]" },
};

static const struct {
    const char *what, *variable, *home, *docker_config, *image;
    const char *want; /* the user; NULL: an error */
    const char *says; /* the source without the folder's name, or the error */
    enum err_kind kind;
} finds[] = {
    { "the variable", "{'auths':{'h.io':{" ADA "}}}", "new", NULL, "h.io/x", "ada", "$DOCKER_AUTH_CONFIG", ERR_NONE },
    { "the host", NULL, "new", NULL, "h.io/x", "bob", "/new/.docker/config.json", ERR_NONE },
    { "the host's old file", NULL, "old", NULL, "h.io/x", "ada", "/old/.dockercfg", ERR_NONE },
    { "the old file in new words", NULL, "older", NULL, "h.io/x", "ada", "/older/.dockercfg", ERR_NONE },
    { "the old file behind a new one", NULL, "new", NULL, "old.io/x", NOBODY, "", ERR_NONE },
    { "the job", NULL, "empty", NULL, "j.io/x", "gitlab-ci-token", JOB, ERR_NONE },
    { "the job's second", NULL, "empty", NULL, "k.io:5000/x", "k", JOB, ERR_NONE },
    { "the job, through the variable and the host", "{'auths':{'v.io':{" ADA "}}}", "new", NULL, "j.io/x",
      "gitlab-ci-token", JOB, ERR_NONE },
    { "the variable before the job", "{'auths':{'j.io':{" ADA "}}}", "new", NULL, "j.io/x", "ada",
      "$DOCKER_AUTH_CONFIG", ERR_NONE },
    { "a short path of the variable before a long one of the host", "{'auths':{'h.io':{" ADA "}}}", "new", NULL,
      "h.io/x/y", "ada", "$DOCKER_AUTH_CONFIG", ERR_NONE },
    { "nobody", "{}", "new", NULL, "n.io/x", NOBODY, "", ERR_NONE },
    { "an empty variable", " \n", "new", NULL, "h.io/x", "bob", "/new/.docker/config.json", ERR_NONE },
    { "DOCKER_CONFIG", NULL, "new", "elsewhere", "e.io/x", "ada", "/elsewhere/config.json", ERR_NONE },
    { "DOCKER_CONFIG instead of HOME", NULL, "new", "elsewhere", "h.io/x", NOBODY, "", ERR_NONE },
    { "the job's author's mistake", "{'auths':'secret", "new", NULL, "h.io/x", NULL,
      "credentials: $DOCKER_AUTH_CONFIG is not JSON: line 1", ERR_JOB },
    { "another shape", "'secret'", "new", NULL, "h.io/x", NULL, "credentials: $DOCKER_AUTH_CONFIG is no JSON object",
      ERR_JOB },
    { "an entry of another shape", "{'auths':{'h.io':{'auth':'secret'}}}", "new", NULL, "h.io/x", NULL,
      "credentials: $DOCKER_AUTH_CONFIG: the entry for 'h.io': its 'auth'", ERR_JOB },
    { "a helper's path", "{'credsStore':'/bin/x'}", "new", NULL, "h.io/x", NULL, "has a path separator", ERR_JOB },
    { "the owner's mistake", NULL, "broken", NULL, "h.io/x", NULL, "/broken/.docker/config.json is not JSON", ERR_CONFIG },
    { "the owner's other shape", NULL, "list", NULL, "h.io/x", NULL, "config.json is no JSON object", ERR_CONFIG },
    { "no image", NULL, "new", NULL, "No Image", NULL, "is no image's name", ERR_JOB },
};

static char *env_entry(const char *key, const char *before, const char *value)
{
    return value ? xasprintf("%s=%s%s", key, before, value) : xasprintf("%s=", key);
}

static void test_finds(void **state)
{
    (void)state;
    struct credential sent[] = { { (char[]){ "j.io" }, (char[]){ "gitlab-ci-token" }, (char[]){ "secret-j" } },
                                 { (char[]){ "j.io" }, (char[]){ "second" }, (char[]){ "secret-2" } },
                                 { (char[]){ "K.io:5000" }, (char[]){ "k" }, (char[]){ "secret-k" } } };
    const struct job job = { .credentials = sent, .n_credentials = ARRAY_SIZE(sent) };
    auto_free char *inside = xasprintf("%s/", folder);
    for (size_t i = 0; i < ARRAY_SIZE(finds); i++) {
        print_message("    %s\n", finds[i].what);
        auto_free char *text = finds[i].variable ? expect_text(finds[i].variable) : NULL;
        auto_free char *variable = env_entry("CUSTOM_ENV_DOCKER_AUTH_CONFIG", "", text);
        auto_free char *home = env_entry("HOME", inside, finds[i].home);
        auto_free char *docker = env_entry("DOCKER_CONFIG", inside, finds[i].docker_config);
        char *const env[] = { variable, home, docker, NULL };
        const struct credentials_from from = { &job, env, -1, &warnings };
        auto_credentials found = { 0 };
        auto_err e = ERR_INIT;
        int rc = credentials_find(&from, finds[i].image, &found, &e);
        assert_int_equal(rc, finds[i].want ? 0 : -1);
        assert_int_equal(e.kind, finds[i].kind);
        check_words(finds[i].what, rc < 0 ? err_text(&e) : found.source ? found.source : "", finds[i].says);
        if (rc == 0)
            assert_string_equal(found.source ? found.login.username : NOBODY, finds[i].want);
    }
}

static void test_a_file_that_is_not_for_us(void **state)
{
    (void)state;
    write_file("folder/.docker/config.json/file", "", 0600); /* a folder: root may read all files */
    auto_free char *home = xasprintf("HOME=%s/folder", folder);
    char *const env[] = { home, NULL };
    const struct job job = { 0 };
    const struct credentials_from from = { &job, env, -1, &warnings };
    auto_credentials found = { 0 };
    assert_int_equal(credentials_find(&from, "h.io/x", &found, NULL), 0);
    assert_null(found.source);
    auto_free char *heard = warned();
    check_words("folder", heard, "going on without");
}

static int make_folder(void **state)
{
    (void)state;
    if (dir_temporary("/tmp", "atelier-credentials-", &folder, NULL) < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_SIZE(helpers); i++) {
        auto_free char *name = xasprintf("docker-credential-%s", helpers[i].name);
        auto_free char *script = xasprintf("#!/bin/sh\n%s", helpers[i].script);
        write_file(name, script, 0700);
    }
    for (size_t i = 0; i < ARRAY_SIZE(homes); i++) {
        auto_free char *text = expect_text(homes[i].text);
        write_file(homes[i].path, text, 0600);
    }
    auto_free char *path = xasprintf("%s:/usr/bin:/bin", folder);
    warnings.fd = memfd_create("warnings", MFD_CLOEXEC);
    (void)fcntl(warnings.fd, F_SETFL, O_APPEND);
    return warnings.fd < 0 ? -1 : setenv("PATH", path, 1);
}

static int remove_folder(void **state)
{
    (void)state;
    (void)close(warnings.fd);
    int rc = dir_remove(folder, NULL);
    free(folder);
    return rc;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_registries),
        cmocka_unit_test(test_logins),
        cmocka_unit_test(test_a_helper_ends_when_told_to),
        cmocka_unit_test(test_finds),
        cmocka_unit_test(test_a_file_that_is_not_for_us),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
