#include "cache/helper/flag.h"

#include "base/number.h"
#include "base/text.h"
#include "cache/helper/go_duration.h"

#include <string.h>

static int store(const struct flag *f, const char *value, void *options)
{
    void *member = (char *)options + f->offset;

    switch (f->type) {
    case FLAG_TEXT:
        *(const char **)member = value;
        return 0;
    case FLAG_LIST:
        strvec_push(member, value);
        return 0;
    case FLAG_SWITCH:
        return bool_parse(value, member);
    case FLAG_NUMBER:
        return number_parse(value, 0, INT64_MAX, member);
    case FLAG_DURATION:
        return go_duration_parse(value, member);
    }
    return -1;
}

static int set(const struct flag *f, const char *value, void *options, struct err *e)
{
    static const char *const wants[] = {
        [FLAG_TEXT] = "a text",
        [FLAG_LIST] = "a text",
        [FLAG_SWITCH] = "true or false",
        [FLAG_NUMBER] = "a whole number that is not negative",
        [FLAG_DURATION] = "a duration such as 10m or 1h0m0s",
    };

    if (store(f, value, options) == 0)
        return 0;
    auto_free char *shown = text_quote(value);
    return err_set(e, ERR_USAGE, 0, "invalid value \"%s\" for --%s: it must be %s", shown, f->name, wants[f->type]);
}

static const struct flag *find(const struct flag *table, const char *name, size_t len)
{
    for (; table->name; table++)
        if (strlen(table->name) == len && strncmp(table->name, name, len) == 0)
            return table;
    return NULL;
}

/* "-name" and "--name" alike; NULL for a word that is no option. */
static const char *name_of(const char *word)
{
    if (word[0] != '-' || !word[1])
        return NULL;
    return word + (word[1] == '-' ? 2 : 1);
}

/* How many words an unknown option takes: the next one is its value unless it looks like an option. */
static int pass_over(char *const *argv, const char *name, const struct report *report)
{
    auto_free char *shown = text_quote(name);

    shown[strcspn(shown, "=")] = '\0'; /* its value may be a secret */
    report_line(report, LOG_WARNING, "Unknown option --%s: this helper (%s) is older than the runner; going on without it",
                shown, ATELIER_VERSION);
    return !strchr(name, '=') && argv[1] && argv[1][0] != '-' ? 2 : 1;
}

/* The option at argv[0]; how many words it took. */
static int take_one(const struct flag *table, char *const *argv, const struct report *report, void *options,
                    struct err *e)
{
    const char *name = name_of(argv[0]);
    const char *equals = strchr(name, '=');
    const struct flag *f = find(table, name, equals ? (size_t)(equals - name) : strlen(name));

    if (!f)
        return pass_over(argv, name, report);
    if (equals)
        return set(f, equals + 1, options, e) < 0 ? -1 : 1;
    if (f->type == FLAG_SWITCH)
        return set(f, "true", options, e) < 0 ? -1 : 1;
    if (!argv[1])
        return err_set(e, ERR_USAGE, 0, "option --%s needs a value", f->name);
    return set(f, argv[1], options, e) < 0 ? -1 : 2;
}

/* What the environment says; a value there that cannot be is left out, as one that somebody set for another program. */
static void defaults(const struct flag *table, char *const *env, const struct report *report, void *options)
{
    for (const struct flag *f = table; f->name; f++) {
        const char *value = f->env ? env_get(env, f->env) : NULL;
        auto_err problem = ERR_INIT;
        if (f->otherwise)
            (void)store(f, f->otherwise, options);
        if (value && set(f, value, options, &problem) < 0) {
            report_line(report, LOG_WARNING, "%s (from the variable %s)", err_text(&problem), f->env);
            if (f->otherwise)
                (void)store(f, f->otherwise, options);
        }
    }
}

int flags_parse(const struct flag *table, char *const *argv, char *const *env, const struct report *report,
                void *options, struct err *e)
{
    int n = 0;

    defaults(table, env, report, options);
    while (argv[n] && name_of(argv[n])) {
        if (strcmp(argv[n], "--") == 0)
            return n + 1;
        int words = take_one(table, argv + n, report, options, e);
        if (words < 0)
            return -1;
        n += words;
    }
    return n;
}

void flags_release(const struct flag *table, void *options)
{
    for (; table->name; table++)
        if (table->type == FLAG_LIST)
            strvec_release((struct strvec *)(void *)((char *)options + table->offset));
}

void flags_help(const struct flag *table, struct strbuf *out)
{
    for (; table->name; table++) {
        strbuf_printf(out, "  %s%-*s %s", table->name[1] ? "--" : "-", table->name[1] ? 26 : 27, table->name, table->help);
        if (table->env)
            strbuf_printf(out, " [%s]", table->env);
        strbuf_puts(out, "\n");
    }
}
