/* stages/shell_word.h: reads back the words that gitlab-runner writes into its scripts. */
#ifndef STAGES_SHELL_WORD_H
#define STAGES_SHELL_WORD_H

#include "base/strbuf.h"

enum shell_quotes {
    WORD_BARE,   /* characters that no shell minds */
    WORD_EMPTY,  /* '' */
    WORD_ANSI,   /* $'…' */
    WORD_DOUBLE, /* "…" with nothing in it that a shell would expand */
};

/* A word that begins at a place in a text. */
struct shell_word {
    enum shell_quotes quotes;
    size_t inner;     /* where its first byte stands, after the opening quotes */
    size_t inner_end; /* and where its last one ended */
    size_t end;       /* after the closing quotes */
};

/* The word that begins at `at`. Its meaning is appended to `meaning`, which may be NULL. -1 when there is none in a form
 * that is known, or one of a meaning beyond the buffer's limit. */
int shell_word_read(const char *text, size_t len, size_t at, struct shell_word *out, struct strbuf *meaning);

/* How many bytes of the text, at `at` in a word with those quotes, make the next one of its meaning; 0 at the word's
 * end, -1 where it is broken. */
int shell_word_step(enum shell_quotes quotes, const char *text, size_t len, size_t at, char *byte);

#endif
