/* executor/doctor_host.c: what the files of a host tell of it. */
#include "executor/doctor.h"

#include "base/number.h"
#include "base/process.h"
#include "base/text.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define GIB ((int64_t)1 << 30)
/* A build writes some hundreds of MiB; a disk that is full fails every job. */
#define DISK_LEAST   GIB
#define DISK_LITTLE  (5 * GIB)
#define INODES_LEAST 10000

#define RUNNER_CONFIG "/etc/gitlab-runner/config.toml"

void doctor_config(struct doctor *d)
{
    const char *path = d->in->config ? d->in->config : CONFIG_DEFAULT_PATH;
    auto_free char *shown = text_quote(path);
    auto_err e = ERR_INIT;

    if (config_read(d->in->config, d->in->env, &d->config, &e) < 0) {
        doctor_say(d, VERDICT_PROBLEM, "atelier check", "%s; the rest is checked with the defaults", err_text(&e));
        (void)config_read_text("the defaults", "", 0, d->in->env, &d->config, NULL);
        return;
    }
    if (access(path, F_OK) < 0) {
        doctor_say(d, VERDICT_OK, NULL, "%s is not there: the defaults hold", shown);
        return;
    }
    doctor_say(d, VERDICT_OK, NULL, "%s: good", shown);
}

static bool uses_volumes(const struct doctor *d)
{
    struct engine_endpoint endpoint;

    config_endpoint(&d->config, d->in->env, &endpoint);
    return config_uses_volumes(&d->config, &endpoint);
}

static bool daemon_is_here(const struct doctor *d)
{
    return !d->engine || engine_is_local(d->engine);
}

/* Work trees and caches hold secrets, and other users can do with a root folder what its mode lets them. */
static void check_folder(struct doctor *d, const char *path)
{
    auto_free char *shown = text_quote(path);
    auto_free char *look = xasprintf("ls -ld %s", shown);
    auto_free char *close = xasprintf("chmod 700 %s", shown);
    auto_free char *own = xasprintf("chown %u %s", (unsigned)geteuid(), shown);
    struct stat st;

    if (lstat(path, &st) < 0 && errno == ENOENT)
        doctor_say(d, VERDICT_OK, NULL, "%s is not there: the first job makes it", shown);
    else if (stat(path, &st) < 0)
        doctor_say(d, VERDICT_PROBLEM, look, "%s: %s", shown, strerror(errno));
    else if (!S_ISDIR(st.st_mode))
        doctor_say(d, VERDICT_PROBLEM, "atelier sample", "%s is no folder; name another in the configuration", shown);
    else if (st.st_mode & 0077)
        doctor_say(d, VERDICT_PROBLEM, close, "%s is open to other users (mode %04o), and holds jobs' secrets", shown,
                   (unsigned)st.st_mode & 07777);
    else if (st.st_uid != geteuid())
        doctor_say(d, VERDICT_WARNING, own, "%s belongs to user %u, who can read jobs' secrets; this is user %u", shown,
                   (unsigned)st.st_uid, (unsigned)geteuid());
    else
        doctor_say(d, VERDICT_OK, NULL, "%s is closed to other users", shown);
}

void doctor_folders(struct doctor *d)
{
    if (uses_volumes(d)) {
        doctor_say(d, VERDICT_OK, NULL, "builds and caches are volumes of the daemon (storage)");
        return;
    }
    if (!daemon_is_here(d)) {
        doctor_say(d, VERDICT_SKIPPED, NULL, "they are on the daemon's machine");
        return;
    }
    check_folder(d, d->config.builds);
    check_folder(d, d->config.cache);
}

/* Of the folder, or of the nearest above it that is there. */
static int disk_of(const char *path, struct statvfs *out)
{
    auto_free char *at = xstrdup(path);

    while (statvfs(at, out) < 0) {
        char *slash = strrchr(at, '/');
        if ((errno != ENOENT && errno != EACCES) || !slash || strcmp(at, "/") == 0)
            return -1;
        slash[slash == at] = '\0';
    }
    return 0;
}

static void check_disk(struct doctor *d, const char *what, const char *path)
{
    static const char clean[] = "docker system df, then: docker image prune";
    auto_free char *shown = text_quote(path);
    struct statvfs disk;
    char space[32];

    if (disk_of(path, &disk) < 0) {
        doctor_say(d, VERDICT_SKIPPED, NULL, "%s, %s: %s", what, shown, strerror(errno));
        return;
    }
    int64_t bytes = (int64_t)disk.f_bavail * (int64_t)disk.f_frsize;
    (void)size_format(bytes, space, sizeof(space));
    /* Some file systems count no inodes. */
    if (disk.f_files > 0 && disk.f_favail < INODES_LEAST)
        doctor_say(d, VERDICT_PROBLEM, clean, "%s, %s: room for only %llu files", what, shown,
                   (unsigned long long)disk.f_favail);
    else if (bytes < DISK_LITTLE)
        doctor_say(d, bytes < DISK_LEAST ? VERDICT_PROBLEM : VERDICT_WARNING, clean, "%s, %s: only %s free", what,
                   shown, space);
    else
        doctor_say(d, VERDICT_OK, NULL, "%s, %s: %s free", what, shown, space);
}

void doctor_disk(struct doctor *d)
{
    if (!daemon_is_here(d)) {
        doctor_say(d, VERDICT_SKIPPED, NULL, "it is the daemon's machine that has them");
        return;
    }
    const char *root = json_text(d->info, "DockerRootDir");
    if (*root)
        check_disk(d, "Docker", root);
    if (uses_volumes(d))
        return;
    check_disk(d, "builds", d->config.builds);
    check_disk(d, "cache", d->config.cache);
}

/* "Version:      17.9.0": major and minor. */
static int runner_version(const char *text, unsigned *major, unsigned *minor)
{
    const char *line = strstr(text, "Version:");

    return line && sscanf(line + strlen("Version:"), " %5u.%5u", major, minor) == 2 ? 0 : -1;
}

static void check_runner(struct doctor *d)
{
    static const char *const argv[] = { "gitlab-runner", "--version", NULL };
    static const char update[] = "apt-get install gitlab-runner";
    auto_strbuf out = STRBUF_INIT(1 << 16);
    auto_err e = ERR_INIT;
    unsigned major, minor;

    if (process_capture(argv, NULL, d->in->env, &out, &e) < 0) {
        /* A folder of PATH that this user may not search is like one without it. */
        bool none = e.kind == ERR_NOT_FOUND || e.code == EACCES;
        if (none)
            doctor_say(d, VERDICT_SKIPPED, NULL, "there is no gitlab-runner in PATH whose version could be asked");
        else
            doctor_say(d, VERDICT_WARNING, "gitlab-runner --version", "%s", err_text(&e));
    } else if (runner_version(strbuf_text(&out), &major, &minor) < 0)
        doctor_say(d, VERDICT_WARNING, "gitlab-runner --version", "gitlab-runner does not tell its version");
    else if (major < 14)
        doctor_say(d, VERDICT_PROBLEM, update, "gitlab-runner %u.%u is too old: 14 is the first that works", major, minor);
    else if (major < 17 || (major == 17 && minor < 9))
        doctor_say(d, VERDICT_WARNING, update,
                   "gitlab-runner %u.%u reports every failed script as exit code 1; 17.9 and later tell the code", major,
                   minor);
    else
        doctor_say(d, VERDICT_OK, NULL, "gitlab-runner %u.%u", major, minor);
}

/* What it says of the hooks is not read: that takes a parser of TOML, and Debian has none for C. */
void doctor_runner(struct doctor *d)
{
    check_runner(d);
    if (access(RUNNER_CONFIG, F_OK) == 0)
        doctor_say(d, VERDICT_SKIPPED, NULL,
                   RUNNER_CONFIG " is not read (TOML); compare it with \"Install it\" in README.md");
    else
        doctor_say(d, VERDICT_SKIPPED, NULL, RUNNER_CONFIG " %s",
                   errno == EACCES ? "cannot be read by this user" : "is not there");
}
