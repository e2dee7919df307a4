#include "base/strvec.h"

#include <string.h>

void strvec_push(struct strvec *v, const char *s)
{
    strvec_give(v, xstrdup(s));
}

void strvec_give(struct strvec *v, char *s)
{
    if (v->n + 2 > v->size) { /* the string and the NULL after it */
        v->size = v->size ? v->size * 2 : 8;
        v->items = xreallocarray(v->items, v->size, sizeof(*v->items));
    }
    v->items[v->n++] = s;
    v->items[v->n] = NULL;
}

void strvec_pushf(struct strvec *v, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    strvec_give(v, xvasprintf(fmt, ap));
    va_end(ap);
}

void strvec_push_all(struct strvec *v, const struct strvec *from)
{
    size_t n = from->n; /* `from` may be `v` */
    for (size_t i = 0; i < n; i++)
        strvec_push(v, from->items[i]);
}

bool strvec_has(const struct strvec *v, const char *s)
{
    for (size_t i = 0; i < v->n; i++)
        if (!strcmp(v->items[i], s))
            return true;
    return false;
}

static char **find_env(const struct strvec *v, const char *key)
{
    size_t len = strlen(key);
    for (size_t i = 0; i < v->n; i++)
        if (!strncmp(v->items[i], key, len) && v->items[i][len] == '=')
            return &v->items[i];
    return NULL;
}

void strvec_set_env(struct strvec *v, const char *key, const char *value)
{
    char *entry = xasprintf("%s=%s", key, value);
    char **place = find_env(v, key);
    if (!place) {
        strvec_give(v, entry);
        return;
    }
    free(*place);
    *place = entry;
}

const char *strvec_env(const struct strvec *v, const char *key)
{
    char *const *entry = find_env(v, key);
    return entry ? *entry + strlen(key) + 1 : NULL;
}

const char *env_get(char *const *env, const char *key)
{
    size_t len = strlen(key);
    const char *found = NULL;
    for (; env && *env; env++) {
        if (!strncmp(*env, key, len) && (*env)[len] == '=')
            found = *env + len + 1;
    }
    return found && *found ? found : NULL;
}

char *const *strvec_list(const struct strvec *v)
{
    static char *const nothing[] = { NULL };
    return v->items ? v->items : nothing;
}

char *strvec_join(const struct strvec *v, const char *between)
{
    size_t len = 1, gap = strlen(between);
    for (size_t i = 0; i < v->n; i++)
        len += strlen(v->items[i]) + gap;

    char *text = xmalloc(len), *end = text;
    for (size_t i = 0; i < v->n; i++) {
        if (i)
            end = stpcpy(end, between);
        end = stpcpy(end, v->items[i]);
    }
    *end = '\0';
    return text;
}

void strvec_release(struct strvec *v)
{
    for (size_t i = 0; i < v->n; i++)
        free(v->items[i]);
    free(v->items);
    *v = (struct strvec)STRVEC_INIT;
}
