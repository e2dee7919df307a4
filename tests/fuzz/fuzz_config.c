/* A configuration is taken whole and within its limits, or refused in one line that begins with the file's name. */
#include "executor/config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_good_kind(const struct kind *k)
{
    json_int_t memory = json_integer_value(json_object_get(k->settings, "memory"));
    json_int_t pids = json_integer_value(json_object_get(k->settings, "pids"));

    return (k->docker == DOCKER_NONE || k->docker == DOCKER_SOCKET) && (memory == 0 || memory >= 6 << 20) &&
           pids >= 0 && pids <= 4194304 && k->network && *k->network;
}

static void check(const struct config *c)
{
    bool good = c->builds[0] == '/' && c->cache[0] == '/' && *c->image && *c->helper_image && c->pull_policy.n > 0 &&
                c->cancel_grace_ms >= 0 && c->keep_failed_ms >= 0;

    for (int i = 0; i < KIND_COUNT; i++)
        good = good && is_good_kind(&c->kinds.of[i]);
    if (!good || strstr(c->builds, "/../") || strchr(c->builds, ':'))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *no_env[] = { NULL };
    auto_config c = { 0 };
    auto_err e = ERR_INIT;

    if (config_read_text("f.yml", (const char *)data, size, no_env, &c, &e) == 0)
        check(&c);
    else if (e.kind != ERR_CONFIG || strncmp(err_text(&e), "f.yml:", 6) != 0 || strchr(err_text(&e), '\n'))
        abort();
    return 0;
}
