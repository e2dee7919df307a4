#include "stages/deploy/release_source.h"

#include <string.h>

static bool has(const json_t *names, const char *name)
{
    size_t i;
    json_t *one;

    json_array_foreach(names, i, one)
        if (json_is_string(one) && strcmp(json_string_value(one), name) == 0)
            return true;
    return false;
}

static const char *value_of(const struct release_source *s, const char *name, bool *secret)
{
    const json_t *then = s->back ? json_object_get(s->back->variables, name) : NULL;

    *secret = false;
    if (then)
        return json_string_value(then);
    /* What it had not then, it has not now: its default holds. */
    if (s->back && !has(s->back->secrets, name))
        return NULL;
    return environment_find(s->environment, name, secret);
}

static const char *find(void *ctx, const char *name, bool *secret)
{
    struct release_source *s = ctx;
    const char *value = value_of(s, name, secret);

    if (value && !*secret)
        (void)json_object_set_new(s->variables, name, json_string(value));
    else if (value && !has(s->secrets, name))
        (void)json_array_append_new(s->secrets, json_string(name));
    return value;
}

static void missing(void *ctx, const char *name, struct strbuf *hint)
{
    environment_missing(((const struct release_source *)ctx)->environment, name, hint);
}

void release_source_of_request(struct release_source *s, struct deploy_environment *environment,
                       const struct deploy_request *request)
{
    *s = (struct release_source){ .environment = environment, .file = request->file, .text = request->text, .len = request->len,
                          .variables = json_object(), .secrets = json_array() };
}

void release_source_of_release(struct release_source *s, struct deploy_environment *environment, const struct release *back)
{
    *s = (struct release_source){ .environment = environment, .variables = json_object(), .secrets = json_array() };
    s->own = (struct release){
        .number = back->number,
        .commit = xstrdup(back->commit),
        .ref = xstrdup(back->ref),
        .result = xstrdup(back->result),
        .services = json_incref(back->services),
        .file = xstrdup(back->file),
        .compose = xstrdup(back->compose),
        .variables = json_incref(back->variables),
        .secrets = json_incref(back->secrets),
    };
    s->back = &s->own;
    s->file = s->own.file;
    s->text = s->own.compose;
    s->len = strlen(s->own.compose);
}

struct compose_variables release_source_variables(struct release_source *s)
{
    return (struct compose_variables){ .find = find, .missing = missing, .ctx = s };
}

void release_source_release(struct release_source *s)
{
    release_release(&s->own);
    json_decref(s->variables);
    json_decref(s->secrets);
    *s = (struct release_source){ 0 };
}
