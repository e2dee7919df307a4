/* Images of the Docker daemon of this machine.
 * ATELIER_TEST_REGISTRY="HOST:PORT:USER:PASSWORD-FILE" names a registry to push to. */
#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/support/engine_case.h"

static void test_image(void **state)
{
    struct fixture *f = fixture_or_skip(state);
    auto_err e = ERR_INIT;
    auto_free char *other = xasprintf("%s/other:2", f->prefix);
    auto_json *first = NULL, *second = NULL;
    check(image_inspect(f->engine, f->image, &first, &e), &e);
    check(image_tag(f->engine, f->image, other, &e), &e);
    check(image_inspect(f->engine, other, &second, &e), &e);
    assert_string_equal(json_text(first, "Id"), json_text(second, "Id"));
    check(image_remove(f->engine, other, &e), &e);
    check(image_remove(f->engine, other, &e), &e);
    auto_json *none = NULL;
    assert_int_equal(image_inspect(f->engine, other, &none, &e), -1);
    assert_says(&e, ERR_NOT_FOUND, "No such image");

    struct bytes garbage = { "this is no tar", 14 };
    assert_int_equal(image_load(f->engine, give, &garbage, &e), -1);
    assert_says(&e, ERR_SYSTEM, "load images: ");
}

static void test_image_load(void **state)
{
    struct fixture *f = fixture_or_skip(state);
    auto_err e = ERR_INIT;
    const char *const save[] = { "docker", "save", f->image, NULL };
    auto_strbuf saved = STRBUF_TEXT;
    if (process_capture(save, NULL, NULL, &saved, &e) < 0)
        skip(); /* the room can load and has no need to save: that takes a docker client */
    struct bytes source = { saved.data, saved.len };
    check(image_load(f->engine, give, &source, &e), &e);
}

static void test_pull_from_nowhere(void **state)
{
    struct fixture *f = fixture_or_skip(state);
    auto_err e = ERR_INIT;
    assert_int_equal(image_pull(f->engine, "127.0.0.1:1/no/image:1", NULL, &e), -1);
    assert_says(&e, ERR_SYSTEM, "pull image '127.0.0.1:1/no/image:1': ");
    assert_non_null(strstr(err_text(&e), "connection refused"));
}

static void print_line(void *ctx, const char *line)
{
    int *lines = ctx;
    ++*lines;
    print_message("    %s\n", line);
}

/* "host:port:user:file" */
static bool registry_from_env(struct registry_auth *auth, struct strvec *parts)
{
    const char *text = getenv("ATELIER_TEST_REGISTRY");
    char host[256], user[256], file[1024];
    if (!text || sscanf(text, "%255[^:]:%*[0-9]:%255[^:]:%1023s", host, user, file) != 3)
        return false;
    auto_err e = ERR_INIT;
    auto_free char *password = NULL;
    check(file_read(file, 4096, &password, NULL, &e), &e);
    password[strcspn(password, "\r\n")] = '\0';
    strvec_pushf(parts, "%.*s", (int)(strstr(text, user) - text - 1), text);
    strvec_push(parts, user);
    strvec_push(parts, password);
    *auth = (struct registry_auth){ .server = parts->items[0],
                                    .username = parts->items[1],
                                    .password = parts->items[2] };
    return true;
}

static void test_registry(void **state)
{
    struct fixture *f = fixture_or_skip(state);
    struct registry_auth auth = { 0 };
    auto_strvec parts = STRVEC_INIT;
    if (!registry_from_env(&auth, &parts))
        skip();
    auto_err e = ERR_INIT;
    int lines = 0;
    auto_free char *name = xasprintf("%s/%s:1", auth.server, f->prefix);
    auto_free char *missing = xasprintf("%s/%s:2", auth.server, f->prefix);
    const struct image_transfer t = { .auth = &auth, .progress = print_line, .progress_ctx = &lines };
    const struct registry_auth wrong = { auth.username, "wrong", auth.server };
    const struct image_transfer refused = { .auth = &wrong }, nobody = { 0 };

    check(image_tag(f->engine, f->image, name, &e), &e);
    check(image_push(f->engine, name, &t, &e), &e);
    check(image_remove(f->engine, name, &e), &e);
    check(image_pull(f->engine, name, &t, &e), &e);
    assert_int_equal(lines, 2);
    assert_int_equal(image_pull(f->engine, missing, &t, &e), -1);
    assert_says(&e, ERR_NOT_FOUND, missing);
    assert_int_equal(image_pull(f->engine, name, &refused, &e), -1);
    assert_says(&e, ERR_NOT_FOUND, name);
    assert_int_equal(image_pull(f->engine, name, &nobody, &e), -1);
    assert_says(&e, ERR_NOT_FOUND, name);
    assert_int_equal(image_push(f->engine, name, &refused, &e), -1);
    assert_says(&e, ERR_SYSTEM, "push image");
    print_message("    %s\n", err_text(&e));
    err_release(&e);
    check(image_remove(f->engine, name, &e), &e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_image),
        cmocka_unit_test(test_image_load),
        cmocka_unit_test(test_pull_from_nowhere),
        cmocka_unit_test(test_registry),
    };
    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
