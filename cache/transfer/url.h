/* cache/transfer/url.h: an http address taken apart: what it names, and what of it may be shown. */
#ifndef CACHE_TRANSFER_URL_H
#define CACHE_TRANSFER_URL_H

#include "base/err.h"

#include <stdbool.h>

struct url {
    char *origin; /* "https://host:8443": no path, nothing of a user or a password */
    char *path;   /* "/bucket/key?X-Amz-Signature=...": as it was given; at least "/" */
    char *shown;  /* without user, password and query, which may be secret: for log lines */
};

/* ERR_USAGE when it is no http:// or https:// address with a host. */
int url_parse(const char *text, struct url *out, struct err *e);
/* Where `location`, an answer's header, leads from `from`: an address, or a path on the same host. */
int url_follow(const struct url *from, const char *location, struct url *out, struct err *e);
/* Whether both are of one scheme, host and port: what may be said to one may be said to the other. */
bool url_same_origin(const struct url *a, const struct url *b);
/* The host without port; the caller's. */
char *url_host(const struct url *u);
void url_release(struct url *u);

#define auto_url __attribute__((cleanup(url_release))) struct url

#endif
