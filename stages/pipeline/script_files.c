#include "stages/pipeline/script_files.h"

#include "base/json.h"
#include "stages/pipeline/escape.h"
#include "stages/pipeline/script_text.h"

#include <inttypes.h>

#define HELPER "gitlab-runner"

/* A helper image without the helper turns all of this off, and the job goes on. */
static void guard_begin(struct strbuf *b)
{
    script_line(b, "if " HELPER " --version >/dev/null 2>&1 ; then");
}

static void guard_end(struct strbuf *b, const char *action)
{
    auto_free char *text = xasprintf("Missing " HELPER ". %s is disabled.", action);

    script_line(b, "else");
    script_echo_yellow(b, text);
    script_line(b, "fi");
}

__attribute__((format(printf, 2, 3))) static void say(struct strbuf *b, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    auto_free char *text = xvasprintf(fmt, args);
    va_end(args);
    script_echo_green(b, text);
}

static void option(struct strbuf *b, const char *name, const char *value)
{
    strbuf_putc(b, ' ');
    script_words(b, name, value, NULL);
}

static void options(struct strbuf *b, const char *name, char *const *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        option(b, name, values[i]);
}

static bool fits(enum ci_when when, bool passed)
{
    return when == WHEN_ALWAYS || when == (passed ? WHEN_ON_SUCCESS : WHEN_ON_FAILURE);
}

/* ---- Caches ---- */

bool script_files_restores(const struct job_files *f)
{
    return f->n_caches > 0;
}

/* One key after the other, each within the `else` of the one before. */
static void extract(const struct job_cache *c, int64_t timeout, struct strbuf *b)
{
    size_t open = 0;

    for (size_t i = 0; i < c->keys.n; i++) {
        if (!*c->keys.items[i])
            continue;
        say(b, "Checking cache for %s...", c->keys.items[i]);
        strbuf_puts(b, "if " HELPER " cache-extractor");
        option(b, "--file", c->files.items[i]);
        strbuf_printf(b, " --timeout %" PRId64 " ; then\n", timeout);
        script_echo_green(b, "Successfully extracted cache");
        script_line(b, "else");
        script_echo_yellow(b, "Failed to extract cache");
        open++;
    }
    while (open-- > 0)
        script_line(b, "fi");
}

static void restore_cache(const struct job_cache *c, int64_t timeout, struct strbuf *b)
{
    for (size_t i = 0; i < c->notes.n; i++) {
        auto_free char *note = xasprintf("WARNING: %s", c->notes.items[i]);
        script_echo_yellow(b, note);
    }
    if (!c->pulls) {
        say(b, "Not downloading cache %s due to policy", c->keys.items[0]);
        return;
    }
    if (!*c->keys.items[0]) {
        say(b, "Skipping cache extraction due to empty cache key");
        return;
    }
    guard_begin(b);
    extract(c, timeout, b);
    guard_end(b, "Extracting cache");
}

void script_files_restore(const struct job_files *f, struct strbuf *b)
{
    for (size_t i = 0; i < f->n_caches; i++)
        restore_cache(&f->caches[i], f->cache_timeout, b);
}

bool script_files_saves(const struct job_files *f, bool passed)
{
    for (size_t i = 0; i < f->n_caches; i++)
        if (fits(f->caches[i].rules->when, passed))
            return true;
    return false;
}

static void archive(const struct job_cache *c, int64_t timeout, struct strbuf *b)
{
    auto_json *metadata = json_pack("{s:s}", "cachekey", c->keys.items[0]);
    auto_free char *text = metadata ? json_compact(metadata) : xstrdup("{}");

    say(b, "Creating cache %s...", c->keys.items[0]);
    strbuf_puts(b, "if " HELPER " cache-archiver");
    option(b, "--file", c->files.items[0]);
    strbuf_printf(b, " --timeout %" PRId64, timeout);
    options(b, "--path", c->rules->paths.items, c->rules->paths.n);
    if (c->rules->untracked)
        strbuf_puts(b, " --untracked");
    option(b, "--metadata", text);
    script_line(b, " ; then");
    script_echo_green(b, "Created cache");
    script_line(b, "else");
    script_echo_yellow(b, "Failed to create cache");
    script_line(b, "fi");
}

static void save_cache(const struct job_cache *c, int64_t timeout, struct strbuf *b)
{
    if (!c->pushes) {
        say(b, "Not uploading cache %s due to policy", c->keys.items[0]);
        return;
    }
    if (!*c->keys.items[0]) {
        say(b, "Skipping cache archiving due to empty cache key");
        return;
    }
    guard_begin(b);
    archive(c, timeout, b);
    guard_end(b, "Creating cache");
}

void script_files_save(const struct job_files *f, bool passed, struct strbuf *b)
{
    for (size_t i = 0; i < f->n_caches; i++)
        if (fits(f->caches[i].rules->when, passed))
            save_cache(&f->caches[i], f->cache_timeout, b);
}

bool script_files_ask_git(const struct job_files *f)
{
    for (size_t i = 0; i < f->n_caches; i++)
        if (f->caches[i].rules->untracked)
            return true;
    for (size_t i = 0; i < f->n_uploads; i++)
        if (f->uploads[i].archive && f->uploads[i].archive->untracked)
            return true;
    return false;
}

/* ---- Artifacts ---- */

bool script_files_takes(const struct job_files *f)
{
    return f->n_downloads > 0;
}

/* The token is in the environment, and needs not be in anybody's list of processes. */
void script_files_take(const struct job_files *f, struct strbuf *b)
{
    guard_begin(b);
    for (size_t i = 0; i < f->n_downloads; i++) {
        const struct job_download *d = &f->downloads[i];
        say(b, "Downloading artifacts for %s (%" PRId64 ")...", d->job, d->id);
        strbuf_puts(b, HELPER " artifacts-downloader");
        option(b, "--url", d->url);
        strbuf_printf(b, " --id %" PRId64 "\n", d->id);
    }
    guard_end(b, "Artifacts downloading");
}

bool script_files_leaves(const struct job_files *f, bool passed)
{
    for (size_t i = 0; i < f->n_uploads; i++)
        if (fits(f->uploads[i].when, passed))
            return true;
    return false;
}

static void upload(const struct job_upload *u, const char *url, struct strbuf *b)
{
    script_echo_green(b, "Uploading artifacts...");
    strbuf_puts(b, HELPER " artifacts-uploader");
    option(b, "--url", url);
    options(b, "--path", u->paths, u->n_paths);
    if (u->archive)
        options(b, "--exclude", u->archive->exclude.items, u->archive->exclude.n);
    if (u->archive && u->archive->untracked)
        strbuf_puts(b, " --untracked");
    option(b, "--name", u->name);
    option(b, "--artifact-format", u->format);
    option(b, "--artifact-type", u->type);
    strbuf_putc(b, '\n');
}

void script_files_leave(const struct job_files *f, bool passed, struct strbuf *b)
{
    guard_begin(b);
    for (size_t i = 0; i < f->n_uploads; i++)
        if (fits(f->uploads[i].when, passed))
            upload(&f->uploads[i], f->url, b);
    guard_end(b, "Uploading artifacts");
}
