/* executor/caches_verify.c: `atelier cache verify [KEY...]`: can the archives be read? Broken ones may go.
 *
 * atelier-helper reads them, one process an archive: this program links no
 * libarchive, and what jobs wrote is not for root to decode. It gets the archive as
 * an open file, since a path through folders that jobs write to could be another
 * one by then. */
#include "executor/caches.h"

#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "executor/program.h"

#include <string.h>
#include <unistd.h>

#define ANSWER_MAX 4096

enum verdict { VERDICT_SOUND, VERDICT_BROKEN, VERDICT_UNKNOWN, VERDICT_GONE, VERDICT_REMOVED, VERDICT_COUNT };

static const char *const verdict_words[VERDICT_COUNT] = { "ok", "broken", "failed", "gone", "broken" };

/* "ok", "broken: WHY" or "failed: WHY"; *why is the caller's. */
static enum verdict read_answer(const char *answer, char **why)
{
    size_t word = strcspn(answer, ":\n");
    const char *reason = answer + word + strspn(answer + word, ": ");

    *why = xstrndup(reason, strcspn(reason, "\n"));
    for (int i = VERDICT_SOUND; i <= VERDICT_UNKNOWN; i++)
        if (strlen(verdict_words[i]) == word && strncmp(answer, verdict_words[i], word) == 0)
            return (enum verdict)i;
    free(*why);
    *why = xstrdup("the helper gave no answer");
    return VERDICT_UNKNOWN;
}

static enum verdict ask(const char *helper, int fd, char **why)
{
    auto_free char *file = xasprintf("/proc/self/fd/%d", fd);
    const char *const argv[] = { helper, "cache-verify", file, NULL };
    const struct process_spec spec = { .argv = argv, .in = PROCESS_NULL, .err = PROCESS_PIPE, .keep_fd = fd };
    const struct process_limits none = { .timeout_ms = -1, .stop_fd = -1 };
    auto_strbuf answer = STRBUF_INIT(ANSWER_MAX);
    auto_err problem = ERR_INIT;

    if (process_collect(&spec, &none, &answer, &problem) == 0)
        return read_answer(strbuf_text(&answer), why);
    *why = xstrdup(err_text(&problem));
    return VERDICT_UNKNOWN;
}

static enum verdict verify_one(const struct caches *c, const char *helper, const struct store_entry *t, char **why)
{
    auto_err problem = ERR_INIT;
    auto_close int fd = -1;

    if (store_archive_open(c->root, t, &fd, &problem) == 0)
        return ask(helper, fd, why);
    *why = xstrdup(problem.kind == ERR_NOT_FOUND ? "it was removed meanwhile" : err_text(&problem));
    return problem.kind == ERR_NOT_FOUND ? VERDICT_GONE : VERDICT_UNKNOWN;
}

static bool is_wanted(const struct caches *c, const struct store_entry *t, bool *found)
{
    auto_free char *project = store_entry_project(t);
    auto_free char *whole = xasprintf("%s/%s", project, store_entry_key(t));
    bool wanted = !c->args[0];

    for (size_t i = 0; c->args[i]; i++) {
        bool fits = caches_fits(c->args[i], store_entry_key(t)) || caches_fits(c->args[i], whole) ||
                    caches_fits(c->args[i], t->path);
        found[i] = found[i] || fits;
        wanted = wanted || fits;
    }
    return wanted && t->has_archive;
}

static int missing(const struct caches *c, const bool *found, struct err *e)
{
    for (size_t i = 0; c->args[i]; i++) {
        auto_free char *shown = text_quote(c->args[i]);
        if (!found[i])
            return err_set(e, ERR_NOT_FOUND, 0, "no cache has the key '%s'; 'atelier cache ls' lists them", shown);
    }
    return 0;
}

/* What was read is what goes: one that was written or used since its folder was, or has a writer, stays. */
static enum verdict remove_broken(const struct caches *c, const struct store_entry *t, char **why)
{
    enum store_outcome outcome = STORE_REMOVED;
    auto_err problem = ERR_INIT;
    auto_free char *reason = *why;
    int rc = store_remove(c->root, t, c->now, &outcome, &problem);

    *why = xasprintf("%s; %s", reason, rc < 0 ? err_text(&problem) : outcome == STORE_IN_USE ? "in use, and stays" : "removed");
    return rc < 0 ? VERDICT_UNKNOWN : outcome == STORE_IN_USE ? VERDICT_BROKEN : VERDICT_REMOVED;
}

static int verify(const struct caches *c, const char *helper, bool *found, size_t counts[VERDICT_COUNT], struct err *e)
{
    for (size_t i = 0; i < c->index.n; i++) {
        const struct store_entry *t = &c->index.entries[i];
        auto_free char *why = NULL;
        if (!is_wanted(c, t, found))
            continue;
        enum verdict verdict = verify_one(c, helper, t, &why);
        if (verdict == VERDICT_BROKEN && c->in->remove)
            verdict = remove_broken(c, t, &why);
        auto_free char *path = text_quote(t->path);
        auto_free char *line = xasprintf("%-6s  %s%s%s\n", verdict_words[verdict], path, *why ? ": " : "", why);
        counts[verdict]++;
        if (fd_write(STDOUT_FILENO, line, strlen(line), e) < 0)
            return -1;
    }
    return missing(c, found, e);
}

int caches_verify(struct caches *c, struct err *e)
{
    size_t counts[VERDICT_COUNT] = { 0 }, keys = 0;
    static const char *const built[] = { "../cache/atelier-helper", NULL };
    auto_free char *helper = program_find(c->in->program, "atelier-helper", built, e);
    auto_strbuf out = STRBUF_TEXT;

    while (c->args[keys])
        keys++;
    auto_free bool *found = xcalloc(keys + 1, sizeof(*found));
    if (!helper || verify(c, helper, found, counts, e) < 0)
        return -1;
    strbuf_printf(&out, "%zu good, %zu broken, %zu not read", counts[VERDICT_SOUND],
                  counts[VERDICT_BROKEN] + counts[VERDICT_REMOVED], counts[VERDICT_UNKNOWN]);
    if (c->in->remove)
        strbuf_printf(&out, "; %zu removed", counts[VERDICT_REMOVED]);
    strbuf_putc(&out, '\n');
    caches_remark(c, &out);
    if (fd_write(STDOUT_FILENO, strbuf_text(&out), out.len, e) < 0)
        return -1;
    return counts[VERDICT_UNKNOWN] > 0 ? 2 : counts[VERDICT_BROKEN] > 0 ? 1 : 0;
}
