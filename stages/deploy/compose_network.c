/* stages/deploy/compose_network.c: what others reach of a service, and what it reaches: expose, ports, extra_hosts. */
#include "stages/deploy/compose_reader.h"

#include "base/number.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <string.h>

/* Of one service; a range may be no longer either. */
#define PORTS_MAX 256
#define HOSTS_MAX 256

static const char port_form[] = "a port such as 9000, '8080/udp' or '8000-8010'";

/* Without a leading zero, which YAML takes for base 8. */
static int parse_port(const char *text, int64_t *out)
{
    return *text == '0' ? -1 : number_parse(text, 1, 65535, out);
}

/* "8000-8010/tcp" in parts; `text` is changed. */
static int parse_range(char *text, int64_t *first, int64_t *last, const char **protocol)
{
    char *slash = strchr(text, '/');

    *protocol = slash ? slash + 1 : "tcp";
    if (slash)
        *slash = '\0';
    char *dash = strchr(text, '-');
    if (dash)
        *dash = '\0';
    if (parse_port(text, first) < 0)
        return -1;
    *last = *first;
    if (dash && parse_port(dash + 1, last) < 0)
        return -1;
    static const char *const protocols[] = { "tcp", "udp", "sctp", NULL };
    return text_is_any(*protocol, protocols) && *last >= *first ? 0 : -1;
}

/* `text` is the port as it was written, `range` the container's side of it. */
static void expose(struct compose_reader *r, const struct yaml *at, const char *keyword, const char *text,
                   const char *range, struct compose_service *s)
{
    auto_free char *parts = xstrdup(range);
    int64_t first, last;
    const char *protocol;

    if (parse_range(parts, &first, &last, &protocol) < 0) {
        auto_free char *shown = text_quote(text);
        compose_problem(r, at, "`%s` in `%s` is no port; write %s", shown, keyword, port_form);
        return;
    }
    if (s->expose.n + (size_t)(last - first) >= PORTS_MAX) {
        compose_problem(r, at, "`%s` has more than %d ports; expose those that others ask", keyword, PORTS_MAX);
        return;
    }
    for (int64_t port = first; port <= last; port++) {
        auto_free char *entry = xasprintf("%d/%s", (int)port, protocol);
        if (!strvec_has(&s->expose, entry))
            strvec_give(&s->expose, take(&entry));
    }
}

void compose_read_expose(struct compose_reader *r, const struct yaml *y, struct compose_service *s)
{
    if (!compose_is(r, y, YAML_LIST, "expose", "a list of ports, such as [9000]"))
        return;
    for (size_t i = 0; i < y->n; i++) {
        auto_free char *text = compose_text(r, y->items[i], "expose", COMPOSE_LINE, NULL);
        if (text)
            expose(r, y->items[i], "expose", text, text, s);
    }
}

/* ---- ports ---- */

/* [[HOST:]PORT:]PORT[/PROTOCOL]: the container's side is last. */
static void read_short_port(struct compose_reader *r, const struct yaml *y, struct compose_service *s)
{
    auto_free char *text = compose_text(r, y, "ports", COMPOSE_LINE, NULL);

    if (!text)
        return;
    compose_warn_of_number(r, y);
    const char *colon = strrchr(text, ':');
    expose(r, y, "ports", text, colon ? colon + 1 : text, s);
}

static void read_long_port(struct compose_reader *r, const struct yaml *y, struct compose_service *s)
{
    static const char *const known[] = { "target", "published", "protocol", "mode", "host_ip", "name", "app_protocol",
                                         NULL };
    const struct yaml *target = yaml_get(y, "target"), *protocol = yaml_get(y, "protocol");

    compose_check_keys(r, y, "ports", known);
    if (compose_absent(target)) {
        compose_problem(r, y, "a port has no `target`; write `expose`, with the container's port");
        return;
    }
    auto_free char *port = compose_text(r, target, "target", COMPOSE_LINE, NULL);
    auto_free char *kind = compose_absent(protocol) ? xstrdup("tcp")
                                                    : compose_text(r, protocol, "protocol", COMPOSE_LINE, NULL);
    if (!port || !kind)
        return;
    auto_free char *text = xasprintf("%s/%s", port, kind);
    expose(r, target, "ports", text, text, s);
}

void compose_read_ports(struct compose_reader *r, const struct yaml *y, struct compose_service *s)
{
    if (!compose_is(r, y, YAML_LIST, "ports", "a list; write `expose` instead"))
        return;
    for (size_t i = 0; i < y->n; i++) {
        if (y->items[i]->type == YAML_MAP)
            read_long_port(r, y->items[i], s);
        else
            read_short_port(r, y->items[i], s);
    }
}

/* ---- extra_hosts ---- */

static bool is_host(const char *name)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";

    return *name && strlen(name) <= 253 && name[strspn(name, letters)] == '\0';
}

static bool is_address(const char *text)
{
    unsigned char address[16];

    return strcmp(text, "host-gateway") == 0 || inet_pton(AF_INET, text, address) == 1 ||
           inet_pton(AF_INET6, text, address) == 1;
}

/* An IPv6 address may stand in brackets. */
static void add_host(struct compose_reader *r, const struct yaml *at, const char *name, const char *address,
                     struct compose_service *s)
{
    size_t len = strlen(address);
    bool bracketed = len > 2 && address[0] == '[' && address[len - 1] == ']';
    auto_free char *bare = bracketed ? xstrndup(address + 1, len - 2) : xstrdup(address);

    if (is_host(name) && is_address(bare)) {
        auto_free char *entry = xasprintf("%s:%s", name, bare);
        if (s->extra_hosts.n == HOSTS_MAX)
            compose_problem(r, at, "`extra_hosts` has more than %d addresses; write a DNS record", HOSTS_MAX);
        else if (!strvec_has(&s->extra_hosts, entry))
            strvec_give(&s->extra_hosts, take(&entry));
        return;
    }
    auto_free char *shown_name = text_quote(name);
    auto_free char *shown = text_quote(address);
    compose_problem(r, at, "`%s` with the address `%s` in `extra_hosts` is no host; write name:ADDRESS, with an IP "
                    "address", shown_name, shown);
}

static void read_short_host(struct compose_reader *r, const struct yaml *y, struct compose_service *s)
{
    auto_free char *text = compose_text(r, y, "extra_hosts", COMPOSE_LINE, NULL);

    if (!text)
        return;
    size_t name = strcspn(text, ":=");
    const char *address = text[name] ? text + name + 1 : "";
    text[name] = '\0';
    add_host(r, y, text, address, s);
}

static void read_host_map(struct compose_reader *r, const struct yaml *y, struct compose_service *s)
{
    for (size_t i = 0; i < y->n; i++) {
        const struct yaml *item = y->items[i];
        bool several = item->type == YAML_LIST;
        for (size_t n = 0; n < (several ? item->n : 1); n++) {
            const struct yaml *one = several ? item->items[n] : item;
            auto_free char *address = compose_text(r, one, "extra_hosts", COMPOSE_LINE, NULL);
            if (address)
                add_host(r, one, item->key, address, s);
        }
    }
}

void compose_read_extra_hosts(struct compose_reader *r, const struct yaml *y, struct compose_service *s)
{
    if (y->type == YAML_SCALAR)
        read_short_host(r, y, s);
    else if (y->type == YAML_LIST)
        for (size_t i = 0; i < y->n; i++)
            read_short_host(r, y->items[i], s);
    else if (compose_is(r, y, YAML_MAP, "extra_hosts", "name:ADDRESS, a list of these, or a map"))
        read_host_map(r, y, s);
}
