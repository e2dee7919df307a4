/* stages/pipeline/ci_interpolate.c: `$[[ inputs.NAME | FUNCTION ]]` in a file's values and keys. */
#include "stages/pipeline/ci_inputs.h"

#include "base/number.h"
#include "base/strbuf.h"
#include "base/text.h"
#include "stages/pipeline/scalar.h"

#include <ctype.h>
#include <string.h>

/* All texts that one file may become. */
#define TEXT_MAX ((size_t)8 << 20)
/* GitLab's, of one block. */
#define FUNCTIONS_MAX 3

static const char component_start[] = "component.";

struct putting {
    const struct ci_inputs *inputs;
    const struct variables *variables;
    size_t *budget;
    size_t left; /* of TEXT_MAX */
};

static int refuse(const struct yaml *at, const char *block, const char *what, struct err *e)
{
    auto_free char *shown = text_quote(block);
    return yaml_error(e, ERR_JOB, at->file, at, "`$[[ %s ]]`: %s", shown, what);
}

/* ---- Functions ---- */

/* Both end when there is more than all texts may become, which put_text() then says.
 *
 * References to what is there are replaced, others stay. */
static char *expand_vars(const struct putting *p, const char *text)
{
    auto_strbuf out = STRBUF_TEXT;

    while (*text && out.len <= p->left) {
        bool braced = text[0] == '$' && text[1] == '{';
        const char *name = text + (braced ? 2 : 1);
        size_t len = 0;
        while (text[0] == '$' && (isalnum((unsigned char)name[len]) || name[len] == '_'))
            len++;
        auto_free char *key = xstrndup(name, text[0] == '$' ? len : 0);
        const struct variable *found = len > 0 && (!braced || name[len] == '}') && p->variables ? variables_find(p->variables, key) : NULL;
        if (!found || (found->flags & VARIABLE_MASKED)) {
            strbuf_putc(&out, *text++);
            continue;
        }
        strbuf_puts(&out, found->value);
        text = name + len + braced;
    }
    return strbuf_take(&out);
}

/* As Ruby's Shellwords has it: one word of a POSIX shell. */
static char *posix_escape(const struct putting *p, const char *text)
{
    auto_strbuf out = STRBUF_TEXT;

    for (const char *c = text; *c && out.len <= p->left; c++) {
        bool is_safe = isalnum((unsigned char)*c) || strchr("_-.,:+/@", *c) || (unsigned char)*c >= 0x80;
        if (*c == '\n')
            strbuf_puts(&out, "'\n'");
        else
            strbuf_printf(&out, "%s%c", is_safe ? "" : "\\", *c);
    }
    return *text ? strbuf_take(&out) : xstrdup("''");
}

/* Characters, not bytes. */
static char *cut(const char *text, int64_t offset, int64_t length)
{
    const char *start = NULL, *end = text;
    int64_t n = 0;

    for (; *end; end++) {
        if (((unsigned char)*end & 0xc0) == 0x80)
            continue;
        if (n == offset)
            start = end;
        if (n == offset + length)
            break;
        n++;
    }
    return start ? xstrndup(start, (size_t)(end - start)) : xstrdup("");
}

/* "truncate(OFFSET,LENGTH)" */
static char *truncate_text(const char *call, const char *text)
{
    const char *open = strchr(call, '('), *comma = open ? strchr(open, ',') : NULL, *close = comma ? strchr(comma, ')') : NULL;
    int64_t offset, length;

    if (!close || close[1])
        return NULL;
    auto_free char *first = xstrndup(open + 1, (size_t)(comma - open - 1));
    auto_free char *second = xstrndup(comma + 1 + strspn(comma + 1, " "), strcspn(comma + 1 + strspn(comma + 1, " "), " )"));
    if (number_parse(first, 0, INT32_MAX, &offset) < 0 || number_parse(second, 0, INT32_MAX, &length) < 0)
        return NULL;
    return cut(text, offset, length);
}

/* NULL: there is no such function. */
static char *call(const struct putting *p, const char *function, const char *text)
{
    if (strcmp(function, "expand_vars") == 0)
        return expand_vars(p, text);
    if (strcmp(function, "posix_escape") == 0)
        return posix_escape(p, text);
    return text_starts(function, "truncate(") ? truncate_text(function, text) : NULL;
}

/* ---- One block ---- */

static char *trimmed(const char *text, size_t len)
{
    while (len > 0 && isspace((unsigned char)*text)) {
        text++;
        len--;
    }
    while (len > 0 && isspace((unsigned char)text[len - 1]))
        len--;
    return xstrndup(text, len);
}

static const struct ci_input *find_input(const struct putting *p, const char *block)
{
    static const char start[] = "inputs.";
    size_t len = strcspn(block, " |\t");

    return text_starts(block, start) ? ci_input_find(p->inputs, block + strlen(start), len - strlen(start)) : NULL;
}

static int apply(const struct putting *p, const struct yaml *at, const char *block, char **text, struct err *e)
{
    const char *rest = strchr(block, '|');

    for (int n = 0; rest; n++) {
        const char *next = strchr(rest + 1, '|');
        auto_free char *function = trimmed(rest + 1, next ? (size_t)(next - rest - 1) : strlen(rest + 1));
        char *result = n < FUNCTIONS_MAX ? call(p, function, *text) : NULL;
        if (!result)
            return refuse(at, block, n < FUNCTIONS_MAX ? "the functions are expand_vars, truncate(OFFSET,LENGTH) and posix_escape"
                                                       : "more than three functions", e);
        free(*text);
        *text = result;
        rest = next;
    }
    return 0;
}

static bool is_string(const struct ci_input *x)
{
    const struct yaml *type = yaml_get(x->spec, "type");

    return !type || strcmp(type->text, "string") == 0;
}

static void write_scalar(const struct yaml *y, struct strbuf *out)
{
    enum scalar_kind kind = scalar_kind(y);
    bool is_bare = kind != SCALAR_TEXT && kind != SCALAR_DATE;
    auto_free char *value = scalar_value(y);

    strbuf_puts(out, is_bare ? "" : "\"");
    for (const char *c = value; *c; c++)
        strbuf_printf(out, "%s%c", !is_bare && strchr("\"\\", *c) ? "\\" : "", *c);
    strbuf_puts(out, is_bare ? "" : "\"");
}

/* As Ruby shows it: that is what GitLab puts into a text. */
static void write_value(const struct yaml *y, struct strbuf *out)
{
    if (y->type == YAML_NULL)
        strbuf_puts(out, "nil");
    if (y->type == YAML_SCALAR)
        write_scalar(y, out);
    if (y->type != YAML_LIST && y->type != YAML_MAP)
        return;
    strbuf_puts(out, y->type == YAML_LIST ? "[" : "{");
    for (size_t i = 0; i < y->n; i++) {
        strbuf_puts(out, i > 0 ? ", " : "");
        if (y->type == YAML_MAP)
            strbuf_printf(out, ":%s=>", y->items[i]->key);
        write_value(y->items[i], out);
    }
    strbuf_puts(out, y->type == YAML_LIST ? "]" : "}");
}

/* What `spec: component` asks for; nothing when the file is no component, or it is not known here. */
static int component_field(const struct putting *p, const struct yaml *at, const char *block, char **out, struct err *e)
{
    const struct yaml *fields = yaml_get(yaml_get(p->inputs->header, "spec"), "component");
    const char *name = block + strlen(component_start);
    auto_free char *field = xstrndup(name, strcspn(name, " |\t"));
    bool asked = false;

    for (size_t i = 0; fields && i < fields->n; i++)
        asked |= strcmp(fields->items[i]->text, field) == 0;
    if (!asked)
        return refuse(at, block, "`spec: component` of this file does not name that", e);
    const char *value = p->inputs->component ? variables_value(p->inputs->component, field) : NULL;
    *out = xstrdup(value ? value : "");
    return apply(p, at, block, out, e);
}

/* The caller's. */
static char *text_of(const struct yaml *value)
{
    auto_strbuf text = STRBUF_TEXT;

    if (value->type == YAML_SCALAR)
        return scalar_value(value);
    if (value->type != YAML_NULL)
        write_value(value, &text);
    return strbuf_take(&text);
}

/* The block as text. */
static int evaluate(const struct putting *p, const struct yaml *at, const char *block, char **out, struct err *e)
{
    const struct ci_input *x = find_input(p, block);

    if (text_starts(block, component_start))
        return component_field(p, at, block, out, e);
    if (!x)
        return refuse(at, block, "there is no such input in this file's `spec`", e);
    if (strchr(block, '|') && !is_string(x))
        return refuse(at, block, "functions are for inputs of type string", e);
    *out = text_of(x->value);
    if (apply(p, at, block, out, e) < 0)
        return -1;
    char *clean = text_as_utf8(*out); /* a variable of expand_vars may be anything, such as a commit message of old */
    free(*out);
    *out = clean;
    return 0;
}

/* The next block of a text: where it begins and ends, and what is in it. false: there is none. */
static bool next_block(const char *text, const char **start, const char **end, char **block)
{
    *start = strstr(text, "$[[");
    const char *close = *start ? strstr(*start, "]]") : NULL;

    if (!close)
        return false;
    *block = trimmed(*start + 3, (size_t)(close - *start - 3));
    *end = close + 2;
    return true;
}

static int put_text(struct putting *p, const struct yaml *at, char **text, struct err *e)
{
    auto_strbuf out = STRBUF_INIT(p->left);
    const char *rest = *text, *start, *end;

    for (;;) {
        auto_free char *block = NULL;
        auto_free char *value = NULL;
        if (!next_block(rest, &start, &end, &block))
            break;
        if (text_starts(block, "matrix.")) /* by the job that it is in: stages/pipeline/ci_parallel.c */
            value = xstrndup(start, (size_t)(end - start));
        else if (evaluate(p, at, block, &value, e) < 0)
            return -1;
        if (strbuf_add(&out, rest, (size_t)(start - rest)) < 0 || strbuf_add(&out, value, strlen(value)) < 0)
            return refuse(at, block, "the file's texts grow too large", e);
        rest = end;
    }
    if (rest == *text)
        return 0;
    if (strbuf_add(&out, rest, strlen(rest)) < 0)
        return yaml_error(e, ERR_JOB, at->file, at, "the file's texts grow too large with its inputs");
    p->left -= out.len;
    free(*text);
    *text = strbuf_take(&out);
    return 1;
}

/* ---- The tree ---- */

/* A value that is one block and nothing else keeps the input's type. 1: that is done. */
static int put_whole(struct putting *p, struct yaml *y, struct err *e)
{
    auto_free char *block = NULL;
    const char *start, *end;

    if (!next_block(y->text, &start, &end, &block) || start != y->text || *end || strchr(block, '|'))
        return 0;
    const struct ci_input *x = find_input(p, block);
    if (!x || (x->value->type == YAML_SCALAR && x->value->quoted))
        return 0;
    struct yaml *copy = yaml_copy(x->value, p->budget);
    if (!copy)
        return refuse(y, block, "the pipeline would grow too large with this", e);
    yaml_become(y, copy);
    return 1;
}

static int put_key(struct putting *p, const struct yaml *map, struct yaml *member, struct err *e)
{
    int changed = member->key ? put_text(p, member, &member->key, e) : 0;

    for (size_t i = 0; changed > 0 && i < map->n; i++) {
        auto_free char *key = text_quote(member->key);
        if (map->items[i] != member && strcmp(map->items[i]->key, member->key) == 0)
            return yaml_error(e, ERR_JOB, member->file, member, "the key `%s` is there twice, with its inputs", key);
    }
    return changed < 0 ? -1 : 0;
}

static int put(struct putting *p, struct yaml *y, struct err *e)
{
    if (y->type == YAML_SCALAR) {
        int done = put_whole(p, y, e);
        int changed = done == 0 ? put_text(p, y, &y->text, e) : 0;
        y->quoted |= changed > 0;
        return done < 0 || changed < 0 ? -1 : 0;
    }
    for (size_t i = 0; i < y->n; i++)
        if ((y->type == YAML_MAP && put_key(p, y, y->items[i], e) < 0) || put(p, y->items[i], e) < 0)
            return -1;
    return 0;
}

int ci_interpolate(struct yaml *root, const struct ci_inputs *inputs, const struct variables *variables, size_t *budget,
                   struct err *e)
{
    struct putting p = { inputs, variables, budget, TEXT_MAX };

    return put(&p, root, e);
}
