/* Which networks a job gets and which go, by what a daemon says of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/scripted.h"

#include "base/json.h"
#include "executor/idle_network.h"
#include "stages/place.h"

#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NAME  "atelier-net-0123456789abcdef"
#define OURS  "'atelier.managed':'" ATELIER_VERSION "','atelier.role':'network'"
#define THEIR "'atelier.role':'network','atelier.job':'tok-9'"

/* A time so many seconds ago, as Docker writes it. */
static char *ago(int64_t seconds)
{
    time_t then = (time_t)((int64_t)time(NULL) - seconds);
    char text[64];
    struct tm parts;

    assert_true(strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S.123456789Z", gmtime_r(&then, &parts)) > 0);
    return xstrdup(text);
}

static char *network(const char *labels, const char *containers, int64_t age)
{
    auto_free char *made = ago(age);
    char *text = xasprintf("{'Name':'" NAME "','Id':'n1','Created':'%s','Labels':{%s},'Containers':{%s}}", made, labels,
                           containers);

    for (char *p = text; *p; p++)
        if (*p == '\'')
            *p = '"';
    return text;
}

static const struct {
    const char *what, *labels, *containers;
    int64_t age;
    const char *removal; /* how it is answered; NULL: nobody asks */
    enum idle_network want;
} looks[] = {
    { "one that waits", OURS, "", 60, NULL, NETWORK_EMPTY },
    { "somebody is in it", OURS, "'c1':{}", 60, NULL, NETWORK_TAKEN },
    { "a job's own", THEIR, "", 60, NULL, NETWORK_TAKEN },
    { "a stranger's", "", "", 60, NULL, NETWORK_TAKEN },
    { "another version's", "'atelier.managed':'0','atelier.role':'network'", "", 60, " 204\n", NETWORK_MISSING },
    { "an old one", OURS, "", 100000, " 204\n", NETWORK_MISSING },
    { "an old one that somebody enters", OURS, "", 100000, " 403 {\"message\":\"network has active endpoints\"}\n",
      NETWORK_TAKEN },
    { "the same by Podman", OURS, "", 100000, " 500 {\"message\":\"network is being used\"}\n", NETWORK_TAKEN },
};

static void test_look(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(looks); i++) {
        print_message("    %s\n", looks[i].what);
        struct scripted s;
        auto_err e = ERR_INIT;
        enum idle_network found;
        auto_free char *said = network(looks[i].labels, looks[i].containers, looks[i].age);
        auto_free char *script = xasprintf("> GET /networks/" NAME "\n 200 %s\n%s%s", said,
                                           looks[i].removal ? "> DELETE /networks/n1\n" : "",
                                           looks[i].removal ? looks[i].removal : "");
        scripted_open(&s, script);
        check(idle_network_look(s.engine, NAME, &found, &e), &e);
        assert_int_equal(found, looks[i].want);
        scripted_stop(&s);
    }
}

static const struct {
    const char *what, *labels;
    int64_t age;
    bool known;          /* a link here names it */
    const char *removed; /* what is asked of one that is lost; NULL: nothing */
    size_t want;
} lost[] = {
    { "old, and no link", OURS, 100000, false, "> DELETE /networks/n1\n 204\n", 1 },
    { "somebody enters it", OURS, 100000, false, "> DELETE /networks/n1\n 403 {\"message\":\"active endpoints\"}\n", 0 },
    { "new: it may be in the making", OURS, 60, false, NULL, 0 },
    { "a job has it", OURS, 100000, true, NULL, 0 },
    { "a job's own", THEIR, 100000, false, NULL, 0 },
};

static void test_sweep(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(lost); i++) {
        print_message("    %s\n", lost[i].what);
        struct scripted s;
        auto_err e = ERR_INIT;
        size_t n = 0;
        auto_free char *said = network(lost[i].labels, "", lost[i].age);
        auto_free char *inspection = lost[i].removed ? xasprintf("> GET /networks/n1\n 200 %s\n%s", said, lost[i].removed)
                                                     : xstrdup("");
        auto_free char *script = xasprintf("> GET /networks?*\n 200 [%s]\n%s", said, inspection);
        scripted_open(&s, script);
        struct config c = { .builds = s.folder };
        auto_free char *folder = xasprintf("%s/.networks", s.folder);
        auto_free char *path = xasprintf("%s/tok-9", folder);
        assert_int_equal(mkdir(folder, 0700), 0);
        assert_int_equal(lost[i].known ? symlink(NAME, path) : 0, 0);
        check(idle_network_sweep(&c, s.engine, true, &n, &e), &e);
        assert_int_equal(n, lost[i].want);
        scripted_stop(&s);
    }
}

/* One that is given up is asked for until it is gone, and nobody gets it. */
static void test_given_up(void **state)
{
    (void)state;
    struct scripted s;
    auto_err e = ERR_INIT;
    size_t n;
    auto_free char *busy = network(OURS, "'c1':{}", 60), *empty = network(OURS, "", 60);
    auto_free char *script = xasprintf("> GET /networks/" NAME "\n 200 %s\n> GET /networks/" NAME "\n 200 %s\n"
                                       "> DELETE /networks/n1\n 204\n", busy, empty);
    scripted_open(&s, script);
    struct config c = { .builds = s.folder, .idle_networks = 10 };
    auto_free char *first = idle_network_take(&c, "tok-8");
    auto_free char *from = xasprintf("%s/.networks/tok-8", s.folder);
    auto_free char *to = xasprintf("%s/.networks/removal." NAME, s.folder);
    assert_int_equal(unlink(from) < 0 || symlink(NAME, from) < 0, 0);
    idle_network_give_up(&c, "tok-8");
    assert_int_equal(access(from, F_OK) == 0, 0);
    idle_network_return(&c, "tok-8");
    auto_free char *second = idle_network_take(&c, "tok-8");
    assert_string_not_equal(second, NAME);
    struct stat st;
    for (size_t want = 0; want < 2; want++) {
        check(idle_network_prune(&c, s.engine, IDLE_NETWORK_S, &n, &e), &e);
        assert_int_equal(n, want);
        assert_int_equal(lstat(to, &st) == 0, want == 0);
    }
    scripted_stop(&s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_look),
        cmocka_unit_test(test_sweep),
        cmocka_unit_test(test_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
