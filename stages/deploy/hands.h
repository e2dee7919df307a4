/* stages/deploy/hands.h: folders and files on the target, through its daemon alone: a container that never runs has
 * their place mounted, and takes them as a tar. */
#ifndef STAGES_DEPLOY_HANDS_H
#define STAGES_DEPLOY_HANDS_H

#include "engine/engine.h"

#include <sys/types.h>

/* Where that container has the place. */
#define HANDS_PLACE "/atelier-place"

struct hands {
    struct engine *engine;
    const char *unit;
    const char *image;          /* any that the target has; nothing of it runs */
    const char *type, *source;  /* of the mount: "bind" and a folder, "volume" and a name */
};

/* *id is the caller's, to be removed with container_remove(). */
int hands_open(const struct hands *h, char **id, struct err *e);

struct hands_entry {
    const char *name; /* in `parent` */
    const char *data; /* a file's; NULL: a folder */
    size_t len;
    mode_t mode;
    int owner; /* user and group */
};
int hands_put(struct engine *d, const char *id, const char *parent, const struct hands_entry *entry, struct err *e);
/* Several by one call. */
int hands_put_all(struct engine *d, const char *id, const char *parent, const struct hands_entry *entries, size_t n,
                  struct err *e);

#endif
