#include "stages/service.h"

#include "base/json.h"
#include "base/number.h"
#include "base/text.h"
#include "engine/registry_auth.h"
#include "stages/service_log.h"
#include "stages/setting.h"
#include "stages/variables.h"

#include <string.h>

#define SEPARATORS " ,\t\r\n"
#define PORTS_MAX  20
#define SECOND_NS  INT64_C(1000000000)

/* Variables that the runner makes itself, so that the response does not say of them that they are public. */
static const char *const runners_own[] = {
    "CI_BUILDS_DIR",     "CI_PROJECT_DIR",    "CI_JOB_IMAGE",  "CI_JOB_TIMEOUT",    "CI_CONCURRENT_ID",
    "CI_SERVER",         "CI_RUNNER_VERSION", "CI_JOB_STATUS", "CI_RUNNER_REVISION", "CI_CONCURRENT_PROJECT_ID",
    "CI_RUNNER_EXECUTABLE_ARCH", "CI_RUNNER_SHORT_TOKEN", "RUNNER_TEMP_PROJECT_DIR", NULL,
};

/* Making the services of one job. */
struct planner {
    const struct job *job;
    const struct kind *kind;
    const struct host_settings *host;
    struct plan *plan;
    struct variables variables; /* all of the job's, expanded, file variables as paths */
    struct strvec env;          /* those that every service may see */
};

static void planner_release(struct planner *p)
{
    variables_release(&p->variables);
    strvec_release(&p->env);
}

static bool is_public(const struct job *job, const char *key)
{
    return strvec_has(&job->public_variables, key) ||
           (text_is_any(key, runners_own) && !strvec_has(&job->private_variables, key));
}

static void read_variables(struct planner *p, char *const *env)
{
    auto_strvec all = STRVEC_INIT;

    job_variables(p->job, env, &all);
    for (size_t i = 0; i < all.n; i++) {
        const char *value = all.items[i] + strcspn(all.items[i], "=");
        auto_free char *key = xstrndup(all.items[i], (size_t)(value - all.items[i]));
        variables_add(&p->variables, key, value + (*value == '='), 0);
        if (is_public(p->job, key) && !(p->host->secrets && secret_variable_is(key)))
            strvec_push(&p->env, all.items[i]);
    }
}

/* ---- Names ---- */

/* The image's name without tag, digest and port, each slash as `slash`. */
static char *name_from_image(const char *image, const char *slash)
{
    auto_free char *name = xstrndup(image, strcspn(image, "@"));
    auto_strbuf out = STRBUF_TEXT;
    char *last = strrchr(name, '/');
    char *tag = strchr(last ? last : name, ':');

    if (tag)
        *tag = '\0';
    bool port = false;
    for (const char *c = name; *c; c++) {
        port = (port || *c == ':') && *c != '/';
        if (*c == '/')
            strbuf_puts(&out, slash);
        else if (!port)
            strbuf_putc(&out, *c);
    }
    return strbuf_take(&out);
}

static void add_words(const char *text, struct strvec *out)
{
    while (*(text += strspn(text, SEPARATORS))) {
        size_t len = strcspn(text, SEPARATORS);
        auto_free char *word = xstrndup(text, len);
        if (!strvec_has(out, word))
            strvec_push(out, word);
        text += len;
    }
}

static bool is_taken(const struct plan *plan, const char *alias)
{
    for (size_t i = 0; i < plan->n_services; i++)
        if (strvec_has(&plan->services[i].aliases, alias))
            return true;
    return false;
}

/* Those of the service's names that no other one has. */
static int choose_aliases(struct planner *p, size_t n, const char *image, struct strvec *out, struct err *e)
{
    auto_free char *own = NULL;
    auto_free char *underscores = name_from_image(image, "__");
    auto_free char *dashes = name_from_image(image, "-");
    auto_strvec wanted = STRVEC_INIT;

    if (variables_expand(&p->variables, p->job->services[n].alias, &own, e) < 0)
        return err_wrap(e, "alias of services[%zu]", n);
    add_words(own, &wanted);
    add_words(underscores, &wanted);
    add_words(dashes, &wanted);
    for (size_t i = 0; i < wanted.n; i++) {
        if (!is_taken(p->plan, wanted.items[i])) {
            strvec_push(out, wanted.items[i]);
            continue;
        }
        auto_free char *alias = text_quote(wanted.items[i]);
        strvec_pushf(&p->plan->warnings,
                     "Skipping alias \"%s\" for service \"%s\" (services[%zu]): alias is already in use by another "
                     "service.",
                     alias, image, n);
    }
    return 0;
}

/* ---- The container ---- */

/* One that is for the deployed application alone is no service's, whoever wrote so. */
static int check_references(const struct planner *p, const char *key, const char *value, struct err *e)
{
    if (!p->host->secrets || (!strstr(value, "$SV_") && !strstr(value, "${SV_")))
        return 0;
    auto_free char *shown = text_quote(key);
    return err_set(e, ERR_JOB, 0,
                   "variable %s refers to a variable SV_…, which is for the deployed application alone; a service that "
                   "a test needs takes another one", shown);
}

/* What the job wrote for this service alone may name any of the job's variables, secrets too. */
static int add_own_variables(const struct planner *p, const json_t *variables, struct strvec *env, struct err *e)
{
    size_t i;
    json_t *item;

    json_array_foreach(variables, i, item) {
        const char *key = json_text(item, "key");
        auto_free char *value = json_text_any(item, "value");
        auto_free char *expanded = NULL;
        if (!*key || strchr(key, '='))
            continue;
        if (!json_flag(item, "raw", false) && check_references(p, key, value, e) < 0)
            return -1;
        if (!json_flag(item, "raw", false) && variables_expand(&p->variables, value, &expanded, e) < 0)
            return err_wrap(e, "variable %s", key);
        strvec_set_env(env, key, expanded ? expanded : value);
    }
    return 0;
}

static json_t *host_config(const struct planner *p, const char *image)
{
    /* Kept for its last words, but no more of them than a disk bears. */
    json_t *h = json_pack("{s:o, s:s, s:{s:s, s:{s:s, s:s}}}", "Binds", plan_binds(p->plan, p->kind), "NetworkMode",
                          p->plan->network, "LogConfig", "Type", "json-file", "Config", "max-size", "10m", "max-file",
                          "1");

    if (kind_service_is_privileged(p->kind, image))
        json_object_set_new(h, "Privileged", json_true());
    return h;
}

static json_t *labels(const struct planner *p, const struct strvec *aliases)
{
    json_t *all = place_labels(p->job, &p->plan->place, "service", p->plan->expires);
    auto_free char *joined = strvec_join(aliases, "-");

    json_object_set_new(all, LABEL_SERVICE, json_string(aliases->items[0]));
    json_object_set_new(all, LABEL_ALIASES, json_string(joined));
    return all;
}

static json_t *container_config(const struct planner *p, const struct job_service *asked,
                                const struct plan_container *c, const struct strvec *env)
{
    json_t *config = json_pack("{s:s, s:o, s:o, s:o, s:{s:{s:{s:o}}}}", "Image", c->image, "Env", json_strings(env),
                               "Labels", labels(p, &c->aliases), "HostConfig", host_config(p, c->image),
                               "NetworkingConfig", "EndpointsConfig", p->plan->network, "Aliases",
                               json_strings(&c->aliases));

    if (asked->image.entrypoint_given)
        json_object_set_new(config, "Entrypoint", json_strings(&asked->image.entrypoint));
    if (asked->command.n > 0)
        json_object_set_new(config, "Cmd", json_strings(&asked->command));
    if (*asked->image.user)
        json_object_set_new(config, "User", json_string(asked->image.user));
    if (p->job->wants_init)
        json_object_set_new(json_object_get(config, "HostConfig"), "Init", json_true());
    settings_apply(p->kind->settings, FOR_SERVICES, config);
    return config;
}

static int check_image(const struct planner *p, const char *image, struct err *e)
{
    auto_image_reference parts = { 0 };

    if (kind_allows_service(p->kind, image))
        return image_reference_parse(image, &parts, e);
    auto_free char *shown = text_quote(image);
    auto_free char *allowed = strvec_join(&p->kind->services, ", ");
    return err_set(e, ERR_JOB, 0,
                   "service '%s' is not allowed for jobs of kind '%s' on this host; allowed: %s (kinds: %s: services)",
                   shown, kind_name(p->plan->kind), allowed, kind_name(p->plan->kind));
}

/* Without privileges its dockerd answers for a moment and ends, and the job sees only that nobody of its name is there. */
static void warn_of_dind(struct planner *p, const char *image)
{
    if (!text_matches("*docker:*dind*", image) || kind_service_is_privileged(p->kind, image))
        return;
    auto_free char *shown = text_quote(image);
    strvec_pushf(&p->plan->warnings,
                 "Service \"%s\" is not privileged, and its dockerd needs that: this host's owner lets jobs of kind '%s' "
                 "have it by privileged_services.",
                 shown, kind_name(p->plan->kind));
}

static int plan_one(struct planner *p, size_t n, struct err *e)
{
    const struct job_service *asked = &p->job->services[n];
    struct plan_container *c = &p->plan->services[p->plan->n_services];
    auto_free char *image = NULL;
    auto_free char *role = xasprintf("service-%zu", n);
    auto_strvec aliases = STRVEC_INIT;
    auto_strvec env = STRVEC_INIT;

    strvec_push_all(&env, &p->env);
    if (variables_expand(&p->variables, asked->image.name, &image, e) < 0)
        return err_wrap(e, "services[%zu]", n);
    if (*image == '\0') {
        auto_free char *written = text_quote(asked->image.name);
        strvec_pushf(&p->plan->warnings, "services[%zu] is not started: it names no image ('%s').", n, written);
        return 0;
    }
    if (check_image(p, image, e) < 0 ||
        add_own_variables(p, asked->variables, &env, e) < 0)
        return err_wrap(e, "services[%zu]", n);
    if (choose_aliases(p, n, image, &aliases, e) < 0)
        return -1;
    if (aliases.n == 0) {
        strvec_pushf(&p->plan->warnings, "Service \"%s\" (services[%zu]) is not started: no name is left for it.", image,
                     n);
        return 0;
    }
    *c = (struct plan_container){ .role = "service" };
    if (plan_image(&asked->image, image, p->host, c, e) < 0)
        return err_wrap(e, "services[%zu]", n);
    c->name = place_name(&p->plan->place, role);
    strvec_push_all(&c->aliases, &aliases);
    c->config = container_config(p, asked, c, &env);
    warn_of_dind(p, image);
    p->plan->n_services++;
    return 0;
}

/* What the job calls a service is not at the same time a name of its own containers. */
static void yield_names(struct plan *plan)
{
    for (int role = 0; role < PLAN_ROLES; role++) {
        json_t *names = json_at(plan->of[role].config, "NetworkingConfig", "EndpointsConfig", plan->network, "Aliases");
        for (size_t i = json_array_size(names); i-- > 0;)
            if (is_taken(plan, json_string_value(json_array_get(names, i))))
                json_array_remove(names, i);
    }
}

int service_plan(const struct job *job, char *const *env, const struct kinds *kinds,
                 const struct host_settings *host, struct plan *plan, struct err *e)
{
    __attribute__((cleanup(planner_release))) struct planner p = {
        .job = job, .kind = &kinds->of[plan->kind], .host = host, .plan = plan
    };

    if (job->n_services == 0)
        return 0;
    if (!plan->network)
        return err_set(e, ERR_JOB, 0,
                       "the job asks for services, but jobs of kind '%s' have no network of their own on this host "
                       "(network: %s), so it could not find them",
                       kind_name(plan->kind), p.kind->network);
    if (service_log_asked(env) < 0)
        strvec_push(&plan->warnings, "CI_DEBUG_SERVICES is neither true nor false; the services' output is not shown");
    read_variables(&p, env);
    plan->services = xcalloc(job->n_services, sizeof(*plan->services));
    for (size_t i = 0; i < job->n_services; i++)
        if (plan_one(&p, i, e) < 0)
            return -1;
    yield_names(plan);
    return 0;
}

/* ---- Readiness ---- */

void service_add_image(struct plan_container *c, const json_t *image)
{
    const json_t *check = json_at(image, "Config", "Healthcheck");
    const char *first = json_string_value(json_array_get(json_object_get(check, "Test"), 0));
    int64_t interval = json_number(check, "Interval", 0);

    if (first && strcmp(first, "NONE") != 0 && (interval == 0 || interval > SECOND_NS))
        json_object_set_new(c->config, "Healthcheck", json_pack("{s:I}", "Interval", (json_int_t)SECOND_NS));
}

static void add_port(const char *text, size_t len, struct strvec *out)
{
    auto_free char *port = xstrndup(text, len);
    int64_t number;

    if (out->n < PORTS_MAX && number_parse(port, 1, 65535, &number) == 0 && !strvec_has(out, port))
        strvec_push(out, port);
}

void service_ports(const json_t *container, struct strvec *out)
{
    const json_t *config = json_object_get(container, "Config");
    auto_strvec env = STRVEC_INIT;
    auto_strvec named = STRVEC_INIT;
    const char *key;
    json_t *ignored;

    json_list(config, "Env", &env);
    const char *given = strvec_env(&env, "HEALTHCHECK_TCP_PORT");
    add_words(given ? given : "", &named);
    for (size_t i = 0; i < named.n; i++)
        add_port(named.items[i], strlen(named.items[i]), out);
    if (out->n > 0)
        return;
    json_object_foreach(json_object_get(config, "ExposedPorts"), key, ignored) {
        (void)ignored;
        if (text_ends(key, "/tcp"))
            add_port(key, strcspn(key, "/"), out);
    }
}

/* Ports that an image exposes to listen on one of them. */
static const struct {
    const char *one, *other;
} alternatives[] = {
    { "2375", "2376" }, /* docker:dind: without TLS, or with it */
};

bool service_port_is_spared(const char *port, const struct strvec *answering)
{
    for (size_t i = 0; i < ARRAY_SIZE(alternatives); i++) {
        const char *one = alternatives[i].one, *other = alternatives[i].other;
        if ((strcmp(port, one) == 0 && strvec_has(answering, other)) ||
            (strcmp(port, other) == 0 && strvec_has(answering, one)))
            return true;
    }
    return false;
}

char *service_shown(const struct plan_container *c)
{
    auto_free char *image = text_quote(c->image);
    auto_free char *alias = text_quote(c->aliases.items[0]);

    return xasprintf("service '%s' (%s)", image, alias);
}
