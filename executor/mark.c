#include "executor/mark.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

int mark_init(struct mark *m, struct err *e)
{
    unsigned char random[(MARK_LEN - 1) / 2];

    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return err_set(e, ERR_SYSTEM, errno, "random numbers: %s", strerror(errno));
    *m = (struct mark){ .text = { '\1' } };
    for (size_t i = 0; i < sizeof(random); i++)
        (void)snprintf(m->text + 1 + 2 * i, 3, "%02x", random[i]);
    m->text[MARK_LEN] = '\n';
    return 0;
}

char *mark_word(const struct mark *m)
{
    return xstrndup(m->text + 1, MARK_LEN - 1);
}

/* Its first byte stands nowhere else in the mark, so after a mismatch the search
 * can only begin anew at the byte that did not fit. */
int mark_filter(struct mark *m, const char *data, size_t len, mark_sink_fn *sink, void *ctx, struct err *e)
{
    size_t from = 0; /* first byte of data that is neither passed on nor held back */

    for (size_t i = 0; i < len && !m->seen; i++) {
        if (data[i] == m->text[m->matched]) {
            if (m->matched == 0 && i > from && sink(ctx, data + from, i - from, e) < 0)
                return -1;
            from = i + 1;
            m->seen = ++m->matched == MARK_LEN + 1;
        } else if (m->matched > 0) {
            if (sink(ctx, m->text, m->matched, e) < 0)
                return -1;
            m->matched = 0;
            from = i--; /* it may be the first byte of the mark */
        }
    }
    return from < len ? sink(ctx, data + from, len - from, e) : 0;
}

int mark_finish(struct mark *m, mark_sink_fn *sink, void *ctx, struct err *e)
{
    unsigned held = m->seen ? 0 : m->matched;

    m->matched = 0;
    return held ? sink(ctx, m->text, held, e) : 0;
}
