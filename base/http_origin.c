#include "base/http_exchange.h"

#include "base/file.h"

#include <string.h>

#define AUTHORITIES_MAX ((size_t)8 << 20)

static void add_file(struct strbuf *out, const char *path)
{
    auto_free char *text = NULL;
    size_t len = 0;

    if (path && file_read(path, AUTHORITIES_MAX, &text, &len, NULL) == 0 && strbuf_add(out, text, len) == 0)
        strbuf_putc(out, '\n');
}

/* libcurl takes one list of authorities: the system's with further ones behind it. */
static void add_authorities(struct exchange *x, const char *more)
{
    const curl_version_info_data *info = x->curl->version_info(CURLVERSION_NOW);
    const char *system = getenv("SSL_CERT_FILE");
    auto_strbuf all = STRBUF_INIT(2 * AUTHORITIES_MAX + 2);

    add_file(&all, system && *system ? system : info->cainfo);
    add_file(&all, more);
    struct curl_blob blob = { .data = all.data, .len = all.len, .flags = CURL_BLOB_COPY };
    if (all.len > 0)
        SET(x, CURLOPT_CAINFO_BLOB, &blob);
}

static void set_tls(struct exchange *x)
{
    const struct http_origin *o = x->origin;

    SET(x, CURLOPT_SSL_VERIFYPEER, o->verify ? 1L : 0L);
    SET(x, CURLOPT_SSL_VERIFYHOST, o->verify ? 2L : 0L);
    if (o->ca_file) {
        SET(x, CURLOPT_CAINFO, o->ca_file);
        SET(x, CURLOPT_CAPATH, NULL); /* or every authority of the system would do as well */
    }
    if (o->more_ca)
        add_authorities(x, o->more_ca);
    SET(x, CURLOPT_SSLCERT, o->cert_file);
    SET(x, CURLOPT_SSLKEY, o->key_file);
}

void exchange_set_origin(struct exchange *x)
{
    const struct http_origin *o = x->origin;
    auto_free char *url = xasprintf("%s%s", o->base, x->q->path);

    SET(x, CURLOPT_URL, url);
    SET(x, CURLOPT_PATH_AS_IS, 1L);
    SET(x, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    if (!o->proxies)
        SET(x, CURLOPT_PROXY, "");
    SET(x, CURLOPT_NOSIGNAL, 1L);
    SET(x, CURLOPT_TCP_KEEPALIVE, 1L);
    SET(x, CURLOPT_CONNECTTIMEOUT_MS, (long)o->connect_ms);
    SET(x, CURLOPT_UNIX_SOCKET_PATH, o->unix_socket);
    SET(x, CURLOPT_USERAGENT, o->user_agent);
    set_tls(x);
}
