#include "base/yaml_problem.h"

#include "base/strbuf.h"

#include <stdbool.h>
#include <string.h>

/* Where in its line something stands. */
enum where {
    ANYWHERE,
    FIRST,       /* nothing but blanks before it */
    AFTER_VALUE, /* the end of a quote or a bracket before it */
    AFTER_KEY,   /* a `: ` before it */
};

#define TAB     "a tab: YAML is indented with blanks"
#define GOES_ON "text goes on after a closing quote or bracket: put the whole value between quotes, and write a quote in it twice"
#define COLON   "a value with `: ` in it must be quoted as a whole, 'like: this'"
#define LACKS   "has no end, or lacks a `,` before"

/* The first row that fits. */
static const struct advice {
    const char *problem, *context; /* what libyaml's words have in them; NULL: any */
    const char *begins;            /* one of these characters is there; NULL: any */
    enum where where;              /* the problem; AFTER_VALUE: or its context */
    enum { AT_PROBLEM, AT_CONTEXT } at;
    const char *sentence;
    bool shows;           /* it begins with the character */
    bool says_where;      /* it ends with the place of the problem */
} advices[] = {
    { "cannot start any token", NULL, "\t", ANYWHERE, AT_PROBLEM, TAB, false, false },
    { "found a tab character", NULL, NULL, ANYWHERE, AT_PROBLEM, TAB, false, false },
    { "cannot start any token", NULL, "@`%", ANYWHERE, AT_PROBLEM, "begins no value: quote what begins so", true, false },
    { "directive name", NULL, NULL, ANYWHERE, AT_CONTEXT, "begins no value: quote what begins so", true, false },
    { "alphabetic or numeric", NULL, NULL, AFTER_VALUE, AT_CONTEXT, GOES_ON, false, false },
    { "comment or line break", "block scalar", NULL, AFTER_VALUE, AT_CONTEXT, GOES_ON, false, false },
    { "alphabetic or numeric", "an alias", NULL, ANYWHERE, AT_CONTEXT,
      "begins an alias, *NAME: put text that begins so between quotes", true, false },
    { "alphabetic or numeric", "an anchor", NULL, ANYWHERE, AT_CONTEXT,
      "begins an anchor, &NAME: put text that begins so between quotes", true, false },
    { "end of stream", "quoted scalar", NULL, ANYWHERE, AT_CONTEXT, "this quote is not closed", false, false },
    { "unknown escape", NULL, NULL, ANYWHERE, AT_PROBLEM,
      "between \" quotes a backslash begins an escape, and this is none: write \\\\, or take ' quotes", false, false },
    { "',' or ']'", NULL, NULL, ANYWHERE, AT_CONTEXT, LACKS, true, true },
    { "',' or '}'", NULL, NULL, ANYWHERE, AT_CONTEXT, LACKS, true, true },
    { "expected key", NULL, "-", FIRST, AT_PROBLEM,
      "this line's indentation fits none above: a list's items are all in one column, below their key", false, false },
    { "expected key", NULL, NULL, FIRST, AT_PROBLEM,
      "this line's indentation fits none above: it begins in the column of the keys that it belongs to", false, false },
    { "expected '-'", NULL, NULL, FIRST, AT_PROBLEM,
      "this line's indentation fits none above: a list's items begin with `- `, all in one column", false, false },
    { "expected key", NULL, NULL, ANYWHERE, AT_PROBLEM, GOES_ON, false, false },
    { "expected '-'", NULL, NULL, ANYWHERE, AT_PROBLEM, GOES_ON, false, false },
    { "mapping values", NULL, NULL, AFTER_KEY, AT_PROBLEM, COLON, false, false },
    { "mapping values", NULL, NULL, AFTER_VALUE, AT_PROBLEM, COLON, false, false },
    { "mapping values", NULL, NULL, ANYWHERE, AT_PROBLEM,
      "a key where none can be: the line above lacks its `:`, or this one begins too far to the right", false, false },
    { "expected ':'", NULL, NULL, ANYWHERE, AT_CONTEXT, "neither a key, `KEY: value`, nor a list's item, `- item`", false,
      false },
    { "block sequence", NULL, NULL, ANYWHERE, AT_PROBLEM, "a list's first item begins on a line of its own, below the key",
      false, false },
    { "node content", NULL, "]},", ANYWHERE, AT_PROBLEM, "stands where a value should be: put it between quotes if it is one",
      true, false },
    { "node content", NULL, NULL, ANYWHERE, AT_PROBLEM, "a value is missing here, or a bracket above is not closed", false,
      false },
    { "comment or line break", "block scalar", NULL, ANYWHERE, AT_PROBLEM, "after `|` or `>` the text begins on the next line",
      false, false },
    { "UTF-8", NULL, NULL, ANYWHERE, AT_PROBLEM, "this is not UTF-8: save the file in that encoding", false, false },
};

/* libyaml tells where bytes are that it cannot read as text, but not in which line. */
static yaml_mark_t problem_mark(const yaml_parser_t *parser, const char *text, size_t len)
{
    yaml_mark_t at = parser->problem_mark;

    if (parser->error != YAML_READER_ERROR)
        return at;
    at.line = at.column = 0;
    for (size_t i = 0; i < parser->problem_offset && i < len; i++) {
        at.column++;
        if (text[i] == '\n') {
            at.line++;
            at.column = 0;
        }
    }
    return at;
}

/* Where the mark's line begins, and in *place the mark itself; both at the text's end when it has no such place. Columns
 * count characters. */
static const char *line_of(const char *text, size_t len, yaml_mark_t at, const char **place)
{
    const char *end = text + len, *line = text;

    for (size_t n = 0; n < at.line && line < end; n++) {
        const char *feed = memchr(line, '\n', (size_t)(end - line));
        line = feed ? feed + 1 : end;
    }
    *place = line;
    for (size_t n = 0; n < at.column && *place < end; n++)
        do
            ++*place;
        while (*place < end && (**place & 0xc0) == 0x80);
    return line;
}

static enum where where_is(const char *line, const char *place)
{
    const char *before = place;

    while (before > line && before[-1] == ' ')
        before--;
    if (before == line)
        return FIRST;
    if (strchr("\"']}", before[-1]))
        return AFTER_VALUE;
    return memmem(line, (size_t)(place - line), ": ", 2) ? AFTER_KEY : ANYWHERE;
}

static bool has(const char *words, const char *part)
{
    return !part || (words && strstr(words, part));
}

static bool is_about(const struct advice *a, enum where where, enum where context)
{
    return a->where == ANYWHERE || a->where == where || (a->where == AFTER_VALUE && context == AFTER_VALUE);
}

static const struct advice *find(const yaml_parser_t *parser, char at, enum where where, enum where context)
{
    for (size_t i = 0; i < sizeof(advices) / sizeof(*advices); i++) {
        const struct advice *a = &advices[i];
        if (has(parser->problem, a->problem) && has(parser->context, a->context) &&
            (!a->begins || (at && strchr(a->begins, at))) && is_about(a, where, context))
            return a;
    }
    return NULL;
}

char *yaml_problem(const yaml_parser_t *parser, const char *text, size_t len, yaml_mark_t *at)
{
    const yaml_mark_t problem = problem_mark(parser, text, len);
    const char *end = text + len, *place, *context;
    const char *line = line_of(text, len, problem, &place), *context_line = line_of(text, len, parser->context_mark, &context);
    const struct advice *a = find(parser, place < end ? *place : '\0', where_is(line, place), where_is(context_line, context));

    *at = problem;
    if (!a)
        return xasprintf("%s%s%s", parser->problem ? parser->problem : "cannot be read", parser->context ? ", " : "",
                         parser->context ? parser->context : "");
    if (a->at == AT_CONTEXT) {
        *at = parser->context_mark;
        place = context;
    }
    auto_strbuf out = STRBUF_TEXT;
    if (a->shows && place < end)
        strbuf_printf(&out, "'%c' ", *place);
    strbuf_puts(&out, a->sentence);
    if (a->says_where)
        strbuf_printf(&out, " %zu:%zu", problem.line + 1, problem.column + 1);
    return strbuf_take(&out);
}
