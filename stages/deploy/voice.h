/* stages/deploy/voice.h: what a deploy says: lines without secrets. */
#ifndef STAGES_DEPLOY_VOICE_H
#define STAGES_DEPLOY_VOICE_H

#include "base/mask.h"
#include "stages/deploy/deploy.h"

struct voice {
    deploy_say_fn *say;
    void *ctx;
    struct mask mask;
};

void voice_open(const struct deploy_context *c, struct voice *out);
/* The environment's secrets, also those that were made while its file was read. */
void voice_learn(struct voice *v, const struct deploy_environment *environment);
/* One line; each secret in it is masked, control characters are made visible. */
void voice_line(const struct voice *v, enum log_level level, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Text of a container: each of its lines behind "  NAME | ". */
void voice_text(const struct voice *v, const char *name, const char *text);
/* The error's own text, masked. */
void voice_mask_error(const struct voice *v, struct err *e);
void voice_release(struct voice *v);

#define voice_info(v, ...)    voice_line((v), LOG_INFO, __VA_ARGS__)
#define voice_warning(v, ...) voice_line((v), LOG_WARNING, __VA_ARGS__)

#endif
