#include "cache/select/glob.h"

#include <string.h>

enum {
    PATTERN_MAX = 16384, /* bytes; four of the longest paths */
};
#define BAD_BYTE 0x110000u /* + a byte that is no UTF-8: beyond every character */

enum kind { END, CHARACTER, ANY, CLASS, STAR, STARS, OPEN, OR };

struct token {
    enum kind kind;
    uint32_t character;    /* CHARACTER */
    const char *class;     /* CLASS: behind the '[' */
    uint32_t next, behind; /* OPEN, OR: the next OR of the same braces (0: none). OR: behind the braces */
};

/* How a token was reached. "**" means many elements only where one begins, and only where
 * it is one, which is known when the token behind it is: so that one carries it. */
enum mode {
    BEGIN,  /* an element begins here */
    INSIDE, /* or not */
    AFTER,  /* behind a "**" that an element began with */
    WITHIN, /* such a "**" was an element, and is being passed */
    MODES,
};

struct glob {
    char *pattern;
    struct token *tokens;
    uint32_t n;
    /* Where states are gathered: each once, in the order in which they were met. */
    uint32_t *mark, generation;
    struct glob_states found, before;
};

/* One character of UTF-8; *s goes behind it. */
static uint32_t next_character(const char **s)
{
    const unsigned char *p = (const unsigned char *)*s;
    unsigned len = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;
    uint32_t c = p[0] & (len > 1 ? 0x7fu >> len : 0xffu);
    for (unsigned i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80) { /* also stops at the NUL */
            len = 0;
            break;
        }
        c = c << 6 | (p[i] & 0x3f);
    }
    *s += len ? len : 1;
    return len ? c : BAD_BYTE + p[0];
}

/* --- compiling --- */

struct compiler {
    struct glob *g;
    const char *at;
    uint32_t *open; /* the innermost braces last: their OPEN, and their last OPEN or OR */
    size_t depth;
};

static int syntax_error(struct err *e)
{
    return err_set(e, ERR_JOB, 0, "syntax error in pattern"); /* the words of gitlab-runner's library */
}

/* Behind the ']' of a class, or NULL. */
static const char *class_end(const char *p)
{
    if (*p == '^' || *p == '!')
        p++;
    if (*p == ']')
        return NULL;
    for (; *p && *p != ']'; p++)
        if (*p == '\\' && !*++p)
            return NULL;
    return *p ? p + 1 : NULL;
}

static struct token *token_add(struct glob *g, enum kind kind)
{
    struct token *t = &g->tokens[g->n++];
    *t = (struct token){ .kind = kind };
    return t;
}

static void compile_open(struct compiler *c)
{
    c->open[c->depth * 2] = c->open[c->depth * 2 + 1] = c->g->n;
    c->depth++;
    (void)token_add(c->g, OPEN);
}

/* A ',' or '}' in braces: here one alternative ends and, at a comma, the next begins. */
static void compile_or(struct compiler *c, bool closes)
{
    struct token *tokens = c->g->tokens;
    uint32_t *open = &c->open[(c->depth - 1) * 2];
    tokens[open[1]].next = c->g->n;
    open[1] = c->g->n;
    (void)token_add(c->g, OR);
    if (!closes)
        return;
    for (uint32_t i = tokens[open[0]].next; i; i = tokens[i].next)
        tokens[i].behind = c->g->n;
    c->depth--;
}

static int compile_one(struct compiler *c, struct err *e)
{
    char first = *c->at++;
    struct token *t;
    switch (first) {
    case '*':
        (void)token_add(c->g, *c->at == '*' ? STARS : STAR);
        c->at += *c->at == '*';
        return 0;
    case '?':
        (void)token_add(c->g, ANY);
        return 0;
    case '[':
        t = token_add(c->g, CLASS);
        t->class = c->at;
        c->at = class_end(c->at);
        return c->at ? 0 : syntax_error(e);
    case '{':
        compile_open(c);
        return 0;
    case '}':
        if (c->depth == 0)
            return syntax_error(e);
        compile_or(c, true);
        return 0;
    case ',':
        if (c->depth > 0) {
            compile_or(c, false);
            return 0;
        }
        break;
    case '\\':
        if (!*c->at)
            return syntax_error(e);
        c->at++;
        break;
    default:
        break;
    }
    c->at--;
    t = token_add(c->g, CHARACTER);
    t->character = next_character(&c->at);
    return 0;
}

int glob_compile(const char *pattern, struct glob **out, struct err *e)
{
    size_t len = strlen(pattern);
    if (len > PATTERN_MAX)
        return err_set(e, ERR_JOB, 0, "pattern is longer than %d bytes", PATTERN_MAX);
    auto_glob *g = xcalloc(1, sizeof(*g));
    auto_free uint32_t *open = xcalloc(len + 1, 2 * sizeof(*open));
    g->pattern = xstrdup(pattern);
    g->tokens = xcalloc(len + 1, sizeof(*g->tokens));
    struct compiler c = { g, g->pattern, open, 0 };
    while (*c.at)
        if (compile_one(&c, e) < 0)
            return -1;
    if (c.depth > 0)
        return syntax_error(e);
    (void)token_add(g, END);
    g->mark = xcalloc((size_t)g->n * MODES, sizeof(*g->mark));
    g->found.items = xcalloc((size_t)g->n * MODES, sizeof(*g->found.items));
    g->before.items = xcalloc((size_t)g->n * MODES, sizeof(*g->before.items));
    *out = take(&g);
    return 0;
}

void glob_free(struct glob *g)
{
    if (!g)
        return;
    free(g->pattern);
    free(g->tokens);
    free(g->mark);
    glob_states_release(&g->found);
    glob_states_release(&g->before);
    free(g);
}

/* --- following the states --- */

static void reach(struct glob *g, uint32_t token, enum mode mode)
{
    uint32_t state = token * MODES + mode;
    if (g->mark[state] == g->generation)
        return;
    g->mark[state] = g->generation;
    g->found.items[g->found.n++] = state;
}

static void begin_set(struct glob *g)
{
    g->found.n = 0;
    if (++g->generation == 0) { /* after 2^32 characters: old marks would look new */
        memset(g->mark, 0, (size_t)g->n * MODES * sizeof(*g->mark));
        g->generation = 1;
    }
}

/* What makes a "**" in front of it an element. */
static bool ends_element(const struct token *t)
{
    return t->kind == END || (t->kind == CHARACTER && t->character == '/');
}

/* Add all that is reached without a character. */
static void close_set(struct glob *g)
{
    for (size_t i = 0; i < g->found.n; i++) {
        uint32_t at = g->found.items[i] / MODES;
        enum mode mode = (enum mode)(g->found.items[i] % MODES);
        const struct token *t = &g->tokens[at];
        switch (t->kind) {
        case OPEN:
            reach(g, at + 1, mode);
            for (uint32_t or = t->next; g->tokens[or].next; or = g->tokens[or].next)
                reach(g, or + 1, mode);
            break;
        case OR:
            reach(g, t->behind, mode);
            break;
        case STARS:
            reach(g, at + 1, mode == BEGIN ? AFTER : INSIDE);
            break;
        case STAR:
            reach(g, at + 1, INSIDE);
            break;
        default: /* the "**" ends: as an element before a '/' and at the end, as a star elsewhere */
            if (mode == AFTER) {
                reach(g, at, ends_element(t) ? WITHIN : INSIDE);
                if (ends_element(t) && t->kind != END)
                    reach(g, at + 1, BEGIN);
            }
            break;
        }
    }
}

static bool class_has(const char *p, uint32_t c)
{
    bool negated = *p == '^' || *p == '!';
    if (negated)
        p++;
    while (*p != ']') {
        p += *p == '\\';
        uint32_t first = next_character(&p), last = first;
        if (p[0] == '-' && p[1] != ']') {
            p++;
            p += *p == '\\';
            last = next_character(&p);
        }
        if (c == first || (first <= c && c <= last)) /* [z-a] has its z */
            return !negated;
    }
    return negated;
}

static bool takes(const struct token *t, uint32_t c)
{
    switch (t->kind) {
    case CHARACTER: return t->character == c;
    case ANY: return c != '/';
    case CLASS: return c != '/' && class_has(t->class, c);
    default: return false;
    }
}

static void star(struct glob *g, uint32_t at, enum mode mode, uint32_t c)
{
    if (c != '/')
        reach(g, at, mode);
}

/* From one state over one character. */
static void step_state(struct glob *g, uint32_t state, uint32_t c)
{
    uint32_t at = state / MODES;
    enum mode mode = (enum mode)(state % MODES);
    const struct token *t = &g->tokens[at];
    if (mode == WITHIN)
        reach(g, at, c == '/' && t->kind != END ? AFTER : WITHIN);
    else if (t->kind == STAR || (t->kind == STARS && mode != BEGIN))
        star(g, at, INSIDE, c);
    else if (mode == AFTER && t->kind != OPEN && t->kind != OR && !ends_element(t))
        star(g, at, AFTER, c); /* the "**" is a star, and goes on */
    else if (mode != AFTER && takes(t, c))
        reach(g, at + 1, c == '/' ? BEGIN : INSIDE);
}

/* From the states that are found over all of `text`. */
static void step_text(struct glob *g, const char *text)
{
    while (*text && g->found.n > 0) {
        uint32_t c = next_character(&text);
        struct glob_states before = g->found;
        g->found = g->before;
        g->before = before;
        begin_set(g);
        for (size_t i = 0; i < before.n; i++)
            step_state(g, before.items[i], c);
        close_set(g);
    }
}

static bool has_end(const struct glob *g, enum mode mode)
{
    return g->mark[(g->n - 1) * MODES + mode] == g->generation;
}

/* Of the states behind a '/': a folder's own name fits what may end there, and a "**" that begins there. */
static bool fits_folder(const struct glob *g)
{
    return has_end(g, BEGIN) || has_end(g, WITHIN);
}

static bool fits_whole(const struct glob *g)
{
    return fits_folder(g) || has_end(g, INSIDE);
}

static void start(struct glob *g)
{
    begin_set(g);
    reach(g, 0, BEGIN);
    close_set(g);
}

static struct glob_states copy_found(const struct glob *g)
{
    struct glob_states s = { xmalloc((g->found.n + 1) * sizeof(*s.items)), g->found.n };
    if (s.n)
        memcpy(s.items, g->found.items, s.n * sizeof(*s.items));
    return s;
}

enum glob_fit glob_start(struct glob *g, struct glob_states *out)
{
    start(g);
    *out = copy_found(g);
    return fits_folder(g) ? GLOB_FOLDER : GLOB_NO;
}

enum glob_fit glob_step(struct glob *g, const struct glob_states *from, const char *name,
                        struct glob_states *below)
{
    begin_set(g);
    for (size_t i = 0; i < from->n; i++)
        reach(g, from->items[i] / MODES, (enum mode)(from->items[i] % MODES));
    step_text(g, name);
    bool whole = fits_whole(g);
    step_text(g, "/");
    bool folder = fits_folder(g);
    if (below)
        *below = copy_found(g);
    return whole ? GLOB_YES : folder ? GLOB_FOLDER : GLOB_NO;
}

bool glob_match(struct glob *g, const char *path)
{
    start(g);
    step_text(g, path);
    if (fits_whole(g))
        return true;
    step_text(g, "/");
    return has_end(g, WITHIN); /* a "**" below a folder fits the folder; "dir/" does not fit what may be a file */
}

void glob_states_release(struct glob_states *s)
{
    free(s->items);
    *s = (struct glob_states){ NULL, 0 };
}

/* --- the text in front --- */

const char *glob_first_meta(const char *pattern)
{
    const char *element = pattern;
    for (const char *p = pattern; *p; p++) {
        if (strchr("*?[{", *p))
            return element;
        if (*p == '/')
            element = p + 1;
        if (*p == '\\' && p[1])
            p++;
    }
    return pattern + strlen(pattern);
}

char *glob_unescape(const char *text, size_t len)
{
    char *out = xmalloc(len + 1), *end = out;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\\' && i + 1 < len)
            i++;
        *end++ = text[i];
    }
    *end = '\0';
    return out;
}
