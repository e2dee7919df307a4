#include "stages/deploy/compose.h"

#include "base/number.h"
#include "base/text.h"
#include "stages/deploy/compose_key.h"

#include <string.h>

/* A project of a hundred services has some thousand values. */
static const struct yaml_limits limits = { (size_t)1 << 20, 50000, 32 };

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

/* ---- The file ---- */

/* !reset and !override are for files that are put together, and others mean nothing. */
static void check_tags(struct compose_reader *r, const struct yaml *y)
{
    if (y->tag) {
        auto_free char *shown = text_quote(y->tag);
        compose_problem(r, y, "the tag `%s` means nothing here; write the value itself", shown);
    }
    for (size_t i = 0; i < y->n; i++)
        check_tags(r, y->items[i]);
}

/* 3 and 3.x; the specification has none. */
static void read_version(struct compose_reader *r, const struct yaml *y)
{
    if (compose_absent(y) || !compose_is(r, y, YAML_SCALAR, "version", "a text such as '3.8'"))
        return;
    const char *minor = y->text + strspn(y->text, "3");
    int64_t number;
    if (minor == y->text + 1 && (!*minor || (*minor == '.' && number_parse(minor + 1, 0, 99, &number) == 0))) {
        r->compose->version = xstrdup(y->text);
        return;
    }
    auto_free char *shown = text_quote(y->text);
    compose_problem(r, y, "format %s is not read; write version: '3.8', or take `version` out, and mend the keys that "
                    "are named then", shown);
}

static void read_file(struct compose_reader *r, const struct yaml *y)
{
    if (compose_absent(y)) {
        compose_problem(r, y, "there is nothing in it; write `services`");
        return;
    }
    if (!compose_is(r, y, YAML_MAP, "the file", "a map with `services`"))
        return;
    for (size_t i = 0; i < y->n; i++)
        if (compose_key_check(r, y->items[i], IN_COMPOSE_FILE))
            check_tags(r, y->items[i]);
    read_version(r, yaml_get(y, "version"));
    const struct yaml *services = yaml_get(y, "services");
    if (compose_absent(services))
        compose_problem(r, services ? services : y, "there are no services; write them below `services`");
    else if (compose_is(r, services, YAML_MAP, "services", "a map of services") && services->n == 0)
        compose_problem(r, services, "there are no services; write them below `services`");
    else if (services->type == YAML_MAP) {
        r->services = services;
        compose_read_services(r, services);
    }
}

/* The first problem, and how many more there are. */
static int fail(const struct compose_reader *r, size_t first, struct err *e)
{
    size_t others = r->problems->n - first - 1 + r->unsaid;

    if (others == 0)
        return err_set(e, ERR_JOB, 0, "%s", r->problems->items[first]);
    return err_set(e, ERR_JOB, 0, "%s (and %zu more problem%s)", r->problems->items[first], others,
                   others == 1 ? "" : "s");
}

int compose_read(const char *file, const char *text, size_t len, const struct compose_variables *v, struct compose *out,
                 struct strvec *problems, struct strvec *warnings, struct err *e)
{
    auto_compose c = COMPOSE_INIT;
    auto_yaml *y = NULL;
    auto_err problem = ERR_INIT;
    size_t first = problems->n;
    struct compose_reader r = {
        .file = file, .variables = v, .problems = problems, .warnings = warnings, .compose = &c
    };

    if (yaml_read(file, text, len, &limits, &y, &problem) < 0) {
        strvec_push(problems, err_text(&problem));
        return err_move(e, &problem);
    }
    read_file(&r, y);
    if (problems->n > first)
        return fail(&r, first, e);
    *out = c;
    c = (struct compose)COMPOSE_INIT;
    return 0;
}
