#include "stages/pipeline/variable_files.h"

#include "base/file.h"
#include "base/text.h"
#include "base/yaml.h"
#include "stages/pipeline/env_file.h"

#include <string.h>
#include <sys/stat.h>

#define FILE_MAX ((size_t)1 << 20)
static const struct yaml_limits limits = { .bytes = FILE_MAX, .nodes = 50000, .depth = 10 };

static void add(struct scoped_variables *s, const char *scope, const char *key, const char *value, unsigned flags)
{
    s->items = xreallocarray(s->items, s->n + 1, sizeof(*s->items));
    s->items[s->n++] = (struct scoped_variable){ xstrdup(scope), (unsigned)s->layers, xstrdup(key), xstrdup(value), flags };
}

/* ---- YAML ---- */

static int problem(const struct yaml *y, struct err *e, const char *key, const char *wanted)
{
    return yaml_error(e, ERR_JOB, y->file, y, "variable `%s`: %s", key, wanted);
}

static int add_value(struct scoped_variables *s, const struct yaml *y, const char *key, const char *scope, unsigned flags,
                     struct err *e)
{
    if (y->type == YAML_LIST || y->type == YAML_MAP || y->tag)
        return problem(y, e, key, "its value must be text or a number");
    const char *value = y->text ? y->text : "";
    add(s, scope, key, value, flags | (env_file_is_secret(key, value) ? VARIABLE_MASKED : 0));
    return 0;
}

/* `type`, `masked` and `expand`. */
static int read_flag(const struct yaml *y, const char *key, unsigned *flags, struct err *e)
{
    bool yes = false;

    if (strcmp(y->key, "type") == 0) {
        bool is_file = y->type == YAML_SCALAR && strcmp(y->text, "file") == 0;
        if (!is_file && (y->type != YAML_SCALAR || strcmp(y->text, "variable") != 0))
            return problem(y, e, key, "its `type` is `variable` or `file`");
        *flags |= is_file ? VARIABLE_FILE | VARIABLE_RAW : 0;
        return 0;
    }
    if (yaml_bool(y, &yes) < 0)
        return problem(y, e, key, "`masked` and `expand` are true or false");
    if (strcmp(y->key, "masked") == 0)
        *flags |= yes ? VARIABLE_MASKED : 0;
    else
        *flags |= yes ? 0 : VARIABLE_RAW;
    return 0;
}

static int read_flags(const struct yaml *map, const char *key, unsigned *flags, struct err *e)
{
    static const char *const words[] = { "value", "values", "type", "masked", "expand", NULL };

    for (size_t i = 0; i < map->n; i++) {
        const struct yaml *y = map->items[i];
        if (!text_is_any(y->key, words))
            return problem(y, e, key, "it may have `value`, `values`, `type`, `masked` and `expand`");
        if (!text_starts(y->key, "value") && read_flag(y, key, flags, e) < 0)
            return -1;
    }
    return 0;
}

static int read_variable(const struct yaml *y, struct scoped_variables *out, struct err *e)
{
    auto_free char *key = text_quote(y->key);
    unsigned flags = 0;

    if (!variables_key_valid(y->key))
        return problem(y, e, key, "a name has only letters, digits and _, and no digit first");
    if (y->type != YAML_MAP)
        return add_value(out, y, key, "*", 0, e);
    if (read_flags(y, key, &flags, e) < 0)
        return -1;
    const struct yaml *value = yaml_get(y, "value"), *values = yaml_get(y, "values");
    if (value && add_value(out, value, key, "*", flags, e) < 0)
        return -1;
    if (values && values->type != YAML_MAP)
        return problem(values, e, key, "its `values` are a map, ENVIRONMENT: value");
    for (size_t i = 0; values && i < values->n; i++)
        if (add_value(out, values->items[i], key, values->items[i]->key, flags, e) < 0)
            return -1;
    return value || values ? 0 : problem(y, e, key, "it has neither `value` nor `values`");
}

static int read_variables(const struct yaml *map, struct scoped_variables *out, struct err *e)
{
    out->layers++;
    if (!map || map->type == YAML_NULL)
        return 0;
    if (map->type != YAML_MAP)
        return yaml_error(e, ERR_JOB, map->file, map, "this is %s; it must be a map, NAME: value", yaml_type_name(map));
    for (size_t i = 0; i < map->n; i++)
        if (read_variable(map->items[i], out, e) < 0)
            return -1;
    return 0;
}

/* Whether "host/group" is the project's or one of its groups'; blanks and slashes at the end count for nothing. */
static bool is_within(const char *address, const struct remote *remote, bool whole)
{
    auto_free char *project = xasprintf("%s/%s", remote->host, remote->path);
    size_t n = strlen(address);

    while (n > 0 && address[n - 1] == '/')
        n--;
    return strncmp(project, address, n) == 0 && project[n] == (whole ? '\0' : '/');
}

static size_t segments(const char *address)
{
    size_t n = 0;

    for (; *address; address++)
        n += *address == '/' && address[1] != '\0';
    return n;
}

/* The outer group first. */
static int read_addresses(const struct yaml *map, const struct remote *remote, bool whole, struct scoped_variables *out,
                          struct err *e)
{
    if (!map || map->type == YAML_NULL)
        return 0;
    if (map->type != YAML_MAP)
        return yaml_error(e, ERR_JOB, map->file, map, "this is %s; it must be a map, HOST/PATH: variables", yaml_type_name(map));
    size_t deepest = segments(remote->path) + 1;
    for (size_t depth = 0; depth <= deepest; depth++)
        for (size_t i = 0; i < map->n; i++)
            if (segments(map->items[i]->key) == depth && is_within(map->items[i]->key, remote, whole) &&
                read_variables(map->items[i], out, e) < 0)
                return -1;
    return 0;
}

static int read_sections(const struct yaml *root, const struct remote *remote, struct scoped_variables *out, struct err *e)
{
    static const char *const words[] = { "global", "group", "project", NULL };

    for (size_t i = 0; i < root->n; i++) {
        auto_free char *shown = text_quote(root->items[i]->key);
        if (!text_is_any(root->items[i]->key, words))
            return yaml_error(e, ERR_JOB, root->file, root->items[i],
                              "`%s` is none of `global`, `group` and `project`", shown);
    }
    if (read_variables(yaml_get(root, "global"), out, e) < 0 ||
        read_addresses(yaml_get(root, "group"), remote, false, out, e) < 0)
        return -1;
    return read_addresses(yaml_get(root, "project"), remote, true, out, e);
}

int variable_file_parse(const char *name, const char *text, size_t len, const struct remote *remote,
                        struct scoped_variables *out, struct err *e)
{
    auto_yaml *root = NULL;

    if (yaml_read(name, text, len, &limits, &root, e) < 0)
        return -1;
    if (!remote || root->type != YAML_MAP)
        return read_variables(root, out, e);
    return read_sections(root, remote, out, e);
}

/* ---- Files ---- */

static int parse_lines(const char *name, const char *text, size_t len, struct scoped_variables *out, struct err *e)
{
    auto_variables lines = VARIABLES_INIT;

    if (env_file_parse(name, text, len, &lines, e) < 0)
        return -1;
    out->layers++;
    for (size_t i = 0; i < lines.n; i++)
        add(out, "*", lines.items[i].key, lines.items[i].value, lines.items[i].flags);
    return 0;
}

static void check_mode(const char *path, const struct scoped_variables *all, size_t from, struct strvec *warnings)
{
    struct stat st;
    bool secret = false;

    for (size_t i = from; i < all->n; i++)
        secret |= (all->items[i].flags & VARIABLE_MASKED) != 0;
    if (secret && stat(path, &st) == 0 && (st.st_mode & (S_IRWXG | S_IRWXO)))
        strvec_pushf(warnings, "%s: it has secrets, and others on this machine may read it; chmod 600 %s", path, path);
}

static int read_one(const char *path, const struct remote *remote, struct scoped_variables *out, struct strvec *warnings,
                    struct err *e)
{
    auto_free char *text = NULL;
    auto_err cause = ERR_INIT;
    size_t len, from = out->n;

    if (file_read(path, FILE_MAX, &text, &len, &cause) < 0)
        return cause.kind == ERR_NOT_FOUND ? 0 : err_move(e, &cause);
    int rc = text_ends(path, ".env") ? parse_lines(path, text, len, out, e)
                                     : variable_file_parse(path, text, len, remote, out, e);
    if (rc == 0)
        check_mode(path, out, from, warnings);
    return rc;
}

int variable_files_read(const char *top, const struct remote *remote, char *const *env, struct scoped_variables *out,
                        struct strvec *warnings, struct err *e)
{
    const char *config = env_get(env, "XDG_CONFIG_HOME"), *home = env_get(env, "HOME");
    auto_free char *folder = config && *config == '/' ? xasprintf("%s/atelier", config)
                             : home && *home == '/'   ? xasprintf("%s/.config/atelier", home)
                                                      : NULL;
    auto_free char *own_lines = xasprintf("%s/.atelier-variables.env", top);
    auto_free char *own = xasprintf("%s/.atelier-variables.yml", top);

    if (folder) {
        auto_free char *lines = xasprintf("%s/variables.env", folder);
        auto_free char *sections = xasprintf("%s/variables.yml", folder);
        if (read_one(lines, NULL, out, warnings, e) < 0 || read_one(sections, remote, out, warnings, e) < 0)
            return -1;
    }
    return read_one(own_lines, NULL, out, warnings, e) < 0 ? -1 : read_one(own, NULL, out, warnings, e);
}
