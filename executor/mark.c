#include "executor/mark.h"

#include "base/hex.h"
#include "base/number.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>

/* The kernel's (uid_t)-1 is nobody's. */
#define ID_MAX ((int64_t)UINT32_MAX - 1)

int mark_init(struct mark *m, struct err *e)
{
    unsigned char random[(MARK_LEN - 1) / 2];

    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return err_set(e, ERR_SYSTEM, errno, "random numbers: %s", strerror(errno));
    auto_free char *digits = hex_text(random, sizeof(random));
    *m = (struct mark){ .text = { '\1' } };
    memcpy(m->text + 1, digits, MARK_LEN - 1);
    return 0;
}

char *mark_word(const struct mark *m)
{
    return xstrndup(m->text + 1, MARK_LEN - 1);
}

/* Whether a mark may go on with it, but for the newline that ends one. */
static bool may_follow(const struct mark *m, char c)
{
    if (m->n < MARK_LEN)
        return c == m->text[m->n];
    return m->n < MARK_MAX && (c == ' ' || isdigit((unsigned char)c));
}

/* " UID GID", " PID" or all three: up to three numbers. How many; -1: something else. */
static int read_numbers(const char *text, int64_t numbers[3])
{
    int n = 0;

    for (; *text; n++) {
        size_t len = strcspn(text + 1, " ");
        auto_free char *one = xstrndup(text + 1, len);
        if (n == 3 || *text != ' ' || number_parse(one, 0, ID_MAX, &numbers[n]) < 0)
            return -1;
        text += 1 + len;
    }
    return n;
}

/* A newline has come: whether what is held is a whole mark. */
static bool take_mark(struct mark *m)
{
    int64_t numbers[3] = { 0 };

    if (m->n < MARK_LEN)
        return false;
    m->held[m->n] = '\0';
    int n = read_numbers(m->held + MARK_LEN, numbers);
    if (n < 0)
        return false;
    if (m->seen++ == 0) {
        m->wants_folder = n >= 2;
        m->uid = n >= 2 ? numbers[0] : 0;
        m->gid = n >= 2 ? numbers[1] : 0;
        m->pid = n == 1 || n == 3 ? numbers[n - 1] : 0;
    }
    m->n = 0;
    return true;
}

/* How much of what follows cannot be the beginning of a mark. */
static size_t plain(const struct mark *m, const char *data, size_t len)
{
    const char *first = m->seen < MARK_MOST ? memchr(data, m->text[0], len) : NULL;

    return first ? (size_t)(first - data) : len;
}

/* The mark's first byte stands nowhere else in it, so after a mismatch the search
 * can only begin anew at the byte that did not fit. */
int mark_filter(struct mark *m, const char *data, size_t len, mark_sink_fn *sink, void *ctx, struct err *e)
{
    for (size_t i = 0; i < len;) {
        size_t n = m->n == 0 ? plain(m, data + i, len - i) : 0;
        if (n > 0) {
            if (sink(ctx, data + i, n, e) < 0)
                return -1;
            i += n;
        } else if (may_follow(m, data[i])) {
            m->held[m->n++] = data[i++];
        } else if (data[i] == '\n' && take_mark(m)) {
            i++;
        } else if (mark_finish(m, sink, ctx, e) < 0) {
            return -1;
        }
    }
    return 0;
}

int mark_finish(struct mark *m, mark_sink_fn *sink, void *ctx, struct err *e)
{
    unsigned held = m->n;

    m->n = 0;
    return held ? sink(ctx, m->held, held, e) : 0;
}
