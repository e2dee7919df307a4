/* stages/pipeline/script_text.h: pieces of shell, from texts that may be anything. */
#ifndef STAGES_PIPELINE_SCRIPT_TEXT_H
#define STAGES_PIPELINE_SCRIPT_TEXT_H

#include "base/strbuf.h"

/* As the runner shows what it does. */
#define SCRIPT_GREEN "\033[32;1m"
#define SCRIPT_RESET "\033[0;m"

/* A line that is shell already. */
void script_line(struct strbuf *b, const char *text);
/* A command whose words are any text, ended by NULL. */
__attribute__((sentinel)) void script_command(struct strbuf *b, ...);
/* The same without the line's end, for more words to follow. */
__attribute__((sentinel)) void script_words(struct strbuf *b, ...);
/* A variable that holds flags: split at blanks by us, so that the shell sees words. "none" is no flag at all; unset or
 * empty is `otherwise`. */
void script_flags(struct strbuf *b, const char *value, const char *otherwise);
void script_echo(struct strbuf *b, const char *text);
/* What it does, and what went wrong. */
void script_echo_green(struct strbuf *b, const char *text);
void script_echo_yellow(struct strbuf *b, const char *text);

#endif
