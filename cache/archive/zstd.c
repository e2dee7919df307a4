#include "cache/archive/zstd.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>

/* An option that the filter does not know gives ARCHIVE_WARN or ARCHIVE_FAILED. */
static int set(struct archive *a, const char *option, int value, struct err *e)
{
    auto_free char *text = xasprintf("%d", value);

    if (archive_write_set_filter_option(a, "zstd", option, text) == ARCHIVE_OK)
        return 0;
    return err_set(e, ERR_SYSTEM, 0, "libarchive's zstd does not take %s=%s: %s", option, text, archive_error_string(a));
}

int zstd_filter(struct archive *a, int level, int threads, struct err *e)
{
    /* ARCHIVE_WARN: it would start the program zstd, which need not be there. */
    if (archive_write_add_filter_zstd(a) != ARCHIVE_OK)
        return err_set(e, ERR_SYSTEM, 0, "libarchive was built without zstd: write a zip instead");
    if (set(a, "compression-level", level, e) < 0)
        return -1;
    return threads > 1 ? set(a, "threads", threads, e) : 0;
}

static int tasks(void)
{
    int n = 0;
    DIR *dir = opendir("/proc/self/task");

    if (!dir)
        return 0;
    for (struct dirent *entry; (entry = readdir(dir));)
        n += entry->d_name[0] != '.';
    (void)closedir(dir);
    return n;
}

static la_ssize_t drop(struct archive *a, void *ctx, const void *data, size_t len)
{
    (void)a, (void)ctx, (void)data;
    return (la_ssize_t)len;
}

/* zstd starts its threads with the first byte, and libarchive ignores whether it could. */
int zstd_threads(void)
{
    struct archive *a = archive_write_new();
    struct archive_entry *entry = archive_entry_new();
    int before = tasks(), started = 0;

    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_size(entry, 1);
    archive_entry_set_pathname(entry, "x");
    if (archive_write_set_format_raw(a) == ARCHIVE_OK && zstd_filter(a, 1, archive_threads(), NULL) == 0 &&
        archive_write_open2(a, NULL, NULL, drop, NULL, NULL) == ARCHIVE_OK &&
        archive_write_header(a, entry) == ARCHIVE_OK && archive_write_data(a, "x", 1) == 1)
        started = tasks() - before;
    archive_entry_free(entry);
    (void)archive_write_free(a);
    return started > 0 ? started : 1;
}
