#include "stages/kind.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void test_names_there_and_back(void **state)
{
    (void)state;
    static const char *const want[] = { "pull", "build", "push", "test", "deploy", "other" };
    assert_int_equal(ARRAY_SIZE(want), KIND_COUNT);
    for (int i = 0; i < KIND_COUNT; i++) {
        enum kind_id id = KIND_COUNT;
        assert_string_equal(kind_name((enum kind_id)i), want[i]);
        assert_string_equal(kind_names()[i], want[i]);
        assert_int_equal(kind_parse(want[i], &id), 0);
        assert_int_equal(id, i);
    }
    assert_null(kind_names()[KIND_COUNT]);
    static const char *const wrong[] = { "", "Build", "builds", "buil", "build ", "0" };
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        enum kind_id id = KIND_COUNT;
        assert_int_equal(kind_parse(wrong[i], &id), -1);
        assert_int_equal(id, KIND_COUNT);
    }
}

static const struct {
    const char *stage, *environment;
    enum kind_id want;
} choices[] = {
    { "pull", "", KIND_PULL },
    { "build", "", KIND_BUILD },
    { "push", "", KIND_PUSH },
    { "test", "", KIND_TEST },
    { "deploy", "", KIND_DEPLOY },
    { "other", "", KIND_OTHER },
    { "", "", KIND_OTHER },
    { "lint", "", KIND_OTHER },
    { "Build", "", KIND_OTHER },
    { ".pre", "", KIND_OTHER },
    /* An environment makes a deployment of what is nothing else. */
    { "release", "production", KIND_DEPLOY },
    { "", "production", KIND_DEPLOY },
    { "build", "production", KIND_BUILD },
    /* The owner's word comes first. */
    { "compile", "", KIND_BUILD },
    { "compile", "production", KIND_BUILD },
    { "push", "x", KIND_PUSH },
    { "test", "", KIND_TEST },
    { "quiet", "production", KIND_OTHER },
    { "pull=test", "", KIND_TEST },
    { "compil", "", KIND_OTHER },
    { "compile ", "", KIND_OTHER },
};

static void test_which_kind(void **state)
{
    (void)state;
    struct kinds kinds;
    kinds_init(&kinds);
    strvec_push(&kinds.of[KIND_BUILD].stages, "compile");
    strvec_push(&kinds.of[KIND_OTHER].stages, "quiet");
    strvec_push(&kinds.of[KIND_TEST].stages, "pull=test");
    for (size_t i = 0; i < ARRAY_SIZE(choices); i++) {
        print_message("    stage '%s', environment '%s'\n", choices[i].stage, choices[i].environment);
        assert_string_equal(kind_name(kind_of(&kinds, choices[i].stage, choices[i].environment)),
                            kind_name(choices[i].want));
    }
    strvec_push(&kinds.of[KIND_OTHER].stages, "build"); /* a kind's own name, mapped away */
    assert_int_equal(kind_of(&kinds, "build", ""), KIND_OTHER);
    kinds_release(&kinds);
}

static const struct {
    const char *patterns[3];
    const char *image;
    bool want;
} images[] = {
    { { NULL }, "anything/at:all", true },
    { { "alpine" }, "alpine", true },
    { { "alpine" }, "alpine:3", false },
    { { "alpine:*" }, "alpine:3.20", true },
    { { "alpine:*" }, "evil/alpine:3", false },
    { { "registry.example.com/**" }, "registry.example.com/a/b/c:1", true },
    { { "registry.example.com/**" }, "registry.example.com.evil.org/a", false },
    { { "registry.example.com/*" }, "registry.example.com:5000/a", false },
    { { "ruby:*", "node:*" }, "node:20", true },
    { { "ruby:*", "node:*" }, "nodes:20", false },
    { { "ruby:[23]" }, "ruby:3", true },
    { { "ruby:[23]" }, "ruby:4", false },
    { { "*@sha256:*" }, "a/b@sha256:00", true },
    { { "*" }, "a/b:c", true },
};

static void test_allowed_images(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(images); i++) {
        struct kind kind = { 0 };
        for (const char *const *p = images[i].patterns; *p; p++)
            strvec_push(&kind.images, *p);
        print_message("    %s\n", images[i].image);
        assert_int_equal(kind_allows_image(&kind, images[i].image), images[i].want);
        strvec_release(&kind.images);
    }
}

static void test_privileges_are_given_by_name(void **state)
{
    (void)state;
    struct kind kind = { 0 };
    assert_false(kind_image_is_privileged(&kind, "docker:dind") || kind_service_is_privileged(&kind, "docker:dind"));
    strvec_push(&kind.privileged_services, "docker:*dind*");
    assert_true(kind_service_is_privileged(&kind, "docker:dind"));
    assert_true(kind_service_is_privileged(&kind, "docker:28.5-dind-rootless"));
    assert_false(kind_service_is_privileged(&kind, "evil/docker:dind"));
    assert_false(kind_image_is_privileged(&kind, "docker:dind"));
    strvec_push(&kind.privileged_images, "builder");
    assert_true(kind_image_is_privileged(&kind, "builder"));
    strvec_release(&kind.privileged_services);
    strvec_release(&kind.privileged_images);
}

static void test_who_reaches_the_daemon(void **state)
{
    (void)state;
    static const struct {
        const char *mount;
        bool reaches;
    } cases[] = {
        { "/var/run/docker.sock:/var/run/docker.sock", true },
        { "/srv/podman.sock:/run/x:ro", true },
        { "/var/run/:/host", true },
        { "/:/host:ro", true },
        { "/var/runs:/var/run", false },
        { "/srv:/var/run/docker.sock.d", false },
        { "/var/run", false }, /* a volume of the job's own */
        { "run:/var/run", false },
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct kinds k;
        print_message("    %s\n", cases[i].mount);
        kinds_init(&k);
        assert_false(kind_reaches_daemon(&k.of[KIND_TEST]));
        strvec_push(&k.of[KIND_TEST].mounts, cases[i].mount);
        assert_int_equal(kind_reaches_daemon(&k.of[KIND_TEST]), cases[i].reaches);
        kinds_release(&k);
    }
}

static void test_every_kind_begins_with_the_least(void **state)
{
    (void)state;
    struct kinds kinds;
    kinds_init(&kinds);
    for (int i = 0; i < KIND_COUNT; i++) {
        const struct kind *k = &kinds.of[i];
        assert_int_equal(k->docker, DOCKER_NONE);
        assert_string_equal(k->network, "job");
        assert_int_equal(json_object_size(k->settings), 0);
        assert_int_equal(k->mounts.n + k->images.n + k->stages.n, 0);
        assert_int_equal(k->privileged_images.n + k->privileged_services.n, 0);
    }
    kinds_release(&kinds);
    kinds_release(&kinds); /* of nothing */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_there_and_back),
        cmocka_unit_test(test_which_kind),
        cmocka_unit_test(test_allowed_images),
        cmocka_unit_test(test_privileges_are_given_by_name),
        cmocka_unit_test(test_who_reaches_the_daemon),
        cmocka_unit_test(test_every_kind_begins_with_the_least),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
