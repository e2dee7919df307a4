/* stages/pipeline/script_git.h: `get_sources` of a job whose project folder is no snapshot: as GIT_STRATEGY says, from the
 * repository beside the folder.
 *
 * `fetch` begins with what the slot's earlier job left in the folder, and trusts nothing of git's in it: its locks, hooks
 * and settings go first; where it names commits in another format than this job's (SHA-1, SHA-256), all goes. */
#ifndef STAGES_PIPELINE_SCRIPT_GIT_H
#define STAGES_PIPELINE_SCRIPT_GIT_H

#include "stages/pipeline/script.h"

/* With the submodules and the Git LFS objects (script_modules.h). */
void script_git(const struct script_source *src, struct strbuf *b);

#endif
