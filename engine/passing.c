#include "engine/passing.h"

#include "base/text.h"

#include <string.h>
#include <sys/random.h>

#define WAIT_MIN_MS 1000
#define WAIT_MAX_MS 3000

/* What daemons say when the network or the registry failed them, and not when they were told no: in the words of
 * Go's net package and of the registry protocol. The same pull may succeed in a moment. No "connection refused":
 * nothing listens there, mostly because the name is wrong, and where a registry is just starting, the runner's own
 * tries are enough. */
static const char *const passing[] = {
    "i/o timeout",
    "TLS handshake timeout",
    "Client.Timeout",
    "context deadline exceeded",
    "connection reset",
    "broken pipe",
    "unexpected EOF",
    "network is unreachable",
    "no route to host",
    "server misbehaving", /* a name server's; "no such host" is an answer */
    "temporary failure in name resolution",
    "toomanyrequests",
    "Too Many Requests",
    "unexpected HTTP status: 5",
    "Internal Server Error",
    "Bad Gateway",
    "Service Unavailable",
    "Gateway Timeout",
};

bool passing_fault(const struct err *e)
{
    if (e->kind != ERR_SYSTEM)
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(passing); i++)
        if (strcasestr(err_text(e), passing[i]))
            return true;
    return text_ends(err_text(e), ": EOF");
}

int64_t passing_wait_ms(void)
{
    unsigned dice = 0;

    (void)!getrandom(&dice, sizeof(dice), GRND_NONBLOCK); /* without it two hosts wait the same: no harm */
    return WAIT_MIN_MS + (int64_t)(dice % (WAIT_MAX_MS - WAIT_MIN_MS + 1));
}
