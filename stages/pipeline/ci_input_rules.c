/* stages/pipeline/ci_input_rules.c: the conditions of `spec: inputs: NAME: rules`, which are about other inputs. */
#include "stages/pipeline/ci_inputs.h"

#include "base/strbuf.h"
#include "base/text.h"
#include "stages/pipeline/expression.h"
#include "stages/pipeline/re2.h"
#include "stages/pipeline/scalar.h"

#include <ctype.h>
#include <string.h>

struct ci_input *ci_input_find(const struct ci_inputs *inputs, const char *name, size_t len)
{
    for (size_t i = 0; i < inputs->n; i++) {
        const char *key = inputs->items[i].spec->key;
        if (strlen(key) == len && strncmp(key, name, len) == 0)
            return &inputs->items[i];
    }
    return NULL;
}

/* The block at this place, and what follows it; NULL: it is none, or of nothing that is known. */
static struct ci_input *block_at(const struct ci_inputs *inputs, const char *text, const char **rest)
{
    static const char start[] = "inputs.";
    const char *end = text_starts(text, "$[[") ? strstr(text, "]]") : NULL;
    const char *name = text + 3;

    if (!end)
        return NULL;
    name += strspn(name, " \t");
    if (!text_starts(name, start))
        return NULL;
    name += strlen(start);
    size_t len = (size_t)(end - name);
    while (len > 0 && isspace((unsigned char)name[len - 1]))
        len--;
    *rest = end + 2;
    return ci_input_find(inputs, name, len);
}

struct ci_input *ci_input_named(const struct ci_inputs *inputs, const char *text, const char **rest)
{
    for (const char *at = strstr(text, "$[["); at; at = strstr(at + 1, "$[[")) {
        struct ci_input *x = block_at(inputs, at, rest);
        if (x)
            return x;
    }
    return NULL;
}

/* Where the text or the regular expression that begins here ends; NULL: none does. */
static const char *end_of_quoted(const char *at)
{
    const char *end = *at == '"' || *at == '\'' ? strchr(at + 1, *at) : *at == '/' ? re2_end(at) : NULL;

    return end ? end + 1 : NULL;
}

/* `true`, `false` or a number, which the language of `rules: if` does not have. */
static size_t literal_length(const char *at)
{
    size_t n = 0;

    while (isalnum((unsigned char)at[n]) || (n > 0 && at[n] == '.'))
        n++;
    bool is_flag = (n == 4 && strncmp(at, "true", n) == 0) || (n == 5 && strncmp(at, "false", n) == 0);
    return is_flag || isdigit((unsigned char)*at) ? n : 0;
}

/* Inputs become variables, and literals become texts: then it is a condition as others are. */
static char *as_condition(const struct ci_inputs *inputs, const char *text, struct variables *values)
{
    auto_strbuf out = STRBUF_TEXT;

    while (*text) {
        const char *rest = end_of_quoted(text);
        const struct ci_input *x = rest ? NULL : block_at(inputs, text, &rest);
        size_t literal = rest ? 0 : literal_length(text);
        if (x) {
            auto_free char *name = xasprintf("INPUT_%zu", (size_t)(x - inputs->items));
            strbuf_printf(&out, "$%s", name);
            auto_free char *value = x->value && x->value->type == YAML_SCALAR ? scalar_value(x->value) : NULL;
            if (value)
                variables_add(values, name, value, VARIABLE_RAW);
        } else if (literal > 0) {
            strbuf_printf(&out, "\"%.*s\"", (int)literal, text);
            rest = text + literal;
        } else {
            size_t word = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
            rest = rest ? rest : text + (word > 0 ? word : 1);
            strbuf_putn(&out, text, (size_t)(rest - text));
        }
        text = rest;
    }
    return strbuf_take(&out);
}

int ci_input_condition(const struct ci_inputs *inputs, const struct yaml *condition, bool *out, struct err *e)
{
    auto_variables values = VARIABLES_INIT;
    auto_err problem = ERR_INIT;

    if (condition->type != YAML_SCALAR)
        return yaml_error(e, ERR_JOB, condition->file, condition, "`if` is %s here; it must be a condition",
                          yaml_type_name(condition));
    auto_free char *text = as_condition(inputs, condition->text, &values);
    const struct expression_scope scope = { &values, NULL };
    if (expression_holds(text, &scope, out, &problem) == 0)
        return 0;
    auto_free char *shown = text_quote(condition->text);
    return yaml_error(e, ERR_JOB, condition->file, condition, "`if: %s`: %s", shown, err_text(&problem));
}
