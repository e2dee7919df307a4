#include "cache/archive/format.h"

#include "base/file.h"
#include "base/number.h"
#include "cache/archive/zstd.h"

#include <archive.h>
#include <libdeflate.h>
#include <sched.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

static const struct {
    const char *word, *extension;
    enum archive_format format;
} formats[] = {
    { "zip", ".zip", FORMAT_ZIP },
    { "", ".zip", FORMAT_ZIP },
    { "tarzstd", ".tar.zst", FORMAT_TAR_ZSTD },
    { "zipzstd", ".tar.zst", FORMAT_TAR_ZSTD },
    { "raw", "", FORMAT_RAW },
    { "gzip", ".gz", FORMAT_GZIP },
};

static const struct {
    const char *word;
    enum archive_level level;
} levels[] = {
    { "fastest", LEVEL_FASTEST }, { "fast", LEVEL_FAST },       { "default", LEVEL_DEFAULT },
    { "", LEVEL_DEFAULT },        { "slow", LEVEL_SLOW },       { "slowest", LEVEL_SLOWEST },
};

int archive_format_parse(const char *word, enum archive_format *out)
{
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
        if (strcasecmp(word, formats[i].word) == 0) {
            *out = formats[i].format;
            return 0;
        }
    return -1;
}

int archive_level_parse(const char *word, enum archive_level *out)
{
    for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
        if (strcmp(word, levels[i].word) == 0) {
            *out = levels[i].level;
            return 0;
        }
    return -1;
}

const char *archive_format_extension(enum archive_format format)
{
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
        if (formats[i].format == format)
            return formats[i].extension;
    return "";
}

enum archive_format archive_format_of(const void *start, size_t len)
{
    if (len >= 4 && memcmp(start, "\x28\xB5\x2F\xFD", 4) == 0)
        return FORMAT_TAR_ZSTD;
    if (len >= 2 && memcmp(start, "\x1F\x8B", 2) == 0)
        return FORMAT_GZIP;
    return FORMAT_ZIP;
}

int archive_threads(void)
{
    cpu_set_t mine;
    int n = sched_getaffinity(0, sizeof mine, &mine) == 0 ? CPU_COUNT(&mine) : 1;
    return n < 1 ? 1 : n > 8 ? 8 : n;
}

char *archive_abilities(void)
{
    return xasprintf("%s, zstd %s, libdeflate %s, zlib %s (threads: %d)", archive_version_string(), zstd_version(),
                     LIBDEFLATE_VERSION_STRING, zlibVersion(), archive_threads());
}
