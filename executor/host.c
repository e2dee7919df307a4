#include "executor/host.h"

#include "base/interrupt.h"
#include "base/text.h"
#include "executor/standby_record.h"
#include "executor/trace.h"

#include <stdint.h>
#include <string.h>

int host_init(const struct invocation *in, struct host *out, struct err *e)
{
    auto_host h = { 0 };

    if (job_from_env(in->env, &h.job, e) < 0 || job_add_response(&h.job, in->env, e) < 0)
        return -1;
    if (config_read(in->config, in->env, &h.config, e) < 0)
        return -1;
    if (!h.config.keep_script_secrets)
        secret_variables_read(&h.job, in->env, &h.secrets);
    place_of(&h.job, h.config.builds, h.config.cache, &h.place);
    h.name = xstrdup(h.place.key);
    trace_of(in->trace, &h.config, h.name);
    standby_record_rename(&h.config, &h.place);
    *out = h;
    h = (struct host){ 0 };
    return 0;
}

void host_release(struct host *h)
{
    config_release(&h->config);
    job_release(&h->job);
    place_release(&h->place);
    free(h->name);
    secret_variables_release(&h->secrets);
}

bool host_has_standby(const struct host *h)
{
    return strcmp(h->place.key, h->name) != 0;
}

bool host_is_shared(const struct host *h, const struct invocation *in)
{
    struct engine_endpoint endpoint;

    config_endpoint(&h->config, in->env, &endpoint);
    return !config_uses_volumes(&h->config, &endpoint) && config_endpoint_is_unix(&endpoint);
}

int host_connect(const struct host *h, const struct invocation *in, struct engine **out, struct err *e)
{
    struct engine_endpoint endpoint;

    config_endpoint(&h->config, in->env, &endpoint);
    return engine_open(&endpoint, out, e);
}

int host_connect_alone(const struct host *h, const struct invocation *in, struct engine **out, struct err *e)
{
    struct engine_endpoint endpoint;

    config_endpoint(&h->config, in->env, &endpoint);
    if (config_endpoint_is_unix(&endpoint))
        http_without_tls();
    return host_connect(h, in, out, e);
}

int host_check_interrupt(const struct invocation *in, struct err *e)
{
    int number = interrupt_take(in->interrupt_fd);

    return number ? err_set(e, ERR_CANCELLED, number, "cancelled (%s)", strsignal(number)) : 0;
}

static int end_at_signal(void *ctx, int64_t *next_ms, struct err *e)
{
    *next_ms = -1;
    return host_check_interrupt(ctx, e);
}

struct engine_watch host_watch(const struct invocation *in)
{
    return (struct engine_watch){ end_at_signal, (void *)(uintptr_t)in, in->interrupt_fd };
}
