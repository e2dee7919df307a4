/* base/json.h: reading JSON that others wrote, with jansson, tolerant of what may be missing.
 *
 * Nothing here fails because a member is missing, null or of another type than
 * the reader hoped: it answers the default. Numbers that come as strings and
 * strings that come as numbers are taken (gitlab-runner's payloads have both). */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/err.h"
#include "base/strvec.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Parse `len` bytes. `what` names the document in the error ("the daemon's answer").
 * Refuses trailing text, duplicate-key tricks are resolved to the last one. A NUL
 * character, which no text of C can hold, is U+FFFD afterwards. */
int json_parse(const char *text, size_t len, const char *what, json_t **out, struct err *e);

const char *json_text(const json_t *object, const char *key); /* borrowed; "" when there is none */
/* As json_text, but a number is written out; owned, never NULL. */
char *json_text_any(const json_t *object, const char *key);
int64_t json_number(const json_t *object, const char *key, int64_t otherwise);
bool json_flag(const json_t *object, const char *key, bool otherwise);
/* The strings of an array member, appended; anything else in it is left out. */
void json_list(const json_t *object, const char *key, struct strvec *out);
/* A member of a member: json_at(doc, "State", "Health", "Status"); borrowed, NULL when missing. */
#define json_at(object, ...) json_at_path((object), (const char *const[]){ __VA_ARGS__, NULL })
json_t *json_at_path(const json_t *object, const char *const *keys); /* NULL-terminated */
/* An array of the vector's strings; a new reference. */
json_t *json_strings(const struct strvec *v);
/* Compact text, the caller's. */
char *json_compact(const json_t *value);

static inline void json_release(json_t **v)
{
    json_decref(*v);
}
#define auto_json __attribute__((cleanup(json_release))) json_t

#endif
