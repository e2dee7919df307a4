#include "stages/deploy/hands.h"

#include "base/json.h"
#include "engine/archive.h"
#include "engine/container.h"
#include "stages/deploy/labels.h"

#include <string.h>
#include <time.h>

#define TAR_BLOCK  ((size_t)512)
#define NAME_BYTES ((size_t)98)

int hands_open(const struct hands *h, char **id, struct err *e)
{
    /* Else a new volume begins with what the image has there, and who owns it there. */
    json_t *options = strcmp(h->type, "volume") == 0 ? json_pack("{s:b}", "NoCopy", 1) : NULL;
    auto_json *body = json_pack("{s:s, s:[s], s:{s:s, s:s}, s:{s:s, s:[{s:s, s:s, s:s, s:o*}]}}", "Image", h->image, "Cmd",
                                "/nothing", "Labels", LABEL_UNIT, h->unit, LABEL_DUTY, DUTY_HANDS, "HostConfig",
                                "NetworkMode", "none", "Mounts", "Type", h->type, "Source", h->source, "Target", HANDS_PLACE,
                                "VolumeOptions", options);

    return container_create(h->engine, NULL, NULL, body, id, e);
}

/* ---- Entries as a tar ---- */

static const char zeroes[2 * TAR_BLOCK];

/* POSIX 1003.1, pax, "ustar interchange format". */
struct header {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], type, link[100], magic[6], version[2];
    char user[32], group[32], major[8], minor[8], prefix[155], rest[12];
};

static void fill_header(struct header *h, const struct hands_entry *entry)
{
    const unsigned char *bytes = (const unsigned char *)h;
    unsigned sum = 0;

    *h = (struct header){ .type = entry->data ? '0' : '5', .magic = "ustar", .version = { '0', '0' } };
    (void)snprintf(h->name, sizeof(h->name), "%s%s", entry->name, entry->data ? "" : "/");
    (void)snprintf(h->mode, sizeof(h->mode), "%07o", (unsigned)entry->mode & 07777);
    (void)snprintf(h->uid, sizeof(h->uid), "%07o", (unsigned)entry->owner & 07777777);
    (void)snprintf(h->gid, sizeof(h->gid), "%07o", (unsigned)entry->owner & 07777777);
    (void)snprintf(h->size, sizeof(h->size), "%011llo", (unsigned long long)(entry->data ? entry->len : 0) & 077777777777);
    (void)snprintf(h->mtime, sizeof(h->mtime), "%011llo", (unsigned long long)time(NULL) & 077777777777);
    memset(h->sum, ' ', sizeof(h->sum));
    for (size_t i = 0; i < sizeof(*h); i++)
        sum += bytes[i];
    (void)snprintf(h->sum, sizeof(h->sum), "%06o", sum & 0777777);
}

static ssize_t give(void *ctx, char *buf, size_t size, struct err *e)
{
    struct strbuf *rest = ctx;
    size_t n = rest->len < size ? rest->len : size;

    (void)e;
    memcpy(buf, strbuf_text(rest), n);
    strbuf_drop(rest, n);
    return (ssize_t)n;
}

static void put_entry(struct strbuf *tar, const struct hands_entry *entry)
{
    struct header header;

    fill_header(&header, entry);
    strbuf_putn(tar, (const char *)&header, sizeof(header));
    if (!entry->data)
        return;
    strbuf_putn(tar, entry->data, entry->len);
    strbuf_putn(tar, zeroes, (TAR_BLOCK - entry->len % TAR_BLOCK) % TAR_BLOCK);
}

int hands_put_all(struct engine *d, const char *id, const char *parent, const struct hands_entry *entries, size_t n,
                  struct err *e)
{
    auto_strbuf tar = STRBUF_TEXT;

    for (size_t i = 0; i < n; i++) {
        if (strlen(entries[i].name) > NAME_BYTES)
            return err_set(e, ERR_JOB, 0, "the name %s is longer than %zu bytes", entries[i].name, NAME_BYTES);
        put_entry(&tar, &entries[i]);
    }
    strbuf_putn(&tar, zeroes, sizeof(zeroes));
    return archive_put(d, id, parent, give, &tar, e);
}

int hands_put(struct engine *d, const char *id, const char *parent, const struct hands_entry *entry, struct err *e)
{
    return hands_put_all(d, id, parent, entry, 1, e);
}
