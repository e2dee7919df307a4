#include "cache/archive/extraction.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

enum { MOST_DECODERS = 2, WORTH_SHARING = 4 << 20, LARGE_DIRECTORY = 8 << 20 };

/* libarchive turns names into the thread's character set, and that is UTF-8 whatever the environment says. */
static locale_t use_utf8(locale_t utf8)
{
    return uselocale(utf8 ? utf8 : LC_GLOBAL_LOCALE);
}

struct helper {
    struct decoder *decoder;
    locale_t utf8;
    pthread_t thread;
    bool runs;
};

static void wake_outputs(void *outputs)
{
    outputs_wake(outputs);
}

static int open_reader(struct decoder *d, struct err *e)
{
    if (reader_open(&d->reader, e) < 0)
        return -1;
    reader_before_waiting(&d->reader, wake_outputs, d->x->outputs);
    return 0;
}

static void *help(void *ctx)
{
    struct helper *h = ctx;
    auto_err e = ERR_INIT;

    (void)use_utf8(h->utf8);
    if (open_reader(h->decoder, &e) < 0 || decoder_run(h->decoder, NULL, &e) < 0)
        (void)outputs_fail(h->decoder->x->outputs, &e);
    return NULL;
}

static void decoder_init(struct decoder *d, struct extraction *x, unsigned share, unsigned shares)
{
    d->x = x;
    d->tree = x->model;
    d->share = share;
    d->shares = shares;
}

/* What a zip's last record says of its directory, which libarchive keeps in memory, in half as much again; one with a
 * comment behind it is not looked for. */
static bool has_small_directory(const struct reader *r)
{
    unsigned char end[22];
    uint32_t size;

    if (pread(r->fd, end, sizeof end, r->size - (int64_t)sizeof end) != (ssize_t)sizeof end || memcmp(end, "PK\5\6", 4) != 0)
        return false;
    memcpy(&size, end + 12, sizeof size);
    return le32toh(size) <= LARGE_DIRECTORY;
}

/* Of a zip, every decoder sees all names and takes its share; skipping is a seek. */
static unsigned decoders_for(const struct reader *r)
{
    if (r->format != FORMAT_ZIP || r->size < WORTH_SHARING || archive_threads() < 2)
        return 1;
    return r->directory || has_small_directory(r) ? MOST_DECODERS : 1;
}

static void decode(struct decoder *d, unsigned n, struct archive_entry *first, locale_t utf8)
{
    struct helper helpers[MOST_DECODERS] = { 0 };
    auto_err e = ERR_INIT;

    for (unsigned i = 1; i < n; i++) {
        helpers[i] = (struct helper){ .decoder = &d[i], .utf8 = utf8 };
        helpers[i].runs = pthread_create(&helpers[i].thread, NULL, help, &helpers[i]) == 0;
    }
    if (decoder_run(&d[0], first, &e) < 0)
        (void)outputs_fail(d->x->outputs, &e);
    for (unsigned i = 1; i < n; i++)
        if (helpers[i].runs)
            (void)pthread_join(helpers[i].thread, NULL);
        else
            (void)help(&helpers[i]);
}

static void sum_up(const struct decoder *d, unsigned n, struct archive_totals *out)
{
    *out = (struct archive_totals){ .archive = d->reader.at };
    for (unsigned i = 0; i < n; i++) {
        out->files += d[i].totals.files;
        out->folders += d[i].totals.folders;
        out->links += d[i].totals.links;
        out->bytes += d[i].totals.bytes;
        out->left_out += d[i].totals.left_out;
    }
}

/* Nothing has been made so far: the first header, and for a zip its whole directory, has been read. */
static int extract_all(struct extraction *x, struct decoder *d, struct archive_entry *first, locale_t utf8, struct err *e)
{
    unsigned n = decoders_for(&d->reader), replaced = 0;

    decoder_init(&d[0], x, 0, n);
    for (unsigned i = 1; i < n; i++) {
        decoder_init(&d[i], x, i, n);
        reader_copy(&d[i].reader, &d->reader);
    }
    x->outputs = outputs_open(&x->model, archive_threads());
    reader_before_waiting(&d->reader, wake_outputs, x->outputs);
    decode(d, n, first, utf8);
    int result = outputs_close(x->outputs, &replaced, e);
    if (result == 0)
        result = decoders_finish(d, n, e);
    for (unsigned i = 0; i < n; i++)
        replaced += d[i].tree.replaced;
    if (replaced > 0)
        report_line(x->report, LOG_WARNING, "%u links that were in the way of the archive's folders have been replaced",
                    replaced);
    return result;
}

static int extract(struct extraction *x, struct decoder *d, int fd, locale_t utf8, struct err *e)
{
    struct archive_entry *first = NULL;

    if (reader_examine(&d->reader, fd, x->model.at.root, e) < 0 || reader_open(&d->reader, e) < 0)
        return -1;
    int there = reader_next(&d->reader, &first, e);
    return there > 0 ? extract_all(x, d, first, utf8, e) : there;
}

int archive_extract(int fd, const char *root, const struct extract_rules *rules, const struct report *report,
                    struct archive_totals *out, struct err *e)
{
    auto_close int folder = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct extraction x = { .rules = rules, .report = report, .model = TREE_INIT(folder, tree_umask(), rules->owners) };
    struct decoder decoders[MOST_DECODERS] = { 0 };

    if (folder < 0)
        return err_set(e, ERR_SYSTEM, errno, "open '%s': %s", root, strerror(errno));
    for (unsigned i = 0; i < MOST_DECODERS; i++)
        decoders[i].tree = x.model;
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", NULL), before = use_utf8(utf8);
    int result = extract(&x, decoders, fd, utf8, e);
    if (out)
        sum_up(decoders, MOST_DECODERS, out);
    for (unsigned i = 0; i < MOST_DECODERS; i++)
        decoder_release(&decoders[i]);
    (void)uselocale(before);
    if (utf8)
        freelocale(utf8);
    return result;
}
