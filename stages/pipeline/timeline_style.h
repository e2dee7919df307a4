/* stages/pipeline/timeline_style.h: how the page of --timeline looks, by day and by night. */
#ifndef STAGES_PIPELINE_TIMELINE_STYLE_H
#define STAGES_PIPELINE_TIMELINE_STYLE_H

extern const char timeline_style[];

/* "sha256-…": by it a browser takes this style and no other. The caller's. */
char *timeline_style_hash(void);

#endif
