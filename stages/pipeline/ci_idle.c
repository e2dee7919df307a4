#include "stages/pipeline/ci_idle.h"

#include "base/text.h"

#include <ctype.h>
#include <string.h>

/* GitLab's: fewer than this. */
#define TAGS_MAX ((size_t)50)

static int check_names(const struct ci_reader *r, const struct yaml *map, const char *const *names, struct err *e)
{
    for (size_t i = 0; i < map->n; i++) {
        const struct yaml *member = map->items[i];
        if (text_is_any(member->key, names))
            continue;
        auto_free char *shown = text_quote(member->key);
        const char *near = text_nearest(member->key, names);
        return ci_key_problem(r, member, e, "unknown keyword `%s`%s%s%s", shown, near ? "; did you mean `" : "",
                              near ? near : "", near ? "`?" : "");
    }
    return 0;
}

static int check_text(const struct ci_reader *r, const struct yaml *y, struct err *e)
{
    auto_free char *text = NULL;

    return ci_text(r, y, y->key, &text, e);
}

/* The member's text must be there. */
static int check_wanted(const struct ci_reader *r, const struct yaml *map, const char *name, struct err *e)
{
    const struct yaml *y = yaml_get(map, name);

    return ci_absent(y) ? ci_problem(r, map, e, "`%s` has no `%s`", map->key, name) : check_text(r, y, e);
}

static int check_flag(const struct ci_reader *r, const struct yaml *y, struct err *e)
{
    bool flag;

    return ci_flag(r, y, y->key, &flag, e);
}

static int check_tags(const struct ci_reader *r, const struct yaml *y, struct err *e)
{
    auto_strvec tags = STRVEC_INIT;

    if (ci_list(r, y, "tags", &tags, e) < 0)
        return -1;
    return tags.n < TAGS_MAX ? 0 : ci_problem(r, y, e, "`tags` has %zu; it can have fewer than %zu", tags.n, TAGS_MAX);
}

static int check_identity(const struct ci_reader *r, const struct yaml *y, struct err *e)
{
    if (y->type != YAML_SCALAR || strcmp(y->text, "google_cloud") != 0)
        return ci_wrong_type(r, y, "identity", "`google_cloud`", e);
    return 0;
}

static int check_cluster(const struct ci_reader *r, const struct yaml *y, struct err *e)
{
    if (y->type != YAML_SCALAR || strcmp(y->text, "active") != 0)
        return ci_wrong_type(r, y, "kubernetes", "`active`", e);
    return 0;
}

static int check_map(const struct ci_reader *r, const struct yaml *y, struct err *e)
{
    return y->type != YAML_MAP || y->tag ? ci_wrong_type(r, y, y->key, "a map", e) : 0;
}

static int check_id_tokens(const struct ci_reader *r, const struct yaml *y, struct err *e)
{
    static const char *const keys[] = { "aud", NULL };

    if (check_map(r, y, e) < 0)
        return -1;
    for (size_t i = 0; i < y->n; i++) {
        const struct yaml *token = y->items[i];
        auto_strvec aud = STRVEC_INIT;
        if (check_map(r, token, e) < 0 || check_names(r, token, keys, e) < 0)
            return -1;
        if (ci_absent(yaml_get(token, "aud")))
            return ci_problem(r, token, e, "an ID token has no `aud`, and GitLab wants one");
        if (ci_texts(r, yaml_get(token, "aud"), "aud", &aud, e) < 0)
            return -1;
    }
    return 0;
}

static int check_secrets(const struct ci_reader *r, const struct yaml *y, struct err *e)
{
    static const char *const keys[] = { "vault", "file", "token", "gcp_secret_manager", "azure_key_vault", "aws_secrets_manager",
                                        "akeyless", "gitlab_secrets_manager", NULL };

    if (check_map(r, y, e) < 0)
        return -1;
    for (size_t i = 0; i < y->n; i++)
        if (check_map(r, y->items[i], e) < 0 || check_names(r, y->items[i], keys, e) < 0)
            return -1;
    return 0;
}

/* "2021-03-15T08:00:00Z", and what else of ISO 8601 begins with a date. */
static bool is_moment(const char *text)
{
    static const char form[] = "dddd-dd-dd";

    for (size_t i = 0; form[i]; i++)
        if (form[i] == 'd' ? !isdigit((unsigned char)text[i]) : text[i] != form[i])
            return false;
    return !text[strlen(form)] || text[strlen(form)] == 'T';
}

static int check_release(const struct ci_reader *r, const struct yaml *y, struct err *e)
{
    static const char *const keys[] = { "tag_name", "tag_message", "name", "description", "ref", "released_at", "milestones",
                                        "assets", NULL };
    const struct yaml *at = yaml_get(y, "released_at");
    auto_strvec milestones = STRVEC_INIT;

    if (check_map(r, y, e) < 0 || check_names(r, y, keys, e) < 0 || check_wanted(r, y, "tag_name", e) < 0 ||
        check_wanted(r, y, "description", e) < 0 ||
        ci_texts(r, yaml_get(y, "milestones"), "milestones", &milestones, e) < 0)
        return -1;
    if (ci_absent(at) || (at->type == YAML_SCALAR && is_moment(at->text)))
        return 0;
    return ci_wrong_type(r, at, "released_at", "a date like '2021-03-15T08:00:00Z'", e);
}

static int check_pages(const struct ci_reader *r, const struct yaml *y, struct err *e)
{
    static const char *const keys[] = { "publish", "path_prefix", "expire_in", NULL };
    bool flag;

    if (yaml_bool(y, &flag) == 0)
        return 0;
    if (y->type != YAML_MAP)
        return ci_wrong_type(r, y, "pages", "true, false or a map", e);
    return check_names(r, y, keys, e);
}

static int check_step(const struct ci_reader *r, const struct yaml *step, struct err *e)
{
    static const char *const keys[] = { "name", "script", "step", "func", "env", "inputs", NULL };
    size_t kinds = 0;

    if (step->type != YAML_MAP || step->tag)
        return ci_wrong_type(r, step, "run", "a list of steps, each a map", e);
    if (check_names(r, step, keys, e) < 0)
        return -1;
    if (ci_absent(yaml_get(step, "name")))
        return ci_problem(r, step, e, "a step of `run` has no `name`");
    for (size_t i = 1; i < 4; i++)
        kinds += yaml_get(step, keys[i]) != NULL;
    return kinds == 1 ? 0 : ci_problem(r, step, e, "a step of `run` has one of `script`, `step` and `func`");
}

static int check_run(const struct ci_reader *r, const struct yaml *y, struct err *e)
{
    if (y->type != YAML_LIST || y->tag)
        return ci_wrong_type(r, y, "run", "a list of steps", e);
    for (size_t i = 0; i < y->n; i++)
        if (check_step(r, y->items[i], e) < 0)
            return -1;
    return 0;
}

static const struct {
    const char *name;
    int (*check)(const struct ci_reader *r, const struct yaml *y, struct err *e);
} checks[] = {
    { "tags", check_tags },       { "interruptible", check_flag }, { "identity", check_identity },
    { "release", check_release }, { "pages", check_pages },        { "publish", check_text },
    { "secrets", check_secrets }, { "id_tokens", check_id_tokens }, { "manual_confirmation", check_text },
    { "run", check_run },         { "description", check_text },
};

int ci_idle(const struct ci_reader *r, const struct yaml *member, enum keyword_place place, struct err *e)
{
    if (ci_absent(member))
        return 0;
    if ((place & (IN_ONLY | IN_EXCEPT)) && strcmp(member->key, "kubernetes") == 0)
        return check_cluster(r, member, e);
    for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
        if (strcmp(checks[i].name, member->key) == 0)
            return checks[i].check(r, member, e);
    return 0;
}
