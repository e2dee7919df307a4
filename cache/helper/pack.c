#include "cache/helper/pack.h"

#include "base/file.h"
#include "base/text.h"

enum archive_level pack_level(const char *name, const struct report *report)
{
    enum archive_level level = LEVEL_DEFAULT;

    if (archive_level_parse(name, &level) < 0) {
        auto_free char *shown = text_quote(name);
        report_line(report, LOG_WARNING, "compression level \"%s\" is invalid, falling back to default", shown);
    }
    return level;
}

int pack_to_fd(void *ctx, const void *data, size_t len, struct err *e)
{
    return fd_write(*(const int *)ctx, data, len, e);
}
