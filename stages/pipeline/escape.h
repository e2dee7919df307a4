/* stages/pipeline/escape.h: any text as one word of a shell. */
#ifndef STAGES_PIPELINE_ESCAPE_H
#define STAGES_PIPELINE_ESCAPE_H

#include "base/strbuf.h"

/* Append `text` as one word that bash, busybox' ash and zsh read back as the same
 * bytes: as it is when it has only A-Za-z0-9_,-./@, else as $'...'. */
void shell_escape(struct strbuf *out, const char *text);

#endif
