#include "cache/helper/unpack.h"

#include "base/number.h"
#include "cache/archive/extract.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

/* A value that cannot be read is a line: who wrote it wanted a limit, and is to know that there is another. */
static void read_limit(const struct helper *h, const char *variable, int (*parse)(const char *, int64_t *), int64_t *out)
{
    const char *text = env_get(h->env, variable);

    if (text && parse(text, out) < 0)
        report_line(&h->report, LOG_WARNING, "%s is no size or number, and left out", variable);
}

static int parse_count(const char *text, int64_t *out)
{
    return number_parse(text, 0, INT_MAX, out);
}

/* By default they are made, as gitlab-runner does: a Python environment is nothing without its bin/python. */
static bool wants_links_outside(const struct helper *h)
{
    const char *text = env_get(h->env, "ATELIER_EXTRACT_LINKS_OUTSIDE");
    bool wanted = true;

    if (text && bool_parse(text, &wanted) < 0)
        report_line(&h->report, LOG_WARNING, "ATELIER_EXTRACT_LINKS_OUTSIDE is neither true nor false, and left out");
    return wanted;
}

static struct extract_rules rules_of(const struct helper *h)
{
    struct extract_rules rules = EXTRACT_RULES;
    int64_t ratio = rules.limits.ratio;

    read_limit(h, "ATELIER_EXTRACT_ENTRIES", parse_count, &rules.limits.entries);
    read_limit(h, "ATELIER_EXTRACT_BYTES", size_parse, &rules.limits.bytes);
    read_limit(h, "ATELIER_EXTRACT_RATIO", parse_count, &ratio);
    rules.limits.ratio = (int)ratio;
    rules.links_outside = wants_links_outside(h);
    return rules;
}

int unpack_here(const struct helper *h, int fd, struct err *e)
{
    auto_free char *root = getcwd(NULL, 0);
    const struct extract_rules rules = rules_of(h);

    if (!root)
        return err_set(e, ERR_SYSTEM, errno, "the current folder: %s", strerror(errno));
    return archive_extract(fd, root, &rules, &h->report, NULL, e);
}
