#include "stages/deploy/container_body.h"

#include "base/digest.h"
#include "base/hex.h"
#include "base/text.h"
#include "engine/registry_auth.h"
#include "stages/deploy/cron_container.h"
#include "stages/deploy/labels.h"
#include "stages/deploy/managed.h"
#include "stages/deploy/routing.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define NANOSECONDS_PER_MS ((int64_t)1000000)

/* ---- What a service is ---- */

/* The target's entry for a managed service; NULL: it does not manage it. */
static const struct target_managed *service_managed(const struct compose_service *s, const struct target *t)
{
    for (size_t i = 0; i < t->n_managed; i++)
        if (strcmp(t->managed[i].service, s->name) == 0)
            return &t->managed[i];
    return NULL;
}

enum service_kind service_kind(const struct compose_service *s, const struct target *t)
{
    const struct target_managed *managed = service_managed(s, t);

    if (managed)
        return *managed->host ? SERVICE_EXTERNAL : SERVICE_MANAGED;
    if (!s->restart || strcmp(s->restart, "no") != 0)
        return SERVICE_PLAIN;
    bool fails_fast = s->command.n == 1 && strcmp(s->command.items[0], "/bin/false") == 0;
    return fails_fast && strvec_env(&s->labels, CRON_SCHEDULE) && strvec_env(&s->labels, CRON_COMMAND) ? SERVICE_CRON
                                                                                                      : SERVICE_ONCE;
}

/* ---- Images ---- */

static bool is_root(const char *user)
{
    size_t len = strcspn(user, ":");

    return len == 0 || (len == 4 && strncmp(user, "root", 4) == 0) || strspn(user, "0") == len;
}

int body_check_image(const struct compose_service *s, const json_t *image, const struct target *t, struct err *e)
{
    const json_t *config = json_object_get(image, "Config");
    auto_free char *shown = text_quote(s->image);

    if (!t->allow_root_user && is_root(json_text(config, "User")))
        return err_set(e, ERR_JOB, 0, "service '%s': the user of image '%s' is root; give its Dockerfile a user: RUN "
                       "adduser ... and USER ... (target '%s' allows no root)", s->name, shown, t->name);
    if (!t->allow_image_volumes && json_object_size(json_object_get(config, "Volumes")) > 0)
        return err_set(e, ERR_JOB, 0, "service '%s': image '%s' declares a VOLUME, whose data nobody would save; take it "
                       "out of its Dockerfile and write volumes: ./data/... in the compose file", s->name, shown);
    return 0;
}

/* Docker gives the container all labels of its image. By `atelier.…` hooks and other deploys find what is theirs, by
 * `traefik.…` the proxy joins servers of one name; the compose file's own are checked. Our images bear a recipe. */
int body_check_labels(const struct compose_service *s, const json_t *image, struct err *e)
{
    static const char ours[] = "atelier.", proxys[] = "traefik.";
    const char *key;
    json_t *value;

    json_object_foreach(json_at(image, "Config", "Labels"), key, value) {
        if ((strncasecmp(key, ours, strlen(ours)) != 0 || strcmp(key, "atelier.recipe") == 0) &&
            strncasecmp(key, proxys, strlen(proxys)) != 0)
            continue;
        auto_free char *shown = text_quote(s->image), *label = text_quote(key);
        return err_set(e, ERR_JOB, 0, "service '%s': image '%s' has the label %s, which would be the container's; take it "
                       "out of its Dockerfile%s", s->name, shown, label,
                       text_starts(key, proxys) ? " and write it below `labels` in the compose file" : "");
    }
    return 0;
}

/* The image by digest, of the repository that `reference` names, if it has one; else its id. The caller's. */
static char *body_image(const char *reference, const json_t *image)
{
    auto_strvec digests = STRVEC_INIT;
    size_t len = strcspn(reference, "@");
    auto_image_reference r = { 0 };

    if (image_reference_parse(reference, &r, NULL) == 0 && r.tag && reference[len] != '@')
        len -= strlen(r.tag) + 1;
    json_list(image, "RepoDigests", &digests);
    for (size_t i = 0; i < digests.n; i++)
        if (strncmp(digests.items[i], reference, len) == 0 && digests.items[i][len] == '@')
            return xstrdup(digests.items[i]);
    return xstrdup(json_text(image, "Id"));
}

/* ---- Its place on the target ---- */

/* An environment's name may hold what leads elsewhere in a path ("review/../x"); no two give the same folder. */
static void put_folder(struct strbuf *out, const char *name)
{
    for (const unsigned char *p = (const unsigned char *)name; *p; p++)
        if (isalnum(*p) || *p == '-' || *p == '_')
            strbuf_putc(out, (char)*p);
        else
            strbuf_printf(out, "%%%02X", *p);
}

char *body_data_folder(const struct target *t, const struct deploy_identity *who)
{
    auto_strbuf path = STRBUF_TEXT;

    if (!t->data || !*t->data)
        return NULL;
    strbuf_printf(&path, "%s/", t->data);
    for (const char *part = who->project; *part;) {
        size_t len = strcspn(part, "/");
        auto_free char *one = xstrndup(part, len);
        bool plain = strcmp(one, ".") != 0 && strcmp(one, "..") != 0;
        if (len > 0)
            strbuf_printf(&path, "%s/", plain ? one : "%2E");
        part += len + (part[len] == '/');
    }
    put_folder(&path, who->environment);
    return strbuf_take(&path);
}

/* ---- The body's parts ---- */

static void set_text(json_t *object, const char *key, const char *value)
{
    (void)json_object_set_new(object, key, json_string(value));
}

static int add_mounts(const struct body_from *f, json_t *host, struct err *e)
{
    const struct compose_service *s = f->service;
    auto_free char *folder = body_data_folder(f->target, f->who);
    json_t *mounts = json_array();

    (void)json_object_set_new(host, "Mounts", mounts);
    if (s->n_volumes > 0 && !folder)
        return err_set(e, ERR_CONFIG, 0, "service '%s' has volumes, and target '%s' has no place for them; its owner gives "
                       "it one by 'data'", s->name, f->target->name);
    for (size_t i = 0; i < s->n_volumes; i++) {
        auto_free char *source = xasprintf("%s/%s", folder, s->volumes[i].source);
        (void)json_array_append_new(mounts, json_pack("{s:s, s:s, s:s, s:b}", "Type", "bind", "Source", source, "Target",
                                                      s->volumes[i].target, "ReadOnly", s->volumes[i].read_only));
    }
    return 0;
}

/* One that is not asked for comes back when the machine does: what is deployed shall serve. */
static json_t *restart_policy(const struct compose_service *s, enum service_kind kind)
{
    const char *restart = kind == SERVICE_PLAIN && s->restart ? s->restart : "unless-stopped";

    if (kind == SERVICE_ONCE)
        restart = "no";
    auto_free char *name = xstrndup(restart, strcspn(restart, ":"));
    const char *tries = strchr(restart, ':');
    return json_pack("{s:s, s:i}", "Name", name, "MaximumRetryCount", tries ? atoi(tries + 1) : 0);
}

static void add_log(const struct compose_service *s, json_t *host)
{
    json_t *options = json_object();

    if (!s->log_driver && s->log_options.n == 0) {
        json_decref(options);
        return;
    }
    for (size_t i = 0; i < s->log_options.n; i++) {
        auto_free char *key = xstrndup(s->log_options.items[i], strcspn(s->log_options.items[i], "="));
        set_text(options, key, strvec_env(&s->log_options, key));
    }
    (void)json_object_set_new(host, "LogConfig", json_pack("{s:s, s:o}", "Type", s->log_driver ? s->log_driver : "",
                                                           "Config", options));
}

/* Names of the services that the target has elsewhere: one address for each. */
static int add_hosts(const struct body_from *f, json_t *host, struct err *e)
{
    auto_strvec hosts = STRVEC_INIT;

    strvec_push_all(&hosts, &f->service->extra_hosts);
    for (size_t i = 0; i < f->compose->n; i++) {
        const struct compose_service *other = &f->compose->services[i];
        auto_free char *address = NULL;
        if (service_kind(other, f->target) != SERVICE_EXTERNAL)
            continue;
        if (managed_address(f->target, service_managed(other, f->target), &address, e) < 0)
            return -1;
        strvec_pushf(&hosts, "%s:%s", other->name, address);
    }
    (void)json_object_set_new(host, "ExtraHosts", json_strings(&hosts));
    return 0;
}

static int add_host_config(const struct body_from *f, enum service_kind kind, json_t *body, struct err *e)
{
    const struct compose_service *s = f->service;
    auto_free char *network = xasprintf("atelier-%s", f->who->unit);
    json_t *host = json_pack("{s:s, s:o, s:b}", "NetworkMode", network, "RestartPolicy", restart_policy(s, kind),
                             "ReadonlyRootfs", s->read_only);

    (void)json_object_set_new(body, "HostConfig", host);
    (void)json_object_set_new(body, "NetworkingConfig", json_pack("{s:{s:{s:[s]}}}", "EndpointsConfig", network, "Aliases",
                                                                  s->name));
    if (f->target->memory > 0)
        (void)json_object_set_new(host, "Memory", json_integer(f->target->memory));
    if (f->target->nano_cpus > 0)
        (void)json_object_set_new(host, "NanoCpus", json_integer(f->target->nano_cpus));
    add_log(s, host);
    if (kind == SERVICE_MANAGED)
        managed_add_volumes(s, f->image, f->who, host);
    else if (add_mounts(f, host, e) < 0)
        return -1;
    return add_hosts(f, host, e);
}

static void add_words(const struct compose_service *s, const json_t *image, json_t *body)
{
    auto_strvec own = STRVEC_INIT;

    json_list(json_object_get(image, "Config"), "Entrypoint", &own);
    if (s->entrypoint_given) /* the API takes an empty list for "the image's" */
        (void)json_object_set_new(body, "Entrypoint", s->entrypoint.n ? json_strings(&s->entrypoint) : json_pack("[s]", ""));
    else if (s->command_given && s->command.n == 0 && own.n > 0) /* only with an ENTRYPOINT can CMD be cleared */
        (void)json_object_set_new(body, "Entrypoint", json_strings(&own));
    if (s->command_given)
        (void)json_object_set_new(body, "Cmd", json_strings(&s->command));
}

/* What an image checks is its server, which neither a migration nor a cron job is. */
static bool is_checked(const struct compose_service *s, enum service_kind kind, const json_t *image)
{
    auto_strvec test = STRVEC_INIT;

    if (s->health.disabled || kind == SERVICE_ONCE || kind == SERVICE_CRON)
        return false;
    if (s->health.given && s->health.test.n > 0)
        return strcmp(s->health.test.items[0], "NONE") != 0;
    json_list(json_at(image, "Config", "Healthcheck"), "Test", &test);
    return test.n > 0 && strcmp(test.items[0], "NONE") != 0;
}

static void add_health(const struct compose_service *s, enum service_kind kind, json_t *body)
{
    const struct compose_health *h = &s->health;
    const struct {
        const char *key;
        int64_t ms;
    } times[] = { { "Interval", h->interval_ms }, { "Timeout", h->timeout_ms }, { "StartPeriod", h->start_ms } };

    bool off = h->disabled || kind == SERVICE_ONCE || kind == SERVICE_CRON;
    if (!h->given && !off)
        return;
    json_t *health = json_object();
    (void)json_object_set_new(body, "Healthcheck", health);
    if (off) {
        (void)json_object_set_new(health, "Test", json_pack("[s]", "NONE"));
        return;
    }
    if (h->test.n > 0)
        (void)json_object_set_new(health, "Test", json_strings(&h->test));
    for (size_t i = 0; i < ARRAY_SIZE(times); i++)
        if (times[i].ms > 0)
            (void)json_object_set_new(health, times[i].key, json_integer(times[i].ms * NANOSECONDS_PER_MS));
    if (h->retries > 0)
        (void)json_object_set_new(health, "Retries", json_integer(h->retries));
}

/* Neither a migration nor a cron job is for the proxy, whatever labels the service was written after has. */
static void unrouted_labels(const struct compose_service *s, struct strvec *out)
{
    for (size_t i = 0; i < s->labels.n; i++)
        if (strncasecmp(s->labels.items[i], "traefik.", strlen("traefik.")) != 0) /* as Traefik reads them */
            strvec_push(out, s->labels.items[i]);
    strvec_push(out, "traefik.enable=false");
}

/* The file's labels as the target's proxy reads them. */
static int add_labels(const struct body_from *f, enum service_kind kind, int number, json_t *body, bool *routed,
                      struct err *e)
{
    const struct compose_service *s = f->service;
    json_t *labels = json_object();
    auto_strvec list = STRVEC_INIT;
    auto_free char *name = xasprintf("%s-%s", f->who->unit, s->name);
    const struct routing_from from = {
        .labels = &s->labels,
        .name = name,
        .unit = f->who->unit,
        .to = f->target->routing,
        .target = f->target,
        .generation = number,
    };

    (void)json_object_set_new(body, "Labels", labels);
    if (kind == SERVICE_PLAIN && routing_labels(&from, &list, routed, e) < 0)
        return err_wrap(e, "service '%s'", s->name);
    if (kind != SERVICE_PLAIN)
        unrouted_labels(s, &list);
    for (size_t i = 0; i < list.n; i++) {
        auto_free char *key = xstrndup(list.items[i], strcspn(list.items[i], "="));
        set_text(labels, key, strvec_env(&list, key));
    }
    return 0;
}

static json_t *ports(const struct strvec *expose)
{
    json_t *all = json_object();

    for (size_t i = 0; i < expose->n; i++)
        (void)json_object_set_new(all, expose->items[i], json_object());
    return all;
}

/* ---- All of it ---- */

/* What is the same for each release that has the same service; `number` 0: what the hash is made of. */
static int render(const struct body_from *f, enum service_kind kind, int number, json_t **out, bool *routed, struct err *e)
{
    const struct compose_service *s = f->service;
    auto_json *body = json_pack("{s:o, s:o, s:b}", "Env", json_strings(&s->environment), "ExposedPorts",
                                ports(&s->expose), "Tty", s->tty);

    add_words(s, f->image, body);
    add_health(s, kind, body);
    if (add_host_config(f, kind, body, e) < 0 || add_labels(f, kind, number, body, routed, e) < 0)
        return -1;
    if (kind == SERVICE_CRON && cron_container_fill(s, f->image, body, e) < 0)
        return -1;
    *out = take(&body);
    return 0;
}

static int make_hash(const struct body_from *f, const json_t *body, char **out, struct err *e)
{
    const char *key = NULL;
    auto_json *all = json_pack("{s:s, s:O}", "image", json_text(f->image, "Id"), "body", body);
    auto_free char *text = json_dumps(all, JSON_COMPACT | JSON_SORT_KEYS);
    unsigned char digest[DIGEST_BYTES];

    if (target_key(f->target, &key, e) < 0)
        return -1;
    if (!text)
        abort(); /* no memory */
    digest_hmac(key, strlen(key), text, digest);
    *out = hex_text(digest, sizeof(digest));
    return 0;
}

int body_make(const struct body_from *from, struct body *out, struct err *e)
{
    enum service_kind kind = service_kind(from->service, from->target);
    auto_json *stable = NULL;

    *out = (struct body){ 0 };
    if (render(from, kind, 0, &stable, &out->routed, e) < 0 ||
        render(from, kind, from->number, &out->json, &out->routed, e) < 0 ||
        make_hash(from, stable, &out->hash, e) < 0)
        return -1;
    out->image = body_image(from->service->image, from->image);
    out->checked = is_checked(from->service, kind, from->image);
    set_text(out->json, "Image", out->image);
    json_t *labels = json_object_get(out->json, "Labels");
    auto_free char *number = xasprintf("%d", from->number);
    set_text(labels, LABEL_UNIT, from->who->unit);
    set_text(labels, LABEL_DUTY, kind == SERVICE_MANAGED ? DUTY_MANAGED : DUTY_SERVICE);
    set_text(labels, LABEL_SERVICE, from->service->name);
    set_text(labels, LABEL_RELEASE, number);
    set_text(labels, LABEL_HASH, out->hash);
    if (kind == SERVICE_MANAGED)
        set_text(labels, LABEL_REFERENCE, from->service->image);
    return 0;
}

void body_release(struct body *b)
{
    json_decref(b->json);
    free(b->hash);
    free(b->image);
    *b = (struct body){ 0 };
}
