/* stages/pipeline/script_modules.h: submodules, from the repositories beside the project's own. */
#ifndef STAGES_PIPELINE_SCRIPT_MODULES_H
#define STAGES_PIPELINE_SCRIPT_MODULES_H

#include "stages/pipeline/script.h"

enum script_modules { MODULES_NONE, MODULES_NORMAL, MODULES_RECURSIVE, MODULES_UNKNOWN };

/* GIT_SUBMODULE_STRATEGY; nothing of it without a GIT_STRATEGY that has sources. */
enum script_modules script_modules_wanted(const struct variables *v);

/* In the project's folder, after its checkout. */
void script_modules(const struct script_source *src, struct strbuf *b);
/* Git LFS objects, unless GIT_LFS_SKIP_SMUDGE: where git-lfs is there, and the checkout has them. */
void script_lfs(const struct script_source *src, const char *pull, struct strbuf *b);

#endif
