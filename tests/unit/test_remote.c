#include "stages/pipeline/remote.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *url;
    const char *server, *path; /* NULL: it is none */
} urls[] = {
    { "https://gitlab.com/group/sub/proj.git", "https://gitlab.com", "group/sub/proj" },
    { "https://gitlab.com/group/proj/", "https://gitlab.com", "group/proj" },
    { "https://user:s3cret@git.example:8443/g/p.git", "https://git.example:8443", "g/p" },
    { "https://u@x:p@git.example/g/p", "https://git.example", "g/p" },
    { "http://localhost:8080/g/p", "http://localhost:8080", "g/p" },
    { "http://h:80/g/p", "http://h", "g/p" },
    { "ssh://git@git.example:2222/g/p.git", "https://git.example", "g/p" },
    { "git@git.example:g/p.git", "https://git.example", "g/p" },
    { "git.example:p", "https://git.example", "p" },
    { "git://git.example/g/p", "https://git.example", "g/p" },
    { "/srv/git/p.git", NULL, NULL },
    { "../p", NULL, NULL },
    { "file:///srv/git/p.git", NULL, NULL },
    { "https:///g/p", NULL, NULL },
    { "https://h", NULL, NULL },
    { "https://h/", NULL, NULL },
    { "https://h/g/../p", NULL, NULL },
    { "https://h/g//p", NULL, NULL },
    { "https://h/g/p q", NULL, NULL },
    { "https://h:99999/g/p", NULL, NULL },
    { "https://h:/g/..hidden", NULL, NULL },
    { "https://h/.git", NULL, NULL },
    { "", NULL, NULL },
};

static void test_urls(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
        struct remote r = { NULL };
        bool good = remote_parse(urls[i].url, &r);
        assert_int_equal(good, urls[i].path != NULL);
        if (good) {
            auto_free char *server = remote_server_url(&r);
            assert_string_equal(server, urls[i].server);
            assert_string_equal(r.path, urls[i].path);
        }
        remote_release(&r);
    }
}

static const struct {
    const char *top, *path;
} tops[] = {
    { "/home/me/hello", "local/hello" }, { "/", "local/project" },     { "/a/b c", "local/b-c" },
    { "/a/.dot", "local/_dot" },         { "/a/caf\xc3\xa9", "local/caf--" },
};

static void test_without_a_remote(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(tops); i++) {
        struct remote r = { NULL };
        remote_local(tops[i].top, &r);
        auto_free char *server = remote_server_url(&r);
        assert_string_equal(server, "https://localhost");
        assert_string_equal(r.path, tops[i].path);
        remote_release(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_urls), cmocka_unit_test(test_without_a_remote) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
