#include "cache/archive/zstd.h"

#include "base/memory.h"
#include "base/strbuf.h"
#include "cache/archive/unzstd.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { FRAME = 100000 };

static int sink(void *ctx, const void *data, size_t len, struct err *e)
{
    (void)e;
    strbuf_putn(ctx, data, len);
    return 0;
}

/* `len` bytes that repeat themselves here and there. */
static void fill(struct strbuf *out, size_t len)
{
    uint32_t x = 1;

    for (size_t i = 0; i < len; i++) {
        x = x * 1664525 + 1013904223;
        strbuf_putc(out, (char)(i % 3000 < 2000 ? 'a' + i % 7 : x >> 24));
    }
}

static void compress(const struct strbuf *in, size_t frame, size_t by, struct strbuf *out)
{
    const struct zstd_spec spec = { 1, 3, frame };
    struct zstd *z = zstd_open(&spec, sink, out);

    for (size_t at = 0; at < in->len; at += by)
        assert_int_equal(zstd_put(z, in->data + at, in->len - at < by ? in->len - at : by, false, NULL), 0);
    assert_int_equal(zstd_put(z, NULL, 0, true, NULL), 0);
    zstd_close(z);
}

struct input {
    const struct strbuf *from;
    size_t at, by;
};

static ssize_t give(void *ctx, void *buf, size_t size)
{
    struct input *in = ctx;
    size_t n = in->from->len - in->at;

    n = n < size ? n : size;
    n = n < in->by ? n : in->by;
    if (n > 0)
        memcpy(buf, in->from->data + in->at, n);
    in->at += n;
    return (ssize_t)n;
}

/* 0, or -1 with what came out before the error. */
static int decode(const struct strbuf *from, size_t by, int threads, struct strbuf *out, struct err *e)
{
    struct input in = { from, 0, by };
    struct unzstd *u = unzstd_open(give, &in, threads);
    const void *data;
    ssize_t n;

    while ((n = unzstd_next(u, &data, e)) > 0)
        strbuf_putn(out, data, (size_t)n);
    if (n == 0)
        assert_int_equal(unzstd_taken(u), from->len);
    unzstd_close(u);
    return (int)n;
}

static void same(const struct strbuf *a, const struct strbuf *b)
{
    assert_int_equal(a->len, b->len);
    assert_memory_equal(strbuf_text(a), strbuf_text(b), a->len);
}

#define AUTO(name) auto_strbuf name = STRBUF_INIT((size_t)1 << 30)

/* Frame 0: all in one. */
static void test_there_and_back(void **state)
{
    static const size_t lens[] = { 0, 1, FRAME - 1, FRAME, FRAME + 1, 7 * FRAME, 20 * FRAME + 5 };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(lens); i++)
        for (int threads = 1; threads <= 5; threads++) {
            size_t frame = threads == 3 ? 0 : FRAME;
            AUTO(data);
            AUTO(packed);
            AUTO(back);
            auto_err e = ERR_INIT;
            fill(&data, lens[i]);
            compress(&data, frame, 7777, &packed);
            assert_int_equal(decode(&packed, threads == 1 ? 1000 : SIZE_MAX, threads, &back, &e), 0);
            same(&back, &data);
        }
}

/* Frames that are too small or too large for a thread are decoded as they are read, and all that follow. */
static void test_frames_of_others(void **state)
{
    static const size_t frames[] = { 50, ZSTD_FRAME_MOST + 1, FRAME, ZSTD_FRAME_MOST };
    AUTO(data);
    AUTO(packed);
    AUTO(want);
    AUTO(back);
    auto_err e = ERR_INIT;
    (void)state;
    fill(&data, ZSTD_FRAME_MOST + 1000);
    for (size_t first = 0; first < ARRAY_SIZE(frames); first++) {
        strbuf_clear(&packed);
        strbuf_clear(&want);
        strbuf_clear(&back);
        for (size_t i = 0; i < ARRAY_SIZE(frames); i++) {
            compress(&data, frames[(first + i) % ARRAY_SIZE(frames)], SIZE_MAX / 2, &packed);
            strbuf_putn(&packed, "\x50\x2a\x4d\x18\x03\0\0\0xyz", 11); /* to be skipped */
            strbuf_putn(&want, data.data, data.len);
        }
        assert_int_equal(decode(&packed, SIZE_MAX, 2, &back, &e), 0);
        same(&back, &want);
    }
}

/* Whatever is cut or changed: an error, and before it nothing but what was packed. */
static void test_broken(void **state)
{
    AUTO(data);
    AUTO(packed);
    (void)state;
    fill(&data, 5 * FRAME);
    compress(&data, FRAME, SIZE_MAX / 2, &packed);
    for (size_t i = 1; i < 60; i++) {
        AUTO(other);
        AUTO(back);
        auto_err e = ERR_INIT;
        size_t at = packed.len * i / 60 + i % 5;
        strbuf_putn(&other, packed.data, i % 2 ? at : packed.len);
        if (i % 2 == 0)
            other.data[at] ^= (char)(1 << i % 8);
        assert_int_equal(decode(&other, SIZE_MAX, 2, &back, &e), -1);
        assert_int_equal(e.kind, ERR_JOB);
        assert_int_equal(strncmp(err_text(&e), "zstd: ", 6), 0);
        assert_true(back.len < data.len);
    }
}

static ssize_t unreadable(void *ctx, void *buf, size_t size)
{
    (void)ctx;
    (void)buf;
    (void)size;
    errno = EIO;
    return -1;
}

static void test_unreadable(void **state)
{
    auto_err e = ERR_INIT;
    struct unzstd *u = unzstd_open(unreadable, NULL, 2);
    const void *data;
    (void)state;
    assert_int_equal(unzstd_next(u, &data, &e), -1);
    assert_int_equal(e.kind, ERR_SYSTEM);
    unzstd_close(u);
}

static int full(void *ctx, const void *data, size_t len, struct err *e)
{
    (void)ctx;
    (void)data;
    (void)len;
    return err_set(e, ERR_SYSTEM, ENOSPC, "full");
}

static void test_full(void **state)
{
    const struct zstd_spec spec = { 1, 2, FRAME };
    AUTO(data);
    auto_err e = ERR_INIT;
    struct zstd *z = zstd_open(&spec, full, NULL);
    (void)state;
    fill(&data, 20 * FRAME);
    assert_int_equal(zstd_put(z, data.data, data.len, true, &e), -1);
    assert_string_equal(err_text(&e), "full");
    zstd_close(z);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back), cmocka_unit_test(test_frames_of_others), cmocka_unit_test(test_broken),
        cmocka_unit_test(test_unreadable),     cmocka_unit_test(test_full),
    };
    return cmocka_run_group_tests_name("zstd", tests, NULL, NULL);
}
