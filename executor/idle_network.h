/* executor/idle_network.h: networks that wait for a job.
 *
 * To make a network and to remove it takes the daemon as long as a container's start (it runs iptables some thirty times), and
 * one in which no container is has nothing of the job that had it. So it is not removed with the job: the next one
 * gets it, whosever that is, and only `idle_networks` of them wait at a time. Jobs that have the daemon's socket could leave
 * something there; theirs are their own.
 *
 *     builds/.networks/<job's key>      a link, whose words are the name of the network that this job has
 *     builds/.networks/removal.<name>   the same of one that is to go, when nobody is in it
 *     builds/.networks.idle/<name>      the same of one that waits; of when it was given back
 *
 * To take one is to rename the link, so that only one job can. A name is written down before there is a network of it:
 * who gets a name makes the network, if it is not there. */
#ifndef EXECUTOR_IDLE_NETWORK_H
#define EXECUTOR_IDLE_NETWORK_H

#include "executor/host.h"

/* Whether jobs of the host's kind of job have such ones at all. */
bool idle_network_suits(const struct host *h);
/* Give a job of that key one that waits, or a new name; the one that it has stays its own. The name, the caller's. NULL: it
 * cannot be written down. */
char *idle_network_take(const struct config *c, const char *key);
/* The name of the one that the job has; the caller's, NULL: none. */
char *idle_network_of(const struct config *c, const char *key);
/* Give it a new name instead of the one that it has. */
char *idle_network_exchange(const struct config *c, const char *key);
/* All that the job had in it is removed: it waits for another one. */
void idle_network_return(const struct config *c, const char *key);
/* The same when it may be the network that the job failed by: no other one gets it. */
void idle_network_give_up(const struct config *c, const char *key);

enum idle_network { NETWORK_MISSING, NETWORK_EMPTY, NETWORK_TAKEN };

/* Ask the daemon for the network of that name. One that is not like those that are made now is removed, and one that is
 * older than a day, since the daemon's settings may be others by now. NETWORK_TAKEN: it is somebody else's, or somebody is
 * in it. */
int idle_network_look(struct engine *d, const char *name, enum idle_network *out, struct err *e);

/* Remove those that are to go, those that wait longer than so many seconds, and those above the configuration's number; *n
 * counts them, and `d` NULL does no more than that. Nobody is put out of one. */
int idle_network_prune(const struct config *c, struct engine *d, int64_t older_than, size_t *n, struct err *e);
/* Remove those that no link names here, and that are older than a day: their links are lost, or another host's, which makes
 * them anew. `apply` false: count them. */
int idle_network_sweep(const struct config *c, struct engine *d, bool apply, size_t *n, struct err *e);
/* Add the keys of the jobs that have had one since then (seconds since the epoch), or before. */
void idle_network_list(const struct config *c, int64_t before, struct strvec *keys);

/* As long as one may wait. */
#define IDLE_NETWORK_S ((int64_t)3600)

#endif
