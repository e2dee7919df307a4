#include "cache/select/select.h"

#include "cache/select/glob.h"
#include "cache/select/rule.h"
#include "cache/select/walk.h"

#include "base/process.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum { UNTRACKED_MAX = 64 << 20 }; /* bytes of names that git may list */

struct exclude {
    const char *rule; /* as the job wrote it */
    struct glob *glob;
    int64_t n; /* left out by it */
};

struct selection {
    const char *root;
    const struct select_rules *rules;
    const struct report *report;
    int fd; /* the root */
    struct exclude *excludes;
    size_t n_excludes;
    int64_t found; /* by the current rule */
    struct strvec *names;
};

static void selection_release(struct selection *s)
{
    cleanup_close(&s->fd);
    for (size_t i = 0; i < s->n_excludes; i++)
        glob_free(s->excludes[i].glob);
    free(s->excludes);
}

/* gitlab-runner warns of a rule that leads out for each file anew, and looks at no rule behind it. */
static void open_excludes(struct selection *s)
{
    const struct strvec *rules = s->rules->excludes;
    s->excludes = xcalloc(rules ? rules->n + 1 : 1, sizeof(*s->excludes));
    for (size_t i = 0; rules && i < rules->n; i++) {
        auto_err e = ERR_INIT;
        auto_free char *pattern = NULL;
        struct exclude *x = &s->excludes[s->n_excludes];
        if (rule_clean(s->root, rules->items[i], &pattern, &e) < 0) {
            report_line(s->report, LOG_WARNING, "isExcluded: %s", err_text(&e));
            return;
        }
        if (glob_compile(pattern, &x->glob, &e) < 0) {
            report_line(s->report, LOG_WARNING, "isExcluded: %s: %s", rules->items[i], err_text(&e));
            continue;
        }
        x->rule = rules->items[i];
        s->n_excludes++;
    }
}

static bool is_excluded(struct selection *s, const char *name, unsigned times)
{
    for (size_t i = 0; i < s->n_excludes; i++)
        if (glob_match(s->excludes[i].glob, name)) {
            s->excludes[i].n += times;
            return true;
        }
    return false;
}

static void add(void *ctx, const char *name, size_t len, unsigned times)
{
    struct selection *s = ctx;
    if (is_excluded(s, name, times))
        return;
    s->found += times;
    if (strcmp(name, ".") != 0) /* counted, but no entry of an archive */
        strvec_give(s->names, xstrndup(name, len));
}

static void select_path(struct selection *s, const char *path)
{
    auto_err e = ERR_INIT;
    auto_free char *pattern = NULL;
    if (!*path) {
        report_line(s->report, LOG_WARNING, "No matching files. Path is empty.");
        return;
    }
    if (rule_clean(s->root, path, &pattern, &e) < 0) {
        report_line(s->report, LOG_WARNING, "processPath: %s", err_text(&e));
        return;
    }
    s->found = 0;
    if (walk_pattern(s->fd, pattern, add, s, &e) < 0)
        report_line(s->report, LOG_WARNING, "%s: %s", path, err_text(&e));
    if (s->found > 0)
        report_line(s->report, LOG_INFO, "%s: found %lld matching artifact files and directories", path,
                    (long long)s->found);
    else if (e.kind == ERR_NONE)
        report_line(s->report, LOG_WARNING,
                    "%s: no matching files. Ensure that the artifact path is relative to the working "
                    "directory (%s)",
                    path, s->root);
}

/* A project's own .git/config names programs that git starts, and the sub-command reads no more
 * than names: nothing of that is wanted here. No transport at all keeps a partial clone from
 * fetching, which starts what core.sshCommand says. */
static int list_untracked(const struct selection *s, struct strbuf *out, struct err *e)
{
    static const char *const argv[] = { "git", "--no-pager", "-c", "core.fsmonitor=false", "-c",
                                        "core.hooksPath=/dev/null", "ls-files", "-o", "-z", NULL };
    auto_strvec env = STRVEC_INIT;
    for (char *const *entry = environ; *entry; entry++)
        strvec_push(&env, *entry);
    strvec_set_env(&env, "GIT_ALLOW_PROTOCOL", "none");
    strvec_set_env(&env, "GIT_NO_LAZY_FETCH", "1");
    strvec_set_env(&env, "GIT_OPTIONAL_LOCKS", "0");
    return process_capture(argv, s->root, strvec_list(&env), out, e);
}

static void select_untracked(struct selection *s)
{
    auto_err e = ERR_INIT;
    auto_strbuf list = STRBUF_INIT(UNTRACKED_MAX);
    s->found = 0;
    if (list_untracked(s, &list, &e) < 0) {
        report_line(s->report, LOG_WARNING, "untracked: %s", err_text(&e));
        return;
    }
    for (size_t at = 0; at < list.len;) {
        char *name = list.data + at;
        size_t len = strlen(name);
        at += len + 1;
        if (len > 1 && name[len - 1] == '/') /* a repository in the repository */
            name[--len] = '\0';
        if (*name == '/' || text_starts(name, "../"))
            report_line(s->report, LOG_WARNING, "%s: not supported: outside build directory", name);
        else if (*name)
            add(s, name, len, 1);
    }
    if (s->found > 0)
        report_line(s->report, LOG_INFO, "untracked: found %lld files", (long long)s->found);
    else
        report_line(s->report, LOG_WARNING, "untracked: no files");
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort_unique(struct strvec *v)
{
    size_t kept = 0;
    if (v->n == 0)
        return;
    qsort(v->items, v->n, sizeof(*v->items), by_bytes);
    for (size_t i = 1; i < v->n; i++) {
        if (!strcmp(v->items[kept], v->items[i]))
            free(v->items[i]);
        else
            v->items[++kept] = v->items[i];
    }
    v->n = kept + 1;
    v->items[v->n] = NULL;
}

int select_files(const char *root, const struct select_rules *rules, const struct report *report,
                 struct strvec *out, struct err *e)
{
    __attribute__((cleanup(selection_release))) struct selection s = {
        .root = root, .rules = rules, .report = report, .names = out,
        .fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC),
    };
    if (s.fd < 0)
        return err_set(e, ERR_SYSTEM, errno, "open folder '%s': %s", root, strerror(errno));
    open_excludes(&s);
    for (size_t i = 0; rules->paths && i < rules->paths->n; i++)
        select_path(&s, rules->paths->items[i]);
    if (rules->untracked)
        select_untracked(&s);
    for (size_t i = 0; i < s.n_excludes; i++)
        if (s.excludes[i].n > 0)
            report_line(report, LOG_INFO, "%s: excluded %lld files", s.excludes[i].rule,
                        (long long)s.excludes[i].n);
    sort_unique(out);
    return 0;
}
