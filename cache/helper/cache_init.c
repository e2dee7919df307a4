/* cache/helper/cache_init.c: `cache-init PATH...`: opens folders to everybody (contract 3.9). */
#include "cache/helper/helper.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static const struct flag flags[] = { { NULL, NULL, NULL, FLAG_TEXT, 0, NULL } };

static int run(const struct helper *h, void *options, struct err *e)
{
    (void)options;
    if (!h->args[0])
        return err_set(e, ERR_USAGE, 0, "No arguments passed, at least 1 path is required.");
    for (char *const *path = h->args; *path; path++) {
        auto_strvec fields = STRVEC_INIT;
        if (chmod(*path, 0777) == 0)
            continue;
        strvec_pushf(&fields, "error=%s", strerror(errno));
        strvec_pushf(&fields, "path=%s", *path);
        report_fields(&h->report, LOG_ERROR, &fields, "failed to chmod path");
    }
    return 0;
}

const struct helper_command cache_init = { "cache-init", "Open folders of caches to every user", flags, 1, run };
