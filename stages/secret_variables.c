#include "stages/secret_variables.h"

#include "base/strbuf.h"
#include "base/text.h"

#include <string.h>

static const char prefix[] = "SV_";

bool secret_variable_is(const char *name)
{
    return text_starts(name, prefix) && name[strlen(prefix)];
}

/* ---- How a value may stand in a text ---- */

/* What follows a backslash for a byte; "" where the byte stays as it is. Others are written \xhh when `hex`. */
struct escaping {
    const char *from, *to;
    bool hex;
};

static const struct escaping escapings[] = {
    { "\a\b\t\n\v\f\r'\\", "abtnvfr'\\", true }, /* $'…', as gitlab-runner writes it */
    { "`\"\\$", "`\"\\$", false },               /* "…", with FF_POSIXLY_CORRECT_ESCAPES */
    { "\t\n\r\"\\", "tnr\"\\", false },          /* Go's quotes, JSON, dotenv files */
};

static char *escaped(const char *value, const struct escaping *how)
{
    auto_strbuf out = STRBUF_TEXT;

    for (const unsigned char *c = (const unsigned char *)value; *c; c++) {
        const char *at = strchr(how->from, *c);
        if (at)
            strbuf_printf(&out, "\\%c", how->to[at - how->from]);
        else if (how->hex && (*c < ' ' || *c >= 0x7f))
            strbuf_printf(&out, "\\x%02x", *c);
        else
            strbuf_putc(&out, (char)*c);
    }
    return strbuf_take(&out);
}

static void add_text(struct secret_variable *v, const char *text)
{
    if (!strvec_has(&v->forms, text))
        strvec_push(&v->forms, text);
    for (size_t i = 0; i < ARRAY_SIZE(escapings); i++) {
        auto_free char *form = escaped(text, &escapings[i]);
        if (!strvec_has(&v->forms, form))
            strvec_push(&v->forms, form);
    }
}

/* A value with a dollar in it may be expanded once more, or once less, where another text refers to it: `$$` is there
 * still, or what looks like a reference is gone. Then what stands between them is looked for. */
static void add_part(struct secret_variable *v, const char *part)
{
    static const char name[] = "{abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_}";
    const char *after = part + strspn(part, name);

    if (strlen(part) >= SECRET_LOOKED_FOR)
        add_text(v, part);
    if (strlen(after) >= SECRET_LOOKED_FOR)
        add_text(v, after);
}

static void add_forms(struct secret_variable *v)
{
    auto_strbuf doubled = STRBUF_TEXT;
    const char *rest = v->value;

    add_text(v, v->value);
    if (!strchr(rest, '$'))
        return;
    while (*rest) {
        auto_free char *part = xstrndup(rest, strcspn(rest, "$"));
        add_part(v, part);
        strbuf_puts(&doubled, part);
        rest += strlen(part);
        if (*rest != '$')
            break;
        strbuf_puts(&doubled, "$$");
        rest++;
    }
    add_text(v, strbuf_text(&doubled));
}

/* ---- The list ---- */

static bool is_plain_word(const char *value)
{
    return value[strspn(value, "abcdefghijklmnopqrstuvwxyz")] == '\0';
}

static bool is_looked_for(const struct job *job, const char *name, const char *value)
{
    if (strlen(value) < SECRET_LOOKED_FOR || strstr(job->project_path, value))
        return false;
    return strvec_has(&job->masked_variables, name) || !is_plain_word(value);
}

void secret_variables_read(const struct job *job, char *const *env, struct secret_variables *out)
{
    static const char custom[] = "CUSTOM_ENV_";

    *out = (struct secret_variables){ 0 };
    for (; env && *env; env++) {
        if (!text_starts(*env, custom))
            continue;
        const char *entry = *env + strlen(custom);
        auto_free char *name = xstrndup(entry, strcspn(entry, "="));
        const char *value = entry + strlen(name) + (entry[strlen(name)] == '=');
        if (!secret_variable_is(name))
            continue;
        out->items = xreallocarray(out->items, out->n + 1, sizeof(*out->items));
        struct secret_variable *v = &out->items[out->n++];
        *v = (struct secret_variable){ .name = take(&name), .value = xstrdup(value) };
        v->looked_for = is_looked_for(job, v->name, value);
        add_forms(v);
    }
}

void secret_variables_release(struct secret_variables *s)
{
    for (size_t i = 0; i < s->n; i++) {
        free(s->items[i].name);
        free(s->items[i].value);
        strvec_release(&s->items[i].forms);
    }
    free(s->items);
    *s = (struct secret_variables){ 0 };
}

const struct secret_variable *secret_variables_find(const struct secret_variables *s, const char *name)
{
    for (size_t i = s->n; i-- > 0;)
        if (strcmp(s->items[i].name, name) == 0)
            return &s->items[i];
    return NULL;
}

static bool stands_in(const struct secret_variable *v, const char *text, size_t len)
{
    for (size_t i = 0; i < v->forms.n; i++)
        if (memmem(text, len, v->forms.items[i], strlen(v->forms.items[i])))
            return true;
    return false;
}

const struct secret_variable *secret_variables_within(const struct secret_variables *s, const char *text, size_t len)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->items[i].looked_for && stands_in(&s->items[i], text, len))
            return &s->items[i];
    return NULL;
}

/* ---- What the daemon is told ---- */

static const struct secret_variable *within_json(const struct secret_variables *s, json_t *root)
{
    const struct secret_variable *found = NULL;
    const char *key;
    json_t *item;
    size_t i;

    if (json_is_string(root))
        return secret_variables_within(s, json_string_value(root), json_string_length(root));
    json_array_foreach(root, i, item)
        if ((found = within_json(s, item)))
            return found;
    json_object_foreach(root, key, item)
        if ((found = secret_variables_within(s, key, strlen(key))) || (found = within_json(s, item)))
            return found;
    return NULL;
}

int secret_variables_check(const struct secret_variables *s, json_t *root, const char *what, struct err *e)
{
    const struct secret_variable *found = within_json(s, root);

    if (!found)
        return 0;
    return err_set(e, ERR_JOB, 0,
                   "%s would hold the value of %s, which is for the deployed application alone; take the reference out "
                   "of .gitlab-ci.yml, or, if it is no secret, give it a name without SV_",
                   what, found->name);
}
