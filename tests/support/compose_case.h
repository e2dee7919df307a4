/* tests/support/compose_case.h: a compose file read with a small set of variables, and a service as JSON.
 *
 * Include after cmocka.h. */
#ifndef TESTS_COMPOSE_CASE_H
#define TESTS_COMPOSE_CASE_H

#include "base/file.h"
#include "stages/deploy/compose.h"
#include "tests/support/expect.h"

struct compose_case {
    struct compose compose;
    struct strvec problems, warnings;
    struct err e;
};

static inline const char *compose_case_find(void *ctx, const char *name, bool *secret)
{
    static const struct {
        const char *name, *value;
        bool secret;
    } variables[] = {
        { "CI_REGISTRY_IMAGE", "registry.example/group/hello", false },
        { "CI_COMMIT_SHA", "1f2e3d", false },
        { "CI_ENVIRONMENT_NAME", "staging", false },
        { "CI_ENVIRONMENT_DOMAIN", "hello.staging.example", false },
        { "X_NAME", "value", false },
        { "X_EMPTY", "", false },
        { "X_CLIMB", "../..", false },
        { "X_ROOT", "/", false },
        { "X_LINES", "one\ntwo", false },
        { "X_DOLLAR", "$X_NAME ${X_NAME} $$", false },
        { "X_LATIN", "caf\xe9", false },
        { "X_TRUE", "true", false },
        { "X_REFERENCE", "A:-${MYSQL_PASSWORD}", false },
        { "MYSQL_DATABASE", "hello", false },
        { "MYSQL_USER", "hello", false },
        { "MYSQL_PASSWORD", "s3cr3t-of-mysql", true },
        { "API_KEY", "s3cr3t-of-api", true },
    };
    (void)ctx;
    for (size_t i = 0; i < ARRAY_SIZE(variables); i++) {
        if (strcmp(variables[i].name, name) == 0) {
            *secret = variables[i].secret;
            return variables[i].value;
        }
    }
    return NULL;
}

static inline void compose_case_missing(void *ctx, const char *name, struct strbuf *hint)
{
    (void)ctx;
    strbuf_printf(hint, "create SV_STAGING_%s", name);
}

static const struct compose_variables compose_case_variables = { compose_case_find, compose_case_missing, NULL, NULL };

static inline int compose_case_read(const char *text, struct compose_case *c)
{
    return compose_read("f.yml", text, strlen(text), &compose_case_variables, &c->compose, &c->problems, &c->warnings,
                        &c->e);
}

static inline void compose_case_release(struct compose_case *c)
{
    compose_release(&c->compose);
    strvec_release(&c->problems);
    strvec_release(&c->warnings);
    err_release(&c->e);
}

#define auto_compose_case __attribute__((cleanup(compose_case_release))) struct compose_case

/* A file of tests/cases/deploy. */
static inline char *compose_case_file(const char *name)
{
    auto_err e = ERR_INIT;
    char *text = NULL;
    size_t len;
    auto_free char *path = xasprintf(TEST_SOURCE_DIR "/cases/deploy/%s", name);

    if (file_read(path, 1 << 20, &text, &len, &e) < 0)
        fail_msg("%s", err_text(&e));
    return text;
}

static inline void compose_case_good(const char *text, struct compose_case *c)
{
    if (compose_case_read(text, c) == 0)
        return;
    auto_free char *all = strvec_join(&c->problems, "\n");
    fail_msg("%s\n%s", text, all);
}

static inline json_t *compose_case_texts(const struct strvec *v)
{
    json_t *list = json_array();

    for (size_t i = 0; i < v->n; i++)
        (void)json_array_append_new(list, json_string(v->items[i]));
    return list;
}

static inline json_t *compose_case_health(const struct compose_health *h)
{
    if (!h->given)
        return json_null();
    return json_pack("{s:o, s:b, s:I, s:I, s:I, s:i}", "test", compose_case_texts(&h->test), "disabled", h->disabled,
                     "interval", (json_int_t)h->interval_ms, "timeout", (json_int_t)h->timeout_ms, "start",
                     (json_int_t)h->start_ms, "retries", h->retries);
}

static inline json_t *compose_case_json(const struct compose_service *s)
{
    static const char *const conditions[] = { "started", "healthy", "completed" };
    json_t *volumes = json_array(), *depends = json_object();

    for (size_t i = 0; i < s->n_volumes; i++) {
        auto_free char *text = xasprintf("%s:%s%s", s->volumes[i].source, s->volumes[i].target,
                                         s->volumes[i].read_only ? ":ro" : "");
        (void)json_array_append_new(volumes, json_string(text));
    }
    for (size_t i = 0; i < s->n_depends; i++)
        (void)json_object_set_new(depends, s->depends[i].service, json_string(conditions[s->depends[i].condition]));
    return json_pack("{s:s, s:s?, s:o?, s:o?, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s?, s:o, s:b, s:b, s:s?, s:o}", "name",
                     s->name, "image", s->image, "command", s->command_given ? compose_case_texts(&s->command) : NULL,
                     "entrypoint", s->entrypoint_given ? compose_case_texts(&s->entrypoint) : NULL, "depends", depends,
                     "environment", compose_case_texts(&s->environment), "secrets", compose_case_texts(&s->secret_keys),
                     "expose", compose_case_texts(&s->expose), "hosts", compose_case_texts(&s->extra_hosts), "health",
                     compose_case_health(&s->health), "labels", compose_case_texts(&s->labels), "log_driver",
                     s->log_driver, "log_options", compose_case_texts(&s->log_options), "read_only", s->read_only, "tty",
                     s->tty, "restart", s->restart, "volumes", volumes);
}

static inline void compose_case_expect(const struct compose_case *c, const char *service, const char *want)
{
    const struct compose_service *s = compose_find(&c->compose, service);

    if (!s)
        fail_msg("no service %s", service);
    auto_json *got = compose_case_json(s);
    expect_members(got, want);
}

#endif
