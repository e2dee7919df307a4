#include "stages/pipeline/slot.h"

#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void test_the_lowest_that_is_free(void **state)
{
    auto_free char *dir = NULL;
    auto_slot a = SLOT_INIT, b = SLOT_INIT, other = SLOT_INIT, again = SLOT_INIT;

    (void)state;
    assert_int_equal(dir_temporary("/tmp", "atelier-test-slot", &dir, NULL), 0);
    auto_free char *state_dir = xasprintf("%s/new/state", dir);
    assert_int_equal(slot_take(state_dir, 7, &a, NULL), 0);
    assert_int_equal(slot_take(state_dir, 7, &b, NULL), 0);
    assert_int_equal(slot_take(state_dir, 8, &other, NULL), 0);
    assert_int_equal(a.number, 0);
    assert_int_equal(b.number, 1);
    assert_int_equal(other.number, 0);
    slot_release(&a);
    assert_int_equal(slot_take(state_dir, 7, &again, NULL), 0);
    assert_int_equal(again.number, 0);
    assert_int_equal(dir_remove(dir, NULL), 0);
}

static const struct {
    char *env[3];
    const char *dir;
} homes[] = {
    { { (char[]){ "XDG_STATE_HOME=/x" }, (char[]){ "HOME=/h" }, NULL }, "/x/atelier" },
    { { (char[]){ "XDG_STATE_HOME=" }, (char[]){ "HOME=/h" }, NULL }, "/h/.local/state/atelier" },
    { { (char[]){ "HOME=/h" }, NULL }, "/h/.local/state/atelier" },
};

static void test_where_state_is_kept(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(homes); i++) {
        auto_free char *dir = slot_state_dir(homes[i].env);
        assert_string_equal(dir, homes[i].dir);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_lowest_that_is_free),
        cmocka_unit_test(test_where_state_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
