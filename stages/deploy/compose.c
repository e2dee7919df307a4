#include "stages/deploy/compose.h"

#include <string.h>

static void service_release(struct compose_service *s)
{
    free(s->name);
    free(s->image);
    strvec_release(&s->command);
    strvec_release(&s->entrypoint);
    for (size_t i = 0; i < s->n_depends; i++)
        free(s->depends[i].service);
    free(s->depends);
    strvec_release(&s->environment);
    strvec_release(&s->secret_keys);
    strvec_release(&s->expose);
    strvec_release(&s->extra_hosts);
    strvec_release(&s->health.test);
    strvec_release(&s->labels);
    free(s->label_lines);
    free(s->log_driver);
    strvec_release(&s->log_options);
    free(s->restart);
    for (size_t i = 0; i < s->n_volumes; i++) {
        free(s->volumes[i].source);
        free(s->volumes[i].target);
    }
    free(s->volumes);
}

void compose_release(struct compose *c)
{
    for (size_t i = 0; i < c->n; i++)
        service_release(&c->services[i]);
    free(c->services);
    free(c->version);
    *c = (struct compose)COMPOSE_INIT;
}

const struct compose_service *compose_find(const struct compose *c, const char *name)
{
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->services[i].name, name) == 0)
            return &c->services[i];
    return NULL;
}
