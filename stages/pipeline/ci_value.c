#include "stages/pipeline/ci_value.h"

#include "base/number.h"
#include "base/text.h"
#include "stages/pipeline/ci_idle.h"
#include "stages/pipeline/period.h"
#include "stages/pipeline/scalar.h"

#include <stdarg.h>
#include <string.h>

/* GitLab's own limit for lists in lists of a script. */
#define SCRIPT_DEPTH 10
/* GitLab's, of seconds: a week. */
#define DELAY_MAX ((int64_t)7 * 24 * 3600)
#define PROBLEMS_COMPARED ((size_t)1000)

/* ---- Messages ---- */

static int problem_at(const struct yaml *at, int line, int column, struct err *e, const char *fmt, va_list args)
    PRINTF_LIKE(5, 0);

static int problem_at(const struct yaml *at, int line, int column, struct err *e, const char *fmt, va_list args)
{
    auto_free char *text = NULL;

    if (vasprintf(&text, fmt, args) < 0)
        abort();
    return err_set(e, ERR_JOB, 0, "%s:%d:%d: %s", at->file, line, column, text);
}

int ci_problem(const struct ci_reader *r, const struct yaml *at, struct err *e, const char *fmt, ...)
{
    va_list args;

    (void)r;
    va_start(args, fmt);
    int rc = problem_at(at, at->line, at->column, e, fmt, args);
    va_end(args);
    return rc;
}

int ci_key_problem(const struct ci_reader *r, const struct yaml *at, struct err *e, const char *fmt, ...)
{
    va_list args;

    (void)r;
    va_start(args, fmt);
    int rc = problem_at(at, at->key_line, at->key_column, e, fmt, args);
    va_end(args);
    return rc;
}

/* " in job `x`", or nothing. */
static char *in_job(const struct ci_reader *r)
{
    auto_free char *name = r->job ? text_quote(r->job) : NULL;
    return name ? xasprintf(" in job `%s`", name) : xstrdup("");
}

/* Who runs the file hears of a keyword once; who checks it, each time. */
static bool was_said(const struct ci_reader *r, const struct keyword *k)
{
    auto_free char *line = xasprintf("%s: %s", k->name, k->text);

    if (!r->said || strvec_has(r->said, line))
        return r->said != NULL;
    strvec_push(r->said, line);
    return false;
}

int ci_check_key(const struct ci_reader *r, const struct yaml *member, enum keyword_place place, struct err *e)
{
    const struct keyword *k = keyword_find(member->key, place);
    auto_free char *where = in_job(r);

    if (!k) {
        auto_free char *name = text_quote(member->key);
        const char *near = keyword_nearest(member->key, place);
        return ci_key_problem(r, member, e, "unknown keyword `%s`%s%s%s%s", name, where, near ? "; did you mean `" : "",
                              near ? near : "", near ? "`?" : "");
    }
    if (k->use == KEYWORD_REFUSED)
        return ci_key_problem(r, member, e, "keyword `%s`%s is not supported yet: %s", k->name, where, k->text);
    if (k->use == KEYWORD_IDLE && !was_said(r, k))
        strvec_pushf(r->warnings, "%s:%d:%d: keyword `%s`%s has no effect here: %s", member->file, member->key_line,
                     member->key_column, k->name, where, k->text);
    return k->use == KEYWORD_TAKEN ? 0 : ci_idle(r, member, place, e);
}

int ci_check_keys(const struct ci_reader *r, const struct yaml *map, enum keyword_place place, struct err *e)
{
    for (size_t i = 0; i < map->n; i++)
        if (ci_check_key(r, map->items[i], place, e) < 0 && !ci_noted(r, e))
            return -1;
    return 0;
}

bool ci_noted(const struct ci_reader *r, struct err *e)
{
    if (!r->problems)
        return false;
    /* What several jobs extend is said once; who has that many problems may read some twice. */
    if (r->problems->n > PROBLEMS_COMPARED || !strvec_has(r->problems, err_text(e)))
        strvec_push(r->problems, err_text(e));
    err_release(e);
    return true;
}

bool ci_absent(const struct yaml *y)
{
    return !y || (y->type == YAML_NULL && !y->tag);
}

int ci_wrong_type(const struct ci_reader *r, const struct yaml *y, const char *keyword, const char *wanted,
                  struct err *e)
{
    if (y->tag)
        return ci_problem(r, y, e, "`%s` in `%s` is not supported yet; write the value out", y->tag, keyword);
    enum scalar_kind kind = scalar_kind(y);
    return ci_problem(r, y, e, "`%s` is %s here; it must be %s", keyword,
                      kind == SCALAR_TEXT ? yaml_type_name(y) : scalar_kind_name(kind), wanted);
}

/* What Ruby would read as another thing than text. */
static int check_text(const struct ci_reader *r, const struct yaml *y, const char *keyword, struct err *e)
{
    enum scalar_kind kind = scalar_kind(y);

    if (kind == SCALAR_TEXT)
        return 0;
    auto_free char *shown = text_quote(y->text);
    return ci_problem(r, y, e, "`%s` is %s here, and GitLab wants text; quote it: \"%s\"", keyword, scalar_kind_name(kind), shown);
}

/* ---- Values ---- */

int ci_text(const struct ci_reader *r, const struct yaml *y, const char *keyword, char **out, struct err *e)
{
    if (!ci_absent(y) && y->type == YAML_SCALAR && !y->tag && !*y->text)
        return ci_problem(r, y, e, "`%s` is empty", keyword);
    return ci_text_or_empty(r, y, keyword, out, e);
}

int ci_text_or_empty(const struct ci_reader *r, const struct yaml *y, const char *keyword, char **out, struct err *e)
{
    if (ci_absent(y))
        return 0;
    if (y->type != YAML_SCALAR || y->tag)
        return ci_wrong_type(r, y, keyword, "text", e);
    if (check_text(r, y, keyword, e) < 0)
        return -1;
    free(*out);
    *out = xstrdup(y->text);
    return 0;
}

static int script_entries(const struct ci_reader *r, const struct yaml *y, const char *keyword, int depth,
                          struct strvec *out, struct err *e)
{
    if (y->type == YAML_SCALAR && !y->tag) {
        strvec_push(out, y->text);
        return check_text(r, y, keyword, e);
    }
    if (y->type == YAML_MAP)
        return ci_problem(r, y, e,
                          "`%s` has a map here: a command with `: ` in it must be quoted as a whole, "
                          "'like: this'",
                          keyword);
    if (y->type != YAML_LIST || y->tag)
        return ci_wrong_type(r, y, keyword, "text or a list of texts", e);
    if (depth == SCRIPT_DEPTH)
        return ci_problem(r, y, e, "`%s` has lists more than %d deep", keyword, SCRIPT_DEPTH);
    for (size_t i = 0; i < y->n; i++)
        if (script_entries(r, y->items[i], keyword, depth + 1, out, e) < 0)
            return -1;
    return 0;
}

int ci_script(const struct ci_reader *r, const struct yaml *y, const char *keyword, struct strvec *out, struct err *e)
{
    return ci_absent(y) ? 0 : script_entries(r, y, keyword, 0, out, e);
}

int ci_texts(const struct ci_reader *r, const struct yaml *y, const char *keyword, struct strvec *out, struct err *e)
{
    return ci_absent(y) ? 0 : script_entries(r, y, keyword, SCRIPT_DEPTH - 1, out, e);
}

int ci_list(const struct ci_reader *r, const struct yaml *y, const char *keyword, struct strvec *out, struct err *e)
{
    if (!ci_absent(y) && (y->type != YAML_LIST || y->tag))
        return ci_wrong_type(r, y, keyword, "a list of texts", e);
    return ci_texts(r, y, keyword, out, e);
}

int ci_flag(const struct ci_reader *r, const struct yaml *y, const char *keyword, bool *out, struct err *e)
{
    if (ci_absent(y))
        return 0;
    return yaml_bool(y, out) < 0 ? ci_wrong_type(r, y, keyword, "true or false", e) : 0;
}

int ci_period(const struct ci_reader *r, const struct yaml *y, const char *keyword, struct err *e)
{
    auto_free char *text = NULL;
    int64_t seconds;

    if (ci_text(r, y, keyword, &text, e) < 0)
        return -1;
    if (!text || strcmp(text, "never") == 0 || period_parse(text, &seconds) == 0)
        return 0;
    auto_free char *shown = text_quote(text);
    return ci_problem(r, y, e, "`%s: %s` is no length of time; write it like `1 week` or `2h 20min`, or `never`", keyword, shown);
}

int ci_choice(const struct ci_reader *r, const struct yaml *y, const char *keyword, const char *const *choices, char **out,
              struct err *e)
{
    auto_free char *text = NULL;

    if (ci_text(r, y, keyword, &text, e) < 0)
        return -1;
    if (text && !text_is_any(text, choices)) {
        auto_free char *shown = text_quote(text);
        auto_strvec known = STRVEC_INIT;
        for (size_t i = 0; choices[i]; i++)
            strvec_push(&known, choices[i]);
        auto_free char *all = strvec_join(&known, ", ");
        return ci_problem(r, y, e, "`%s` is `%s`; it can be %s", keyword, shown, all);
    }
    if (text && out) {
        free(*out);
        *out = take(&text);
    }
    return 0;
}

/* What is text to GitLab in the end, whatever it was in the file. */
static int read_value(const struct ci_reader *r, const struct yaml *y, const char *name, char **out, struct err *e)
{
    if (y->type == YAML_NULL ? y->tag != NULL : y->type != YAML_SCALAR || y->tag)
        return ci_wrong_type(r, y, name, "text or a number; write \"\" for an empty one", e);
    if (y->type == YAML_NULL) {
        *out = xstrdup("");
        return 0;
    }
    enum scalar_kind kind = scalar_kind(y);
    if (kind == SCALAR_DATE)
        return ci_problem(r, y, e, "variable `%s` is a date, which GitLab refuses; quote it: \"%s\"", name, y->text);
    *out = scalar_value(y);
    if (kind != SCALAR_TEXT && strcmp(*out, y->text) != 0)
        strvec_pushf(r->warnings, "%s:%d:%d: variable `%s` is %s, and `%s` becomes `%s`; quote it if that is not meant",
                     y->file, y->line, y->column, name, scalar_kind_name(kind), y->text, *out);
    return 0;
}

/* The form in which GitLab's users start a pipeline offers them; the variable's value is the first choice. */
static int check_options(const struct ci_reader *r, const struct yaml *y, const struct yaml *value, struct err *e)
{
    auto_strvec options = STRVEC_INIT;
    auto_free char *name = text_quote(y->key);

    if (ci_list(r, yaml_get(y, "options"), "options", &options, e) < 0)
        return -1;
    const char *first = value && value->type == YAML_SCALAR ? value->text : NULL;
    if (options.n == 0 || (first && strvec_has(&options, first)))
        return 0;
    return ci_problem(r, y, e, "the `value` of variable `%s` must be one of its `options`", name);
}

/* A map; which keywords it may have, the place says. */
static int read_described(const struct ci_reader *r, const struct yaml *y, enum keyword_place place, bool *expand,
                          const struct yaml *value, struct err *e)
{
    auto_free char *name = text_quote(y->key);
    auto_free char *description = NULL;
    const struct yaml *flag = yaml_get(y, "expand");

    if (place == IN_RULE_VARIABLE)
        return ci_problem(r, y, e, "variable `%s` is a map; here it must be text", name);
    if (ci_check_keys(r, y, place, e) < 0 || check_options(r, y, value, e) < 0 ||
        ci_text_or_empty(r, yaml_get(y, "description"), "description", &description, e) < 0)
        return -1;
    if (flag && yaml_bool(flag, expand) < 0)
        return ci_problem(r, flag, e, "`expand` of variable `%s` must be true or false", name);
    return 0;
}

static int read_variable(const struct ci_reader *r, const struct yaml *y, enum keyword_place place, struct variables *out,
                         struct err *e)
{
    const struct yaml *value = y->type == YAML_MAP ? yaml_get(y, "value") : y;
    auto_free char *text = NULL;
    bool expand = true;

    if (!variables_key_valid(y->key)) {
        auto_free char *name = text_quote(y->key);
        return ci_key_problem(r, y, e, "variable `%s`: a name has only letters, digits and _, and no digit first", name);
    }
    if (y->type == YAML_MAP && read_described(r, y, place, &expand, value, e) < 0)
        return -1;
    if (y->type == YAML_NULL && !y->tag)
        strvec_pushf(r->warnings, "%s:%d:%d: variable `%s` has no value, which GitLab refuses: it is empty here; write \"\"",
                     y->file, y->key_line, y->key_column, y->key);
    if (value && read_value(r, value, y->key, &text, e) < 0)
        return -1;
    variables_add(out, y->key, text ? text : "", VARIABLE_PUBLIC | (expand ? 0 : VARIABLE_RAW));
    return 0;
}

int ci_variables(const struct ci_reader *r, const struct yaml *y, enum keyword_place place, struct variables *out,
                 struct err *e)
{
    if (ci_absent(y))
        return 0;
    if (y->type != YAML_MAP || y->tag)
        return ci_wrong_type(r, y, "variables", "a map, NAME: value", e);
    if (y->n > VARIABLES_MAX)
        return ci_problem(r, y, e, "more than %zu variables", VARIABLES_MAX);
    for (size_t i = 0; i < y->n; i++)
        if (read_variable(r, y->items[i], place, out, e) < 0)
            return -1;
    return 0;
}

/* ---- When, and what if it fails ---- */

/* Every word that GitLab knows; the ones that we do not are there for their messages. */
static const struct {
    const char *name;
    enum ci_when when;
    const char *refused;
} whens[] = {
    { "on_success", WHEN_ON_SUCCESS, NULL },
    { "on_failure", WHEN_ON_FAILURE, NULL },
    { "always", WHEN_ALWAYS, NULL },
    { "manual", WHEN_MANUAL, NULL },
    { "delayed", WHEN_DELAYED, NULL },
    { "never", WHEN_NEVER, "is only for rules; take the job out, or hide it by a dot before its name" },
};

const char *ci_when_name(enum ci_when when)
{
    return whens[when].name;
}

int ci_when(const struct ci_reader *r, const struct yaml *y, enum ci_when *out, struct err *e)
{
    auto_free char *word = NULL;

    if (ci_text(r, y, "when", &word, e) < 0)
        return -1;
    if (!word)
        return 0;
    for (size_t i = 0; i < ARRAY_SIZE(whens); i++) {
        if (strcmp(word, whens[i].name) != 0)
            continue;
        if (whens[i].refused)
            return ci_problem(r, y, e, "`when: %s` %s", word, whens[i].refused);
        *out = whens[i].when;
        return 0;
    }
    auto_free char *shown = text_quote(word);
    return ci_problem(r, y, e, "`when: %s` is none of on_success, on_failure, always, manual and delayed", shown);
}

int ci_delay(const struct ci_reader *r, const struct yaml *at, const struct yaml *start_in, int64_t *out, struct err *e)
{
    auto_free char *time = NULL;

    if (ci_text(r, start_in, "start_in", &time, e) < 0)
        return -1;
    if (!time)
        return ci_problem(r, at, e, "`when: delayed` wants a `start_in`: a length of time like `30 minutes`");
    auto_free char *shown = text_quote(time);
    if (period_parse(time, out) < 0)
        return ci_problem(r, start_in, e, "`start_in: %s` is no length of time; write it like `30 minutes`", shown);
    if (*out > DELAY_MAX)
        return ci_problem(r, start_in, e, "`start_in: %s` is longer than a week", shown);
    return 0;
}

int ci_exit_codes(const struct ci_reader *r, const struct yaml *y, int **out, size_t *n_out, struct err *e)
{
    const struct yaml *const *codes = (const struct yaml *const *)y->items;
    size_t n = y->n;

    if (y->type == YAML_SCALAR) {
        codes = &y;
        n = 1;
    }
    *out = xcalloc(n + 1, sizeof(int));
    for (size_t i = 0; i < n; i++) {
        int64_t code;
        if (codes[i]->type != YAML_SCALAR || codes[i]->quoted || number_parse(codes[i]->text, 0, 255, &code) < 0)
            return ci_problem(r, codes[i], e, "an exit code is a number from 0 to 255");
        (*out)[(*n_out)++] = (int)code;
    }
    return 0;
}

int ci_allow_failure(const struct ci_reader *r, const struct yaml *y, struct ci_job *out, struct err *e)
{
    if (ci_absent(y))
        return 0;
    if (y->type == YAML_SCALAR && yaml_bool(y, &out->allow_failure) == 0)
        return 0;
    const struct yaml *codes = yaml_get(y, "exit_codes");
    if (!codes || y->n != 1 || codes->type == YAML_MAP || codes->type == YAML_NULL)
        return ci_problem(r, y, e, "`allow_failure` is true, false, or has `exit_codes`: a number or a list of numbers");
    out->allow_failure = true;
    return ci_exit_codes(r, codes, &out->allowed_codes, &out->n_allowed_codes, e);
}
