#include "stages/deploy/data_folder.h"

#include "engine/archive.h"
#include "engine/container.h"
#include "stages/deploy/container_body.h"
#include "stages/deploy/hands.h"

#include <string.h>

/* One folder of the way. `owned`: it belongs to the services. */
static int make_one(const struct data_folders *f, const char *hands, const char *parent, const char *name, bool owned,
                    struct err *e)
{
    const struct hands_entry entry = { .name = name, .mode = 0755, .owner = owned ? DATA_OWNER : 0 };
    auto_free char *path = xasprintf("%s/%s", parent, name);
    enum archive_kind kind = ARCHIVE_OTHER;
    auto_err missing = ERR_INIT;

    if (archive_stat(f->engine, hands, path, &kind, &missing) < 0)
        return missing.kind == ERR_NOT_FOUND ? hands_put(f->engine, hands, parent, &entry, e) : err_move(e, &missing);
    if (kind == ARCHIVE_FOLDER)
        return 0;
    return err_set(e, ERR_JOB, 0, "%s%s is a %s on the target, and no folder; remove it there", f->target->data,
                   path + strlen(HANDS_PLACE), kind == ARCHIVE_LINK ? "link" : "file");
}

/* From the target's own folder down. What begins at `owned_from` is the services'. */
static int make_path(const struct data_folders *f, const char *hands, const char *path, size_t owned_from, struct err *e)
{
    auto_free char *parent = xstrdup(HANDS_PLACE);
    int rc = 0;

    for (const char *part = path; rc == 0 && *part;) {
        size_t len = strcspn(part, "/");
        auto_free char *name = xstrndup(part, len);
        rc = make_one(f, hands, parent, name, (size_t)(part - path) >= owned_from, e);
        char *next = xasprintf("%s/%s", parent, name);
        free(parent);
        parent = next;
        part += len + (part[len] == '/');
    }
    return rc;
}

static int open_hands(const struct data_folders *f, char **id, struct err *e)
{
    const struct hands hands = { f->engine, f->who->unit, f->image, "bind", f->target->data };

    if (hands_open(&hands, id, e) == 0)
        return 0;
    if (strstr(err_text(e), "bind source path does not exist"))
        return err_set(e, ERR_CONFIG, 0, "target '%s' has no folder %s; its owner makes it there: mkdir -p %s",
                       f->target->name, f->target->data, f->target->data);
    return -1;
}

int data_folders_make(const struct data_folders *f, const struct compose_service *s, struct err *e)
{
    auto_free char *folder = body_data_folder(f->target, f->who);
    auto_free char *hands = NULL;
    int rc = 0;

    if (s->n_volumes == 0 || !folder)
        return 0;
    if (open_hands(f, &hands, e) < 0)
        return err_wrap(e, "make the folders of service '%s'", s->name);
    const char *own = folder + strlen(f->target->data) + 1;
    for (size_t i = 0; rc == 0 && i < s->n_volumes; i++) {
        auto_free char *path = xasprintf("%s/%s", own, s->volumes[i].source);
        rc = make_path(f, hands, path, strlen(own) + 1, e);
    }
    (void)container_remove(f->engine, hands, NULL);
    return rc < 0 ? err_wrap(e, "make the folders of service '%s'", s->name) : 0;
}
