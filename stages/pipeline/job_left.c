#include "stages/pipeline/job_left.h"

#include "base/text.h"
#include "stages/pipeline/artifact_store.h"
#include "stages/pipeline/dotenv.h"

#include <string.h>

/* More than that is for `ls`. */
#define FILES_SHOWN 20

void job_left_release(struct job_left *l)
{
    free(l->root);
    free(l->folder);
    variables_release(&l->dotenv);
    strvec_release(&l->rows);
    *l = (struct job_left){ 0 };
}

static int read_dotenv(struct job_left *l, const char *folder, const char *name, const struct variables *predefined,
                       struct err *e)
{
    auto_free char *path = xasprintf("%s/%s", folder, name);
    auto_free char *text = NULL;
    size_t len = 0;

    if (artifact_store_read(l->root, path, DOTENV_BYTES_MAX, &text, &len, e) < 0 ||
        dotenv_parse(text, len, predefined, &l->dotenv, e) < 0)
        return err_wrap(e, "the dotenv report");
    return 0;
}

int job_left_read(struct job_left *l, const struct variables *predefined, struct err *e)
{
    auto_free char *archive = xasprintf("%s/archive", l->folder);
    auto_free char *dotenv = xasprintf("%s/" REPORT_DOTENV, l->folder);
    auto_strvec archives = STRVEC_INIT;
    auto_strvec reports = STRVEC_INIT;

    artifact_store_files(l->root, archive, &archives);
    artifact_store_files(l->root, dotenv, &reports);
    l->has_archive = archives.n > 0;
    for (size_t i = 0; i < reports.n; i++) {
        if (read_dotenv(l, dotenv, reports.items[i], predefined, e) == 0)
            continue;
        variables_release(&l->dotenv);
        l->dotenv = (struct variables)VARIABLES_INIT;
        return -1;
    }
    return 0;
}

/* "<number>-<job>/<type>/<file>" of all that it left. */
static void list(const struct job_left *l, struct strvec *out)
{
    auto_strvec types = STRVEC_INIT;
    const char *name = strrchr(l->folder, '/');

    artifact_store_folders(l->root, l->folder, &types);
    for (size_t i = 0; i < types.n; i++) {
        auto_free char *folder = xasprintf("%s/%s", l->folder, types.items[i]);
        auto_strvec files = STRVEC_INIT;
        artifact_store_files(l->root, folder, &files);
        for (size_t k = 0; k < files.n; k++) {
            auto_free char *path = xasprintf("%s/%s/%s", name ? name + 1 : l->folder, types.items[i], files.items[k]);
            strvec_give(out, text_quote(path));
        }
    }
}

void job_left_show(struct report *r, const struct job_left *left, size_t n)
{
    auto_strvec files = STRVEC_INIT;
    const struct job_left *any = NULL;

    for (size_t i = 0; i < n; i++) {
        if (!left[i].folder)
            continue;
        list(&left[i], &files);
        any = &left[i];
    }
    if (files.n == 0)
        return;
    const char *slash = strrchr(any->folder, '/');
    report_line(r, STYLE_PLAIN, "%s", "");
    report_line(r, STYLE_PLAIN, "Artifacts, until the project's next pipeline, in %s/%.*s:", any->root,
                (int)(slash ? slash - any->folder : 0), any->folder);
    for (size_t i = 0; i < files.n && i < FILES_SHOWN; i++)
        report_line(r, STYLE_PLAIN, "  %s", files.items[i]);
    if (files.n > FILES_SHOWN)
        report_line(r, STYLE_PLAIN, "  and %zu more", files.n - FILES_SHOWN);
}
