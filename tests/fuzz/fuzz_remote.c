/* A remote's address is a project's place without a name, a password or a way up in it, or it is none. */
#include "stages/pipeline/remote.h"

#include "base/memory.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_free char *url = xstrndup((const char *)data, size);
    struct remote r = { 0 };

    if (!remote_parse(url, &r))
        return 0;
    auto_free char *server = remote_server_url(&r);
    if (!*r.host || !*r.path || r.path[0] == '/' || strpbrk(server, "@ \n") || strstr(r.path, "..") ||
        strpbrk(r.path, "@:\\ \n"))
        abort();
    remote_release(&r);
    return 0;
}
