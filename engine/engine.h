/* engine/engine.h: a Docker Engine, spoken to over its HTTP API.
 *
 * This room knows Docker's things and words and nothing of GitLab. Protocol
 * facts are from the Docker Engine API reference, v1.41 to v1.52.
 *
 * Errors of all engine calls: ERR_NOT_FOUND for 404, ERR_CONFLICT for 409,
 * ERR_SYSTEM for everything else, `code` the HTTP status (0 when there was no
 * answer), and the daemon's own message in the text. */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include "base/http.h"
#include "base/json.h"
#include "base/strvec.h"

struct engine; /* opaque: one daemon, one connection kept */

/* Where the daemon is. All borrowed while engine_open() runs; NULL means unset. */
struct engine_endpoint {
    const char *host;      /* DOCKER_HOST: unix:///path, tcp://host:port; NULL: unix:///var/run/docker.sock */
    const char *cert_path; /* DOCKER_CERT_PATH: a folder with ca.pem, cert.pem, key.pem */
    bool tls_verify;       /* DOCKER_TLS_VERIFY is set and not empty */
};

/* Fill from DOCKER_HOST, DOCKER_TLS_VERIFY and DOCKER_CERT_PATH in `env` (KEY=value list). */
void engine_endpoint_from_env(struct engine_endpoint *out, char *const *env);

/* Connect and agree on an API version: the newest that both speak, between 1.41
 * and 1.52. Errors name the endpoint and what to do about it: no such socket, no
 * permission, refused, a daemon too old or too new, a bad certificate. */
int engine_open(const struct engine_endpoint *endpoint, struct engine **out, struct err *e);
/* A second connection to the same daemon, with the version already agreed. For
 * calls that are made while the first one carries a stream. */
int engine_again(const struct engine *from, struct engine **out, struct err *e);
void engine_close(struct engine *d); /* NULL is fine */

const char *engine_version(const struct engine *d); /* "1.41" */
const char *engine_host(const struct engine *d);    /* as given, for messages */
bool engine_is_local(const struct engine *d);       /* a Unix socket: its file system is ours */

/* GET /info: for those who describe a host. *out is a new reference. */
int engine_info(struct engine *d, json_t **out, struct err *e);

/* Ends long calls early: tick as in base/http.h. Given to the calls that may take
 * as long as somebody else wants (pull, exec, wait). NULL: cannot be ended early. */
struct engine_watch {
    http_tick_fn *tick;
    void *ctx;
    int wake_fd;
};

static inline void engine_closep(struct engine **d)
{
    engine_close(*d);
}
#define auto_engine __attribute__((cleanup(engine_closep))) struct engine

#endif
