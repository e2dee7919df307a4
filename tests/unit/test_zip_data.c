#include "cache/archive/zip_data.h"

#include "base/file.h"
#include "base/strbuf.h"
#include "cache/archive/write.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cmocka.h>

enum { LARGE = ZIP_DATA_MOST + 3 * ZIP_DATA_PIECE + 17, SMALL = 5000 };

struct fixture {
    char *root;
    struct strbuf zip;
};

static int sink(void *ctx, const void *data, size_t len, struct err *e)
{
    (void)e;
    strbuf_putn(ctx, data, len);
    return 0;
}

/* Every file has its own bytes: with `noise` such as do not shrink. */
static char *bytes_of(size_t len, bool noise)
{
    char *bytes = xmalloc(len + 1);
    uint32_t x = 7;

    for (size_t i = 0; i < len; i++) {
        x = x * 1664525 + 1013904223;
        bytes[i] = (char)(noise || i % 100 == 0 ? x >> 24 : 'a' + i % 9);
    }
    return bytes;
}

static const struct { const char *name; size_t len; bool noise; } files[] = {
    { "empty", 0, false }, { "large", LARGE, false }, { "large-noise", LARGE, true },
    { "small", SMALL, false }, { "small-noise", SMALL, true },
};

static int set_up(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    auto_strvec names = STRVEC_INIT;
    const struct report quiet = { .fd = -1 };

    assert_int_equal(dir_temporary("/tmp", "zip-data-", &f->root, NULL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        auto_free char *path = xasprintf("%s/%s", f->root, files[i].name);
        auto_free char *bytes = bytes_of(files[i].len, files[i].noise);
        auto_close int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
        assert_true(fd >= 0);
        assert_int_equal(fd_write(fd, bytes, files[i].len, NULL), 0);
        strvec_push(&names, files[i].name);
    }
    auto_free char *folder = xasprintf("%s/folder", f->root), *link = xasprintf("%s/link", f->root);
    assert_int_equal(mkdir(folder, 0750), 0);
    assert_int_equal(symlink("small", link), 0);
    strvec_push(&names, "folder");
    strvec_push(&names, "link");
    const struct archive_spec spec = { FORMAT_ZIP, LEVEL_DEFAULT, f->root, &names, NULL };
    f->zip = (struct strbuf)STRBUF_INIT((size_t)1 << 30);
    assert_int_equal(archive_write(&spec, sink, &f->zip, &quiet, NULL, NULL), 0);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    (void)dir_remove(f->root, NULL);
    strbuf_release(&f->zip);
    free(f->root);
    free(f);
    return 0;
}

static int file_of(const char *data, size_t len)
{
    int fd = memfd_create("zip", MFD_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(fd_write(fd, data, len, NULL), 0);
    return fd;
}

/* All of a file by pieces, which stay as they are while they are held. */
static int by_pieces(struct zip_data *z, struct strbuf *out, struct err *e)
{
    const void *data;
    ssize_t n;

    while ((n = zip_data_next(z, &data, e)) > 0) {
        struct block *held = zip_data_block(z, data);
        assert_non_null(held);
        strbuf_putn(out, data, (size_t)n);
        block_drop(held);
    }
    return (int)n;
}

static void check_file(struct zip_data *data, const struct zip_member *m, size_t i)
{
    auto_free char *wanted = bytes_of(files[i].len, files[i].noise);
    auto_strbuf got = STRBUF_INIT((size_t)LARGE + 1);
    auto_err e = ERR_INIT;

    assert_string_equal(m->name, files[i].name);
    assert_int_equal(m->size, files[i].len);
    assert_int_equal(m->mode, S_IFREG | 0640);
    assert_int_equal(zip_data_is_moderate(m), files[i].len <= ZIP_DATA_MOST);
    zip_data_start(data, m);
    assert_int_equal(by_pieces(data, &got, &e), 0);
    assert_int_equal(got.len, files[i].len);
    assert_memory_equal(strbuf_text(&got), wanted, got.len);
    if (!zip_data_is_moderate(m))
        return;
    auto_free char *whole = xcalloc(1, files[i].len + 1);
    zip_data_start(data, m);
    assert_int_equal(zip_data_whole(data, whole, &e), 0);
    assert_memory_equal(whole, wanted, files[i].len);
}

static void test_every_sort(void **state)
{
    const struct fixture *f = *state;
    auto_close int fd = file_of(f->zip.data, f->zip.len);
    struct zip_directory *z = zip_directory_open(fd, (int64_t)f->zip.len);
    struct zip_data *data = zip_data_new(fd);
    struct zip_member m;
    char target[ZIP_LINK_MOST] = "";

    assert_non_null(z);
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        assert_true(zip_directory_next(z, &m));
        check_file(data, &m, i);
    }
    assert_true(zip_directory_next(z, &m));
    assert_string_equal(m.name, "folder/");
    assert_int_equal(m.mode, S_IFDIR | 0750);
    assert_true(zip_directory_next(z, &m));
    assert_true(S_ISLNK(m.mode));
    zip_data_start(data, &m);
    assert_int_equal(zip_data_whole(data, target, NULL), 0);
    assert_string_equal(target, "small");
    assert_false(zip_directory_next(z, &m));
    zip_data_free(data);
    zip_directory_close(z);
}

/* Where the directory begins. */
static size_t directory_of(const struct strbuf *zip)
{
    return (size_t)zip_number((const unsigned char *)zip->data + zip->len - 6, 4);
}

static bool is_ours(const char *data, size_t len)
{
    auto_close int fd = file_of(data, len);
    struct zip_directory *z = zip_directory_open(fd, (int64_t)len);
    bool ours = z != NULL;

    zip_directory_close(z);
    return ours;
}

/* What is not usual is libarchive's. */
static void test_unusual(void **state)
{
    const struct fixture *f = *state;
    static const struct { size_t at; char value; } changes[] = {
        { 5, 0 },         /* not by a Unix */
        { 8, 1 },         /* a cipher */
        { 10, 12 },       /* bzip2 */
        { 34, 1 },        /* on another disk */
        { 41, (char)0xa1 }, /* an empty link */
        { 45, 0x7f },     /* beyond the archive */
        { 46, '\0' },     /* no name */
        { 50, '/' },      /* a file with the name of a folder */
        { 0, 'X' },       /* no record */
        { 28, 40 },       /* names beyond their end */
    };

    assert_true(is_ours(f->zip.data, f->zip.len));
    for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
        auto_free char *copy = xmalloc(f->zip.len);
        memcpy(copy, f->zip.data, f->zip.len);
        copy[directory_of(&f->zip) + changes[i].at] = changes[i].value;
        if (is_ours(copy, f->zip.len))
            fail_msg("the change at %zu", changes[i].at);
    }
    assert_false(is_ours(f->zip.data, f->zip.len - 1));
    assert_false(is_ours("PK", 2));
    auto_strbuf shifted = STRBUF_INIT((size_t)1 << 30);
    strbuf_puts(&shifted, "#!/bin/sh\n");
    strbuf_putn(&shifted, f->zip.data, f->zip.len);
    assert_false(is_ours(shifted.data, shifted.len));
}

static void test_a_comment(void **state)
{
    const struct fixture *f = *state;
    auto_strbuf zip = STRBUF_INIT((size_t)1 << 30);

    strbuf_putn(&zip, f->zip.data, f->zip.len - 2);
    strbuf_putn(&zip, "\3\0abc", 5);
    assert_true(is_ours(zip.data, zip.len));
}

/* Broken data are an error of the file that they belong to, whichever way it is read. */
static void test_broken_data(void **state)
{
    const struct fixture *f = *state;
    auto_close int fd = file_of(f->zip.data, f->zip.len);
    struct zip_directory *z = zip_directory_open(fd, (int64_t)f->zip.len);
    struct zip_data *data = zip_data_new(fd);
    struct zip_member m;

    while (zip_directory_next(z, &m)) {
        auto_strbuf got = STRBUF_INIT((size_t)LARGE + 1);
        auto_err e = ERR_INIT;
        if (m.packed < 100)
            continue;
        assert_int_equal(pwrite(fd, "????????", 8, (off_t)(m.offset + 30 + strlen(m.name) + m.packed / 2)), 8);
        zip_data_start(data, &m);
        assert_true(by_pieces(data, &got, &e) < 0);
        assert_int_equal(e.kind, ERR_JOB);
        if (zip_data_is_moderate(&m)) {
            auto_free char *whole = xmalloc((size_t)m.size);
            zip_data_start(data, &m);
            assert_true(zip_data_whole(data, whole, &e) < 0);
        }
        assert_int_equal(pwrite(fd, "XX", 2, (off_t)m.offset), 2);
        zip_data_start(data, &m);
        assert_true(by_pieces(data, &got, &e) < 0);
        assert_non_null(strstr(err_text(&e), "header"));
    }
    zip_data_free(data);
    zip_directory_close(z);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_sort), cmocka_unit_test(test_unusual), cmocka_unit_test(test_a_comment),
        cmocka_unit_test(test_broken_data),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
