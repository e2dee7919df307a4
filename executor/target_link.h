/* executor/target_link.h: the connection to a deploy target's daemon, by whatever way its address names. */
#ifndef EXECUTOR_TARGET_LINK_H
#define EXECUTOR_TARGET_LINK_H

#include "engine/engine.h"
#include "executor/ssh_tunnel.h"
#include "stages/deploy/target.h"

struct target_link {
    struct engine *engine;
    struct ssh_tunnel tunnel;
};

#define TARGET_LINK_INIT { NULL, SSH_TUNNEL_INIT }

/* Errors say which target, and never what its owner wrote of keys and certificates. `stop_fd` readable:
 * ERR_CANCELLED; -1: none. */
int target_link_open(const struct target *t, int stop_fd, struct target_link *out, struct err *e);
void target_link_close(struct target_link *link);

#define auto_target_link __attribute__((cleanup(target_link_close))) struct target_link

#endif
