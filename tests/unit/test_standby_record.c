/* Who has the containers that stand by, also while that changes. */
#include "base/file.h"
#include "executor/standby_record.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char *root;

static int make_root(void **state)
{
    (void)state;
    return dir_temporary("/tmp", "atelier-standby-", &root, NULL);
}

static int remove_root(void **state)
{
    (void)state;
    int rc = dir_remove(root, NULL);
    free(root);
    return rc;
}

static struct config config_of_root(void)
{
    return (struct config){ .builds = root };
}

/* One that was offered long ago. */
static void offer(const struct config *c, const char *slot, const char *key)
{
    auto_json *record = json_object();
    auto_free char *path = xasprintf("%s/.standby/%s", root, key);
    const struct timespec long_ago[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
    auto_err e = ERR_INIT;

    assert_int_equal(standby_record_offer(c, slot, key, record, &e), 0);
    assert_int_equal(utimensat(AT_FDCWD, path, long_ago, 0), 0);
}

static void test_what_is_withdrawn_is_what_waits_now(void **state)
{
    (void)state;
    const struct config c = config_of_root();

    offer(&c, "tok.0", "tok-standby-0-1");
    auto_free char *seen = standby_record_waiting(&c, "tok.0");
    auto_free char *taken = standby_record_take(&c, "tok.0", "tok-7");
    assert_string_equal(seen, taken);
    offer(&c, "tok.0", "tok-standby-0-2");
    auto_free char *withdrawn = standby_record_withdraw(&c, "tok.0");
    assert_string_equal(withdrawn, "tok-standby-0-2"); /* a job has the one that was seen */
    assert_null(standby_record_withdraw(&c, "tok.0"));

    auto_standby_records all;
    standby_records_list(&c, &all);
    assert_int_equal(all.waiting.n, 0);
    assert_int_equal(all.taken.n, 1);
    assert_string_equal(all.taken.items[0], taken);
    assert_int_equal(all.lost.n, 1);
    assert_string_equal(all.lost.items[0], withdrawn);
}

enum { PAIRS = 1000 };

static void take_all(const struct config *c)
{
    for (int i = 0; i < PAIRS; i++) {
        auto_free char *slot = xasprintf("tok.%d", i);
        auto_free char *job = xasprintf("tok-%d", i);
        auto_free char *key = standby_record_take(c, slot, job);
        if (!key)
            _exit(1);
    }
    _exit(0);
}

/* gc would remove the containers of a job that has just begun. */
static void test_nothing_is_lost_that_is_taken_meanwhile(void **state)
{
    (void)state;
    const struct config c = config_of_root();
    int status = -1;

    for (int i = 0; i < PAIRS; i++) {
        auto_free char *slot = xasprintf("tok.%d", i);
        auto_free char *key = xasprintf("tok-standby-%d-1", i);
        offer(&c, slot, key);
    }
    pid_t taker = fork();
    assert_true(taker >= 0);
    if (taker == 0)
        take_all(&c);
    for (pid_t ended = 0; ended == 0;) {
        auto_standby_records all;
        standby_records_list(&c, &all);
        assert_int_equal(all.lost.n, 0);
        ended = waitpid(taker, &status, WNOHANG);
    }
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_withdrawn_is_what_waits_now, make_root, remove_root),
        cmocka_unit_test_setup_teardown(test_nothing_is_lost_that_is_taken_meanwhile, make_root, remove_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
