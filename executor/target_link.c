#include "executor/target_link.h"

#include "base/text.h"

static int connect_by_ssh(const struct target *t, int stop_fd, struct target_link *link, struct err *e)
{
    struct engine_endpoint endpoint = { NULL };

    if (ssh_tunnel_open(t->docker_host, stop_fd, &link->tunnel, e) < 0)
        return -1;
    endpoint.host = link->tunnel.host;
    if (engine_open(&endpoint, &link->engine, e) == 0)
        return 0;
    return err_wrap(e, "the connection to %s is there, but not to Docker behind it (may that user reach the daemon's socket?)",
                    t->docker_host);
}

static int connect_directly(const struct target *t, struct target_link *link, struct err *e)
{
    const struct engine_endpoint endpoint = { t->docker_host, *t->cert_path ? t->cert_path : NULL, t->tls_verify };

    return engine_open(&endpoint, &link->engine, e);
}

int target_link_open(const struct target *t, int stop_fd, struct target_link *out, struct err *e)
{
    bool ssh = text_starts(t->docker_host, SSH_SCHEME);

    *out = (struct target_link)TARGET_LINK_INIT;
    if ((ssh ? connect_by_ssh(t, stop_fd, out, e) : connect_directly(t, out, e)) == 0)
        return 0;
    target_link_close(out);
    return err_wrap(e, "target '%s'", t->name);
}

void target_link_close(struct target_link *link)
{
    engine_close(link->engine);
    ssh_tunnel_close(&link->tunnel);
    *link = (struct target_link)TARGET_LINK_INIT;
}
