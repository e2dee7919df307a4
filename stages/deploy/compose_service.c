/* stages/deploy/compose_service.c: the services, one by one. */
#include "stages/deploy/compose_key.h"

#include "base/text.h"

#include <string.h>

#define SERVICES_MAX 100
/* Of one key: a list or map that is longer was not written by hand. */
#define ENTRIES_MAX 1000

/* It becomes a host's name, and part of a container's. */
static bool is_name(const char *name)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";

    return *name && !strchr("-_.", *name) && strlen(name) <= 63 && name[strspn(name, letters)] == '\0';
}

static void read_key(struct compose_reader *r, const struct yaml *y, struct compose_service *s)
{
    const struct compose_key *key = compose_key_check(r, y, IN_COMPOSE_SERVICE);

    if (!key || compose_absent(y))
        return;
    if (y->n > ENTRIES_MAX)
        compose_key_problem(r, y, "`%s` has more than %d entries; make it shorter", key->name, ENTRIES_MAX);
    else
        key->read(r, y, s);
}

static void read_service(struct compose_reader *r, const struct yaml *y)
{
    struct compose_service *s = &r->compose->services[r->compose->n++];
    auto_free char *shown = text_quote(y->key);

    s->name = xstrdup(y->key);
    s->line = y->key_line;
    if (!is_name(y->key))
        compose_key_problem(r, y, "`%s` is no name for a service; it has letters, digits, - _ and ., a letter or digit "
                            "first, and at most 63 of them", shown);
    if (y->type != YAML_MAP) {
        compose_problem(r, y, "the service `%s` is %s; it must be a map with an `image`", shown, yaml_type_name(y));
        return;
    }
    if (compose_absent(yaml_get(y, "image")))
        compose_key_problem(r, y, "the service `%s` has no `image`; build and push one in a job, and name it", shown);
    for (size_t i = 0; i < y->n; i++)
        read_key(r, y->items[i], s);
}

void compose_read_services(struct compose_reader *r, const struct yaml *services)
{
    if (services->n > SERVICES_MAX) {
        compose_problem(r, services, "there are more than %d services; deploy them as several projects", SERVICES_MAX);
        return;
    }
    r->compose->services = xcalloc(services->n + 1, sizeof(*r->compose->services));
    for (size_t i = 0; i < services->n; i++)
        read_service(r, services->items[i]);
    compose_check_order(r);
    compose_check_volumes(r);
}
