#include "engine/engine.h"

#include "base/number.h"
#include "base/text.h"
#include "engine/call.h"

#include <errno.h>
#include <string.h>
#include <sys/un.h>

#define DEFAULT_HOST "unix:///var/run/docker.sock"

/* The API versions that this room was written for, after "1.". 1.41 is Docker
 * 20.10, which Debian 12 carries; Docker 29 starts at 1.44 and ends at 1.52. */
#define OLDEST_API 41
#define NEWEST_API 52

/* A daemon that is there says so at once. */
#define PING_MS 20000

struct engine {
    char *host;
    char *cert_path;
    bool tls_verify;
    char *version; /* NULL until it is agreed */
    char *socket;  /* NULL over TCP */
    struct http *http;
};

/* Where a host is, in HTTP's terms. */
struct place {
    char *socket;
    char *base;
    char *ca, *cert, *key;
    bool verify;
};

static void place_release(struct place *p)
{
    free(p->socket);
    free(p->base);
    free(p->ca);
    free(p->cert);
    free(p->key);
}
#define auto_place __attribute__((cleanup(place_release))) struct place

void engine_endpoint_from_env(struct engine_endpoint *out, char *const *env)
{
    *out = (struct engine_endpoint){
        .host = env_get(env, "DOCKER_HOST"),
        .cert_path = env_get(env, "DOCKER_CERT_PATH"),
        .tls_verify = env_get(env, "DOCKER_TLS_VERIFY") != NULL,
    };
}

static int place_unix(struct place *p, const char *path, const struct engine *d, struct err *e)
{
    if (*path != '/' || strlen(path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
        return err_set(e, ERR_CONFIG, 0, "DOCKER_HOST '%s': not an absolute path of less than 108 bytes",
                       d->host);
    p->socket = xstrdup(path);
    p->base = xstrdup("http://docker");
    return 0;
}

/* The path of a file that is there, or NULL. */
static char *file_in(const char *folder, const char *name)
{
    auto_free char *path = xasprintf("%s/%s", folder, name);
    return access(path, F_OK) == 0 ? take(&path) : NULL;
}

/* As Docker's own client: the files alone switch TLS on, and DOCKER_TLS_VERIFY
 * makes the server prove who it is. */
static int place_tls(struct place *p, const struct engine *d, struct err *e)
{
    p->verify = d->tls_verify;
    if (!d->cert_path)
        return 0;
    p->ca = file_in(d->cert_path, "ca.pem");
    p->cert = file_in(d->cert_path, "cert.pem");
    p->key = file_in(d->cert_path, "key.pem");
    if (!p->ca && !p->cert && !p->key)
        return err_set(e, ERR_CONFIG, 0, "DOCKER_CERT_PATH '%s' has no ca.pem, cert.pem and key.pem",
                       d->cert_path);
    return 0;
}

static int place_tcp(struct place *p, const char *address, const struct engine *d, struct err *e)
{
    if (!*address || *address == ':' || strpbrk(address, "/?#@ "))
        return err_set(e, ERR_CONFIG, 0, "DOCKER_HOST '%s': not tcp://host or tcp://host:port", d->host);
    if (place_tls(p, d, e) < 0)
        return -1;
    bool tls = d->tls_verify || d->cert_path;
    const char *colon = strrchr(address, ':');
    bool has_port = colon && !strchr(colon, ']'); /* the colons of [::1] are none of a port */
    const char *port = tls ? ":2376" : ":2375";
    p->base = xasprintf("%s://%s%s", tls ? "https" : "http", address, has_port ? "" : port);
    return 0;
}

static const struct {
    const char *scheme;
    int (*fill)(struct place *p, const char *rest, const struct engine *d, struct err *e);
} schemes[] = {
    { "unix://", place_unix },
    { "tcp://", place_tcp },
};

static int place_find(struct place *p, const struct engine *d, struct err *e)
{
    for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
        if (text_starts(d->host, schemes[i].scheme))
            return schemes[i].fill(p, d->host + strlen(schemes[i].scheme), d, e);
    }
    auto_free char *host = text_quote(d->host);
    return err_set(e, ERR_CONFIG, 0,
                   "DOCKER_HOST '%s' is of a kind that is not spoken here: give unix:///path or "
                   "tcp://host:port",
                   host);
}

static int engine_new(const struct engine_endpoint *endpoint, struct engine **out, struct err *e)
{
    auto_engine *d = xcalloc(1, sizeof(*d));
    d->host = xstrdup(endpoint->host && *endpoint->host ? endpoint->host : DEFAULT_HOST);
    d->cert_path = xstrdup(endpoint->cert_path);
    d->tls_verify = endpoint->tls_verify;

    auto_place p = { 0 };
    if (place_find(&p, d, e) < 0)
        return -1;
    const struct http_origin origin = {
        .unix_socket = p.socket,
        .base = p.base,
        .ca_file = p.ca,
        .cert_file = p.cert,
        .key_file = p.key,
        .verify = p.verify,
        .user_agent = "atelier",
    };
    if (http_open(&origin, &d->http, e) < 0)
        return -1;
    d->socket = take(&p.socket);
    *out = take(&d);
    return 0;
}

/* What a Unix socket says to those who knock, and what helps. */
static const struct {
    int error;
    const char *advice;
} socket_troubles[] = {
    { ENOENT, "there is no such socket: is dockerd installed and running? DOCKER_HOST can name another" },
    { EACCES, "no permission: run as root, or add the user to the socket's group (usermod -aG docker USER)" },
    { ECONNREFUSED, "nothing listens on the socket: start dockerd (systemctl start docker)" },
};

/* Say which daemon it is that cannot be spoken to, and what can be done about it. */
static int unreachable(const struct engine *d, const struct err *cause, struct err *e)
{
    for (size_t i = 0; d->socket && i < ARRAY_SIZE(socket_troubles); i++) {
        if (socket_troubles[i].error == cause->code)
            return err_set(e, ERR_SYSTEM, cause->code, "Docker at %s: %s", d->host,
                           socket_troubles[i].advice);
    }
    bool may_be_tls = !d->socket && cause->code != ECONNREFUSED;
    return err_set(e, ERR_SYSTEM, cause->code, "Docker at %s: %s%s", d->host, err_text(cause),
                   may_be_tls ? " (DOCKER_TLS_VERIFY and DOCKER_CERT_PATH say whether and how TLS is spoken)"
                              : "");
}

/* The minor number of "1.41"; -1 when there is none. */
static int minor_version(const char *text)
{
    int64_t minor = -1;
    if (text && text_starts(text, "1."))
        (void)number_parse(text + 2, 0, 9999, &minor);
    return (int)minor;
}

/* A daemon that is newer than we are may have left our newest version behind,
 * which only a call with that version tells. */
static int check_still_spoken(struct engine *d, int daemons, struct err *e)
{
    static const struct engine_call ping = { .what = "agree on a version",
                                             .method = "GET",
                                             .path = "/_ping" };
    struct err refusal = ERR_INIT;
    if (engine_call(d, &ping, NULL, &refusal) == 0)
        return 0;
    if (refusal.code != 400)
        return err_move(e, &refusal);
    err_release(&refusal);
    return err_set(e, ERR_SYSTEM, 400,
                   "Docker at %s speaks API 1.%d and no longer 1.%d, the newest known here: update atelier",
                   d->host, daemons, NEWEST_API);
}

static int agree(struct engine *d, int daemons, struct err *e)
{
    if (daemons < 0)
        return err_set(e, ERR_SYSTEM, 0, "what answers at %s is no Docker Engine: it names no API version",
                       d->host);
    if (daemons < OLDEST_API)
        return err_set(e, ERR_SYSTEM, 0,
                       "Docker at %s speaks API 1.%d; at least 1.%d is needed: update it to 20.10 or newer",
                       d->host, daemons, OLDEST_API);
    d->version = xasprintf("1.%d", daemons < NEWEST_API ? daemons : NEWEST_API);
    return daemons > NEWEST_API ? check_still_spoken(d, daemons, e) : 0;
}

static int greet(struct engine *d, struct err *e)
{
    static const struct engine_call ping = { .what = "ask Docker for its version",
                                             .method = "GET",
                                             .path = "/_ping" };
    const struct http_request q = {
        .method = ping.method, .path = ping.path, .timeout_ms = PING_MS, .wake_fd = -1
    };
    auto_http_response r = HTTP_RESPONSE_INIT;
    auto_err cause = ERR_INIT;
    if (http_exchange(d->http, &q, &r, &cause) < 0 ||
        (r.status != 200 && engine_refused(&ping, &r, &cause) < 0))
        return unreachable(d, &cause, e);
    return agree(d, minor_version(http_header(&r, "api-version")), e);
}

int engine_open(const struct engine_endpoint *endpoint, struct engine **out, struct err *e)
{
    auto_engine *d = NULL;
    if (engine_new(endpoint, &d, e) < 0 || greet(d, e) < 0)
        return -1;
    *out = take(&d);
    return 0;
}

int engine_again(const struct engine *from, struct engine **out, struct err *e)
{
    const struct engine_endpoint same = { from->host, from->cert_path, from->tls_verify };
    auto_engine *d = NULL;
    if (engine_new(&same, &d, e) < 0)
        return -1;
    d->version = xstrdup(from->version);
    *out = take(&d);
    return 0;
}

void engine_close(struct engine *d)
{
    if (!d)
        return;
    http_close(d->http);
    free(d->host);
    free(d->cert_path);
    free(d->version);
    free(d->socket);
    free(d);
}

const char *engine_version(const struct engine *d)
{
    return d->version;
}

const char *engine_host(const struct engine *d)
{
    return d->host;
}

bool engine_is_local(const struct engine *d)
{
    return d->socket != NULL;
}

struct http *engine_http(struct engine *d)
{
    return d->http;
}

int engine_info(struct engine *d, json_t **out, struct err *e)
{
    static const struct engine_call c = { .what = "ask the daemon about itself",
                                          .method = "GET",
                                          .path = "/info" };
    return engine_call(d, &c, out, e);
}
