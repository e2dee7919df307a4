#include "stages/pipeline/ci_value.h"
#include "stages/pull_policy.h"

#include "base/text.h"

#define SERVICES_MAX ((size_t)100)

/* ---- image ---- */

static int read_entrypoint(const struct ci_reader *r, const struct yaml *y, struct ci_image *out, struct err *e)
{
    out->has_entrypoint = !ci_absent(y);
    return ci_list(r, y, "entrypoint", &out->entrypoint, e);
}

static int read_pull_policy(const struct ci_reader *r, const struct yaml *y, struct ci_image *out, struct err *e)
{
    if (ci_texts(r, y, "pull_policy", &out->pull_policy, e) < 0)
        return -1;
    if (!ci_absent(y) && out->pull_policy.n == 0)
        return ci_problem(r, y, e, "`pull_policy` is an empty list; it can have always, if-not-present and never");
    for (size_t i = 0; i < out->pull_policy.n; i++) {
        if (pull_policy_is_one(out->pull_policy.items[i]))
            continue;
        auto_free char *shown = text_quote(out->pull_policy.items[i]);
        return ci_problem(r, y, e, "`pull_policy` is `%s`; it can be always, if-not-present and never", shown);
    }
    return 0;
}

static int read_docker(const struct ci_reader *r, const struct yaml *y, struct ci_image *out, struct err *e)
{
    if (ci_absent(y))
        return 0;
    if (y->type != YAML_MAP || y->tag)
        return ci_wrong_type(r, y, "docker", "a map of `platform` and `user`", e);
    if (ci_check_keys(r, y, IN_DOCKER, e) < 0 || ci_text(r, yaml_get(y, "platform"), "platform", &out->platform, e) < 0)
        return -1;
    return ci_text(r, yaml_get(y, "user"), "user", &out->user, e);
}

/* What images and services have in common, of a map or of a name alone. */
static int read_image(const struct ci_reader *r, const struct yaml *y, const char *keyword, enum keyword_place place,
                      struct ci_image *out, struct err *e)
{
    if (y->type != YAML_MAP)
        return ci_text(r, y, keyword, &out->name, e);
    if (ci_check_keys(r, y, place, e) < 0)
        return -1;
    if (ci_absent(yaml_get(y, "name")))
        return ci_problem(r, y, e, "`%s` has no `name`", keyword);
    if (ci_text(r, yaml_get(y, "name"), "name", &out->name, e) < 0 ||
        read_entrypoint(r, yaml_get(y, "entrypoint"), out, e) < 0 ||
        read_pull_policy(r, yaml_get(y, "pull_policy"), out, e) < 0)
        return -1;
    return read_docker(r, yaml_get(y, "docker"), out, e);
}

int ci_image(const struct ci_reader *r, const struct yaml *y, struct ci_image *out, struct err *e)
{
    return ci_absent(y) ? 0 : read_image(r, y, "image", IN_IMAGE, out, e);
}

void ci_image_release(struct ci_image *image)
{
    free(image->name);
    strvec_release(&image->entrypoint);
    strvec_release(&image->pull_policy);
    free(image->platform);
    free(image->user);
}

/* ---- services ---- */

static int read_service(const struct ci_reader *r, const struct yaml *y, struct ci_service *out, struct err *e)
{
    if (ci_absent(y))
        return ci_problem(r, y, e, "a service is nothing here; it must be an image's name, or a map with `name`");
    if (read_image(r, y, "services", IN_SERVICE, &out->image, e) < 0 ||
        ci_list(r, yaml_get(y, "command"), "command", &out->command, e) < 0 ||
        ci_variables(r, yaml_get(y, "variables"), IN_RULE_VARIABLE, &out->variables, e) < 0)
        return -1;
    return ci_text(r, yaml_get(y, "alias"), "alias", &out->alias, e);
}

int ci_services(const struct ci_reader *r, const struct yaml *y, struct ci_job *out, struct err *e)
{
    if (ci_absent(y))
        return 0;
    if (y->type != YAML_LIST || y->tag)
        return ci_wrong_type(r, y, "services", "a list of images", e);
    if (y->n > SERVICES_MAX)
        return ci_problem(r, y, e, "more than %zu services", SERVICES_MAX);
    out->services = xcalloc(y->n + 1, sizeof(*out->services));
    for (size_t i = 0; i < y->n; i++)
        if (read_service(r, y->items[i], &out->services[out->n_services++], e) < 0)
            return -1;
    return 0;
}

void ci_services_release(struct ci_job *job)
{
    for (size_t i = 0; i < job->n_services; i++) {
        struct ci_service *s = &job->services[i];
        ci_image_release(&s->image);
        free(s->alias);
        strvec_release(&s->command);
        variables_release(&s->variables);
    }
    free(job->services);
}
