#include "stages/deploy/routing_rule.h"

#include "base/text.h"
#include "stages/deploy/routing_template.h"

#include <ctype.h>
#include <string.h>

#define SPACES    " \t\r\n"
#define HOST_ANY  "[^.]+"
#define PATH_ANY  "[^/]+"
#define QUERY_ANY ".*"

struct reading {
    enum routing to;
    struct routing_rule *out;
    struct strvec matchers; /* of the later rule, AND between them */
    struct err *e;
};

struct function {
    const char *name;
    int (*read)(struct reading *r, const struct function *f, const struct strvec *args);
    const char *matcher; /* in Traefik 2; where both differ, the reader knows */
    const char *regex;   /* in Traefik 3, for a template; NULL: templates are not its business */
    const char *any, *end;
};

/* ---- Splitting ---- */

static char *trimmed(const char *text, size_t len)
{
    while (len > 0 && strchr(SPACES, *text))
        text++, len--;
    while (len > 0 && strchr(SPACES, text[len - 1]))
        len--;
    return xstrndup(text, len);
}

/* The fields between separators, empty ones dropped, as they are. */
static void split(const char *text, char separator, struct strvec *out)
{
    const char between[] = { separator, '\0' };

    while (*(text += strspn(text, between))) {
        size_t len = strcspn(text, between);
        strvec_give(out, xstrndup(text, len));
        text += len;
    }
}

static int longest_first(const void *a, const void *b)
{
    size_t x = strlen(*(char *const *)a), y = strlen(*(char *const *)b);

    return x < y ? 1 : x > y ? -1 : strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort_longest_first(struct strvec *v)
{
    if (v->n > 1)
        qsort(v->items, v->n, sizeof(*v->items), longest_first);
}

/* ---- Matchers ---- */

/* In Traefik 3 a matcher has one value. */
static void give_any_of(struct reading *r, const struct strvec *alternatives)
{
    auto_free char *all = strvec_join(alternatives, " || ");

    strvec_pushf(&r->matchers, alternatives->n > 1 ? "(%s)" : "%s", all);
}

static void give_values(struct reading *r, const char *matcher, const struct strvec *values)
{
    auto_free char *all = strvec_join(values, "`,`");

    strvec_pushf(&r->matchers, "%s(`%s`)", matcher, all);
}

/* One alternative for Traefik 3: as it is, or the expression that a template stands for. */
static int give_alternative(struct reading *r, const struct function *f, const char *value, struct strvec *out)
{
    auto_free char *regex = NULL;

    if (!f->regex || !routing_is_template(value)) {
        strvec_pushf(out, "%s(`%s`)", strcmp(f->matcher, "HostRegexp") == 0 ? "Host" : f->matcher, value);
        return 0;
    }
    if (routing_template_regex(value, f->any, &regex, r->e) < 0)
        return -1;
    strvec_pushf(out, "%s(`^%s%s`)", f->regex, regex, f->end);
    return 0;
}

static int read_any_of(struct reading *r, const struct function *f, const struct strvec *args)
{
    auto_strvec alternatives = STRVEC_INIT;

    if (r->to != ROUTING_TRAEFIK3) {
        give_values(r, f->matcher, args);
        return 0;
    }
    for (size_t i = 0; i < args->n; i++)
        if (give_alternative(r, f, args->items[i], &alternatives) < 0)
            return -1;
    give_any_of(r, &alternatives);
    return 0;
}

/* Requests have the ASCII form, and Traefik 3 refuses any other. */
static int check_ascii(struct reading *r, const struct strvec *args)
{
    for (size_t i = 0; i < args->n; i++)
        for (const char *c = args->items[i]; *c; c++)
            if ((unsigned char)*c > '~')
                return err_set(r->e, ERR_JOB, 0, "`%s` is not ASCII; write the host's name as it is asked for (xn--…)", args->items[i]);
    return 0;
}

static int read_host_regex(struct reading *r, const struct function *f, const struct strvec *args)
{
    return check_ascii(r, args) < 0 ? -1 : read_any_of(r, f, args);
}

static int read_host(struct reading *r, const struct function *f, const struct strvec *args)
{
    if (check_ascii(r, args) < 0)
        return -1;
    for (size_t i = 0; i < args->n; i++)
        for (char *c = args->items[i]; *c; c++)
            *c = (char)tolower((unsigned char)*c);
    return read_any_of(r, f, args);
}

static int read_method(struct reading *r, const struct function *f, const struct strvec *args)
{
    for (size_t i = 0; i < args->n; i++)
        for (char *c = args->items[i]; *c; c++)
            *c = (char)toupper((unsigned char)*c);
    return read_any_of(r, f, args);
}

static int read_pairs(struct reading *r, const struct function *f, const struct strvec *args)
{
    if (args->n % 2 != 0)
        return err_set(r->e, ERR_JOB, 0, "it takes pairs: name,value");
    for (size_t i = 0; i < args->n; i += 2)
        strvec_pushf(&r->matchers, "%s(`%s`,`%s`)", r->to == ROUTING_TRAEFIK3 ? f->regex : f->matcher, args->items[i],
                     args->items[i + 1]);
    return 0;
}

/* Traefik 1 cuts at every `=`, so `a=b=c=d` is two pairs. */
static int read_query(struct reading *r, const struct function *f, const struct strvec *args)
{
    auto_strvec words = STRVEC_INIT, pairs = STRVEC_INIT;

    for (size_t i = 0; i < args->n; i++) {
        const char *c = args->items[i];
        for (size_t len; len = strcspn(c, "="), strvec_give(&words, xstrndup(c, len)), c[len]; c += len + 1)
            ;
    }
    if (words.n % 2 != 0)
        return err_set(r->e, ERR_JOB, 0, "it takes pairs: name=value");
    for (size_t i = 0; i < words.n; i += 2) {
        const char *name = words.items[i], *value = words.items[i + 1];
        auto_free char *regex = NULL;
        if (r->to != ROUTING_TRAEFIK3)
            strvec_pushf(&pairs, "%s=%s", name, value);
        else if (!routing_is_template(value))
            strvec_pushf(&r->matchers, "Query(`%s`,`%s`)", name, value);
        else if (routing_template_regex(value, f->any, &regex, r->e) < 0)
            return -1;
        else
            strvec_pushf(&r->matchers, "%s(`%s`,`^%s$`)", f->regex, name, regex);
    }
    if (pairs.n > 0)
        give_values(r, f->matcher, &pairs);
    return 0;
}

/* ---- Modifiers ---- */

static int read_strip(struct reading *r, const struct function *f, const struct strvec *args)
{
    strvec_release(&r->out->strip); /* the last one wins */
    for (size_t i = 0; i < args->n; i++) {
        if (routing_is_template(args->items[i]))
            return err_set(r->e, ERR_JOB, 0, "`%s` is a template: write %sRegex", args->items[i], f->name);
        strvec_push(&r->out->strip, args->items[i]);
    }
    sort_longest_first(&r->out->strip);
    return read_any_of(r, f, args);
}

static int read_strip_regex(struct reading *r, const struct function *f, const struct strvec *args)
{
    strvec_release(&r->out->strip_regex);
    auto_strvec paths = STRVEC_INIT;
    strvec_push_all(&paths, args);
    sort_longest_first(&paths);
    for (size_t i = 0; i < paths.n; i++) {
        char *regex;
        if (routing_template_regex(paths.items[i], f->any, &regex, r->e) < 0)
            return -1;
        strvec_give(&r->out->strip_regex, regex);
    }
    return read_any_of(r, f, args);
}

static void keep_last(char **at, const struct strvec *args)
{
    free(*at);
    *at = xstrdup(args->items[args->n - 1]);
}

static int read_add_prefix(struct reading *r, const struct function *f, const struct strvec *args)
{
    (void)f;
    keep_last(&r->out->add_prefix, args);
    return 0;
}

static int read_replace_path(struct reading *r, const struct function *f, const struct strvec *args)
{
    (void)f;
    keep_last(&r->out->replace_path, args);
    return 0;
}

static int read_replace_regex(struct reading *r, const struct function *f, const struct strvec *args)
{
    (void)f;
    keep_last(&r->out->replace_regex, args);
    char *space = strchr(r->out->replace_regex, ' ');
    if (!space || strchr(space + 1, ' ') || !space[1])
        return err_set(r->e, ERR_JOB, 0, "it takes an expression, one space and what to put there");
    *space = '\0';
    free(r->out->replacement);
    r->out->replacement = xstrdup(space + 1);
    return 0;
}

static const struct function functions[] = {
    { "Host", read_host, "Host" },
    { "HostRegexp", read_host_regex, "HostRegexp", "HostRegexp", HOST_ANY, "$" },
    { "Path", read_any_of, "Path", "PathRegexp", PATH_ANY, "$" },
    { "PathPrefix", read_any_of, "PathPrefix", "PathRegexp", PATH_ANY, "" },
    { "PathStrip", read_strip, "Path" },
    { "PathStripRegex", read_strip_regex, "Path", "PathRegexp", PATH_ANY, "$" },
    { "PathPrefixStrip", read_strip, "PathPrefix" },
    { "PathPrefixStripRegex", read_strip_regex, "PathPrefix", "PathRegexp", PATH_ANY, "" },
    { "Headers", read_pairs, "Headers", "Header" },
    { "HeadersRegexp", read_pairs, "HeadersRegexp", "HeaderRegexp" },
    { "Method", read_method, "Method" },
    { "Query", read_query, "Query", "QueryRegexp", QUERY_ANY },
    { "AddPrefix", read_add_prefix },
    { "ReplacePath", read_replace_path },
    { "ReplacePathRegex", read_replace_regex },
};

/* ---- Reading ---- */

static const struct function *function_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(functions); i++)
        if (strcmp(name, functions[i].name) == 0)
            return &functions[i];
    return NULL;
}

static int unknown_function(const char *name, struct err *e)
{
    const char *names[ARRAY_SIZE(functions) + 1] = { NULL };
    auto_free char *shown = text_quote(name);

    for (size_t i = 0; i < ARRAY_SIZE(functions); i++)
        names[i] = functions[i].name;
    const char *near = text_nearest(name, names);
    return err_set(e, ERR_JOB, 0, "`%s` is no matcher of Traefik 1%s%s%s", shown, near ? "; did you mean `" : "",
                   near ? near : "", near ? "`?" : "");
}

/* Host:a.io,b.io */
static int read_part(struct reading *r, const char *part)
{
    auto_strvec fields = STRVEC_INIT, raw = STRVEC_INIT, args = STRVEC_INIT;

    split(part, ':', &fields);
    auto_free char *name = fields.n ? trimmed(fields.items[0], strlen(fields.items[0])) : xstrdup("");
    const struct function *f = function_find(name);
    if (!f)
        return unknown_function(name, r->e);
    auto_strbuf rest = STRBUF_TEXT;
    for (size_t i = 1; i < fields.n; i++)
        strbuf_printf(&rest, "%s%s", i > 1 ? ":" : "", fields.items[i]);
    split(strbuf_text(&rest), ',', &raw);
    for (size_t i = 0; i < raw.n; i++) {
        strvec_give(&args, trimmed(raw.items[i], strlen(raw.items[i])));
        if (!*args.items[i])
            return err_set(r->e, ERR_JOB, 0, "%s: a value is empty", name);
    }
    if (args.n == 0)
        return err_set(r->e, ERR_JOB, 0, "%s: it has no value", name);
    return f->read(r, f, &args) < 0 ? err_wrap(r->e, "%s", name) : 0;
}

static int read_parts(struct reading *r, const char *v1)
{
    auto_strvec parts = STRVEC_INIT;

    split(v1, ';', &parts);
    if (parts.n == 0)
        return err_set(r->e, ERR_JOB, 0, "it is empty");
    for (const char *c = v1; *c; c++)
        if (*c == '`' || ((unsigned char)*c < ' ' && !strchr(SPACES, *c)))
            return err_set(r->e, ERR_JOB, 0, "back-ticks and control characters cannot be in it");
    for (size_t i = 0; i < parts.n; i++) {
        auto_free char *part = trimmed(parts.items[i], strlen(parts.items[i]));
        if (read_part(r, part) < 0)
            return -1;
    }
    return 0;
}

int routing_rule_read(const char *v1, enum routing to, struct routing_rule *out, struct err *e)
{
    struct reading r = { .to = to, .out = out, .matchers = STRVEC_INIT, .e = e };
    int done = read_parts(&r, v1);

    if (done == 0) {
        free(out->text);
        out->text = r.matchers.n ? strvec_join(&r.matchers, " && ") : xstrdup("PathPrefix(`/`)");
    }
    strvec_release(&r.matchers);
    return done;
}

void routing_rule_release(struct routing_rule *r)
{
    free(r->text);
    strvec_release(&r->strip);
    strvec_release(&r->strip_regex);
    free(r->add_prefix);
    free(r->replace_path);
    free(r->replace_regex);
    free(r->replacement);
    *r = (struct routing_rule)ROUTING_RULE_INIT;
}
