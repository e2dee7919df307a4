/* stages/pipeline/markup.h: text of anybody's as part of an HTML or SVG file. Pure. */
#ifndef STAGES_PIPELINE_MARKUP_H
#define STAGES_PIPELINE_MARKUP_H

#include "base/strbuf.h"

/* Append it so that it is text to a browser wherever it stands, between tags or in a quoted attribute: what has a meaning
 * is written as what it looks like, and what is no character (UTF-8, XML 1.0) as U+FFFD. */
void markup_text(struct strbuf *out, const char *text, size_t len);
void markup_word(struct strbuf *out, const char *text);

#endif
