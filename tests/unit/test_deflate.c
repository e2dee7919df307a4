#include "cache/archive/deflate.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

enum { KINDS = 4, PIECES = 12 };

/* Random bytes, words, both in turn, zeros. */
static void fill(unsigned char *out, size_t len, unsigned kind)
{
    uint32_t x = kind + 1;

    for (size_t i = 0; i < len; i++) {
        x = x * 1664525 + 1013904223;
        bool random = kind == 0 || (kind == 2 && i % 90000 < 30000);
        out[i] = kind == 3 ? 0 : random ? (unsigned char)(x >> 24) : (unsigned char)"atelier "[x >> 27 & 7];
    }
}

/* Whether another's inflate makes the same of it. */
static void check(const unsigned char *packed, size_t packed_len, const unsigned char *want, size_t len)
{
    auto_free unsigned char *back = xmalloc(len + 1);
    z_stream z = { .next_in = (Bytef *)(uintptr_t)packed, .avail_in = (unsigned)packed_len, .next_out = back };

    z.avail_out = (unsigned)len + 1;
    assert_int_equal(inflateInit2(&z, -MAX_WBITS), Z_OK);
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    assert_int_equal(z.avail_in, 0);
    assert_int_equal(z.total_out, len);
    assert_memory_equal(back, want, len);
    (void)inflateEnd(&z);
}

/* Pieces of `len` bytes, of every kind after every other, are one stream together. */
static void test_pieces_are_one_stream(void **state)
{
    static const size_t lens[] = { 1, 2, 3, 100, 70001, DEFLATE_PIECE - 1, DEFLATE_PIECE };
    (void)state;
    for (int level = 1; level <= 9; level += 4)
        for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
            size_t len = lens[i], packed_len = 0;
            struct ring *r = deflater_open(&level, 2);
            auto_free unsigned char *data = xmalloc(PIECES * len);
            auto_free unsigned char *packed = xmalloc(PIECES * (len + 200) + PIECES * len / 20);
            for (unsigned n = 0; n < PIECES; n++) {
                struct piece *p = deflater_fresh(r);
                fill(data + n * len, len, n * n / 3 % KINDS);
                memcpy(p->in, data + n * len, len);
                p->len = len;
                p->last = n == PIECES - 1;
                ring_submit(r);
            }
            for (struct piece *p; (p = ring_oldest(r)); ring_drop(r)) {
                memcpy(packed + packed_len, p->out, p->out_len);
                packed_len += p->out_len;
                assert_int_equal(p->crc, crc32_z(0, p->in, p->len));
            }
            check(packed, packed_len, data, PIECES * len);
            ring_close(r);
        }
}

static void test_plain(void **state)
{
    (void)state;
    for (int level = 0; level <= 1; level++) {
        struct ring *r = deflater_open(&level, 1);
        struct piece *p = deflater_fresh(r);
        memcpy(p->in, "text", 4);
        p->len = 4;
        p->last = true;
        p->plain = level > 0;
        ring_submit(r);
        p = ring_oldest(r);
        assert_true(p->plain);
        assert_int_equal(p->out_len, 4);
        assert_memory_equal(p->out, "text", 4);
        ring_drop(r);
        assert_null(ring_oldest(r));
        ring_close(r);
    }
}

static void test_full(void **state)
{
    int level = 1;
    struct ring *r = deflater_open(&level, 1);
    struct piece *p;
    unsigned char n = 0, m = 0;
    (void)state;
    for (int round = 0; round < 3; round++) {
        for (; (p = deflater_fresh(r)); ring_submit(r)) {
            p->in[0] = n++;
            p->len = 1;
            p->plain = true;
        }
        assert_true(n - m >= 2);
        for (int i = 0; i < 2; i++, ring_drop(r)) {
            p = ring_oldest(r);
            assert_int_equal(*p->out, m++);
        }
    }
    ring_close(r); /* with pieces under way */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_are_one_stream), cmocka_unit_test(test_plain), cmocka_unit_test(test_full),
    };
    return cmocka_run_group_tests_name("deflate", tests, NULL, NULL);
}
