/* cache/archive/ as a program, for tests and benchmarks:
 *
 *   archive_driver write FORMAT LEVEL ROOT ARCHIVE        everything below ROOT
 *   archive_driver extract ARCHIVE ROOT [OPTION...]       ARCHIVE "-" is stdin; owners, special, outside, entries=N, bytes=N
 *   archive_driver abilities */
#include "base/file.h"
#include "base/number.h"
#include "cache/archive/extract.h"

#include <fcntl.h>
#include <fts.h>
#include <string.h>

static const struct report to_stderr = { .fd = 2 };

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list(char *root, struct strvec *out)
{
    char *roots[] = { root, NULL };
    size_t skip = strlen(root) + 1;
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_NOSTAT, NULL);

    if (!walk)
        return -1;
    for (FTSENT *entry; (entry = fts_read(walk));)
        if (entry->fts_info != FTS_DP && entry->fts_pathlen >= skip)
            strvec_push(out, entry->fts_path + skip);
    (void)fts_close(walk);
    if (out->n > 0)
        qsort(out->items, out->n, sizeof *out->items, by_bytes);
    return 0;
}

static int sink(void *ctx, const void *data, size_t len, struct err *e)
{
    return fd_write(*(int *)ctx, data, len, e);
}

static int write_archive(char **argv, struct err *e)
{
    auto_strvec names = STRVEC_INIT;
    struct archive_spec spec = { .root = argv[4], .names = &names };
    auto_close int fd = open(argv[5], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

    if (archive_format_parse(argv[2], &spec.format) < 0 || archive_level_parse(argv[3], &spec.level) < 0)
        return err_set(e, ERR_USAGE, 0, "no such format or level");
    if (fd < 0 || list(argv[4], &names) < 0)
        return err_set(e, ERR_SYSTEM, 0, "cannot open '%s' or '%s'", argv[4], argv[5]);
    return archive_write(&spec, sink, &fd, &to_stderr, NULL, e);
}

static void apply(struct extract_rules *rules, const char *option)
{
    rules->owners |= strcmp(option, "owners") == 0;
    rules->special_modes |= strcmp(option, "special") == 0;
    rules->links_outside |= strcmp(option, "outside") == 0;
    if (strncmp(option, "entries=", 8) == 0)
        (void)number_parse(option + 8, 1, INT64_MAX, &rules->limits.entries);
    if (strncmp(option, "bytes=", 6) == 0)
        (void)number_parse(option + 6, 1, INT64_MAX, &rules->limits.bytes);
}

static int extract(char **argv, struct err *e)
{
    struct extract_rules rules = EXTRACT_RULES;
    auto_close int fd = strcmp(argv[2], "-") == 0 ? dup(0) : open(argv[2], O_RDONLY | O_CLOEXEC);

    for (char **option = argv + 4; *option; option++)
        apply(&rules, *option);
    return fd < 0 ? err_set(e, ERR_SYSTEM, 0, "no '%s'", argv[2])
                  : archive_extract(fd, argv[3], &rules, &to_stderr, NULL, e);
}

int main(int argc, char **argv)
{
    auto_err e = ERR_INIT;
    int result = -1;

    if (argc == 6 && strcmp(argv[1], "write") == 0)
        result = write_archive(argv, &e);
    else if (argc >= 4 && strcmp(argv[1], "extract") == 0)
        result = extract(argv, &e);
    else if (argc == 2 && strcmp(argv[1], "abilities") == 0) {
        auto_free char *text = archive_abilities();
        result = puts(text) < 0 ? -1 : 0;
    }
    if (result < 0)
        fprintf(stderr, "ERROR: %s\n", err_text(&e));
    return result < 0;
}
