#include "cache/archive/zip_record.h"

#include <string.h>
#include <time.h>
#include <zlib.h>

enum {
    IN_ZIP64 = 45,              /* versions needed to extract */
    DEFLATED = 20,
    BY_UNIX = 3 << 8,           /* who made it: modes are Unix's */
    FLAG_STREAMED = 0x8,
    FLAG_UTF8 = 0x800,
    METHOD_DEFLATE = 8,
    EXTRA_ZIP64 = 0x0001,
    EXTRA_TIME = 0x5455,
    EXTRA_OWNER = 0x7875,
    DOS_FOLDER = 0x10,
};
#define NO_ROOM UINT32_C(0xffffffff) /* the number stands in the ZIP64 field */

static void put(struct strbuf *out, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        strbuf_putc(out, (char)(value >> (8 * i)));
}

static bool is_utf8(const char *text)
{
    const unsigned char *c = (const unsigned char *)text;

    while (*c) {
        int more = *c < 0x80 ? 0 : *c >= 0xc2 && *c < 0xe0 ? 1 : (*c & 0xf0) == 0xe0 ? 2 : *c >= 0xf0 && *c < 0xf5 ? 3 : -1;
        if (more < 0)
            return false;
        for (c++; more > 0; more--, c++)
            if ((*c & 0xc0) != 0x80)
                return false;
    }
    return true;
}

struct zip_entry *zip_entry_new(const char *name, const struct stat *st)
{
    /* libarchive, and others, take a name with '\\' and without '/' for one from Windows. */
    const char *start = strchr(name, '\\') && !strchr(name, '/') ? "./" : "";
    size_t size = strlen(start) + strlen(name) + 2;
    struct zip_entry *entry = xcalloc(1, sizeof *entry + size);

    (void)snprintf(entry->name, size, "%s%s%s", start, name, S_ISDIR(st->st_mode) ? "/" : "");
    entry->utf8 = is_utf8(name);
    entry->mode = st->st_mode;
    entry->uid = st->st_uid;
    entry->gid = st->st_gid;
    entry->mtime = st->st_mtim.tv_sec;
    entry->large = S_ISREG(st->st_mode) && st->st_size >= INT64_C(0xff000000); /* deflated it may be a little more */
    return entry;
}

/* In UTC, as Go's writer has it; readers prefer the time field. */
static uint32_t dos_time(int64_t seconds)
{
    struct tm t;
    time_t when = (time_t)seconds;

    if (!gmtime_r(&when, &t) || t.tm_year < 80)
        return 1 << 21 | 1 << 16; /* 1980-01-01 */
    if (t.tm_year > 207)
        return UINT32_C(0xff9fbf7d);
    return (uint32_t)(t.tm_year - 80) << 25 | (uint32_t)(t.tm_mon + 1) << 21 | (uint32_t)t.tm_mday << 16 |
           (uint32_t)t.tm_hour << 11 | (uint32_t)t.tm_min << 5 | (uint32_t)t.tm_sec / 2;
}

static void put_time_and_owner(struct strbuf *out, const struct zip_entry *entry)
{
    int64_t mtime = entry->mtime;

    put(out, EXTRA_TIME, 2);
    put(out, 5, 2);
    put(out, 1, 1);
    put(out, (uint32_t)(mtime > INT32_MAX ? INT32_MAX : mtime < INT32_MIN ? INT32_MIN : (int32_t)mtime), 4);
    put(out, EXTRA_OWNER, 2);
    put(out, 11, 2);
    put(out, 1, 1);
    put(out, 4, 1);
    put(out, entry->uid, 4);
    put(out, 4, 1);
    put(out, entry->gid, 4);
}
enum { TIME_AND_OWNER = 9 + 15 };

static void put_common(struct strbuf *out, const struct zip_entry *entry, bool zip64)
{
    put(out, zip64 ? IN_ZIP64 : DEFLATED, 2);
    put(out, (entry->streamed ? FLAG_STREAMED : 0) | (entry->utf8 ? FLAG_UTF8 : 0), 2);
    put(out, entry->deflated ? METHOD_DEFLATE : 0, 2);
    put(out, dos_time(entry->mtime), 4);
}

void zip_put_local(struct strbuf *out, const struct zip_entry *entry)
{
    bool zip64 = entry->streamed && entry->large;

    put(out, 0x04034b50, 4);
    put_common(out, entry, zip64);
    put(out, entry->streamed ? 0 : entry->crc, 4);
    put(out, zip64 ? NO_ROOM : entry->streamed ? 0 : entry->packed, 4);
    put(out, zip64 ? NO_ROOM : entry->streamed ? 0 : entry->size, 4);
    put(out, strlen(entry->name), 2);
    put(out, TIME_AND_OWNER + (zip64 ? 20 : 0), 2);
    strbuf_puts(out, entry->name);
    if (zip64) {
        put(out, EXTRA_ZIP64, 2);
        put(out, 16, 2);
        put(out, 0, 8);
        put(out, 0, 8);
    }
    put_time_and_owner(out, entry);
}

void zip_put_descriptor(struct strbuf *out, const struct zip_entry *entry)
{
    int bytes = entry->large ? 8 : 4;

    put(out, 0x08074b50, 4);
    put(out, entry->crc, 4);
    put(out, entry->packed, bytes);
    put(out, entry->size, bytes);
}

void zip_put_central(struct strbuf *out, const struct zip_entry *entry)
{
    const uint64_t numbers[] = { entry->size, entry->packed, entry->offset }; /* in the ZIP64 field's order */
    unsigned large = 0;

    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
        large += numbers[i] >= NO_ROOM;
    put(out, 0x02014b50, 4);
    put(out, BY_UNIX | IN_ZIP64, 2);
    put_common(out, entry, large > 0 || (entry->streamed && entry->large));
    put(out, entry->crc, 4);
    put(out, entry->packed >= NO_ROOM ? NO_ROOM : entry->packed, 4);
    put(out, entry->size >= NO_ROOM ? NO_ROOM : entry->size, 4);
    put(out, strlen(entry->name), 2);
    put(out, TIME_AND_OWNER + (large ? 4 + 8 * large : 0), 2);
    put(out, 0, 2); /* comment */
    put(out, 0, 2); /* disk */
    put(out, 0, 2); /* internal attributes */
    put(out, entry->mode << 16 | (S_ISDIR(entry->mode) ? DOS_FOLDER : 0), 4);
    put(out, entry->offset >= NO_ROOM ? NO_ROOM : entry->offset, 4);
    strbuf_puts(out, entry->name);
    if (large) {
        put(out, EXTRA_ZIP64, 2);
        put(out, 8 * large, 2);
        for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
            if (numbers[i] >= NO_ROOM)
                put(out, numbers[i], 8);
    }
    put_time_and_owner(out, entry);
}

static void put_zip64_end(struct strbuf *out, uint64_t entries, uint64_t offset, uint64_t len)
{
    put(out, 0x06064b50, 4);
    put(out, 44, 8);
    put(out, BY_UNIX | IN_ZIP64, 2);
    put(out, IN_ZIP64, 2);
    put(out, 0, 8); /* this disk, the central directory's */
    put(out, entries, 8);
    put(out, entries, 8);
    put(out, len, 8);
    put(out, offset, 8);

    put(out, 0x07064b50, 4);
    put(out, 0, 4);
    put(out, offset + len, 8);
    put(out, 1, 4);
}

void zip_put_end(struct strbuf *out, uint64_t entries, uint64_t offset, uint64_t len)
{
    uint64_t count = entries > 0xffff ? 0xffff : entries;

    if (entries >= 0xffff || offset >= NO_ROOM || len >= NO_ROOM)
        put_zip64_end(out, entries, offset, len);
    put(out, 0x06054b50, 4);
    put(out, 0, 4);
    put(out, count, 2);
    put(out, count, 2);
    put(out, len >= NO_ROOM ? NO_ROOM : len, 4);
    put(out, offset >= NO_ROOM ? NO_ROOM : offset, 4);
    put(out, 0, 2);
}

uint32_t zip_crc_join(uint32_t first, uint32_t second, size_t len)
{
    return (uint32_t)crc32_combine(first, second, (z_off_t)len);
}
