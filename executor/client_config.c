#include "executor/client_config.h"

#include "base/json.h"
#include "base/text.h"
#include "engine/exec.h"
#include "executor/credentials.h"
#include "executor/docker_config.h"
#include "executor/login.h"
#include "stages/shell.h"

#include <string.h>

/* A login takes a few hundred bytes; builders keep some state of theirs beside it. */
#define FOLDER_OPTIONS "rw,noexec,nosuid,nodev,size=16m,mode=0777"

/* What the writer may say about its failure. */
#define COMPLAINT_BYTES ((size_t)4096)

/* ---- The text ---- */

static void add_login(json_t *auths, json_t *names, const struct login *l)
{
    auto_free char *name = docker_config_registry(l->server);
    json_t *entry = json_object_get(names, name) ? NULL : login_entry(l);

    if (!entry)
        return;
    json_object_set_new(names, name, json_true());
    json_object_set_new(auths, docker_config_key(name), entry);
}

static void warn(struct strvec *warnings, const char *text)
{
    if (warnings)
        strvec_pushf(warnings, "registry login: %s", text);
}

static void add_variable(const json_t *doc, json_t *auths, json_t *names, struct strvec *warnings)
{
    const char *key;
    json_t *entry;

    json_object_foreach(json_object_get(doc, "auths"), key, entry) {
        auto_login l = { 0 };
        auto_err problem = ERR_INIT;
        if (login_read(key, entry, &l, &problem) == 0) {
            add_login(auths, names, &l);
            continue;
        }
        auto_free char *shown = text_quote(key);
        auto_free char *text = xasprintf("the entry for '%s' in " CREDENTIALS_VARIABLE " is left out: %s", shown,
                                         err_text(&problem));
        warn(warnings, text);
    }
    if (json_object_get(doc, "credsStore") || json_object_get(doc, "credHelpers"))
        warn(warnings, "credsStore and credHelpers of " CREDENTIALS_VARIABLE " are left out: they name programs of a "
                       "host; write the job's logins into its auths");
}

/* What GitLab sent, for registries that the variable says nothing of. */
static void add_sent(const struct job *job, json_t *auths, json_t *names)
{
    for (size_t i = 0; i < job->n_credentials; i++) {
        const struct credential *c = &job->credentials[i];
        const struct login l = { .server = c->registry, .username = c->username, .password = c->password };
        add_login(auths, names, &l);
    }
}

int client_config_text(const struct job *job, char *const *env, struct strvec *warnings, char **out, struct err *e)
{
    auto_json *doc = NULL;
    auto_json *auths = json_object();
    auto_json *names = json_object(); /* the registries that have an entry, however it is written */

    if (credentials_of_variable(env, &doc, e) < 0) {
        if (e)
            e->kind = ERR_JOB;
        return err_wrap(e, "registry login");
    }
    add_variable(doc, auths, names, warnings);
    add_sent(job, auths, names);
    *out = NULL;
    if (json_object_size(auths) == 0)
        return 0;
    auto_json *config = json_pack("{s:O}", "auths", auths);
    *out = json_compact(config);
    return 0;
}

/* ---- The container ---- */

static bool is_wanted(const struct host *h)
{
    const struct kinds *kinds = &h->config.kinds;

    return kinds->of[kind_of(kinds, h->job.stage, h->job.environment)].registry_login;
}

int client_config_plan(const struct host *h, char *const *env, struct plan *plan, struct err *e)
{
    auto_secret *text = NULL;
    json_t *config = plan->of[PLAN_BUILD].config;
    json_t *host_config = json_object_get(config, "HostConfig");

    if (!is_wanted(h))
        return 0;
    if (client_config_text(&h->job, env, &plan->warnings, &text, e) < 0)
        return -1;
    if (!text)
        return 0;
    if (!json_object_get(host_config, "Tmpfs"))
        json_object_set_new(host_config, "Tmpfs", json_object());
    json_object_set_new(json_object_get(host_config, "Tmpfs"), CLIENT_CONFIG_FOLDER, json_string(FOLDER_OPTIONS));
    json_array_append_new(json_object_get(config, "Env"), json_string("DOCKER_CONFIG=" CLIENT_CONFIG_FOLDER));
    return 0;
}

bool client_config_is_planned(const struct plan *plan)
{
    return json_at(plan->of[PLAN_BUILD].config, "HostConfig", "Tmpfs", CLIENT_CONFIG_FOLDER);
}

/* A secret text as a process's stdin. */
static ssize_t text_read(void *ctx, char *buf, size_t size, struct err *e)
{
    const char **rest = ctx;
    size_t len = strlen(*rest) < size ? strlen(*rest) : size;

    (void)e;
    memcpy(buf, *rest, len);
    *rest += len;
    return (ssize_t)len;
}

static int keep_output(void *ctx, enum stream_kind kind, const char *data, size_t len, struct err *e)
{
    struct strbuf *complaint = ctx;
    size_t room = complaint->max - complaint->len;

    (void)kind;
    (void)e;
    strbuf_putn(complaint, data, len < room ? len : room);
    return 0;
}

int client_config_write(const struct host *h, const struct invocation *in, struct engine *d, const char *container,
                        bool has_entrypoint, struct err *e)
{
    const char *const words[] = { "sh", "-c", shell_client_config, "atelier", CLIENT_CONFIG_FOLDER,
                                  has_entrypoint ? "000" : "077" };
    const struct engine_watch watch = host_watch(in);
    auto_secret *text = NULL;
    auto_strvec argv = STRVEC_INIT;
    auto_strbuf complaint = STRBUF_INIT(COMPLAINT_BYTES);
    int code = 0;

    if (!is_wanted(h))
        return 0;
    if (client_config_text(&h->job, in->env, NULL, &text, e) < 0)
        return -1;
    if (!text)
        return 0;
    auto_secret *line = xasprintf("%s\n", text);
    const char *rest = line;
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        strvec_push(&argv, words[i]);
    const struct exec_spec spec = { .argv = &argv, .input = text_read, .input_ctx = &rest, .sink = keep_output,
                                    .sink_ctx = &complaint, .watch = &watch };
    if (exec_run(d, container, &spec, &code, e) < 0)
        return err_wrap(e, "write the job's registry login");
    if (code == 0)
        return 0;
    auto_free char *why = text_quote(strbuf_text(&complaint));
    return err_set(e, ERR_SYSTEM, code, "write the job's registry login into its container: %s",
                   *why ? why : "its shell failed and does not say why");
}
