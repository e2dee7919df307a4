/* Which images go with the releases that a history forgets. */
#include "stages/deploy/superseded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static json_t *json(const char *text)
{
    json_t *value = json_loads(text, 0, NULL);

    assert_non_null(value);
    return value;
}

static void test_brought(void **state)
{
    static const struct {
        const char *before, *images, *history, *want;
    } rows[] = {
        { "[]", "[{\"Id\":\"a\"},{\"Id\":\"b\"},{\"Id\":\"a\"},{}]", "[]", "[\"a\",\"b\"]" },
        { "[{\"Id\":\"a\"}]", "[{\"Id\":\"a\"},{\"Id\":\"b\"}]", "[]", "[\"b\"]" },
        { "[{\"Id\":\"a\"},{\"Id\":\"b\"}]", "[{\"Id\":\"a\"},{\"Id\":\"b\"}]", "[\"b\",\"c\"]", "[\"b\"]" },
        { NULL, "[{\"Id\":\"a\"},{\"Id\":\"b\"}]", "[\"b\"]", "[\"b\"]" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_json *before = rows[i].before ? json(rows[i].before) : NULL;
        auto_json *images = json(rows[i].images), *earlier = json(rows[i].history), *want = json(rows[i].want);
        json_t *list[8] = { NULL }; /* the last one is of a service that the target has elsewhere */
        size_t n = json_array_size(images);
        for (size_t k = 0; k < n; k++)
            list[k] = json_array_get(images, k);
        struct release past = { .number = 1, .images = earlier };
        const struct releases history = { &past, 1 };
        auto_json *got = superseded_brought(before, list, n + 1, &history);
        assert_true(json_equal(got, want));
    }
}

static void test_find(void **state)
{
    auto_json *one = json("[\"a\",\"b\",\"c\"]"), *two = json("[\"c\",\"d\"]"), *three = json("[\"b\"]"), *now = json("[\"d\"]");
    struct release items[] = { { .number = 1, .images = one }, { .number = 2, .images = two }, { .number = 3, .images = three } };
    const struct releases history = { items, 3 };
    auto_strvec numbers = STRVEC_INIT, found = STRVEC_INIT, none = STRVEC_INIT;

    (void)state;
    superseded_find(&history, &none, now, &found);
    assert_int_equal(found.n, 0);
    strvec_push(&numbers, "1");
    strvec_push(&numbers, "2");
    superseded_find(&history, &numbers, now, &found);
    auto_free char *all = strvec_join(&found, " ");
    assert_string_equal(all, "a c");
}

static void test_named(void **state)
{
    auto_json *services = json("{\"app\": {\"digest\": \"r/app@sha256:1\"}, \"db\": {\"digest\": \"sha256:2\"}, \"x\": {}}");
    auto_json *ids = json("[\"sha256:3\"]");
    struct release items[] = { { .number = 1, .services = services }, { .number = 2, .images = ids } };
    const struct releases all = { items, 2 };
    static const struct {
        const char *image;
        bool named;
    } rows[] = {
        { "{\"Id\": \"sha256:9\", \"RepoDigests\": [\"o/app@sha256:0\", \"r/app@sha256:1\"]}", true },
        { "{\"Id\": \"sha256:2\"}", true },
        { "{\"Id\": \"sha256:3\"}", true },
        { "{\"Id\": \"sha256:9\", \"RepoDigests\": [\"o/app@sha256:1\"]}", false },
        { "{\"Id\": \"sha256:9\", \"RepoDigests\": null}", false },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_json *image = json(rows[i].image);
        assert_int_equal(superseded_is_named(&all, image), rows[i].named);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_brought), cmocka_unit_test(test_find), cmocka_unit_test(test_named) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
