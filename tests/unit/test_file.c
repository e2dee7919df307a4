#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

/* Each test has a folder of its own: *state. */
static int folder_make(void **state)
{
    char *dir = NULL;
    int result = dir_temporary("/tmp", "test-file-", &dir, NULL);
    *state = dir;
    return result;
}

static int folder_remove(void **state)
{
    int result = dir_remove(*state, NULL);
    free(*state);
    return result;
}

static char *in(void **state, const char *name)
{
    return xasprintf("%s/%s", (const char *)*state, name);
}

static void put(const char *path, const char *text)
{
    auto_err e = ERR_INIT;
    if (file_write(path, text, strlen(text), 0644, &e) < 0)
        fail_msg("%s", err_text(&e));
}

static bool exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

static size_t entries(const char *path)
{
    size_t n = 0;
    DIR *d = opendir(path);
    while (readdir(d))
        n++;
    (void)closedir(d);
    return n - 2;
}

static void test_write_and_read(void **state)
{
    static const struct {
        const char *data;
        size_t len;
        mode_t mode;
    } rows[] = { { "", 0, 0644 }, { "text\n", 5, 0600 }, { "a\0b", 3, 0755 } };
    auto_free char *path = in(state, "file");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_free char *data = NULL;
        size_t len = 99;
        struct stat st;
        assert_int_equal(file_write(path, rows[i].data, rows[i].len, rows[i].mode, NULL), 0);
        assert_int_equal(file_read(path, 5, &data, &len, NULL), 0);
        assert_int_equal(len, rows[i].len);
        assert_memory_equal(data, rows[i].data, len + 1);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, rows[i].mode);
        assert_int_equal(entries(*state), 1); /* no draft is left */
    }
}

static void test_write_fails_whole(void **state)
{
    auto_free char *taken = in(state, "folder");
    auto_free char *missing = in(state, "missing/file");
    auto_err e = ERR_INIT;
    assert_int_equal(mkdir(taken, 0755), 0);
    assert_int_equal(file_write(taken, "x", 1, 0644, &e), -1);
    assert_non_null(strstr(err_text(&e), taken));
    assert_int_equal(entries(*state), 1);
    assert_int_equal(file_write(missing, "x", 1, 0644, &e), -1);
    assert_int_equal(e.kind, ERR_NOT_FOUND);
}

static void test_write_beside_us(void **state)
{
    char before[PATH_MAX];
    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(chdir(*state), 0);
    put("plain", "x");
    assert_int_equal(chdir(before), 0);
    auto_free char *path = in(state, "plain");
    assert_true(exists(path));
}

static void test_read_fails(void **state)
{
    auto_free char *missing = in(state, "missing");
    auto_free char *large = in(state, "large");
    auto_free char *wanted = xasprintf("read '%s': larger than 3 bytes", large);
    char *out = NULL;
    auto_err e = ERR_INIT;
    assert_int_equal(file_read(missing, 10, &out, NULL, &e), -1);
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    assert_int_equal(e.code, ENOENT);

    put(large, "1234");
    assert_int_equal(file_read(large, 3, &out, NULL, &e), -1);
    assert_int_equal(e.kind, ERR_SYSTEM);
    assert_string_equal(err_text(&e), wanted);

    assert_int_equal(file_read(*state, 10, &out, NULL, &e), -1);
    assert_int_equal(e.code, EISDIR);
    assert_null(out);
}

static void test_read_of_unknown_length(void **state)
{
    (void)state;
    auto_free char *text = NULL;
    assert_int_equal(file_read("/proc/self/status", 1 << 16, &text, NULL, NULL), 0);
    assert_true(strlen(text) > 100);
}

static void test_dir_make(void **state)
{
    auto_free char *deep = in(state, "a/b//c/");
    auto_free char *file = in(state, "file");
    auto_free char *below = in(state, "file/x");
    auto_err e = ERR_INIT;
    assert_int_equal(dir_make(deep, 0755, NULL), 0);
    assert_int_equal(dir_make(deep, 0755, NULL), 0);
    assert_true(exists(deep));
    put(file, "");
    assert_int_equal(dir_make(file, 0755, &e), -1);
    assert_non_null(strstr(err_text(&e), "something else has that name"));
    assert_int_equal(dir_make(below, 0755, &e), -1);
    assert_int_equal(e.code, ENOTDIR);
}

static void test_dir_temporary(void **state)
{
    auto_free char *one = NULL;
    auto_free char *two = NULL;
    auto_free char *start = in(state, "x-");
    struct stat st;
    assert_int_equal(dir_temporary(*state, "x-", &one, NULL), 0);
    assert_int_equal(dir_temporary(*state, "x-", &two, NULL), 0);
    assert_string_not_equal(one, two);
    assert_memory_equal(one, start, strlen(start));
    assert_int_equal(stat(one, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
}

static void test_dir_remove(void **state)
{
    auto_free char *top = in(state, "top");
    auto_free char *inner = in(state, "top/a/b");
    auto_free char *locked = in(state, "top/a/locked");
    auto_free char *file = in(state, "top/a/locked/file");
    auto_free char *outside = in(state, "outside");
    auto_free char *kept = in(state, "outside/kept");
    auto_free char *link = in(state, "top/link");
    assert_int_equal(dir_make(inner, 0755, NULL), 0);
    assert_int_equal(dir_make(locked, 0755, NULL), 0);
    assert_int_equal(dir_make(outside, 0755, NULL), 0);
    put(file, "x");
    put(kept, "x");
    assert_int_equal(chmod(locked, 0555), 0);
    assert_int_equal(symlink(outside, link), 0);

    assert_int_equal(dir_remove(top, NULL), 0);
    assert_false(exists(top));
    assert_true(exists(kept));
    assert_int_equal(dir_remove(top, NULL), 0); /* missing is fine */

    assert_int_equal(symlink(outside, top), 0);
    assert_int_equal(dir_remove(top, NULL), -1); /* a link is no folder */
    assert_true(exists(kept));
}

static void make_tree(const char *top)
{
    for (int i = 0; i < 2000; i++) {
        auto_free char *folder = xasprintf("%s/%d/%d", top, i / 50, i % 50);
        auto_free char *file = xasprintf("%s/file", folder);
        assert_int_equal(dir_make(folder, 0755, NULL), 0);
        put(file, "x");
    }
}

/* Two hooks of one job may do so. */
static void test_dir_remove_by_several_at_once(void **state)
{
    enum { SEVERAL = 4 };
    auto_free char *top = in(state, "top");
    pid_t them[SEVERAL];
    make_tree(top);
    for (int i = 0; i < SEVERAL; i++) {
        them[i] = fork();
        assert_true(them[i] >= 0);
        if (them[i] == 0) {
            auto_err e = ERR_INIT;
            if (dir_remove(top, &e) == 0)
                _exit(0);
            (void)fprintf(stderr, "%s\n", err_text(&e));
            _exit(1);
        }
    }
    for (int i = 0; i < SEVERAL; i++) {
        int status = -1;
        assert_int_equal(waitpid(them[i], &status, 0), them[i]);
        assert_int_equal(status, 0);
    }
    assert_false(exists(top));
}

/* Deeper than a path may be long, and than we may have descriptors. */
static void test_dir_remove_deep(void **state)
{
    auto_free char *top = in(state, "top");
    assert_int_equal(mkdir(top, 0755), 0);
    int at = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < 3000; i++) {
        assert_int_equal(mkdirat(at, "inner", 0755), 0);
        int inner = openat(at, "inner", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        (void)close(at);
        at = inner;
    }
    (void)close(at);
    assert_int_equal(dir_remove(top, NULL), 0);
    assert_false(exists(top));
}

/* Something mounted in the tree stays whole. 1: we may not mount. */
static int remove_around_a_mount(void **state)
{
    auto_free char *top = in(state, "top");
    auto_free char *mounted = in(state, "top/mounted");
    auto_free char *outside = in(state, "outside");
    auto_free char *kept = in(state, "outside/kept");
    auto_err e = ERR_INIT;
    assert_int_equal(dir_make(mounted, 0755, NULL), 0);
    assert_int_equal(dir_make(outside, 0755, NULL), 0);
    put(kept, "x");
    if (mount(outside, mounted, NULL, MS_BIND, NULL) < 0)
        return 1;
    int result = dir_remove(top, &e);
    assert_int_equal(umount2(mounted, MNT_DETACH), 0);
    assert_int_equal(result, -1);
    assert_non_null(strstr(err_text(&e), "something is mounted on 'mounted'"));
    assert_true(exists(kept));
    return 0;
}

static void test_dir_remove_stays_in_its_file_system(void **state)
{
    if (remove_around_a_mount(state) == 1)
        skip(); /* an ordinary user's run */
}

/* A slow reader on a full pipe that does not block. */
static void test_fd_write_waits(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
    pid_t pid = fork();
    if (pid == 0) {
        static char chunk[1 << 16];
        size_t total = 0;
        (void)close(fds[1]);
        (void)fcntl(fds[0], F_SETFL, 0);
        for (ssize_t n; (n = read(fds[0], chunk, sizeof(chunk))) > 0; (void)poll(NULL, 0, 2))
            total += (size_t)n;
        _exit(total == 1 << 20 ? 0 : 1);
    }
    auto_free char *data = xcalloc(1, 1 << 20);
    int status;
    assert_int_equal(fd_write(fds[1], data, 1 << 20, NULL), 0);
    (void)close(fds[1]);
    (void)close(fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void test_fd_write_fails(void **state)
{
    (void)state;
    auto_close int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    auto_err e = ERR_INIT;
    assert_int_equal(fd_write(fd, "x", 1, &e), -1);
    assert_int_equal(e.code, ENOSPC);
    assert_int_equal(fd_write(-1, "x", 1, &e), -1);
    assert_int_equal(e.code, EBADF);
    assert_int_equal(fd_write(-1, "", 0, &e), 0);
}

#define in_folder(f) cmocka_unit_test_setup_teardown(f, folder_make, folder_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_folder(test_write_and_read),
        in_folder(test_write_fails_whole),
        in_folder(test_write_beside_us),
        in_folder(test_read_fails),
        cmocka_unit_test(test_read_of_unknown_length),
        in_folder(test_dir_make),
        in_folder(test_dir_temporary),
        in_folder(test_dir_remove),
        in_folder(test_dir_remove_by_several_at_once),
        in_folder(test_dir_remove_deep),
        in_folder(test_dir_remove_stays_in_its_file_system),
        cmocka_unit_test(test_fd_write_waits),
        cmocka_unit_test(test_fd_write_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
