/* Images that are pulled, pushed and imported, by a scripted daemon. */
#include "engine/image.h"
#include "engine/passing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/support/scripted.h"

#define PULL "> POST /images/create?fromImage=r.io%2Fapp&tag=1\n"

static const struct {
    const char *script;
    enum err_kind kind; /* ERR_NONE: it goes well */
    const char *says;   /* the error, or the last line of progress */
} pulls[] = {
    { PULL " 200 chunked\n json {\"status\":\"Pulling from app\",\"id\":\"1\"}\n"
           " json {\"status\":\"Pull complete\",\"id\":\"aa\"}\n json {\"status\":\"Digest: sha256:12\"}\n"
           " json {\"status\":\"Status: Downloaded newer image for r.io/app:1\"}\n",
      ERR_NONE, "Pulled r.io/app:1 (sha256:12)" },
    { PULL " 200 chunked\n raw \"{\\\"status\\\":\\\"Dig\"\n sleep 0.05\n raw \"est: sha256:1\\\"}\\r\\n\"\n",
      ERR_NONE, "Pulled r.io/app:1 (sha256:1)" },
    { PULL " 200 chunked\n json {\"status\":\"Image is up to date\"}\n", ERR_NONE, "Pulled r.io/app:1" },
    { PULL " 404 {\"message\":\"manifest for r.io/app:1 not found: manifest unknown\"}\n", ERR_NOT_FOUND,
      "pull image 'r.io/app:1': manifest for r.io/app:1 not found" },
    { PULL " 500 {\"message\":\"Get \\\"https://r.io/v2/\\\": unauthorized: access denied\"}\n",
      ERR_NOT_FOUND, "unauthorized" },
    { PULL " 500 {\"message\":\"Get \\\"https://r.io/v2/\\\": dial tcp: lookup r.io: no such host\"}\n",
      ERR_SYSTEM, "no such host" },
    { PULL " 200 chunked\n json {\"errorDetail\":{\"message\":\"pull access denied for "
           "r.io/app\"},\"error\":\"x\"}\n",
      ERR_NOT_FOUND, "pull image 'r.io/app:1': pull access denied for r.io/app" },
    { PULL " 200 chunked\n json {\"error\":\"toomanyrequests: \\u001b[0mslow down\"}\n", ERR_SYSTEM,
      "toomanyrequests: \\x1b[0mslow down" },
    { PULL " 200 chunked\n json {\"error\":\"\"}\n", ERR_SYSTEM, "the daemon gave no reason" },
    { PULL " 200 chunked\n json {\"status\":\"Downloading\",\"id\":\"aa\"}\n cut\n", ERR_SYSTEM,
      "closed in the middle of the answer" },
    { PULL " 200 stream\n raw \"{\\\"status\\\":\\\"Downloadi\"\n", ERR_SYSTEM, "closed the stream early" },
    { PULL " 200 stream\n raw \"<html>\\r\\n\"\n", ERR_SYSTEM, "the daemon's message is not JSON" },
};

static void keep_line(void *ctx, const char *line)
{
    char **last = ctx;
    free(*last);
    *last = xstrdup(line);
}

static void test_pulls(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(pulls); i++) {
        struct scripted s;
        scripted_open(&s, pulls[i].script);
        auto_err e = ERR_INIT;
        auto_free char *line = NULL;
        const struct image_transfer t = { .progress = keep_line, .progress_ctx = &line };
        int result = image_pull(s.engine, "r.io/app:1", &t, &e);
        if (pulls[i].kind == ERR_NONE) {
            check(result, &e);
            assert_string_equal(line, pulls[i].says);
        } else {
            assert_int_equal(result, -1);
            assert_says(&e, pulls[i].kind, pulls[i].says);
        }
        scripted_stop(&s);
    }
}

/* Side by side: what becomes of one is nothing to the others. */
static void test_pulls_beside_each_other(void **state)
{
    (void)state;
    static const char *const names[] = { "r.io/a:1", "", "r.io/b:1", "r.io/c:1" };
    static const struct image_transfer how[ARRAY_SIZE(names)] = { { 0 } };
    struct err errs[ARRAY_SIZE(names)] = { { 0 } };
    struct scripted s;
    scripted_open(&s, "> POST /images/create?fromImage=r.io%2Fa&tag=1\n 200 chunked\n sleep 0.2\n json {\"status\":\"Done\"}\n"
                      "> POST /images/create?fromImage=r.io%2Fb&tag=1\n 404 {\"message\":\"manifest unknown\"}\n"
                      "> POST /images/create?fromImage=r.io%2Fc&tag=1\n 200 chunked\n json {\"error\":\"Bad Gateway\"}\n");
    assert_int_equal(image_pull_all(s.engine, names, how, errs, ARRAY_SIZE(names)), -1);
    assert_int_equal(errs[0].kind, ERR_NONE);
    assert_non_null(errs[1].msg);
    assert_says(&errs[2], ERR_NOT_FOUND, "pull image 'r.io/b:1': manifest unknown");
    assert_says(&errs[3], ERR_SYSTEM, "pull image 'r.io/c:1': Bad Gateway");
    assert_false(passing_fault(&errs[2]));
    assert_true(passing_fault(&errs[3]));
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        err_release(&errs[i]);
    scripted_stop(&s);
}

static void count_line(void *ctx, const char *line)
{
    strbuf_printf(ctx, "%s\n", line);
}

static void test_progress_does_not_flood(void **state)
{
    (void)state;
    auto_strbuf script = STRBUF_TEXT, lines = STRBUF_TEXT;
    strbuf_puts(&script,
                "> POST /images/create*\n 200 chunked\n json {\"status\":\"Already exists\",\"id\":\"a\"}\n");
    for (int i = 0; i < 400; i++)
        strbuf_printf(
            &script,
            " json {\"status\":\"Downloading\",\"id\":\"b\",\"progressDetail\":{\"current\":%d}}\n%s",
            i * 1024, i == 300 ? " sleep 3.1\n" : "");
    strbuf_puts(&script,
                " json {\"status\":\"Extracting\",\"id\":\"b\",\"progressDetail\":{\"current\":1}}\n");
    struct scripted s;
    scripted_open(&s, strbuf_text(&script));
    auto_err e = ERR_INIT;
    const struct image_transfer t = { .progress = count_line, .progress_ctx = &lines };
    check(image_pull(s.engine, "app", &t, &e), &e);
    assert_string_equal(strbuf_text(&lines), "Pulling app: 1 of 2 layers, 301 KiB\nPulled app\n");
    scripted_stop(&s);
}

static void test_push(void **state)
{
    (void)state;
    struct scripted s;
    scripted_open(&s, "> POST /images/r.io%3A5000%2Fapp/push?tag=1\n 200 chunked\n"
                      " json {\"status\":\"Pushed\",\"id\":\"a\"}\n"
                      " json {\"aux\":{\"Tag\":\"1\",\"Digest\":\"sha256:34\",\"Size\":1}}\n"
                      "> POST /images/r.io%3A5000%2Fapp/push?tag=latest\n 200 chunked\n"
                      " json {\"errorDetail\":{\"message\":\"denied: not yours\"}}\n");
    auto_err e = ERR_INIT;
    auto_free char *line = NULL;
    const struct registry_auth auth = { "ada", "secret", "r.io:5000" };
    const struct image_transfer t = { .auth = &auth, .progress = keep_line, .progress_ctx = &line };
    check(image_push(s.engine, "r.io:5000/app:1", &t, &e), &e);
    assert_string_equal(line, "Pushed r.io:5000/app:1 (sha256:34)");
    assert_int_equal(image_push(s.engine, "r.io:5000/app", &t, &e), -1);
    assert_says(&e, ERR_SYSTEM, "push image 'r.io:5000/app': denied: not yours");
    assert_int_equal(image_push(s.engine, "r.io:5000/../app", &t, &e), -1);
    assert_says(&e, ERR_JOB, "no image's name");
    scripted_stop(&s);
}

static ssize_t nothing(void *ctx, char *buf, size_t size, struct err *e)
{
    (void)ctx;
    (void)buf;
    (void)size;
    (void)e;
    return 0;
}

/* The tag is part of `repo`: Podman 4 hears of no other. */
static void test_import_names_the_tag(void **state)
{
    (void)state;
    struct scripted s;
    scripted_open(&s, "> POST /images/create?fromSrc=-&repo=h%3A1%2Fi%3A2&changes=CMD%20sh\n 200 chunked\n"
                      "> POST /images/create?fromSrc=-&repo=i%3Alatest\n 200 chunked\n");
    auto_err e = ERR_INIT;
    auto_strvec changes = STRVEC_INIT;
    strvec_push(&changes, "CMD sh");
    check(image_import(s.engine, "h:1/i:2", &changes, nothing, NULL, &e), &e);
    check(image_import(s.engine, "i", NULL, nothing, NULL, &e), &e);
    scripted_stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pulls),
        cmocka_unit_test(test_pulls_beside_each_other),
        cmocka_unit_test(test_progress_does_not_flood),
        cmocka_unit_test(test_push),
        cmocka_unit_test(test_import_names_the_tag),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
