#include "stages/deploy/managed.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <string.h>

/* Where each has its data, for images that do not say so themselves. */
static const struct {
    const char *service, *folder;
} folders[] = {
    { "mysql", "/var/lib/mysql" },
    { "postgresql", "/var/lib/postgresql/data" },
    { "mongodb", "/data/db" },
    { "redis", "/data" },
};

int managed_address(const struct target *t, const struct target_managed *m, char **address, struct err *e)
{
    const struct addrinfo want = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;
    char text[INET6_ADDRSTRLEN];

    int rc = getaddrinfo(m->host, NULL, &want, &found);
    if (rc != 0)
        return err_set(e, ERR_CONFIG, 0, "target '%s' has %s at '%s', a name without an address (%s)", t->name, m->service,
                       m->host, gai_strerror(rc));
    rc = getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof(text), NULL, 0, NI_NUMERICHOST);
    freeaddrinfo(found);
    if (rc != 0)
        return err_set(e, ERR_CONFIG, 0, "target '%s': the address of '%s': %s", t->name, m->host, gai_strerror(rc));
    *address = xstrdup(text);
    return 0;
}

static void add_volume(json_t *mounts, const char *name, const char *folder)
{
    (void)json_array_append_new(mounts, json_pack("{s:s, s:s, s:s}", "Type", "volume", "Source", name, "Target", folder));
}

void managed_add_volumes(const struct compose_service *s, const json_t *image, const struct deploy_identity *who,
                         json_t *host_config)
{
    json_t *mounts = json_array();
    auto_free char *name = xasprintf("atelier-data-%s-%s", who->unit, s->name);
    const char *folder;
    json_t *unused;
    size_t n = 0;

    (void)json_object_set_new(host_config, "Mounts", mounts);
    json_object_foreach(json_at(image, "Config", "Volumes"), folder, unused) {
        auto_free char *next = xasprintf("%s-%zu", name, n + 1);
        add_volume(mounts, n == 0 ? name : next, folder);
        n++;
    }
    for (size_t i = 0; n == 0 && i < ARRAY_SIZE(folders); i++)
        if (strcmp(folders[i].service, s->name) == 0)
            add_volume(mounts, name, folders[i].folder);
}
