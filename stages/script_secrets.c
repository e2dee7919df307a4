#include "stages/script_secrets.h"

#include "base/text.h"
#include "stages/shell_word.h"

#include <stdint.h>
#include <string.h>

/* Scripts are some KiB; what a project puts into its variables may make them MiB. */
#define BODY_MAX ((size_t)64 << 20)

/* How the runner starts a script's body, and what follows that word (contract 2.1). */
static const struct eval {
    const char *before, *after;
} evals[] = {
    { ": | eval ", "\nexit 0" },                               /* to 19.0, or FF_USE_LEGACY_BASH_EVAL */
    { ": | (eval ", ")\nexit 0" },                             /* FF_USE_NEW_BASH_EVAL_STRATEGY */
    { "(trap 'exit 1' TERM; eval ", ") < /dev/null\nexit 0" }, /* from 19.1 */
};

/* A part of the body that leaves. */
struct cut {
    size_t from, to;
};

/* One script being cleaned. */
struct cleaner {
    const struct script_secrets *with;
    const char *script;
    size_t len;
    struct shell_word word; /* the body, as it stands in the script */
    struct strbuf body;     /* what it means */
    size_t at;              /* in the body */
    struct cut *cuts;       /* in its order */
    size_t n_cuts;
    size_t exports;         /* how many of all variables were read */
    char **last;            /* of each secret: what its last export, or its file, gave it; NULL: not seen */
};

static void cleaner_release(struct cleaner *c)
{
    for (size_t i = 0; c->last && i < c->with->secrets->n; i++)
        free(c->last[i]);
    free(c->last);
    free(c->cuts);
    strbuf_release(&c->body);
}

static int unknown_form(const char *what, struct err *e)
{
    return err_set(e, ERR_SYSTEM, 0,
                   "the job's SV_ variables cannot be taken out of this script, so it does not run: %s; a newer "
                   "gitlab-runner may need a newer atelier than " ATELIER_VERSION " (or `script_secrets: keep`, and "
                   "every script can read them)",
                   what);
}

/* ---- The word that holds the body ---- */

static bool text_at(const char *text, size_t len, size_t at, const char *want)
{
    return len - at >= strlen(want) && memcmp(text + at, want, strlen(want)) == 0;
}

static const struct eval *eval_at(const struct cleaner *c, size_t line)
{
    for (size_t i = 0; i < ARRAY_SIZE(evals); i++)
        if (text_at(c->script, c->len, line, evals[i].before))
            return &evals[i];
    return NULL;
}

static int find_body(struct cleaner *c, struct err *e)
{
    const struct eval *eval = NULL;
    size_t line = 0;

    while (line < c->len && !(eval = eval_at(c, line))) {
        const char *end = memchr(c->script + line, '\n', c->len - line);
        line = end ? (size_t)(end - c->script) + 1 : c->len;
    }
    if (secret_variables_within(c->with->secrets, c->script, line))
        return unknown_form("a secret stands before its `eval`", e);
    if (!eval)
        return unknown_form("it has no `eval` where gitlab-runner 14 to 19 put one", e);
    if (shell_word_read(c->script, c->len, line + strlen(eval->before), &c->word, &c->body) < 0 ||
        c->word.quotes == WORD_BARE)
        return unknown_form("what it evaluates is not one word", e);
    size_t after = c->word.end;
    if (!text_at(c->script, c->len, after, eval->after))
        return unknown_form("it goes on after what it evaluates", e);
    after += strlen(eval->after);
    if (after != c->len && !(after + 1 == c->len && c->script[after] == '\n'))
        return unknown_form("it goes on after its `exit 0`", e);
    return 0;
}

/* ---- The exports that the body begins with ---- */

static bool take_text(const struct cleaner *c, size_t *at, const char *want)
{
    if (!text_at(c->body.data, c->body.len, *at, want))
        return false;
    *at += strlen(want);
    return true;
}

static bool take_word(const struct cleaner *c, size_t *at, char **meaning)
{
    auto_strbuf text = STRBUF_INIT(BODY_MAX);
    struct shell_word word;

    if (shell_word_read(c->body.data, c->body.len, *at, &word, &text) < 0)
        return false;
    *at = word.end;
    *meaning = strbuf_take(&text);
    return true;
}

/* What one line, or several of them within quotes, gives a variable. */
struct assignment {
    char *name;
    char *value;
    bool file; /* it is what a file is to hold */
};

static void assignment_release(struct assignment *a)
{
    free(a->name);
    free(a->value);
}

/* export NAME=WORD */
static bool read_export(const struct cleaner *c, size_t *at, struct assignment *a)
{
    return take_text(c, at, "export ") && take_word(c, at, &a->name) && take_text(c, at, "=") &&
           take_word(c, at, &a->value) && take_text(c, at, "\n");
}

/* printf '%s' WORD > FOLDER/NAME; to 14.10 echo -n WORD > … */
static bool read_file(const struct cleaner *c, size_t *at, struct assignment *a)
{
    auto_free char *path = NULL;

    if ((!take_text(c, at, "printf '%s' ") && !take_text(c, at, "echo -n ")) || !take_word(c, at, &a->value) ||
        !take_text(c, at, " > ") || !take_word(c, at, &path) || !take_text(c, at, "\n"))
        return false;
    const char *slash = strrchr(path, '/');
    a->name = xstrdup(slash ? slash + 1 : path);
    a->file = true;
    return true;
}

/* mkdir -p FOLDER: of a file variable. */
static bool skip_folder(const struct cleaner *c, size_t *at)
{
    auto_free char *folder = NULL;

    return take_text(c, at, "mkdir -p ") && take_word(c, at, &folder) && take_text(c, at, "\n");
}

static void cut(struct cleaner *c, size_t from, size_t to)
{
    c->cuts = xreallocarray(c->cuts, c->n_cuts + 1, sizeof(*c->cuts));
    c->cuts[c->n_cuts++] = (struct cut){ from, to };
}

/* The export of a file variable says where the file is: what is in it counts. */
static void remember(struct cleaner *c, struct assignment *a)
{
    const struct secret_variables *all = c->with->secrets;
    const struct secret_variable *v = secret_variables_find(all, a->name);
    auto_free char *end = xasprintf(".tmp/%s", a->name);

    if (!v)
        return;
    char **last = &c->last[v - all->items];
    if (!a->file && *a->value == '/' && text_ends(a->value, end)) {
        if (!*last)
            *last = xstrdup(v->value);
        return;
    }
    free(*last);
    *last = take(&a->value);
}

static int check_text(const struct cleaner *c, size_t from, size_t to, struct err *e)
{
    const struct secret_variable *v = secret_variables_within(c->with->secrets, c->body.data + from, to - from);

    if (!v)
        return 0;
    return err_set(e, ERR_JOB, 0,
                   "this script holds the value of %s, which no script may have: take it out of what .gitlab-ci.yml has "
                   "expanded (names of images, keys of caches, releases), or, if it is no secret, give it a name "
                   "without SV_",
                   v->name);
}

/* Whether a variable that stays holds a secret. */
static int check_other(const struct cleaner *c, const struct assignment *a, size_t end, struct err *e)
{
    const struct secret_variable *v = secret_variables_within(c->with->secrets, a->value, strlen(a->value));

    if (!v || secret_variables_within(c->with->secrets, a->name, strlen(a->name)))
        return check_text(c, c->at, end, e);
    auto_free char *name = text_quote(a->name);
    return err_set(e, ERR_JOB, 0,
                   "the variable %s holds the value of %s, which no script may have: put the two together in the "
                   "compose file instead, or, if it is no secret, give it a name without SV_",
                   name, v->name);
}

static int read_assignment(struct cleaner *c, bool *found, struct err *e)
{
    __attribute__((cleanup(assignment_release))) struct assignment a = { 0 };
    size_t at = c->at;

    *found = read_export(c, &at, &a);
    if (!*found) {
        assignment_release(&a);
        a = (struct assignment){ 0 };
        at = c->at;
        *found = read_file(c, &at, &a);
    }
    if (!*found)
        return 0;
    c->exports++;
    if (!secret_variable_is(a.name) && check_other(c, &a, at, e) < 0)
        return -1;
    if (secret_variable_is(a.name)) {
        cut(c, c->at, at);
        remember(c, &a);
    }
    c->at = at;
    return 0;
}

static int read_assignments(struct cleaner *c, struct err *e)
{
    bool found = true;

    while (found) {
        size_t at = c->at;
        if (read_assignment(c, &found, e) < 0)
            return -1;
        if (!found && skip_folder(c, &at)) {
            if (check_text(c, c->at, at, e) < 0)
                return -1;
            c->at = at;
            found = true;
        }
    }
    return 0;
}

/* ---- Whether that was all ---- */

/* prepare_script has no exports; each other script has those of all variables. A value that is not what GitLab sent
 * was cut short where the script's own quotes are broken, and the rest of it would stay. */
static int check_all_seen(const struct cleaner *c, struct err *e)
{
    const struct secret_variables *all = c->with->secrets;

    for (size_t i = 0; i < all->n && c->exports > 0; i++) {
        if (c->last[i] && strcmp(c->last[i], all->items[i].value) == 0)
            continue;
        auto_free char *what = xasprintf("%s is not among its exports as GitLab sent it", all->items[i].name);
        return unknown_form(what, e);
    }
    return 0;
}

/* An export of ours beyond those: where some variable's quotes are broken. */
static int check_line(const struct cleaner *c, const char *line, size_t len, struct err *e)
{
    if (!text_at(line, len, 0, "export SV_"))
        return 0;
    auto_free char *text = xstrndup(line + strlen("export "), len - strlen("export "));
    size_t value = strcspn(text, "=");
    auto_free char *name = xstrndup(text, value);
    const struct secret_variable *v = secret_variables_find(c->with->secrets, name);
    for (size_t i = 0; v && *v->value && i < v->forms.n; i++)
        if (strstr(text + value, v->forms.items[i])) {
            auto_free char *what = xasprintf("%s is exported where the job's own commands are", name);
            return unknown_form(what, e);
        }
    return 0;
}

static int check_rest(const struct cleaner *c, struct err *e)
{
    const char *rest = c->body.data + c->at;
    size_t len = c->body.len - c->at;

    if (!c->with->authors_own && check_text(c, c->at, c->body.len, e) < 0)
        return -1;
    for (const char *end; len > 0; len -= (size_t)(end - rest), rest = end) {
        end = memchr(rest, '\n', len);
        end = end ? end + 1 : rest + len;
        if (check_line(c, rest, (size_t)(end - rest), e) < 0)
            return -1;
    }
    return 0;
}

/* ---- The script without it ---- */

/* Each byte of the body is one to four of the script: those of what is cut are left out. */
static int write_clean(const struct cleaner *c, struct strbuf *out)
{
    size_t kept = 0; /* the script before this is in `out`, or was cut */
    size_t at = c->word.inner;
    size_t place = 0; /* in the body */
    char byte;

    for (size_t i = 0; i < c->n_cuts; i++) {
        for (; place < c->cuts[i].from; place++)
            at += (size_t)shell_word_step(c->word.quotes, c->script, c->len, at, &byte);
        if (strbuf_add(out, c->script + kept, at - kept) < 0)
            return -1;
        for (; place < c->cuts[i].to; place++)
            at += (size_t)shell_word_step(c->word.quotes, c->script, c->len, at, &byte);
        kept = at;
    }
    return strbuf_add(out, c->script + kept, c->len - kept);
}

int script_secrets_remove(const struct script_secrets *s, const char *script, size_t len, struct strbuf *out,
                          struct err *e)
{
    __attribute__((cleanup(cleaner_release))) struct cleaner c = {
        .with = s, .script = script, .len = len, .body = STRBUF_INIT(BODY_MAX)
    };

    c.last = xcalloc(s->secrets->n + 1, sizeof(*c.last));
    strbuf_puts(&c.body, ""); /* never NULL */
    if (find_body(&c, e) < 0)
        return -1;
    if (read_assignments(&c, e) < 0 || check_all_seen(&c, e) < 0 || check_rest(&c, e) < 0)
        return -1;
    if (write_clean(&c, out) < 0)
        return err_set(e, ERR_SYSTEM, 0, "the script is larger than %zu MiB", out->max >> 20);
    return 0;
}
