#include "executor/job_remains.h"

#include "executor/idle_network.h"
#include "executor/job_sockets.h"

void job_remains_remove(const struct config *c, const char *key)
{
    job_sockets_remove(c, key);
    idle_network_return(c, key);
}
