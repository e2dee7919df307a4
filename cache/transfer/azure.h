/* cache/transfer/azure.h: a cache archive in Azure's blob storage: azblob://CONTAINER/KEY.
 *
 * gitlab-runner never presigns those: it gives a shared access signature (SAS) in the environment, which goes
 * behind the `?` of the address (contract 3.5). */
#ifndef CACHE_TRANSFER_AZURE_H
#define CACHE_TRANSFER_AZURE_H

#include "cache/transfer/object.h"

#define AZURE_SCHEME "azblob://"

/* `url` and the environment (KEY=value) to an object. ERR_CONFIG: no container, no account or no SAS; the text
 * names the variable. */
int azure_object(const char *url, const struct strvec *env, struct object *out, struct err *e);

#endif
