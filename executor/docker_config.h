/* executor/docker_config.h: a Docker client's configuration (config.json): the logins to registries in it. */
#ifndef EXECUTOR_DOCKER_CONFIG_H
#define EXECUTOR_DOCKER_CONFIG_H

#include "base/log.h"
#include "executor/credential_helper.h"

/* The registry or folder of a registry that a key of the configuration means, as images are named: without scheme,
 * "/v1/" and final slashes, the host in lower case, Docker Hub as "docker.io". The caller's. */
char *docker_config_registry(const char *key);

/* What `docker login` calls a registry in `auths`, by its name as docker_config_registry() gives it. Borrowed. */
const char *docker_config_key(const char *registry);

/* The login for `image`: of the longest path that the configuration has one for (HOST/A/B, HOST/A, HOST), and for
 * one path from `credHelpers`, then `credsStore`, then `auths`. Empty when there is none. A helper that is missing
 * or fails is a warning to `log`; ERR_CONFIG when the entry that counts cannot be read. */
int docker_config_find(const json_t *doc, const struct image_reference *image, const struct credential_helper *helper,
                       const struct log *log, struct login *out, struct err *e);

#endif
