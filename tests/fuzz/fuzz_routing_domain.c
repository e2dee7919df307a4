/* Any rule of a proxy: it is refused with words, or it names a host that the target allows. */
#include "stages/deploy/routing_domain.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_free char *rule = xstrndup((const char *)data, size);
    auto_strvec domains = STRVEC_INIT;
    auto_err e = ERR_INIT;

    strvec_push(&domains, "*.a.io");
    int rc = routing_domains_check_rule(rule, &domains, &e);
    if (rc < 0 && (e.kind != ERR_JOB || !*err_text(&e)))
        abort();
    if (rc == 0 && (!strcasestr(rule, "host") || !strcasestr(rule, ".a.io")))
        abort();
    return 0;
}
