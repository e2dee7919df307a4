/* base/env_text.h: KEY=value lines, as docker compose reads .env and gitlab-runner writes --env-file. */
#ifndef BASE_ENV_TEXT_H
#define BASE_ENV_TEXT_H

#include "base/err.h"

#include <stdbool.h>

/* What is done with each variable. */
struct env_text {
    const char *dollar; /* what \$ between double quotes becomes */
    /* raw: it stood between single quotes, and no `$` in it means anything. */
    void (*add)(void *ctx, const char *key, const char *value, bool raw);
    void *ctx;
};

/* A value may be bare (up to " #" or the end of the line), "double" (\n, \t, \r,
 * \", \\ and \$ mean what they do in C and the shell; may go over several lines)
 * or 'single' (as it is, several lines too). `text` is followed by a NUL, as
 * file_read() gives it. Errors (ERR_JOB) say "NAME:LINE: problem". */
int env_text_parse(const char *name, const char *text, size_t len, const struct env_text *how, struct err *e);

#endif
