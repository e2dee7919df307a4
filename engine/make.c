#include "engine/make.h"

#include "engine/call.h"

#include <string.h>

/* What a request points to while it is under way. */
struct made {
    struct strbuf query;
    json_t *body;
    json_t *answer;
};

static struct engine_call network_call(const struct make *m, struct made *of)
{
    of->body = json_pack("{s:s, s:b, s:s, s:O*}", "Name", m->name, "CheckDuplicate", 1, "Driver", "bridge", "Labels",
                         m->labels);
    return (struct engine_call){
        .what = "create network", .name = m->name, .method = "POST", .path = "/networks/create", .body = of->body
    };
}

static struct engine_call container_call(const struct make *m, struct made *of)
{
    engine_query(&of->query, "name", m->name);
    engine_query(&of->query, "platform", m->platform);
    return (struct engine_call){
        .what = "create container",
        .name = m->name,
        .method = "POST",
        .path = "/containers/create",
        .query = strbuf_text(&of->query),
        .body = m->config,
        .timeout_ms = CALL_SLOW_MS,
    };
}

/* Podman 4 has another status for a name that is taken. */
static void mend_kind(struct err *e)
{
    if (e->code == 500 && strstr(err_text(e), "is already in use"))
        e->kind = ERR_CONFLICT;
}

int make_all(struct engine *d, struct make *all, struct err *errs, size_t n)
{
    auto_free struct made *made = xcalloc(n + 1, sizeof(*made));
    auto_free struct engine_call *calls = xcalloc(n + 1, sizeof(*calls));
    int rc = 0;

    for (size_t i = 0; i < n; i++) {
        made[i].query = (struct strbuf)STRBUF_TEXT;
        calls[i] = (all[i].config ? container_call : network_call)(&all[i], &made[i]);
        calls[i].answer = &made[i].answer;
    }
    (void)engine_call_all(d, calls, errs, n);
    for (size_t i = 0; i < n; i++) {
        if (errs[i].kind != ERR_NONE)
            mend_kind(&errs[i]);
        if (errs[i].kind != ERR_NONE || engine_answer_id(&calls[i], made[i].answer, &all[i].id, &errs[i]) < 0)
            rc = -1;
        strbuf_release(&made[i].query);
        json_decref(made[i].body);
        json_decref(made[i].answer);
    }
    return rc;
}
