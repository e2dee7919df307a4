#include "stages/pipeline/snapshot.h"

#include "base/file.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "base/text.h"
#include "stages/pipeline/git.h"
#include "stages/pipeline/history.h"
#include "stages/pipeline/refspec.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define auto_git __attribute__((cleanup(git_release))) struct git

/* ---- Whether it can be had ---- */

/* Paths are parts of a mount's options, where these mean something. */
static bool is_plain(const char *path)
{
    return !path[strcspn(path, ",:\\\"\n")];
}

/* Objects are mounted as they are, whoever the job runs as. */
static bool is_open(const char *folder)
{
    struct stat st;

    return stat(folder, &st) == 0 && (st.st_mode & 0005) == 0005;
}

static bool borrows_objects(const struct source *s)
{
    auto_free char *file = xasprintf("%s/info/alternates", s->history);

    return access(file, F_OK) == 0;
}

/* Files that belong to the commit may not be there. */
static bool is_sparse(const struct git *g)
{
    auto_free char *setting = git_ask(g, "config", "--bool", "core.sparseCheckout", NULL);

    return setting && strcmp(setting, "true") == 0;
}

static const char *why_unfit(const struct source *s, const struct git *g)
{
    const struct checkout *c = s->checkout;

    if (c->sources == SOURCES_COMMIT)
        return "it is not the branch that is checked out";
    if (c->has_submodules)
        return "it has submodules";
    if (s->shallow || strcmp(s->format, "sha1") != 0 || borrows_objects(s) || source_is_partial(s) ||
        is_sparse(g))
        return "its repository has not all of its objects in one place";
    if (!is_plain(c->top) || !is_plain(s->history) || !is_plain(s->dir))
        return "its path has a character that no mount can have";
    if (!is_open(s->history))
        return "its objects are closed to other users";
    return NULL;
}

/* ---- What hides: the kernel takes a device 0/0 for "there is nothing" ---- */

/* A folder of a layer stands for all of that name below it, so it must look like the checkout's. */
static int copy_folder(const char *from, const char *to, struct err *e)
{
    struct stat st;

    if (mkdir(to, 0700) < 0)
        return errno == EEXIST ? 0 : err_set(e, ERR_SYSTEM, errno, "mkdir '%s': %s", to, strerror(errno));
    if (stat(from, &st) < 0)
        return err_set(e, ERR_SYSTEM, errno, "stat '%s': %s", from, strerror(errno));
    const struct timespec times[] = { st.st_atim, st.st_mtim };
    if (chmod(to, st.st_mode & 07777) < 0 || (geteuid() == 0 && lchown(to, st.st_uid, st.st_gid) < 0) ||
        utimensat(AT_FDCWD, to, times, 0) < 0)
        return err_set(e, ERR_SYSTEM, errno, "'%s': %s", to, strerror(errno));
    return 0;
}

/* `path` is the checkout's own, perhaps with "/" at its end. */
static int hide(const struct snapshot *s, const char *path, struct err *e)
{
    const char *top = s->source->checkout->top;
    size_t len = strlen(path);
    auto_free char *clean = xstrndup(path, len > 0 && path[len - 1] == '/' ? len - 1 : len);
    auto_free char *to = xasprintf("%s/%s", s->mask, clean);

    for (const char *slash = strchr(clean, '/'); slash; slash = strchr(slash + 1, '/')) {
        auto_free char *from = xasprintf("%s/%.*s", top, (int)(slash - clean), clean);
        auto_free char *parent = xasprintf("%s/%.*s", s->mask, (int)(slash - clean), clean);
        if (copy_folder(from, parent, e) < 0)
            return -1;
    }
    if (mknod(to, S_IFCHR, 0) < 0 && errno != EEXIST)
        return err_set(e, ERR_SYSTEM, errno, "mknod '%s': %s", to, strerror(errno));
    return 0;
}

/* One path a line; git quotes one that has a line's end in it. */
static int hide_ignored(struct snapshot *s, const struct git *g, struct err *e)
{
    auto_free char *list = NULL;

    if (git_run(g, &list, e, "-c", "core.quotePath=false", "ls-files", "--others", "--ignored", "--exclude-standard",
                "--directory", NULL) < 0)
        return -1;
    char *rest = list;
    for (char *path; rest && (path = strsep(&rest, "\n"));) {
        if (*path == '"') {
            s->unfit = xstrdup("a file that is ignored has a name that git has to quote");
            return 0;
        }
        if (*path && hide(s, path, e) < 0)
            return -1;
    }
    return hide(s, ".git", e);
}

/* A repository within the checkout is a commit to git, and not its files. */
static int check_repositories(struct snapshot *s, const struct git *g, struct err *e)
{
    auto_free char *list = NULL;

    if (git_run(g, &list, e, "ls-files", "--stage", NULL) < 0)
        return -1;
    if (text_starts(list, "160000 ") || strstr(list, "\n160000 "))
        s->unfit = xstrdup("it has repositories in it");
    return 0;
}

/* ---- Repositories ---- */

/* Nobody reads it before it is whole, and none of it outlives the pipeline: it need not reach the disk. */
static int write_text(const char *folder, const char *name, const char *text, struct err *e)
{
    auto_free char *path = xasprintf("%s/%s", folder, name);
    auto_close int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    if (fd < 0 || fchmod(fd, 0644) < 0)
        return err_set(e, ERR_SYSTEM, errno, "write '%s': %s", path, strerror(errno));
    return fd_write(fd, text, strlen(text), e);
}

/* Folders whose rights do not depend on our umask. */
static int make_folders(const char *top, const char *const *names, struct err *e)
{
    for (; *names; names++) {
        auto_free char *path = xasprintf("%s/%s", top, *names);
        if (mkdir(path, 0755) < 0 || chmod(path, 0755) < 0)
            return err_set(e, ERR_SYSTEM, errno, "mkdir '%s': %s", path, strerror(errno));
    }
    return 0;
}

/* What makes a folder a repository (gitrepository-layout(5)). */
static int make_repository(const char *folder, const char *head, const char *config, struct err *e)
{
    static const char *const folders[] = { "", "objects", "objects/info", "refs", "refs/heads", "info", "logs", NULL };
    static const char objects[] = SNAPSHOT_AT "/objects\n" SNAPSHOT_AT "/history\n";

    return make_folders(folder, folders, e) < 0 || write_text(folder, "HEAD", head, e) < 0 ||
                   write_text(folder, "config", config, e) < 0 || write_text(folder, "objects/info/alternates", objects, e) < 0
               ? -1
               : 0;
}

/* From which `git status` knows what HEAD is detached at; it believes no time of 0. */
static char *log_of(const char *sha, const char *what)
{
    return xasprintf("%040d %s atelier <atelier@localhost> 1 +0000\t%s\n", 0, sha, what);
}

/* The job's own. What its index notes of a file is what the checkout's file system says, but for owner and inode. */
static int make_git(const struct snapshot *s, struct err *e)
{
    static const char config[] =
        "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n\tlogallrefupdates = true\n"
        "\tcheckStat = minimal\n\ttrustctime = false\n"
        "[remote \"origin\"]\n\turl = file://" SNAPSHOT_REPOSITORY "\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n"
        "\tuploadpack = git -c safe.directory=* upload-pack\n" /* it is whose the checkout is */
        "[fetch]\n\trecurseSubmodules = false\n[gc]\n\tautoDetach = false\n[credential]\n\tinteractive = never\n";
    auto_free char *folder = xasprintf("%s/.git", s->git);
    auto_free char *head = xasprintf("%s\n", s->source->sha);
    auto_free char *from = xasprintf("%s/index", s->source->dir);
    auto_free char *to = xasprintf("%s/index", folder);

    auto_free char *moved = xasprintf("checkout: moving from none to %s", s->source->sha);
    auto_free char *log = log_of(s->source->sha, moved);

    if (make_repository(folder, head, config, e) < 0 || write_text(folder, "logs/HEAD", log, e) < 0)
        return -1;
    if (access(from, F_OK) < 0) /* of a checkout without a file */
        return 0;
    if (link(from, to) < 0 || chmod(to, 0644) < 0)
        return err_set(e, ERR_SYSTEM, errno, "link '%s': %s", to, strerror(errno));
    return 0;
}

/* What a fetch finds: the pipeline's and the branch's first. */
static char *list_references(const struct source *s, const struct git *g)
{
    const struct checkout *c = s->checkout;
    auto_free char *list = git_ask(g, "for-each-ref", "--format=%(objectname) %(refname)", "refs/heads", "refs/tags", NULL);
    /* A tag stays what it is, unless it is yet to be made. */
    bool is_there = c->is_tag && c->sources != SOURCES_AS_BRANCH;
    auto_free char *branch = is_there ? NULL : xasprintf("refs/%s/%s", c->is_tag ? "tags" : "heads", c->ref);
    auto_strbuf out = STRBUF_TEXT;

    strbuf_printf(&out, "%s refs/pipelines/%" PRId64 "\n", s->sha, s->pipeline_id);
    if (branch)
        strbuf_printf(&out, "%s %s\n", s->sha, branch);
    char *rest = list;
    for (char *line; rest && (line = strsep(&rest, "\n"));) {
        const char *name = strchr(line, ' ');
        if (name && (!branch || strcmp(name + 1, branch) != 0))
            strbuf_printf(&out, "%s\n", line);
    }
    return strbuf_take(&out);
}

/* Where `git fetch` finds what the job's own has not: other branches, and all of the history. */
static int make_origin(const struct snapshot *s, struct err *e)
{
    static const char *const folders[] = { "history", NULL };
    auto_free char *folder = xasprintf("%s/repository.git", s->sources);
    auto_free char *references = xasprintf("# pack-refs with: \n%s", s->offered); /* it would have to say that they are sorted */
    auto_free char *head = xasprintf("ref: refs/heads/%s\n", s->source->checkout->default_branch);

    if (make_folders(s->sources, folders, e) < 0 ||
        make_repository(folder, head, "[core]\n\trepositoryformatversion = 0\n\tbare = true\n", e) < 0)
        return -1;
    return write_text(folder, "packed-refs", references, e);
}

/* ---- The whole ---- */

static int make_layers(struct snapshot *s, const struct git *g, struct err *e)
{
    const char *top = s->source->checkout->top;

    if (check_repositories(s, g, e) < 0)
        return -1;
    if (s->unfit)
        return 0;
    if (copy_folder(top, s->mask, e) < 0 || copy_folder(top, s->git, e) < 0 || hide_ignored(s, g, e) < 0)
        return -1;
    if (s->unfit)
        return 0;
    s->offered = list_references(s->source, g);
    return make_git(s, e) < 0 || make_origin(s, e) < 0 ? -1 : 0;
}

int snapshot_take(const struct source *s, struct snapshot *out, struct err *e)
{
    auto_git g;
    auto_snapshot new = {
        .git = xasprintf("%s/git", s->dir),
        .mask = xasprintf("%s/mask", s->dir),
        .sources = xasprintf("%s/sources", s->dir),
        .source = s,
    };

    source_git(s, &g);
    new.unfit = xstrdup(why_unfit(s, &g));
    if (!new.unfit && make_layers(&new, &g, e) < 0)
        return err_wrap(e, "a snapshot of '%s'", s->checkout->top);
    *out = new;
    new = (struct snapshot)SNAPSHOT_INIT;
    return 0;
}

/* ---- What a fetch would leave ---- */

/* Most histories are long in time and not broad: a few dozen commits a generation. */
#define COMMITS_A_GENERATION 64

static void read_history(const struct snapshot *s, int depth, struct strvec *ends, struct strvec *tags)
{
    auto_git g;

    source_git(s->source, &g);
    for (int64_t most = (int64_t)depth * COMMITS_A_GENERATION; depth > 0 && most < INT_MAX; most *= COMMITS_A_GENERATION) {
        auto_free char *limit = xasprintf("--max-count=%" PRId64, most);
        auto_free char *list = git_ask(&g, "log", "--no-color", "--no-show-signature", "--encoding=UTF-8", "--decorate=full",
                                       "--decorate-refs=refs/tags", "--format=" HISTORY_FORMAT, limit, s->source->sha, NULL);
        if (!list || history_read(list, depth, ends, tags))
            return;
    }
}

static int make_parents(const char *top, const char *name, struct err *e)
{
    for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
        auto_free char *path = xasprintf("%s/%.*s", top, (int)(slash - name), name);
        if (mkdir(path, 0755) < 0 ? errno != EEXIST : chmod(path, 0755) < 0)
            return err_set(e, ERR_SYSTEM, errno, "mkdir '%s': %s", path, strerror(errno));
    }
    return 0;
}

/* "<object> <name>" */
static int write_reference(const char *git, const char *reference, struct err *e)
{
    size_t len = strcspn(reference, " ");
    const char *name = reference + len + 1;
    auto_free char *object = xasprintf("%.*s\n", (int)len, reference);
    auto_free char *log_name = xasprintf("logs/%s", name);

    if (make_parents(git, name, e) < 0 || write_text(git, name, object, e) < 0)
        return -1;
    if (!text_starts(name, "refs/remotes/"))
        return 0;
    object[len] = '\0';
    auto_free char *log = log_of(object, "fetch origin: storing head");
    return make_parents(git, log_name, e) < 0 ? -1 : write_text(git, log_name, log, e);
}

static int write_references(const char *git, const struct strvec *references, struct err *e)
{
    for (size_t i = 0; i < references->n; i++) {
        if (write_reference(git, references->items[i], e) == 0)
            continue;
        /* The pipeline's branch is no branch yet, and one of the others stands in its way. */
        if (e->code != ENOTDIR && e->code != EISDIR)
            return -1;
        err_release(e);
    }
    return 0;
}

static int fill_fetched(const struct snapshot *s, const struct strvec *refspecs, int depth, const char *layer, struct err *e)
{
    static const char *const folders[] = { "", NULL };
    auto_free char *git = xasprintf("%s/.git", layer);
    auto_strvec shallow = STRVEC_INIT, tags = STRVEC_INIT, wanted = STRVEC_INIT, references = STRVEC_INIT;

    read_history(s, depth, &shallow, &tags);
    strvec_push_all(&wanted, refspecs);
    for (size_t i = 0; i < tags.n; i++)
        strvec_pushf(&wanted, "+%s:%s", tags.items[i], tags.items[i]);
    refspecs_apply(&wanted, s->offered, &references);
    if (copy_folder(s->source->checkout->top, layer, e) < 0 || make_folders(git, folders, e) < 0 ||
        write_references(git, &references, e) < 0)
        return -1;
    auto_free char *ends = strvec_join(&shallow, "\n");
    auto_free char *lines = xasprintf("%s\n", ends);
    return shallow.n > 0 ? write_text(git, "shallow", lines, e) : 0;
}

/* Jobs that begin at the same time may all make it: the first one's stays. */
static int make_fetched(const struct snapshot *s, const struct strvec *refspecs, int depth, const char *layer, struct err *e)
{
    auto_free char *draft = NULL;

    if (access(layer, F_OK) == 0)
        return 0;
    if (dir_temporary(s->source->dir, "draft", &draft, e) < 0)
        return -1;
    auto_free char *inner = xasprintf("%s/layer", draft);
    int rc = fill_fetched(s, refspecs, depth, inner, e);
    if (rc == 0 && rename(inner, layer) < 0 && errno != EEXIST && errno != ENOTEMPTY)
        rc = err_set(e, ERR_SYSTEM, errno, "rename '%s' to '%s': %s", inner, layer, strerror(errno));
    (void)dir_remove(draft, NULL);
    return rc;
}

int snapshot_request(const struct snapshot *s, const struct strvec *refspecs, int depth, const char *path, struct err *e)
{
    const struct source *source = s->source;
    auto_free char *fetched = xasprintf("%s/fetched-%d", source->dir, depth);

    if (make_fetched(s, refspecs, depth, fetched, e) < 0)
        return err_wrap(e, "a snapshot of '%s'", source->checkout->top);
    auto_json *request = json_pack("{s:[s,s,s,s], s:[{s:s,s:s},{s:s,s:s}]}", "layers", fetched, s->git, s->mask,
                                   source->checkout->top, "mounts", "source", s->sources, "target", SNAPSHOT_AT, "source",
                                   source->history, "target", SNAPSHOT_AT "/history");
    auto_free char *text = json_compact(request);

    if (!text) /* a path that is no UTF-8 */
        return err_set(e, ERR_SYSTEM, 0, "the path of '%s' cannot be written as JSON", source->checkout->top);
    return file_write(path, text, strlen(text), 0600, e);
}

void snapshot_release(struct snapshot *s)
{
    free(s->unfit);
    free(s->git);
    free(s->mask);
    free(s->sources);
    free(s->offered);
    *s = (struct snapshot)SNAPSHOT_INIT;
}
