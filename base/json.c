#include "base/json.h"

#include "base/number.h"

#include <inttypes.h>
#include <string.h>

/* Go daemons write unsigned 64-bit numbers ("no limit"), which jansson refuses
 * as integers. Only then: reals lose the last digits of large numbers. */
static json_t *load(const char *text, size_t len, json_error_t *bad)
{
    json_t *doc = json_loadb(text, len, JSON_DECODE_ANY, bad);

    if (!doc && json_error_code(bad) == json_error_numeric_overflow)
        doc = json_loadb(text, len, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, bad);
    return doc;
}

static bool has_nul(const json_error_t *bad)
{
    return json_error_code(bad) == json_error_null_character || json_error_code(bad) == json_error_null_byte_in_key;
}

/* The same document with U+FFFD for each NUL. Whoever may write a label, of an image or a container, could put one
 * into it, and a list that nobody can read hides all the others in it. */
static char *without_nul(const char *text, size_t len)
{
    static const char nul[] = "\\u0000", replacement[] = "\\ufffd";
    char *copy = xmalloc(len);

    memcpy(copy, text, len);
    for (size_t i = 0; i + strlen(nul) <= len; i++) {
        if (copy[i] != '\\')
            continue;
        if (memcmp(copy + i, nul, strlen(nul)) == 0)
            memcpy(copy + i, replacement, strlen(nul));
        i++; /* what is behind a backslash begins nothing */
    }
    return copy;
}

int json_parse(const char *text, size_t len, const char *what, json_t **out, struct err *e)
{
    json_error_t bad;
    json_t *doc = load(text, len, &bad);

    if (!doc && has_nul(&bad)) {
        auto_free char *copy = without_nul(text, len);
        doc = load(copy, len, &bad);
    }
    if (!doc) {
        /* jansson ends its text in "near '...'", which quotes the document: it may hold secrets. */
        const char *near = strstr(bad.text, " near ");
        int shown = near ? (int)(near - bad.text) : (int)strlen(bad.text);
        return err_set(e, ERR_SYSTEM, 0, "%s is not JSON: line %d, column %d: %.*s", what, bad.line,
                       bad.column, shown, bad.text);
    }
    *out = doc;
    return 0;
}

const char *json_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

char *json_text_any(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (json_is_integer(value))
        return xasprintf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
    if (json_is_real(value))
        return xasprintf("%.15g", json_real_value(value)); /* 1.1, not 1.1000000000000001 */
    return xstrdup(json_text(object, key));
}

int64_t json_number(const json_t *object, const char *key, int64_t otherwise)
{
    const json_t *value = json_object_get(object, key);
    int64_t number = otherwise;
    if (json_is_integer(value))
        return json_integer_value(value);
    if (json_is_string(value))
        (void)number_parse(json_string_value(value), INT64_MIN, INT64_MAX, &number);
    if (json_is_real(value)) {
        double real = json_real_value(value);
        if (real >= -9223372036854775808.0 && real < 9223372036854775808.0) /* else it is undefined */
            number = (int64_t)real;
    }
    return number;
}

bool json_flag(const json_t *object, const char *key, bool otherwise)
{
    const json_t *value = json_object_get(object, key);
    if (json_is_boolean(value))
        return json_is_true(value);
    const char *text = json_string_value(value);
    if (text && !strcmp(text, "true"))
        return true;
    if (text && !strcmp(text, "false"))
        return false;
    return otherwise;
}

void json_list(const json_t *object, const char *key, struct strvec *out)
{
    const json_t *list = json_object_get(object, key);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));
        if (text)
            strvec_push(out, text);
    }
}

json_t *json_at_path(const json_t *object, const char *const *keys)
{
    json_t *value = NULL;
    for (; *keys; keys++, object = value)
        value = json_object_get(object, *keys);
    return value;
}

/* JSON has no bytes that are not UTF-8, and dumping them would fail. What a job
 * put there is lost anyway; the text around it need not be. */
static json_t *json_of(const char *text)
{
    json_t *value = json_string(text);
    if (value)
        return value;
    auto_free char *ascii = xstrdup(text);
    for (char *c = ascii; *c; c++)
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    return json_string(ascii);
}

json_t *json_strings(const struct strvec *v)
{
    json_t *list = json_array();
    for (size_t i = 0; i < v->n; i++)
        if (json_array_append_new(list, json_of(v->items[i])) < 0)
            abort(); /* jansson fails here only when memory has run out */
    return list;
}

char *json_compact(const json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    if (!text)
        abort(); /* likewise: every string in it was checked when it was made */
    return text;
}
