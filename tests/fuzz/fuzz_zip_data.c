/* Any bytes as a zip: entries whose names and data are what their records promise, or none. */
#include "base/file.h"
#include "cache/archive/zip_data.h"

#include <string.h>
#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST_MEMBERS = 20, MOST_PIECES = 40 };

static void require(bool promise)
{
    if (!promise)
        abort();
}

static void read_pieces(struct zip_data *z, const struct zip_member *m)
{
    auto_err e = ERR_INIT;
    const void *data;
    uint64_t sum = 0;
    ssize_t n = 0;

    zip_data_start(z, m);
    for (int i = 0; i < MOST_PIECES && (n = zip_data_next(z, &data, &e)) > 0; i++)
        sum += (uint64_t)n;
    require(sum <= m->size && (n != 0 || sum == m->size) && (n >= 0 || e.kind != ERR_NONE));
}

static void read_whole(struct zip_data *z, const struct zip_member *m)
{
    auto_free char *out = xmalloc((size_t)m->size + 1);
    auto_err e = ERR_INIT;

    zip_data_start(z, m);
    require(zip_data_whole(z, out, &e) == 0 || e.kind != ERR_NONE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_close int fd = memfd_create("zip", MFD_CLOEXEC);
    struct zip_member m;

    require(fd >= 0 && fd_write(fd, data, size, NULL) == 0);
    struct zip_directory *directory = zip_directory_open(fd, (int64_t)size);
    if (!directory)
        return 0;
    struct zip_data *z = zip_data_new(fd);
    for (int i = 0; i < MOST_MEMBERS && zip_directory_next(directory, &m); i++) {
        require(*m.name && m.packed <= size && m.offset < size);
        read_pieces(z, &m);
        if (zip_data_is_moderate(&m))
            read_whole(z, &m);
    }
    zip_data_free(z);
    zip_directory_close(directory);
    return 0;
}
