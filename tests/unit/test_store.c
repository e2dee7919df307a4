/* Caches on the host. openat is wrapped (tests/CMakeLists.txt), for a file system that knows no files without names. */
#include "cache/store/local.h"

#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "tests/support/expect.h"

static bool knows_no_unnamed;

int __real_openat(int dir, const char *path, int flags, ...);
int __wrap_openat(int dir, const char *path, int flags, ...);

int __wrap_openat(int dir, const char *path, int flags, ...)
{
    va_list ap;

    va_start(ap, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, mode_t) : 0;
    va_end(ap);
    if (knows_no_unnamed && (flags & O_TMPFILE) == O_TMPFILE) {
        errno = EOPNOTSUPP;
        return -1;
    }
    return __real_openat(dir, path, flags, mode);
}

struct room {
    char *folder, *file;
};

static int setup(void **state)
{
    struct room *r = xcalloc(1, sizeof(*r));

    if (dir_temporary("/tmp", "test-store-", &r->folder, NULL) < 0)
        return -1;
    r->file = xasprintf("%s/project/key/cache.zip", r->folder);
    *state = r;
    knows_no_unnamed = false;
    return 0;
}

static int teardown(void **state)
{
    struct room *r = *state;
    int rc = dir_remove(r->folder, NULL);

    free(r->folder);
    free(r->file);
    free(r);
    return rc;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void assert_listing(const struct room *r, const char *wanted)
{
    auto_free char *folder = xasprintf("%s/project/key", r->folder);
    auto_strvec names = STRVEC_INIT;
    DIR *d = opendir(folder);

    assert_non_null(d);
    for (const struct dirent *entry; (entry = readdir(d));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            strvec_push(&names, entry->d_name);
    (void)closedir(d);
    if (names.n > 0)
        qsort(names.items, names.n, sizeof(*names.items), by_text);
    auto_free char *got = strvec_join(&names, " ");
    assert_string_equal(got, wanted);
}

static void assert_text(const char *path, const char *wanted)
{
    auto_free char *text = NULL;

    assert_int_equal(file_read(path, 100, &text, NULL, NULL), 0);
    assert_string_equal(text, wanted);
}

static void write_cache(const struct room *r, const char *text)
{
    auto_store_draft d = STORE_DRAFT_INIT;
    auto_strvec metadata = STRVEC_INIT;
    auto_err e = ERR_INIT;

    strvec_push(&metadata, "cachekey=a=b");
    strvec_push(&metadata, "odd=\"\n");
    if (store_begin(r->file, NULL, NULL, &d, &e) < 0 || fd_write(d.fd, text, strlen(text), &e) < 0 ||
        store_commit(&d, 1700000000, &metadata, &e) < 0)
        fail_msg("%s", err_text(&e));
}

static void test_commit(void **state)
{
    const struct room *r = *state;
    auto_free char *metadata = xasprintf("%s/project/key/metadata.json", r->folder);
    struct stat st;

    for (int round = 0; round < 2; round++) {
        knows_no_unnamed = round == 1;
        write_cache(r, round ? "new" : "a longer old one");
        assert_text(r->file, round ? "new" : "a longer old one");
        assert_text(metadata, "{\"cachekey\":\"a=b\",\"odd\":\"\\\"\\n\"}");
        assert_int_equal(stat(r->file, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_int_equal(st.st_mtime, 1700000000);
        assert_listing(r, ".lock cache.zip metadata.json");
    }
}

/* What is not committed leaves the old archive and nothing else. */
static void test_release(void **state)
{
    const struct room *r = *state;

    write_cache(r, "old");
    for (int round = 0; round < 2; round++) {
        knows_no_unnamed = round == 1;
        {
            auto_store_draft d = STORE_DRAFT_INIT;
            assert_int_equal(store_begin(r->file, NULL, NULL, &d, NULL), 0);
            assert_int_equal(fd_write(d.fd, "half", 4, NULL), 0);
            assert_text(r->file, "old");
        }
        assert_text(r->file, "old");
        assert_listing(r, ".lock cache.zip metadata.json");
    }
}

/* Of one that was killed, a named file may stay, and the next writer removes it. */
static void test_killed(void **state)
{
    const struct room *r = *state;

    for (int round = 0; round < 2; round++) {
        knows_no_unnamed = round == 1;
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            struct store_draft d;
            if (store_begin(r->file, NULL, NULL, &d, NULL) == 0)
                (void)raise(SIGKILL);
            _exit(1);
        }
        int status = 0;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        assert_listing(r, round ? ".cache.zip.new .lock cache.zip metadata.json" : ".lock");
        write_cache(r, "new");
        assert_listing(r, ".lock cache.zip metadata.json");
    }
}

struct other {
    const struct room *room;
    int lock, calls;
    bool removes;
};

/* The other writer, who goes away while we wait, perhaps with the whole folder. */
static int wait_once(void *ctx, bool first, struct err *e)
{
    struct other *o = ctx;
    auto_free char *project = xasprintf("%s/project", o->room->folder);

    (void)e;
    assert_int_equal(first, o->calls == 0);
    o->calls++;
    if (o->removes)
        assert_int_equal(dir_remove(project, NULL), 0);
    (void)close(o->lock);
    return 0;
}

static int lock_as_other(const struct room *r)
{
    auto_free char *path = xasprintf("%s/project/key/.lock", r->folder);
    int fd = open(path, O_RDWR | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    return fd;
}

static void test_lock(void **state)
{
    const struct room *r = *state;

    for (int round = 0; round < 2; round++) {
        write_cache(r, "old");
        auto_store_draft d = STORE_DRAFT_INIT;
        struct other o = { r, lock_as_other(r), 0, round == 1 };
        assert_int_equal(store_begin(r->file, wait_once, &o, &d, NULL), 0);
        assert_int_equal(o.calls, 1);
        assert_int_equal(fd_write(d.fd, "new", 3, NULL), 0);
        assert_int_equal(store_commit(&d, -1, NULL, NULL), 0);
        assert_text(r->file, "new");
        assert_listing(r, ".lock cache.zip metadata.json");
    }
}

static int refuse(void *ctx, bool first, struct err *e)
{
    (void)ctx;
    (void)first;
    return err_set(e, ERR_CANCELLED, 0, "told to stop");
}

static void test_stopped_while_it_waits(void **state)
{
    const struct room *r = *state;
    auto_store_draft d = STORE_DRAFT_INIT;
    auto_err e = ERR_INIT;

    write_cache(r, "old");
    auto_close int lock = lock_as_other(r);
    assert_int_equal(store_begin(r->file, refuse, NULL, &d, &e), -1);
    assert_int_equal(e.kind, ERR_CANCELLED);
    assert_true(lock >= 0);
}

static void test_note_use(void **state)
{
    const struct room *r = *state;
    auto_free char *hits = xasprintf("%s/project/key/" STORE_HITS, r->folder);

    store_note_use(r->file); /* no folder yet: nothing to note in */
    write_cache(r, "x");
    store_note_use(r->file);
    store_note_use(r->file);
    assert_text(hits, "..");
}

static void test_no_room(void **state)
{
    auto_store_draft d = STORE_DRAFT_INIT;
    auto_err e = ERR_INIT;

    (void)state;
    assert_int_equal(store_begin("/proc/none/cache.zip", NULL, NULL, &d, &e), -1);
    expect_error(&e, "/proc/none");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_commit), TEST(test_release),  TEST(test_killed), TEST(test_lock), TEST(test_stopped_while_it_waits),
        TEST(test_note_use), TEST(test_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
