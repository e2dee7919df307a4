#include "stages/place.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/expect.h"

#define LONG "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"

static void place_from(const char *const words[5], bool is_protected, struct place *out)
{
    char *own[5];
    for (int i = 0; i < 5; i++)
        own[i] = xstrdup(words[i]);
    const struct job job = {
        .runner = own[0], .id = own[1], .project_id = own[2], .slot = own[3], .concurrent = own[4],
        .protected_ref = is_protected,
    };
    place_of(&job, "/b", "/c", out);
    for (int i = 0; i < 5; i++)
        free(own[i]);
}

static const struct {
    const char *words[5]; /* runner, id, project, slot, concurrent */
    bool is_protected;
    const char *key, *builds, *cache, *hostname;
} places[] = {
    { { "aBc_-9", "1234", "42", "0", "1" }, false, "aBc_-9-1234", "/b/aBc_-9/42/0", "/c/aBc_-9/42",
      "runner-aBc_-9-project-42-concurrent-1" },
    { { "tok", "1", "42", "3", "7" }, true, "tok-1", "/b/tok/42/3.protected", "/c/tok/42.protected",
      "runner-tok-project-42-concurrent-7" },
    { { "../..", "..", "/etc", ".", "a/b" }, false, "--------", "/b/-----/-etc/-", "/c/-----/-etc",
      "runner-------project--etc-concurrent-a-b" },
    { { "", "", "", "", "" }, false, "0-0", "/b/0/0/0", "/c/0/0", "runner-0-project-0-concurrent-0" },
    { { "a b:c", "x\ny", "$(id)", "\"';", "%s%n" }, false, "a-b-c-x-y", "/b/a-b-c/--id-/---", "/c/a-b-c/--id-",
      "runner-a-b-c-project---id--concurrent--s-n" },
    { { "\xc3\xa9t\xc3\xa9", "1", "2", "3", "4" }, false, "--t---1", "/b/--t--/2/3", "/c/--t--/2",
      "runner---t---project-2-concurrent-4" },
    /* A slot or project that is called as the protected one's folder does not get into it. */
    { { "tok", "1", "42.protected", "3.protected", "7" }, false, "tok-1", "/b/tok/42-protected/3-protected",
      "/c/tok/42-protected", "runner-tok-project-42-protected-concurrent-7" },
};

static void test_places(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        auto_place p = { 0 };
        place_from(places[i].words, places[i].is_protected, &p);
        print_message("    %s\n", places[i].key);
        assert_string_equal(p.key, places[i].key);
        assert_string_equal(p.builds_dir, places[i].builds);
        assert_string_equal(p.cache_dir, places[i].cache);
        assert_string_equal(p.hostname, places[i].hostname);
    }
}

static const struct {
    const char *words[5];
    bool is_protected;
    const char *builds, *cache;
} volumes[] = {
    { { "aBc_-9", "1234", "42", "0", "1" }, false, "atelier-builds-aBc_-9.42.0", "atelier-cache-aBc_-9.42" },
    { { "tok", "1", "42", "3", "7" }, true, "atelier-builds-tok.42.3.protected", "atelier-cache-tok.42.protected" },
    /* Whatever the words are, no two places have one volume. */
    { { "a-1", "1", "2", "3", "4" }, false, "atelier-builds-a-1.2.3", "atelier-cache-a-1.2" },
    { { "a", "1", "1-2", "3", "4" }, false, "atelier-builds-a.1-2.3", "atelier-cache-a.1-2" },
    { { "tok", "1", "42", "3.protected", "7" }, false, "atelier-builds-tok.42.3-protected", "atelier-cache-tok.42" },
    { { "tok", "1", "../x", "", "7" }, false, "atelier-builds-tok.---x.0", "atelier-cache-tok.---x" },
};

static void test_volumes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(volumes); i++) {
        auto_place p = { 0 };
        place_from(volumes[i].words, volumes[i].is_protected, &p);
        print_message("    %s\n", volumes[i].builds);
        assert_string_equal(p.builds_volume, volumes[i].builds);
        assert_string_equal(p.cache_volume, volumes[i].cache);
    }
}

static bool is_docker_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    return strspn(name, letters) == strlen(name) && text_starts(name, "atelier-") && !strstr(name, "..");
}

static unsigned count(const char *text, char c)
{
    unsigned n = 0;
    for (; *text; text++)
        n += *text == c;
    return n;
}

/* Each of the five words in turn, for each byte and for what is longer than any name may be. */
static void test_hostile_words(void **state)
{
    (void)state;
    for (int word = 0; word < 5; word++) {
        for (int byte = 1; byte <= 256; byte++) {
            const char *words[5] = { "tok", "1", "2", "3", "4" };
            const char one[] = { (char)byte, '.', '.', (char)byte, '\0' };
            words[word] = byte < 256 ? one : LONG;
            auto_place p = { 0 };
            place_from(words, byte % 2, &p);
            auto_free char *network = place_name(&p, NULL);
            auto_free char *container = place_name(&p, "helper");
            assert_true(is_docker_name(network) && is_docker_name(container));
            assert_true(strlen(container) <= 160);
            assert_true(strlen(p.hostname) <= 63);
            assert_int_equal(count(p.builds_dir, '/'), 4);
            assert_int_equal(count(p.cache_dir, '/'), 3);
            assert_null(strstr(p.builds_dir, ".."));
            assert_null(strstr(p.cache_dir, ".."));
            assert_true(strlen(p.builds_dir) < 256);
        }
    }
}

/* A slot's name is no key, whatever the words are; keys of what stands by are keys like others, and each is another one. */
static void test_slots(void **state)
{
    (void)state;
    static const struct {
        const char *runner, *concurrent, *slot, *key;
    } rows[] = {
        { "aBc_-9", "1", "aBc_-9.1", "aBc_-9-standby-1-" },
        { "", "", "0.0", "0-standby-0-" },
        { "../x", "a.b", "---x.a-b", "---x-standby-a-b-" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct job job = { .runner = (char *)(uintptr_t)rows[i].runner, .concurrent = (char *)(uintptr_t)rows[i].concurrent };
        auto_free char *slot = place_slot(&job);
        auto_free char *key = place_standby_key(&job);
        (void)usleep(2); /* another microsecond */
        auto_free char *next = place_standby_key(&job);
        assert_string_equal(slot, rows[i].slot);
        assert_true(text_starts(key, rows[i].key));
        assert_null(strchr(key, '.'));
        assert_string_not_equal(key, next);
    }
}

static void test_longest_of_all(void **state)
{
    (void)state;
    const char *const words[5] = { LONG, LONG, LONG, LONG, LONG };
    auto_place p = { 0 };
    place_from(words, true, &p);
    assert_int_equal(strlen(p.hostname), 63);
    assert_int_equal(strlen(p.key), 64 + 1 + 64);
}

static void test_labels(void **state)
{
    (void)state;
    char path[] = "group/\xc3\xa9", runner[] = "tok";
    const struct job job = { .project_path = path, .runner = runner };
    const char *const words[5] = { "tok", "9", "2", "3", "4" };
    auto_place p = { 0 };
    auto_strvec filter = STRVEC_INIT;
    place_from(words, false, &p);
    auto_json *labels = place_labels(&job, &p, "helper", 1700000000000);
    expect_members(labels, "{'atelier.managed':'" ATELIER_VERSION "', 'atelier.job':'tok-9', 'atelier.runner':'tok', "
                           "'atelier.project':'group/\xc3\xa9', 'atelier.role':'helper', "
                           "'atelier.expires':'1700000000000'}");
    place_filter(&p, &filter);
    assert_int_equal(filter.n, 1);
    assert_string_equal(filter.items[0], "atelier.job=tok-9");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_volumes),
        cmocka_unit_test(test_hostile_words),
        cmocka_unit_test(test_slots), cmocka_unit_test(test_longest_of_all),
        cmocka_unit_test(test_labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
