#include "executor/standby_record.h"

#include "base/file.h"
#include "base/json.h"
#include "base/number.h"
#include "base/text.h"
#include "executor/job_folder.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FOLDER     ".standby" /* beside the runners', whose names have no dot */
#define PROBLEM    ".problem"
#define BESIDE     ".new" /* of a link that is about to have another name, or none */
#define RECORD_MAX ((size_t)1 << 20)
/* Between a record and the link to it nothing lies but these two calls. */
#define MAKING_S ((int64_t)60)

static char *path_of(const struct config *c, const char *name)
{
    return job_folder(c, FOLDER, name);
}

/* The words of a link: a key, and the dates of the job that has it. */
struct link {
    char key[256];
    int64_t began, expires; /* -1: not written down */
};

static bool read_link(const char *path, struct link *out)
{
    char text[PATH_MAX];
    long long began = -1, expires = -1;
    ssize_t n = readlink(path, text, sizeof(text) - 1);

    if (n <= 0)
        return false;
    text[n] = '\0';
    if (sscanf(text, "%255s %lld %lld", out->key, &began, &expires) < 1)
        return false;
    out->began = began;
    out->expires = expires;
    return true;
}

static char *key_at(const struct config *c, const char *name)
{
    auto_free char *path = path_of(c, name);
    struct link link;

    return read_link(path, &link) ? xstrdup(link.key) : NULL;
}

void standby_record_rename(const struct config *c, struct place *place)
{
    char *key = key_at(c, place->key);

    if (!key)
        return;
    free(place->key);
    place->key = key;
}

char *standby_record_waiting(const struct config *c, const char *slot)
{
    return key_at(c, slot);
}

char *standby_record_take(const struct config *c, const char *slot, const char *job)
{
    auto_free char *from = path_of(c, slot);
    auto_free char *to = path_of(c, job);

    return rename(from, to) == 0 ? key_at(c, job) : NULL;
}

static void forget(const struct config *c, const char *name)
{
    auto_free char *path = path_of(c, name);

    (void)unlink(path);
}

/* By a rename too: the link that was looked at may be another one now. */
char *standby_record_withdraw(const struct config *c, const char *slot)
{
    auto_free char *from = path_of(c, slot);
    auto_free char *to = xasprintf("%s.%ld" BESIDE, from, (long)getpid());
    struct link link;
    bool found = rename(from, to) == 0 && read_link(to, &link);

    (void)unlink(to);
    return found ? xstrdup(link.key) : NULL;
}

void standby_record_return(const struct config *c, const char *job)
{
    auto_free char *beside = xasprintf("%s" BESIDE, job);

    forget(c, beside);
    forget(c, job);
}

void standby_record_remove(const struct config *c, const char *key)
{
    forget(c, key);
}

int standby_record_date(const struct config *c, const char *job, const char *key, int64_t began, int64_t expires, struct err *e)
{
    auto_free char *path = path_of(c, job);
    auto_free char *beside = xasprintf("%s" BESIDE, path);
    auto_free char *text = xasprintf("%s %lld %lld", key, (long long)began, (long long)expires);

    (void)unlink(beside);
    if (symlink(text, beside) < 0 || rename(beside, path) < 0)
        return err_set(e, ERR_SYSTEM, errno, "write '%s': %s", path, strerror(errno));
    return 0;
}

json_t *standby_record_read(const struct config *c, const char *key)
{
    auto_free char *path = path_of(c, key);
    auto_free char *text = NULL;
    size_t len = 0;
    json_t *record = NULL;

    if (file_read(path, RECORD_MAX, &text, &len, NULL) < 0 || json_parse(text, len, path, &record, NULL) < 0)
        return NULL;
    return record;
}

int standby_record_offer(const struct config *c, const char *slot, const char *key, const json_t *record, struct err *e)
{
    auto_free char *path = path_of(c, key);
    auto_free char *link = path_of(c, slot);
    auto_free char *text = json_compact(record);

    if (job_folder_make_root(c, FOLDER, e) < 0 || file_write(path, text, strlen(text), 0600, e) < 0)
        return -1;
    if (symlink(key, link) == 0)
        return 0;
    (void)err_set(e, errno == EEXIST ? ERR_CONFLICT : ERR_SYSTEM, errno, "link '%s': %s", link, strerror(errno));
    (void)unlink(path);
    return -1;
}

void standby_record_problem(const struct config *c, const char *slot, const char *problem)
{
    auto_free char *name = xasprintf("%s" PROBLEM, slot);
    auto_free char *path = path_of(c, name);

    if (!problem)
        (void)unlink(path);
    else if (job_folder_make_root(c, FOLDER, NULL) == 0)
        (void)file_write(path, problem, strlen(problem), 0600, NULL);
}

/* ---- All of them ---- */

static void add_problem(const char *path, const char *name, struct standby_records *out)
{
    auto_free char *text = NULL;

    if (file_read(path, RECORD_MAX, &text, NULL, NULL) == 0)
        strvec_pushf(&out->problems, "%.*s: %s", (int)(strlen(name) - strlen(PROBLEM)), name, text);
}

static void add_link(const char *name, const struct link *link, struct standby_records *out)
{
    if (strchr(name, '.')) {
        strvec_push(&out->waiting, link->key);
        strvec_push(&out->slots, name);
        return;
    }
    out->dates = xreallocarray(out->dates, out->taken.n + 1, sizeof(*out->dates));
    strvec_push(&out->taken, link->key);
    strvec_push(&out->jobs, name);
    out->dates[out->taken.n - 1] = (struct garbage_job){ .began = link->began, .expires = link->expires };
}

static void add_entry(const char *path, const char *name, struct standby_records *out, struct strvec *records)
{
    struct stat st;
    struct link link;

    if (lstat(path, &st) < 0)
        return;
    bool old = st.st_mtime + MAKING_S < (int64_t)time(NULL);
    if (S_ISLNK(st.st_mode) && text_ends(name, BESIDE)) {
        if (old) /* of somebody who was killed */
            (void)unlink(path);
    } else if (S_ISLNK(st.st_mode) && read_link(path, &link))
        add_link(name, &link, out);
    else if (S_ISREG(st.st_mode) && text_ends(name, PROBLEM))
        add_problem(path, name, out);
    else if (S_ISREG(st.st_mode) && !strchr(name, '.') && old)
        strvec_push(records, name);
}

static void list_once(const struct config *c, struct standby_records *out, struct strvec *records)
{
    auto_free char *folder = xasprintf("%s/" FOLDER, c->builds);
    DIR *dir = opendir(folder);
    const struct dirent *entry;

    *out = (struct standby_records){ .waiting = STRVEC_INIT };
    while (dir && (entry = readdir(dir))) {
        auto_free char *path = path_of(c, entry->d_name);
        add_entry(path, entry->d_name, out, records);
    }
    if (dir)
        (void)closedir(dir);
    for (size_t i = 0; i < out->taken.n; i++)
        out->dates[i].job = out->taken.items[i];
}

static bool is_linked(const struct standby_records *r, const char *key)
{
    return strvec_has(&r->waiting, key) || strvec_has(&r->taken, key);
}

/* A link that is taken while it is looked at is seen by neither of its names; but that happens to it only once. */
void standby_records_list(const struct config *c, struct standby_records *out)
{
    struct standby_records before;
    auto_strvec earlier = STRVEC_INIT, records = STRVEC_INIT;

    list_once(c, &before, &earlier);
    list_once(c, out, &records);
    for (size_t i = 0; i < records.n; i++)
        if (!is_linked(&before, records.items[i]) && !is_linked(out, records.items[i]))
            strvec_push(&out->lost, records.items[i]);
    standby_records_release(&before);
}

void standby_records_release(struct standby_records *r)
{
    strvec_release(&r->waiting);
    strvec_release(&r->slots);
    strvec_release(&r->lost);
    strvec_release(&r->taken);
    strvec_release(&r->jobs);
    strvec_release(&r->problems);
    free(r->dates);
    *r = (struct standby_records){ .waiting = STRVEC_INIT };
}
