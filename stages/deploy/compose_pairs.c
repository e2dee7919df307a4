/* stages/deploy/compose_pairs.c: what is a map or a list of KEY=value: environment, labels, logging's options. */
#include "stages/deploy/compose_reader.h"

#include "base/number.h"
#include "base/text.h"
#include "stages/variables.h"

#include <ctype.h>
#include <string.h>

struct pair {
    char *key, *value;
    bool secret;
    const struct yaml *at;
};

struct pairs {
    const char *keyword;
    enum compose_kind kind;
    bool may_be_secret;
    /* What a key without a value gets; NULL when it is to be left out, or was a problem. */
    char *(*lone)(struct compose_reader *r, const struct yaml *at, const char *key, bool *secret);
    struct pair *items;
    size_t n;
};

static void pairs_release(struct pairs *p)
{
    for (size_t i = 0; i < p->n; i++) {
        free(p->items[i].key);
        free(p->items[i].value);
    }
    free(p->items);
}

#define auto_pairs __attribute__((cleanup(pairs_release))) struct pairs

static bool is_key(const char *key)
{
    if (!*key || strlen(key) > 256)
        return false;
    for (; *key; key++)
        if (isspace((unsigned char)*key) || iscntrl((unsigned char)*key) || *key == '=')
            return false;
    return true;
}

/* Takes `value`, which may be NULL: it was a problem, or there is none to check. */
static void add(struct compose_reader *r, struct pairs *p, const struct yaml *at, const char *key, char *value,
                bool secret)
{
    auto_free char *owned = value;

    if (!is_key(key)) {
        auto_free char *shown = text_quote(key);
        compose_problem(r, at, "`%s` is no name for `%s`; it must have letters and no spaces", shown, p->keyword);
        return;
    }
    if (!owned)
        return;
    p->items = xreallocarray(p->items, p->n + 1, sizeof(*p->items));
    p->items[p->n++] = (struct pair){ xstrdup(key), take(&owned), secret, at };
}

static void read_map(struct compose_reader *r, const struct yaml *y, struct pairs *p)
{
    for (size_t i = 0; i < y->n; i++) {
        const struct yaml *item = y->items[i];
        bool secret = false;
        char *value = compose_absent(item)
                          ? p->lone(r, item, item->key, &secret)
                          : compose_text(r, item, p->keyword, p->kind, p->may_be_secret ? &secret : NULL);
        compose_warn_of_number(r, item);
        add(r, p, item, item->key, value, secret);
    }
}

/* The name that a secret is given under is as public as any. */
static bool is_name_public(struct compose_reader *r, const struct yaml *item, const struct pairs *p, bool secret)
{
    if (!secret || strcspn(item->text, "=") < strcspn(item->text, "$"))
        return true;
    auto_free char *shown = text_quote(item->text);
    compose_problem(r, item, "`%s` in `%s` has a secret where the name is; write NAME=${SECRET}", shown, p->keyword);
    return false;
}

static void read_list(struct compose_reader *r, const struct yaml *y, struct pairs *p)
{
    for (size_t i = 0; i < y->n; i++) {
        const struct yaml *item = y->items[i];
        bool secret = false;
        auto_free char *text = compose_text(r, item, p->keyword, p->kind, p->may_be_secret ? &secret : NULL);
        if (!text || !is_name_public(r, item, p, secret))
            continue;
        char *equals = strchr(text, '=');
        if (equals)
            *equals = '\0';
        char *value = equals ? xstrdup(equals + 1) : p->lone(r, item, text, &secret);
        add(r, p, item, text, value, secret);
    }
}

static int compare(const void *a, const void *b)
{
    const struct pair *one = a, *other = b;
    int order = strcmp(one->key, other->key);

    if (order == 0)
        order = one->at->line - other->at->line;
    return order ? order : one->at->column - other->at->column;
}

static void read_pairs(struct compose_reader *r, const struct yaml *y, struct pairs *p)
{
    if (y->type == YAML_LIST)
        read_list(r, y, p);
    else if (compose_is(r, y, YAML_MAP, p->keyword, "a map or a list of NAME=value"))
        read_map(r, y, p);
    if (p->n > 0)
        qsort(p->items, p->n, sizeof(*p->items), compare);
    for (size_t i = 1; i < p->n; i++)
        if (strcmp(p->items[i].key, p->items[i - 1].key) == 0) {
            auto_free char *shown = text_quote(p->items[i].key);
            compose_problem(r, p->items[i].at, "`%s` is twice in `%s`, first in line %d; take one out", shown,
                            p->keyword, p->items[i - 1].at->line);
        }
}

static void give(const struct pairs *p, struct strvec *out)
{
    for (size_t i = 0; i < p->n; i++)
        strvec_pushf(out, "%s=%s", p->items[i].key, p->items[i].value);
}

/* ---- environment ---- */

/* KEY alone is the variable of that name, as ${KEY} is. */
static char *same_variable(struct compose_reader *r, const struct yaml *at, const char *key, bool *secret)
{
    if (!variables_key_valid(key)) {
        auto_free char *shown = text_quote(key);
        compose_problem(r, at, "`%s` in `environment` has no value; write it as NAME=value", shown);
        return NULL;
    }
    auto_free char *text = xasprintf("${%s}", key);
    struct yaml value = { .type = YAML_SCALAR, .line = at->line, .column = at->column, .text = text };

    if (at->key) {
        value.line = at->key_line;
        value.column = at->key_column;
    }
    return compose_text(r, &value, "environment", COMPOSE_ANY, secret);
}

void compose_read_environment(struct compose_reader *r, const struct yaml *y, struct compose_service *s)
{
    auto_pairs p = { .keyword = "environment", .kind = COMPOSE_ANY, .may_be_secret = true, .lone = same_variable };

    read_pairs(r, y, &p);
    give(&p, &s->environment);
    for (size_t i = 0; i < p.n; i++)
        if (p.items[i].secret)
            strvec_push(&s->secret_keys, p.items[i].key);
}

/* ---- labels ---- */

static char *empty(struct compose_reader *r, const struct yaml *at, const char *key, bool *secret)
{
    (void)r, (void)at, (void)key, (void)secret;
    return xstrdup("");
}

/* A text after `>` or `|` ends with a line's end that nobody meant. */
static void trim(char *text)
{
    for (size_t len = strlen(text); len > 0 && text[len - 1] == '\n'; len--)
        text[len - 1] = '\0';
}

void compose_read_labels(struct compose_reader *r, const struct yaml *y, struct compose_service *s)
{
    auto_pairs p = { .keyword = "labels", .kind = COMPOSE_TEXT, .lone = empty };

    read_pairs(r, y, &p);
    s->labels_unset = p.n < y->n;
    s->label_lines = xcalloc(p.n + 1, sizeof(*s->label_lines));
    for (size_t i = 0; i < p.n; i++) {
        const struct pair *pair = &p.items[i];
        trim(pair->value);
        s->label_lines[i] = pair->at->key ? pair->at->key_line : pair->at->line;
        if (text_starts(pair->key, "atelier."))
            compose_problem(r, pair->at, "labels `atelier.…` are for the deploy's own use; call this one something "
                            "else");
    }
    give(&p, &s->labels);
}

/* ---- logging ---- */

#define FILE_OPTIONS "max-size", "max-file", "compress"
#define TAG_OPTIONS  "labels", "labels-regex", "env", "env-regex", "tag", "mode", "max-buffer-size"

static const struct {
    const char *name;
    const char *const options[16]; /* NULL-terminated */
} drivers[] = {
    { "json-file", { FILE_OPTIONS, TAG_OPTIONS, NULL } },
    { "local", { FILE_OPTIONS, TAG_OPTIONS, NULL } },
    { "journald", { TAG_OPTIONS, NULL } },
};

/* The options of a driver that is allowed; NULL and a problem for the others. */
static const char *const *driver_options(struct compose_reader *r, const struct yaml *at, const char *driver)
{
    if (!driver)
        return drivers[0].options;
    for (size_t i = 0; i < ARRAY_SIZE(drivers); i++)
        if (strcmp(drivers[i].name, driver) == 0)
            return drivers[i].options;
    auto_free char *shown = text_quote(driver);
    compose_problem(r, at, "the logging driver `%s` is not allowed: where logs go is the target's to say; write "
                    "json-file, local or journald, or take it out", shown);
    return NULL;
}

/* What a container says and the driver has not written yet is in the daemon's memory. */
#define BUFFER_MAX ((int64_t)64 << 20)

static void check_buffer(struct compose_reader *r, const struct pairs *p)
{
    int64_t size;

    for (size_t i = 0; i < p->n; i++)
        if (strcmp(p->items[i].key, "max-buffer-size") == 0 &&
            (size_parse(p->items[i].value, &size) < 0 || size > BUFFER_MAX)) {
            auto_free char *shown = text_quote(p->items[i].value);
            compose_problem(r, p->items[i].at, "`max-buffer-size` is `%s`; it must be a size such as 4m, of at most %dm",
                            shown, (int)(BUFFER_MAX >> 20));
        }
}

void compose_read_logging(struct compose_reader *r, const struct yaml *y, struct compose_service *s)
{
    static const char *const known[] = { "driver", "options", NULL };
    auto_pairs p = { .keyword = "options", .kind = COMPOSE_LINE, .lone = empty };

    if (!compose_is(r, y, YAML_MAP, "logging", "a map with `driver` and `options`"))
        return;
    compose_check_keys(r, y, "logging", known);
    const struct yaml *driver = yaml_get(y, "driver"), *options = yaml_get(y, "options");
    if (!compose_absent(driver))
        s->log_driver = compose_text(r, driver, "driver", COMPOSE_LINE, NULL);
    const char *const *allowed = driver_options(r, driver, s->log_driver);
    if (compose_absent(options) || !allowed)
        return;
    if (options->type == YAML_MAP)
        compose_check_keys(r, options, "options", allowed);
    if (compose_is(r, options, YAML_MAP, "options", "a map such as {max-size: 10m}"))
        read_pairs(r, options, &p);
    check_buffer(r, &p);
    give(&p, &s->log_options);
}
