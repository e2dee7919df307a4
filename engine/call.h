/* engine/call.h: one request to the daemon; for the files of this room only. */
#ifndef ENGINE_CALL_H
#define ENGINE_CALL_H

#include "engine/engine.h"

/* A call of the ordinary kind is answered in seconds; one that waits for a
 * container to die or a layer to be unpacked may take longer on a busy host. */
#define CALL_MS      ((int64_t)60000)
#define CALL_SLOW_MS ((int64_t)300000)
/* No deadline: as long as somebody else wants, ended by the watch. */
#define CALL_ENDLESS ((int64_t)-1)

struct engine_call {
    const char *what; /* "start container": with the name it begins the error's text */
    const char *name; /* the object's name or id, as it is; NULL: none */

    const char *method;
    const char *path;  /* without the version: "/containers/{}/start", {} being the name */
    const char *query; /* "all=1&filters=…", percent-encoded; NULL: none */
    const struct strvec *headers;
    const json_t *body; /* NULL: none */

    bool gone_is_fine;         /* 404 counts as success */
    const char *fine_conflict; /* 409 with this text in its message does; NULL: it does not */

    http_source_fn *source; /* a tar as the request's body, instead of `body` */
    void *source_ctx;
    http_source_fn *after; /* as in base/http.h */
    void *after_ctx;
    http_data_fn *on_data; /* gets the answer instead of *out */
    void *data_ctx;
    json_t **answer; /* of several calls: gets the parsed answer, a new reference; NULL: nobody asks */
    struct strvec *answer_headers; /* gets the answer's "name: value" when the call succeeds; NULL: nobody asks */

    const struct engine_watch *watch;
    int64_t timeout_ms; /* 0: CALL_MS */
    int64_t idle_ms;    /* without a byte; 0: none */
};

/* Make the call. 2xx, 304 and what the call says is fine are success; *out (may
 * be NULL) is then the parsed answer, a new reference, or NULL when the answer
 * has no body. */
int engine_call(struct engine *d, const struct engine_call *c, json_t **out, struct err *e);
/* A call that makes something: *id, the caller's, is the "Id" of the answer. */
int engine_call_id(struct engine *d, const struct engine_call *c, char **id, struct err *e);
/* That of an answer. */
int engine_answer_id(const struct engine_call *c, const json_t *answer, char **id, struct err *e);
/* n calls side by side; errs[i] tells of each; -1 if any failed. */
int engine_call_all(struct engine *d, const struct engine_call *c, struct err *errs, size_t n);

/* Turn an answer that is no success into an error as engine.h says. Always -1. */
int engine_refused(const struct engine_call *c, const struct http_response *r, struct err *e);
/* Put "what 'name': " before the error that is there. Always -1. */
int engine_wrap(const struct engine_call *c, struct err *e);

/* Append "key=value", percent-encoded, to a query. A NULL value adds nothing. */
void engine_query(struct strbuf *query, const char *key, const char *value);
/* The same for the key "filters": objects that bear every one of the labels. */
void engine_query_labels(struct strbuf *query, const struct strvec *labels);
/* GET a list of the objects that bear the labels. */
int engine_list(struct engine *d, const char *what, const char *path, const struct strvec *labels,
                json_t **out, struct err *e);

struct http *engine_http(struct engine *d);

#endif
