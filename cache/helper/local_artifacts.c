#include "cache/helper/local_artifacts.h"

#include "base/file.h"
#include "base/text.h"
#include "cache/helper/pack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SCHEME  "file://"
#define ARCHIVE "archive"
#define DRAFT   "draft"

bool local_artifacts_is(const char *url)
{
    return url && text_starts(url, SCHEME "/");
}

static char *folder_of(const char *url, const char *type)
{
    return xasprintf("%s/%s", url + strlen(SCHEME), *type ? type : ARCHIVE);
}

/* ---- Keeping ---- */

/* Beside its folder until it is whole, so that all that is in the folder is. */
static int write_file(int job, int dir, const char *file, const struct archive_spec *spec, const struct report *report,
                      struct archive_totals *totals, struct err *e)
{
    (void)unlinkat(job, DRAFT, 0);
    auto_close int fd = openat(job, DRAFT, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_set(e, ERR_SYSTEM, errno, "create '%s': %s", DRAFT, strerror(errno));
    if (archive_write(spec, pack_to_fd, &fd, report, totals, e) == 0) {
        if (fchmod(fd, 0644) == 0 && renameat(job, DRAFT, dir, file) == 0)
            return 0;
        (void)err_set(e, ERR_SYSTEM, errno, "name '%s': %s", file, strerror(errno));
    }
    (void)unlinkat(job, DRAFT, 0);
    return -1;
}

int local_artifacts_keep(const struct helper *h, const char *url, const char *type, const char *file,
                         const struct archive_spec *spec, struct err *e)
{
    auto_free char *folder = folder_of(url, type);
    auto_free char *shown = text_quote(*type ? type : ARCHIVE);
    auto_strvec fields = STRVEC_INIT;
    struct archive_totals totals = { 0 };

    if (strchr(type, '/') || *type == '.')
        return err_set(e, ERR_USAGE, 0, "unknown artifact type: %s", shown);
    if (dir_make(folder, 0755, e) < 0)
        return -1;
    auto_close int dir = open(folder, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    auto_close int job = openat(dir, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0 || job < 0)
        return err_set(e, ERR_SYSTEM, errno, "open '%s': %s", folder, strerror(errno));
    if (write_file(job, dir, file, spec, &h->report, &totals, e) < 0)
        return -1;
    strvec_pushf(&fields, "bytes=%lld", (long long)totals.archive);
    strvec_pushf(&fields, "file=%s", file);
    report_fields(&h->report, LOG_INFO, &fields, "Keeping artifacts as \"%s\" for this pipeline... ok", shown);
    return 0;
}

/* ---- Taking ---- */

/* The only one: a job has one archive. */
static char *first_file(const char *folder)
{
    char *found = NULL;
    DIR *d = opendir(folder);

    for (const struct dirent *x = d ? readdir(d) : NULL; x && !found; x = readdir(d))
        if (strcmp(x->d_name, ".") != 0 && strcmp(x->d_name, "..") != 0)
            found = xstrdup(x->d_name);
    if (d)
        (void)closedir(d);
    return found;
}

int local_artifacts_open(const struct helper *h, const char *url, int *fd, struct err *e)
{
    auto_free char *folder = folder_of(url, "");
    auto_free char *file = first_file(folder);
    auto_free char *path = xasprintf("%s/%s", folder, file ? file : "");
    auto_strvec fields = STRVEC_INIT;

    if (!file)
        return err_set(e, ERR_SYSTEM, 0, "file does not exist");
    *fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (*fd < 0)
        return err_set(e, ERR_SYSTEM, errno, "open '%s': %s", path, strerror(errno));
    strvec_pushf(&fields, "file=%s", file);
    report_fields(&h->report, LOG_INFO, &fields, "Taking artifacts from this pipeline... ok");
    return 0;
}
