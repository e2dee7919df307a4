/* executor/ssh_tunnel.h: a daemon on a machine that is reached by ssh.
 *
 * The system's `ssh` does it, with the configuration, keys and known hosts of whom we run as: it forwards a socket in
 * a folder of our own to the daemon's socket there, runs nothing on that machine, and asks nobody anything. */
#ifndef EXECUTOR_SSH_TUNNEL_H
#define EXECUTOR_SSH_TUNNEL_H

#include "base/process.h"

struct ssh_tunnel {
    struct process ssh;
    char *folder; /* private */
    char *host;   /* "unix://…": where the daemon is now */
};

#define SSH_TUNNEL_INIT { PROCESS_INIT, NULL, NULL }
#define SSH_SCHEME      "ssh://"

/* `address` is ssh://[user@]host[:port][/path/of/the/socket]. `stop_fd` readable: ERR_CANCELLED; -1: none.
 * ERR_CONFIG: the address is none, or there is no ssh. ERR_SYSTEM: what ssh said, in one line. */
int ssh_tunnel_open(const char *address, int stop_fd, struct ssh_tunnel *out, struct err *e);
void ssh_tunnel_close(struct ssh_tunnel *t);

#endif
