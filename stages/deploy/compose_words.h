/* stages/deploy/compose_words.h: a command's text as words, as docker-compose splits it. */
#ifndef STAGES_DEPLOY_COMPOSE_WORDS_H
#define STAGES_DEPLOY_COMPOSE_WORDS_H

#include "base/strvec.h"

#include <stdbool.h>

/* Split at white space. 'x' is as it is; between double quotes a backslash keeps its meaning before ", \, $ and `
 * alone; elsewhere it takes the next character as it is. One at a line's end joins it with the next. No shell reads it:
 * *operator is set when a word is one that a shell would have acted upon (&&, |, >, ;), so that somebody can be told. -1
 * when a quote is never closed. */
int compose_words(const char *text, struct strvec *out, bool *operator);

#endif
