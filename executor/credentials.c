#include "executor/credentials.h"

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "executor/docker_config.h"

#include <pwd.h>
#include <string.h>

#define FILE_MAX          ((size_t)4 << 20)
#define HELPER_TIMEOUT_MS 30000

/* A place to look in. *doc is a Docker client's configuration, a new reference, and *name what people call it; both
 * are left alone when there is no such place. */
struct source {
    int (*load)(const struct credentials_from *from, json_t **doc, char **name, struct err *e);
    enum err_kind fault; /* whose it is when the place cannot be read */
};

static int parse(const char *text, size_t len, const char *name, json_t **doc, struct err *e)
{
    auto_json *value = NULL;

    if (json_parse(text, len, name, &value, e) < 0)
        return -1;
    if (!json_is_object(value))
        return err_set(e, ERR_CONFIG, 0, "%s is no JSON object", name);
    *doc = take(&value);
    return 0;
}

int credentials_of_variable(char *const *env, json_t **doc, struct err *e)
{
    const char *text = job_env(env, "DOCKER_AUTH_CONFIG");

    if (text[strspn(text, " \t\r\n")] == '\0')
        return 0;
    return parse(text, strlen(text), CREDENTIALS_VARIABLE, doc, e);
}

static int load_variable(const struct credentials_from *from, json_t **doc, char **name, struct err *e)
{
    if (credentials_of_variable(from->env, doc, e) < 0)
        return -1;
    if (*doc)
        *name = xstrdup(CREDENTIALS_VARIABLE);
    return 0;
}

/* A service has no HOME when its unit names no user. */
static const char *home_folder(char *const *env)
{
    const char *home = env_get(env, "HOME");
    const struct passwd *user = home ? NULL : getpwuid(geteuid());

    return home ? home : user ? user->pw_dir : "/nonexistent";
}

/* 1 when the file is missing. One that we may not read is somebody else's: a warning. */
static int load_file(const struct credentials_from *from, const char *path, json_t **doc, char **name, struct err *e)
{
    auto_err problem = ERR_INIT;
    auto_secret *text = NULL;
    auto_free char *shown = text_quote(path);
    size_t len = 0;

    if (file_read(path, FILE_MAX, &text, &len, &problem) < 0) {
        if (problem.kind == ERR_NOT_FOUND)
            return 1;
        log_warning(from->log, "credentials: %s, going on without", err_text(&problem));
        return 0;
    }
    if (parse(text, len, shown, doc, e) < 0)
        return -1;
    *name = take(&shown);
    return 0;
}

static int load_host(const struct credentials_from *from, json_t **doc, char **name, struct err *e)
{
    const char *home = home_folder(from->env);
    const char *folder = env_get(from->env, "DOCKER_CONFIG");
    auto_free char *path = folder ? xasprintf("%s/config.json", folder) : xasprintf("%s/.docker/config.json", home);
    auto_free char *legacy = xasprintf("%s/.dockercfg", home);
    int rc = load_file(from, path, doc, name, e);

    if (rc <= 0)
        return rc;
    if (load_file(from, legacy, doc, name, e) < 0)
        return -1;
    if (*doc && !json_object_get(*doc, "auths")) /* as Docker wrote it before 1.7: the entries alone */
        *doc = json_pack("{s:o}", "auths", *doc);
    return 0;
}

/* What GitLab sent, in the shape of the others. */
static int load_job(const struct credentials_from *from, json_t **doc, char **name, struct err *e)
{
    auto_json *auths = json_object();

    (void)e;
    for (size_t i = 0; i < from->job->n_credentials; i++) {
        const struct credential *c = &from->job->credentials[i];
        if (!json_object_get(auths, c->registry))
            (void)json_object_set_new(auths, c->registry,
                                      json_pack("{s:s, s:s}", "username", c->username, "password", c->password));
    }
    *doc = json_pack("{s:O}", "auths", auths);
    *name = xstrdup("job payload (GitLab Registry)");
    return 0;
}

static const struct source sources[] = {
    { load_variable, ERR_JOB },
    { load_host, ERR_CONFIG },
    { load_job, ERR_SYSTEM },
};

static int find_in(const struct source *s, const struct credentials_from *from, const struct image_reference *image,
                   struct credentials *out, struct err *e)
{
    const struct credential_helper helper = { from->env, from->interrupt_fd, HELPER_TIMEOUT_MS };
    auto_json *doc = NULL;
    auto_free char *name = NULL;
    auto_err problem = ERR_INIT;

    int rc = s->load(from, &doc, &name, &problem);
    if (rc == 0 && doc && docker_config_find(doc, image, &helper, from->log, &out->login, &problem) < 0)
        rc = err_wrap(&problem, "%s", name);
    if (rc < 0) {
        if (problem.kind != ERR_CANCELLED)
            problem.kind = s->fault;
        (void)err_wrap(&problem, "credentials");
        return err_move(e, &problem);
    }
    if (!login_is_empty(&out->login))
        out->source = take(&name);
    return 0;
}

int credentials_find(const struct credentials_from *from, const char *image, struct credentials *out, struct err *e)
{
    auto_image_reference reference = { 0 };
    auto_credentials found = { 0 };

    if (image_reference_parse(image, &reference, e) < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_SIZE(sources) && !found.source; i++)
        if (find_in(&sources[i], from, &reference, &found, e) < 0)
            return -1;
    *out = found;
    found = (struct credentials){ 0 };
    return 0;
}

void credentials_release(struct credentials *c)
{
    login_release(&c->login);
    free(c->source);
    *c = (struct credentials){ 0 };
}
