#include "executor/job_sockets.h"

#include "executor/deploy_way.h"
#include "executor/direct_way.h"

void job_sockets_remove(const struct config *c, const char *key)
{
    deploy_way_remove(c, key);
    direct_way_remove(c, key);
}
