#include "stages/deploy/environment.h"

#include "base/digest.h"
#include "base/hex.h"
#include "base/text.h"
#include "stages/secret_variables.h"

#include <ctype.h>
#include <string.h>

#define ACCOUNT_MAX    32 /* a user of MySQL */
#define PASSWORD_BYTES 16 /* two digits each */

struct deploy_environment {
    const struct deploy_identity *who;
    const struct target *target;
    char *prefix;             /* "SV_PROD_" */
    struct variables offered; /* the last of a name counts; masked: secret */
    struct strvec job_names;  /* of all the job's variables, for hints */
    struct strvec secrets;
};

/* ---- CI's own ---- */

/* Passwords of the job itself: over when it ends, so that what is deployed would fail tomorrow. */
static const char *const job_passwords[] = {
    "CI_JOB_TOKEN",   "CI_BUILD_TOKEN", "CI_REGISTRY_PASSWORD", "CI_DEPENDENCY_PROXY_PASSWORD", "CI_REPOSITORY_URL",
    "CI_JOB_JWT",     "CI_JOB_JWT_V1",  "CI_JOB_JWT_V2",        NULL,
};

static bool is_passed_on(const char *name)
{
    return (text_starts(name, "CI_") && !text_is_any(name, job_passwords)) || text_starts(name, "X_");
}

static void offer(struct deploy_environment *env, const char *name, const char *value, bool secret)
{
    variables_add(&env->offered, name, value, secret ? VARIABLE_MASKED : 0);
    if (secret && *value && !strvec_has(&env->secrets, value))
        strvec_push(&env->secrets, value);
}

static bool holds_secret(const struct deploy_environment *env, const char *value)
{
    for (size_t i = 0; i < env->secrets.n; i++)
        if (strlen(env->secrets.items[i]) >= SECRET_LOOKED_FOR && strstr(value, env->secrets.items[i]))
            return true;
    return false;
}

/* Also a secret: what a reference to one made of an X_ variable. */
static void offer_job(struct deploy_environment *env, const struct variables *resolved)
{
    for (size_t i = 0; i < resolved->n; i++) {
        const struct variable *v = &resolved->items[i];
        bool masked = v->flags & VARIABLE_MASKED || strcmp(v->key, "CI_DEPLOY_PASSWORD") == 0;
        if (is_passed_on(v->key))
            offer(env, v->key, v->value, masked || holds_secret(env, v->value));
    }
}

/* ---- Secrets ---- */

static char *prefix_of(const char *environment)
{
    char *prefix = xasprintf("SV_%s_", environment);

    for (char *c = prefix; *c; c++)
        *c = (unsigned char)*c < 0x80 && isalnum((unsigned char)*c) ? (char)toupper((unsigned char)*c) : '_';
    return prefix;
}

/* The job's passwords and those of all environments are kept out of the log, the others' too. */
static void add_secrets(struct deploy_environment *env, const struct variables *resolved)
{
    for (size_t i = 0; i < resolved->n; i++) {
        const struct variable *v = &resolved->items[i];
        bool secret = secret_variable_is(v->key) || v->flags & VARIABLE_MASKED || text_is_any(v->key, job_passwords);
        if (secret && *v->value && !strvec_has(&env->secrets, v->value))
            strvec_push(&env->secrets, v->value);
    }
}

static void offer_secrets(struct deploy_environment *env, const struct variables *resolved)
{
    for (size_t i = 0; i < resolved->n; i++) {
        const struct variable *v = &resolved->items[i];
        if (!text_starts(v->key, env->prefix))
            continue;
        const char *name = v->key + strlen(env->prefix);
        if (variables_key_valid(name))
            offer(env, name, v->value, true);
    }
}

/* ---- What the target gives ---- */

static bool is_secret_name(const char *name)
{
    return text_ends(name, "_TOKEN") || text_ends(name, "_PASSWORD");
}

static void offer_list(struct deploy_environment *env, const struct strvec *list)
{
    for (size_t i = 0; i < list->n; i++) {
        const char *value = strchr(list->items[i], '=');
        if (!value)
            continue;
        auto_free char *name = xstrndup(list->items[i], (size_t)(value - list->items[i]));
        offer(env, name, value + 1, is_secret_name(name));
    }
}

/* The unit as the name of a database and of its user: letters, digits and _, a letter first, and short. */
static char *account(const char *unit)
{
    char *name = xasprintf("%s%s", isdigit((unsigned char)*unit) ? "p_" : "", unit);

    for (char *c = name; *c; c++)
        *c = *c == '-' ? '_' : *c;
    if (strlen(name) <= ACCOUNT_MAX)
        return name;
    auto_free char *digest = digest_sha256_hex(unit);
    char *shorter = xasprintf("%.*s_%.8s", ACCOUNT_MAX - 9, name, digest);
    free(name);
    return shorter;
}

static char *password(const struct deploy_environment *env, const char *service)
{
    auto_free char *text = xasprintf("%s\n%s\n%s", service, env->who->project, env->who->environment);
    const char *key = env->target->key;
    unsigned char sum[DIGEST_BYTES];

    digest_hmac(key, strlen(key), text, sum);
    return hex_text(sum, PASSWORD_BYTES);
}

/* The services that have an account, and the names of its variables. */
static const struct generated {
    const char *service, *prefix, *database;
} generated[] = {
    { "mysql", "MYSQL_", "DATABASE" },
    { "postgresql", "POSTGRES_", "DB" },
    { "mongodb", "MONGODB_", "DB" },
};

static void offer_account(struct deploy_environment *env, const struct generated *g)
{
    auto_free char *name = account(env->who->unit);
    auto_free char *secret = password(env, g->service);
    const struct {
        const char *end, *value;
    } parts[] = { { g->database, name }, { "USER", name }, { "PASSWORD", secret }, { "SSL", "false" } };

    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        auto_free char *variable = xasprintf("%s%s", g->prefix, parts[i].end);
        offer(env, variable, parts[i].value, parts[i].value == secret);
    }
}

/* ---- Where it is ---- */

/* The host of https://me@Host:443/path. NULL when there is none. */
static char *host_of(const char *url)
{
    const char *scheme = strstr(url, "://");
    const char *start = scheme ? scheme + 3 : url;
    auto_free char *authority = xstrndup(start, strcspn(start, "/?#\\"));
    const char *at = strrchr(authority, '@');
    const char *host = at ? at + 1 : authority;
    char *out = xstrndup(host, strcspn(host, ":"));

    for (char *c = out; *c; c++) {
        *c = (char)tolower((unsigned char)*c);
        if ((unsigned char)*c >= 0x80 || (!isalnum((unsigned char)*c) && *c != '-' && *c != '.')) {
            free(out);
            return NULL;
        }
    }
    if (*out && *out != '.' && *out != '-')
        return out;
    free(out);
    return NULL;
}

static int offer_place(struct deploy_environment *env, const struct variables *resolved, struct err *e)
{
    const char *url = variables_value(resolved, "CI_ENVIRONMENT_URL");
    auto_free char *domain = NULL;

    offer(env, "CI_ENVIRONMENT_NAME", env->who->environment, false);
    if (url && *url) {
        domain = host_of(url);
        if (!domain) {
            auto_free char *shown = text_quote(holds_secret(env, url) ? "…" : url);
            return err_set(e, ERR_JOB, 0, "environment:url '%s' is no address such as https://www.example.com", shown);
        }
    } else if (*env->target->domain) {
        domain = xasprintf("%s.%s", env->who->unit, env->target->domain);
    }
    if (domain)
        offer(env, "CI_ENVIRONMENT_DOMAIN", domain, false);
    return 0;
}

/* ---- All of it ---- */

int environment_make(const struct variables *resolved, const struct deploy_identity *who, const struct target *target,
                     struct deploy_environment **out, struct err *e)
{
    auto_deploy_environment *env = xcalloc(1, sizeof(*env));

    *env = (struct deploy_environment){ .who = who, .target = target, .prefix = prefix_of(who->environment) };
    for (size_t i = 0; i < resolved->n; i++)
        strvec_push(&env->job_names, resolved->items[i].key);
    add_secrets(env, resolved);
    offer_job(env, resolved);
    for (size_t i = 0; i < ARRAY_SIZE(generated) && *target->key; i++)
        offer_account(env, &generated[i]);
    if (target->influxdb.n > 0)
        offer(env, "INFLUXDB_DATABASE", who->unit, false);
    offer_list(env, &target->mails);
    offer_list(env, &target->influxdb);
    if (offer_place(env, resolved, e) < 0)
        return -1;
    offer_secrets(env, resolved);
    *out = take(&env);
    return 0;
}

void environment_free(struct deploy_environment *env)
{
    if (!env)
        return;
    free(env->prefix);
    variables_release(&env->offered);
    strvec_release(&env->job_names);
    strvec_release(&env->secrets);
    free(env);
}

const char *environment_find(const struct deploy_environment *env, const char *name, bool *secret)
{
    const struct variable *v = variables_find(&env->offered, name);

    *secret = v && v->flags & VARIABLE_MASKED;
    return v ? v->value : NULL;
}

const struct strvec *environment_secrets(const struct deploy_environment *env)
{
    return &env->secrets;
}

/* ---- Hints ---- */

/* One of another environment's, which its author may have had in mind. */
static const char *of_another(const struct deploy_environment *env, const char *name)
{
    auto_free char *end = xasprintf("_%s", name);

    for (size_t i = 0; i < env->job_names.n; i++)
        if (secret_variable_is(env->job_names.items[i]) && text_ends(env->job_names.items[i], end))
            return env->job_names.items[i];
    return NULL;
}

static void hint_secret(const struct deploy_environment *env, const char *name, struct strbuf *hint)
{
    const char *other = of_another(env, name);

    strbuf_printf(hint, "create %s%s in the project's CI/CD variables", env->prefix, name);
    if (other)
        strbuf_printf(hint, " (%s is another environment's)", other);
}

static void hint_ci(const struct deploy_environment *env, const char *name, struct strbuf *hint)
{
    auto_strvec names = STRVEC_INIT;

    for (size_t i = 0; i < env->offered.n; i++)
        strvec_push(&names, env->offered.items[i].key);
    const char *nearest = text_nearest(name, (const char *const *)strvec_list(&names));
    if (nearest)
        strbuf_printf(hint, "GitLab sent no such variable; did you mean %s?", nearest);
    else
        strbuf_puts(hint, "GitLab sent no such variable with this job");
}

static bool is_generated(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(generated); i++)
        if (text_starts(name, generated[i].prefix))
            return true;
    return false;
}

void environment_missing(const struct deploy_environment *env, const char *name, struct strbuf *hint)
{
    const char *target = env->target->name;

    if (text_is_any(name, job_passwords)) {
        strbuf_puts(hint, "it ends with the job, so what is deployed cannot use it; ");
        hint_secret(env, name, hint);
    } else if (strcmp(name, "CI_ENVIRONMENT_DOMAIN") == 0) {
        strbuf_printf(hint, "give the environment a `url` in .gitlab-ci.yml; the target %s has no domain of its own", target);
    } else if (text_starts(name, "CI_")) {
        hint_ci(env, name, hint);
    } else if (text_starts(name, "X_")) {
        strbuf_printf(hint, "set %s under `variables` in .gitlab-ci.yml, or in the project's CI/CD variables", name);
    } else if (is_generated(name) && !*env->target->key) {
        strbuf_printf(hint, "the target %s has no key to make it of (its owner: targets: %s: key_file); or ", target, target);
        hint_secret(env, name, hint);
    } else if (text_starts(name, "MAILS_") || text_starts(name, "INFLUXDB_")) {
        strbuf_printf(hint, "the target %s has none (its owner: targets: %s: %s); or ", target, target,
                      *name == 'M' ? "mails" : "influxdb");
        hint_secret(env, name, hint);
    } else if (strvec_has(&env->job_names, name)) {
        strbuf_printf(hint, "the job has %s, but what is deployed sees variables X_* and SV_* alone: name it X_%s, or, if it "
                      "is secret, ", name, name);
        hint_secret(env, name, hint);
    } else {
        hint_secret(env, name, hint);
    }
}
