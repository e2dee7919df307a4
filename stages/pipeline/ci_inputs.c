#include "stages/pipeline/ci_inputs.h"

#include "base/strvec.h"
#include "base/text.h"
#include "stages/pipeline/re2.h"
#include "stages/pipeline/scalar.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* GitLab's. */
#define OPTIONS_MAX ((size_t)50)

static const struct yaml_limits limits = { .bytes = 1 << 20, .nodes = 20000, .depth = 30 };

/* ---- The header ---- */

static bool is_separator(const char *line, size_t len)
{
    return len >= 3 && strncmp(line, "---", 3) == 0 && (len == 3 || isspace((unsigned char)line[3]));
}

/* A document that begins with `spec`, and the line after it. A first line `---` begins it. */
size_t ci_inputs_header(const char *text, size_t len)
{
    bool begun = false;

    for (size_t at = 0, n; at < len; at += n + (at + n < len)) {
        const char *end = memchr(text + at, '\n', len - at);
        const char *line = text + at;
        n = end ? (size_t)(end - line) : len - at;
        size_t first = 0;
        while (first < n && (isblank((unsigned char)line[first]) || line[first] == '\r'))
            first++;
        if (is_separator(line, n)) {
            if (begun)
                return at + n + (at + n < len);
        } else if (!begun && first < n && line[first] != '#') {
            if (n < 5 || strncmp(line, "spec:", 5) != 0)
                return 0;
            begun = true;
        }
    }
    return 0;
}

/* ---- Types ---- */

static bool is_number(const struct yaml *y)
{
    return scalar_kind(y) == SCALAR_INTEGER || scalar_kind(y) == SCALAR_FRACTION;
}

static bool is_boolean(const struct yaml *y)
{
    return scalar_kind(y) == SCALAR_BOOLEAN;
}

static bool is_text(const struct yaml *y)
{
    return y->type == YAML_SCALAR && scalar_kind(y) == SCALAR_TEXT;
}

static bool is_list(const struct yaml *y)
{
    return y->type == YAML_LIST;
}

static const struct type {
    const char *name;
    bool (*fits)(const struct yaml *y);
} types[] = { { "string", is_text }, { "number", is_number }, { "boolean", is_boolean }, { "array", is_list } };

static const struct type *type_of(const struct yaml *spec)
{
    const struct yaml *y = yaml_get(spec, "type");

    for (size_t i = 0; y && y->type == YAML_SCALAR && i < ARRAY_SIZE(types); i++)
        if (strcmp(types[i].name, y->text) == 0)
            return &types[i];
    return y ? NULL : types;
}

/* ---- Values ---- */

static bool same(const struct yaml *a, const struct yaml *b)
{
    return a->type == YAML_SCALAR && b->type == YAML_SCALAR && strcmp(a->text, b->text) == 0;
}

static int check_options(const char *name, const struct yaml *options, const struct yaml *value, const struct yaml *at,
                         struct err *e)
{
    auto_strvec known = STRVEC_INIT;

    for (size_t i = 0; options && i < options->n; i++) {
        if (same(options->items[i], value))
            return 0;
        strvec_push(&known, options->items[i]->text ? options->items[i]->text : "");
    }
    if (!options)
        return 0;
    auto_free char *all = strvec_join(&known, ", ");
    auto_free char *shown_all = text_quote(all);
    auto_free char *shown = text_quote(value->text ? value->text : yaml_type_name(value));
    return yaml_error(e, ERR_JOB, at->file, at, "input `%s`: `%s` is not among its `options`: %s", name, shown, shown_all);
}

static int check_regex(const char *name, const struct yaml *regex, const struct yaml *value, const struct yaml *at, struct err *e)
{
    auto_err problem = ERR_INIT;
    unsigned flags = 0;

    if (!regex)
        return 0;
    auto_free char *inside = regex->type == YAML_SCALAR ? re2_unwrap(regex->text, &flags) : NULL;
    const char *expression = inside ? inside : regex->type == YAML_SCALAR ? regex->text : "";
    auto_free char *shown = text_quote(expression);
    if (re2_check(expression, flags, &problem) < 0)
        return yaml_error(e, ERR_JOB, regex->file, regex, "input `%s`: the regular expression `%s`: %s", name, shown,
                          err_text(&problem));
    if (value->type == YAML_SCALAR && re2_matches(expression, flags, value->text))
        return 0;
    return yaml_error(e, ERR_JOB, at->file, at, "input `%s`: its value does not match `%s`", name, shown);
}

static int check_value(const struct ci_input *x, const struct yaml *options, const char *name, const struct yaml *at,
                       struct err *e)
{
    const struct yaml *type = yaml_get(x->spec, "type");
    enum scalar_kind kind = scalar_kind(x->value);

    if (!type_of(x->spec)->fits(x->value))
        return yaml_error(e, ERR_JOB, at->file, at, "input `%s` is of type %s; its value is %s", name,
                          type ? type->text : "string",
                          kind == SCALAR_TEXT ? yaml_type_name(x->value) : scalar_kind_name(kind));
    if (check_options(name, options, x->value, at, e) < 0)
        return -1;
    return check_regex(name, yaml_get(x->spec, "regex"), x->value, at, e);
}

/* One word of the command line, as what its type is. */
static int read_word(const struct ci_input *x, const char *word, struct yaml **out, struct err *e)
{
    bool is_string = type_of(x->spec) == types;

    if (!text_is_utf8(word))
        return err_set(e, ERR_USAGE, 0, "--input %s: its value is not UTF-8 text", x->spec->key);
    if (!is_string)
        return yaml_read("--input", word, strlen(word), &limits, out, e);
    *out = xcalloc(1, sizeof(**out));
    **out = (struct yaml){ .type = YAML_SCALAR, .file = "--input", .line = 1, .column = 1, .quoted = true, .text = xstrdup(word) };
    return 0;
}

/* What is given; NULL: nothing is. */
static int find_given(struct ci_input *x, const struct ci_given *given, struct err *e)
{
    size_t len = strlen(x->spec->key);
    const struct yaml *value = yaml_get(given->map, x->spec->key);

    x->value = value && value->type != YAML_NULL ? value : NULL;
    for (size_t i = 0; given->words && i < given->words->n; i++) {
        const char *word = given->words->items[i];
        if (strncmp(word, x->spec->key, len) != 0 || word[len] != '=')
            continue;
        yaml_tree_free(take(&x->owned));
        if (read_word(x, word + len + 1, &x->owned, e) < 0)
            return -1;
        x->value = x->owned;
    }
    return 0;
}

/* What is given, else the default. `says`: what has this and the options, the input itself or one of its rules; NULL:
 * none of its rules holds, and it may be left empty. */
static int find_value(struct ci_input *x, const struct yaml *says, const struct ci_given *given, struct err *e)
{
    static const struct yaml nothing = { .type = YAML_NULL };
    auto_free char *name = text_quote(x->spec->key);
    const struct yaml *otherwise = yaml_get(says, "default");

    if (find_given(x, given, e) < 0)
        return -1;
    if (!x->value)
        x->value = says ? otherwise : &nothing;
    if (x->value && x->value->type != YAML_NULL)
        return check_value(x, yaml_get(says, "options"), name, x->value, e);
    if (x->value && (!says || says == x->spec)) /* `default: null`; in a rule it asks for a value */
        return 0;
    const struct yaml *at = given->at ? given->at : x->spec;
    return yaml_error(e, ERR_JOB, at->file, at, "input `%s` has no value%s", name,
                      given->at ? "; give it in the `inputs` of this `include`" : "; give it with --input");
}

/* ---- Rules ---- */

static int settle(struct ci_inputs *all, struct ci_input *x, const struct ci_given *given, struct err *e);

/* What a condition names must be known before. */
static int settle_named(struct ci_inputs *all, const struct ci_input *x, const struct yaml *condition,
                        const struct ci_given *given, struct err *e)
{
    const char *at = condition->type == YAML_SCALAR ? condition->text : "";

    for (struct ci_input *other; (other = ci_input_named(all, at, &at)) != NULL;) {
        auto_free char *name = text_quote(x->spec->key);
        if (other->mark == INPUT_OPEN)
            return yaml_error(e, ERR_JOB, condition->file, condition, "input `%s`: its `rules` lead back to itself", name);
        if (settle(all, other, given, e) < 0)
            return -1;
    }
    return 0;
}

/* The first one that holds; NULL: none does. */
static int choose_rule(struct ci_inputs *all, const struct ci_input *x, const struct ci_given *given,
                       const struct yaml **out, struct err *e)
{
    const struct yaml *rules = yaml_get(x->spec, "rules");

    *out = NULL;
    for (size_t i = 0; i < rules->n && !*out; i++) {
        const struct yaml *condition = yaml_get(rules->items[i], "if");
        bool holds = !condition;
        if (condition && (settle_named(all, x, condition, given, e) < 0 || ci_input_condition(all, condition, &holds, e) < 0))
            return -1;
        *out = holds ? rules->items[i] : NULL;
    }
    return 0;
}

static int settle(struct ci_inputs *all, struct ci_input *x, const struct ci_given *given, struct err *e)
{
    const struct yaml *says = x->spec;

    if (x->mark == INPUT_SETTLED)
        return 0;
    x->mark = INPUT_OPEN;
    if (yaml_get(x->spec, "rules") && choose_rule(all, x, given, &says, e) < 0)
        return -1;
    if (find_value(x, says, given, e) < 0)
        return -1;
    x->mark = INPUT_SETTLED;
    return 0;
}

/* ---- The whole ---- */

static int check_rules(const struct yaml *spec, const char *name, struct err *e)
{
    static const char *const keys[] = { "if", "options", "default", NULL };
    const struct yaml *rules = yaml_get(spec, "rules");

    if (rules && (rules->type != YAML_LIST || yaml_get(spec, "options") || yaml_get(spec, "default")))
        return yaml_error(e, ERR_JOB, rules->file, rules, "input `%s`: `rules` are a list, in the place of `options` and "
                          "`default`", name);
    for (size_t i = 0; rules && i < rules->n; i++) {
        const struct yaml *rule = rules->items[i];
        if (rule->type != YAML_MAP || (!yaml_get(rule, "options") && !(yaml_get(rule, "if") && yaml_get(rule, "default"))))
            return yaml_error(e, ERR_JOB, rule->file, rule, "input `%s`: a rule has `options`, or an `if` and a `default`", name);
        for (size_t k = 0; k < rule->n; k++) {
            auto_free char *key = text_quote(rule->items[k]->key);
            if (!text_is_any(rule->items[k]->key, keys))
                return yaml_error(e, ERR_JOB, rule->file, rule->items[k], "input `%s`: unknown keyword `%s` in a rule; there "
                                  "are if, options and default", name, key);
        }
    }
    return 0;
}

/* What a type can have beside it. */
static int check_limits(const struct yaml *spec, const char *name, struct err *e)
{
    const struct yaml *options = yaml_get(spec, "options"), *regex = yaml_get(spec, "regex");
    const struct type *type = type_of(spec);

    if (options && (options->type != YAML_LIST || options->n > OPTIONS_MAX))
        return yaml_error(e, ERR_JOB, options->file, options, "input `%s`: `options` is a list of at most %zu values", name,
                          OPTIONS_MAX);
    for (size_t i = 0; options && i < options->n; i++)
        if (strcmp(type->name, "boolean") == 0 || !type->fits(options->items[i]))
            return yaml_error(e, ERR_JOB, options->file, options->items[i], "input `%s`: its `options` are strings or numbers, "
                              "as its type is; this one is not of type %s, or cannot have any", name, type->name);
    if (regex && type != types)
        return yaml_error(e, ERR_JOB, regex->file, regex, "input `%s`: `regex` is for the type string alone", name);
    return 0;
}

static int check_spec(const struct yaml *spec, struct err *e)
{
    static const char *const keys[] = { "default", "description", "options", "regex", "rules", "type", NULL };
    auto_free char *name = text_quote(spec->key);

    if (spec->type != YAML_MAP && spec->type != YAML_NULL)
        return yaml_error(e, ERR_JOB, spec->file, spec, "input `%s` is %s; it must be a map, or nothing", name, yaml_type_name(spec));
    for (size_t i = 0; i < spec->n; i++) {
        auto_free char *key = text_quote(spec->items[i]->key);
        if (!text_is_any(spec->items[i]->key, keys))
            return yaml_error(e, ERR_JOB, spec->file, spec->items[i], "unknown keyword `%s` in input `%s`; there are default, "
                              "description, options, regex, rules and type", key, name);
    }
    if (!type_of(spec))
        return yaml_error(e, ERR_JOB, spec->file, yaml_get(spec, "type"),
                          "input `%s`: a type is string, number, boolean or array", name);
    return check_limits(spec, name, e) < 0 ? -1 : check_rules(spec, name, e);
}

static bool is_known(const struct yaml *inputs, const char *name, size_t len)
{
    for (size_t i = 0; inputs && i < inputs->n; i++)
        if (strlen(inputs->items[i]->key) == len && strncmp(inputs->items[i]->key, name, len) == 0)
            return true;
    return false;
}

/* Whatever is given must be taken. */
static int check_given(const struct yaml *inputs, const char *file, const struct ci_given *given, struct err *e)
{
    for (size_t i = 0; given->map && !given->may_be_unused && i < given->map->n; i++) {
        const struct yaml *y = given->map->items[i];
        auto_free char *name = text_quote(y->key);
        if (!is_known(inputs, y->key, strlen(y->key)))
            return yaml_error(e, ERR_JOB, y->file, y, "there is no input `%s` in %s", name, file);
    }
    for (size_t i = 0; given->words && i < given->words->n; i++) {
        const char *word = given->words->items[i];
        size_t len = strcspn(word, "=");
        auto_free char *part = xstrndup(word, len);
        auto_free char *name = text_quote(part);
        if (!word[len])
            return err_set(e, ERR_USAGE, 0, "--input %s: it wants a value: --input %s=VALUE", name, name);
        if (!is_known(inputs, word, len))
            return err_set(e, ERR_USAGE, 0, "--input %s: there is no such input in %s", name, file);
    }
    return 0;
}

static int read_header(const char *name, const char *text, size_t len, struct yaml **out, struct err *e)
{
    while (len > 0 && text[len - 1] != '-') /* what ends it is no document's */
        len--;
    for (int i = 0; i < 3 && len > 0 && text[len - 1] == '-'; i++)
        len--;
    return yaml_read(name, text, len, &limits, out, e);
}

static int check_component(const struct yaml *fields, struct err *e)
{
    static const char *const known[] = { "name", "sha", "version", "reference", NULL };
    bool fits = fields->type == YAML_LIST;

    for (size_t i = 0; fits && i < fields->n; i++)
        fits = fields->items[i]->type == YAML_SCALAR && text_is_any(fields->items[i]->text, known);
    return fits ? 0 : yaml_error(e, ERR_JOB, fields->file, fields, "`component` is a list of name, sha, version and reference");
}

static int check_header(const struct yaml *spec, struct err *e)
{
    if (spec && spec->type != YAML_MAP && spec->type != YAML_NULL)
        return yaml_error(e, ERR_JOB, spec->file, spec, "`spec` is %s; it must be a map", yaml_type_name(spec));
    for (size_t i = 0; spec && i < spec->n; i++) {
        const struct yaml *y = spec->items[i];
        auto_free char *key = text_quote(y->key);
        if (strcmp(y->key, "component") == 0) {
            if (check_component(y, e) < 0)
                return -1;
        } else if (strcmp(y->key, "inputs") != 0) {
            return yaml_error(e, ERR_JOB, y->file, y, "`%s` is not supported in `spec`; there are inputs, include and component", key);
        } else if (y->type != YAML_MAP && y->type != YAML_NULL) {
            return yaml_error(e, ERR_JOB, y->file, y, "`inputs` is %s; it must be a map", yaml_type_name(y));
        }
    }
    return 0;
}

int ci_inputs_open(const char *name, const char *text, size_t len, struct ci_inputs *out, struct err *e)
{
    size_t header = ci_inputs_header(text, len);

    return header > 0 ? read_header(name, text, header, &out->header, e) : 0;
}

int ci_inputs_read(const char *name, const struct ci_given *given, struct ci_inputs *out, struct err *e)
{
    const struct yaml *spec = yaml_get(out->header, "spec");
    const struct yaml *inputs = yaml_get(spec, "inputs");

    out->component = given->component;
    if (check_header(spec, e) < 0)
        return -1;
    if (check_given(inputs, name, given, e) < 0)
        return -1;
    out->items = xcalloc(inputs ? inputs->n + 1 : 1, sizeof(*out->items));
    for (size_t i = 0; inputs && i < inputs->n; i++) {
        struct ci_input *x = &out->items[out->n++];
        x->spec = inputs->items[i];
        if (check_spec(x->spec, e) < 0)
            return -1;
    }
    for (size_t i = 0; i < out->n; i++)
        if (settle(out, &out->items[i], given, e) < 0)
            return -1;
    return 0;
}

/* ---- From other files ---- */

static int check_new(const struct yaml_index *inputs, const struct yaml *y, struct err *e)
{
    const struct yaml *there = yaml_index_get(inputs, y->key);
    auto_free char *name = text_quote(y->key);

    if (there)
        return yaml_error(e, ERR_JOB, y->file, y, "input `%s` is in %s:%d, too; of all files and `spec`, one may have it", name,
                          there->file, there->key_line);
    return 0;
}

int ci_inputs_add(struct yaml *inputs, struct yaml *more, struct err *e)
{
    auto_yaml *rest = more;
    auto_yaml_index index = { NULL, 0 };

    if (!more || more->type == YAML_NULL)
        return 0;
    if (more->type != YAML_MAP)
        return yaml_error(e, ERR_JOB, more->file, more, "`inputs` is %s; it must be a map", yaml_type_name(more));
    if (inputs->n + more->n > limits.nodes)
        return yaml_error(e, ERR_JOB, more->file, more, "more than %zu inputs with these", limits.nodes);
    yaml_index_make(&index, inputs);
    for (size_t i = 0; i < more->n; i++)
        if (check_new(&index, more->items[i], e) < 0)
            return -1;
    for (size_t i = 0; i < more->n; i++)
        yaml_append(inputs, more->items[i]);
    more->n = 0;
    return 0;
}

int ci_inputs_alone(const char *name, const char *text, size_t len, struct yaml **out, struct err *e)
{
    auto_yaml *root = NULL;

    if (yaml_read(name, text, len, &limits, &root, e) < 0)
        return -1;
    *out = root->type == YAML_MAP ? yaml_take(root, "inputs") : NULL;
    if (*out && root->n == 0)
        return 0;
    auto_free char *key = root->type == YAML_MAP && root->n > 0 ? text_quote(root->items[0]->key) : NULL;
    return yaml_error(e, ERR_JOB, name, root, "a file of `spec: include` is a map with `inputs`, and nothing else%s%s%s",
                      key ? "; it has `" : "", key ? key : "", key ? "`" : "");
}

void ci_inputs_release(struct ci_inputs *x)
{
    for (size_t i = 0; i < x->n; i++)
        yaml_tree_free(x->items[i].owned);
    free(x->items);
    yaml_tree_free(x->header);
    *x = (struct ci_inputs){ 0 };
}
