/* stages/pipeline/timeline_log.h: a job's log as HTML: its colours as classes, all else as text. Pure. */
#ifndef STAGES_PIPELINE_TIMELINE_LOG_H
#define STAGES_PIPELINE_TIMELINE_LOG_H

#include "base/strbuf.h"

/* Lines of text and <span class="…">, for the inside of a <pre>. Escape sequences other than those of colours are left
 * out, and what a carriage return would have overwritten is too. Of each byte at most eight are made, and a span for each
 * change of colour. */
void timeline_log(struct strbuf *out, const char *text, size_t len);

#endif
