/* stages/deploy/routing_segment.h: the labels of Traefik 1 on one container, by segment, as Traefik 1 finds them.
 *
 * A segment is a second way into a container: `traefik.admin.port`, `traefik.admin.frontend.rule`. It inherits what is
 * said for the container, which then has no way of its own. */
#ifndef STAGES_DEPLOY_ROUTING_SEGMENT_H
#define STAGES_DEPLOY_ROUTING_SEGMENT_H

#include "base/strvec.h"

#include <stdbool.h>

struct routing_label {
    char *label;     /* as it was written: "traefik.admin.port" */
    const char *key; /* in `label`, behind the segment's name: "port" */
    char *value;     /* without white space around it; never empty: those say nothing */
    size_t written;  /* length of the value as it was written */
    bool inherited;
};
struct routing_segment {
    char *name; /* "": the container itself */
    struct routing_label *labels;
    size_t n;
};
struct routing_segments {
    struct routing_segment *items;
    size_t n;
};

#define ROUTING_SEGMENTS_INIT { NULL, 0 }

/* `labels` are "key=value"; those that do not begin with "traefik." are left out. At least one segment. */
void routing_segments_of(const struct strvec *labels, struct routing_segments *out);
void routing_segments_release(struct routing_segments *s);
/* NULL: there is none. */
const struct routing_label *routing_segment_find(const struct routing_segment *s, const char *key);
/* Whether both have the letters, small or capital, as label names are compared here. */
bool routing_same(const char *a, const char *b);

#define auto_routing_segments __attribute__((cleanup(routing_segments_release))) struct routing_segments

#endif
