#include "stages/deploy/target.h"

#include "base/file.h"
#include "base/text.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_MAX ((size_t)64 << 10)
#define KEY_LEAST  ((size_t)32)

struct target *targets_add(struct targets *targets, const char *name)
{
    targets->items = xreallocarray(targets->items, targets->n + 1, sizeof(*targets->items));
    struct target *t = &targets->items[targets->n++];
    *t = (struct target){
        .name = xstrdup(name),
        .docker_host = xstrdup(""),
        .cert_path = xstrdup(""),
        .domain = xstrdup(""),
        .network = xstrdup(""),
        .certresolver = xstrdup(""),
        .data = xstrdup("/srv/atelier"),
        .key = xstrdup(""),
        .health_wait_ms = 120000,
        .drain_ms = 5000,
        .stop_grace_ms = 10000,
        .lock_wait_ms = 600000,
        .keep_releases = 10,
    };
    return t;
}

static void target_release(struct target *t)
{
    char *const owned[] = { t->name,         t->docker_host, t->cert_path, t->domain, t->network,
                            t->certresolver, t->data,        t->key };
    struct strvec *const lists[] = { &t->projects,       &t->environments, &t->domains, &t->entrypoints,
                                     &t->managed_images, &t->mails,        &t->influxdb };

    for (size_t i = 0; i < ARRAY_SIZE(owned); i++)
        free(owned[i]);
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
        strvec_release(lists[i]);
    for (size_t i = 0; i < t->n_managed; i++) {
        free(t->managed[i].service);
        free(t->managed[i].host);
    }
    free(t->managed);
    for (size_t i = 0; i < t->n_registries; i++) {
        free(t->registries[i].registry);
        free(t->registries[i].username);
        free(t->registries[i].password);
    }
    free(t->registries);
    for (size_t i = 0; i < t->n_files; i++) {
        free(t->files[i].name);
        free(t->files[i].path);
    }
    free(t->files);
}

void targets_release(struct targets *targets)
{
    for (size_t i = 0; i < targets->n; i++)
        target_release(&targets->items[i]);
    free(targets->items);
    *targets = (struct targets){ 0 };
}

struct target *targets_find(const struct targets *targets, const char *name)
{
    for (size_t i = 0; i < targets->n; i++)
        if (strcmp(targets->items[i].name, name) == 0)
            return &targets->items[i];
    return NULL;
}

static bool matches(const struct strvec *patterns, const char *text)
{
    for (size_t i = 0; i < patterns->n; i++)
        if (text_matches(patterns->items[i], text))
            return true;
    return false;
}

static int refuse(const struct target *t, const char *what, const char *is, const struct strvec *may, struct err *e)
{
    auto_free char *shown = text_quote(is);
    auto_free char *list = may->n > 0 ? strvec_join(may, ", ") : xstrdup("none");

    return err_set(e, ERR_JOB, 0, "%s '%s' may not deploy to %s; allowed: %s (targets: %s: %ss, by this host's owner)",
                   what, shown, t->name, list, t->name, what);
}

int target_allows(const struct target *t, const struct job *job, struct err *e)
{
    if (!*job->environment)
        return err_set(e, ERR_JOB, 0,
                       "the job has no environment to deploy to %s; give it one in .gitlab-ci.yml, such as "
                       "`environment: {name: staging}`", t->name);
    if (!matches(&t->projects, job->project_path))
        return refuse(t, "project", job->project_path, &t->projects, e);
    if (!matches(&t->environments, job->environment))
        return refuse(t, "environment", job->environment, &t->environments, e);
    if (t->protected_only && !job->protected_ref)
        return err_set(e, ERR_JOB, 0,
                       "only jobs of protected branches and tags may deploy to %s; protect this one in the project's "
                       "settings (Repository), or run the job for one that is", t->name);
    return 0;
}

bool target_names(const struct target *t, const char *project, const char *environment)
{
    return matches(&t->projects, project) && matches(&t->environments, environment);
}

bool targets_allow(const struct targets *targets, const struct job *job)
{
    for (size_t i = 0; i < targets->n; i++)
        if (target_allows(&targets->items[i], job, NULL) == 0)
            return true;
    return false;
}

/* ---- Secrets ---- */

/* What others of this host can read, or write, is no secret. */
static int check_rights(const char *path, struct err *e)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return err_set(e, ERR_CONFIG, errno, "'%s': %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return err_set(e, ERR_CONFIG, 0, "'%s' is no file", path);
    if (st.st_uid != 0 && st.st_uid != geteuid())
        return err_set(e, ERR_CONFIG, 0, "'%s' belongs to another user (%ld), who could change it; chown it", path,
                       (long)st.st_uid);
    if (st.st_mode & 037)
        return err_set(e, ERR_CONFIG, 0, "'%s' holds a secret, and its mode %04o lets others of this host read or write "
                       "it; chmod 600 it", path, (unsigned)st.st_mode & 07777);
    return 0;
}

/* A file's text without the end of its last line. */
static int read_secret(const char *path, char **out, struct err *e)
{
    auto_free char *text = NULL;
    size_t len = 0;

    if (check_rights(path, e) < 0)
        return -1;
    if (file_read(path, SECRET_MAX, &text, &len, e) < 0) {
        e->kind = ERR_CONFIG;
        return -1;
    }
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
        text[--len] = '\0';
    if (len == 0 || strlen(text) != len)
        return err_set(e, ERR_CONFIG, 0, "'%s' %s", path, len == 0 ? "is empty" : "is no text");
    *out = take(&text);
    return 0;
}

#define MAKE_KEY "make one with: (umask 077 && openssl rand -hex 32 >%s)"

static void set_password(struct target *t, const char *registry, const char *password)
{
    for (size_t i = 0; i < t->n_registries; i++)
        if (strcmp(t->registries[i].registry, registry) == 0) {
            free(t->registries[i].password);
            t->registries[i].password = xstrdup(password);
        }
}

static int read_file(struct target *t, const struct target_file *f, struct err *e)
{
    auto_free char *secret = NULL;

    if (read_secret(f->path, &secret, e) < 0)
        return f->as == TARGET_KEY && e->code == ENOENT ? err_set(e, ERR_CONFIG, ENOENT, "'%s' is not there; " MAKE_KEY,
                                                                  f->path, f->path)
                                                        : -1;
    if (f->as == TARGET_KEY && strlen(secret) < KEY_LEAST)
        return err_set(e, ERR_CONFIG, 0, "'%s' is shorter than %zu characters; " MAKE_KEY, f->path, KEY_LEAST, f->path);
    if (f->as == TARGET_KEY) {
        free(t->key);
        t->key = take(&secret);
    } else if (f->as == TARGET_PASSWORD) {
        set_password(t, f->name, secret);
    } else {
        strvec_set_env(f->as == TARGET_MAILS ? &t->mails : &t->influxdb, f->name, secret);
    }
    return 0;
}

int target_read_secrets(struct target *t, struct err *e)
{
    auto_err own = ERR_INIT;

    for (size_t i = 0; i < t->n_files; i++)
        if (read_file(t, &t->files[i], &own) < 0) {
            (void)err_wrap(&own, "targets: %s", t->name);
            return err_move(e, &own);
        }
    return 0;
}

int target_key(const struct target *t, const char **key, struct err *e)
{
    if (!*t->key)
        return err_set(e, ERR_CONFIG, 0,
                       "targets: %s: passwords are derived from a key, and it has none; " MAKE_KEY " and name it: "
                       "key_file: %s", t->name, "/etc/atelier/deploy.key", "/etc/atelier/deploy.key");
    *key = t->key;
    return 0;
}
