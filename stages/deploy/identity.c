/* stages/deploy/identity.c: what a deployed project's things are called on its target. */
#include "base/digest.h"
#include "base/text.h"
#include "stages/deploy/environment.h"

#include <ctype.h>
#include <string.h>

/* With the project, two dashes and the mark a label of DNS: 63. Nobody finds another name with the same mark, as
 * can be done in seconds for a few digits, and would be let into the other one's containers and data. */
#define ENVIRONMENT_MAX 17
#define MARK_LETTERS    12
#define BITS            5 /* of a letter */

/* a-z, 0-9 and single dashes, none at either end. */
static char *slug(const char *text, size_t max)
{
    auto_strbuf out = STRBUF_TEXT;

    for (; *text && out.len < max; text++) {
        bool plain = (unsigned char)*text < 0x80 && isalnum((unsigned char)*text);
        if (plain)
            strbuf_putc(&out, (char)tolower((unsigned char)*text));
        else if (out.len > 0 && out.data[out.len - 1] != '-')
            strbuf_putc(&out, '-');
    }
    while (out.len > 0 && out.data[out.len - 1] == '-')
        out.data[--out.len] = '\0';
    return strbuf_take(&out);
}

/* Whether nothing else is called alike: with one slash alone, and no dash of its own, the parts can be told. */
static bool is_plain(const char *project, const char *environment)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    size_t group = strspn(project, letters);

    return project[group] == '/' && project[group + 1 + strspn(project + group + 1, letters)] == '\0' &&
           environment[strspn(environment, letters)] == '\0' && strlen(environment) <= ENVIRONMENT_MAX;
}

static void put_mark(struct strbuf *out, const char *project, const char *environment)
{
    auto_free char *whole = xasprintf("%s\n%s", project, environment);
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
    unsigned char digest[DIGEST_BYTES];

    digest_sha256(whole, digest);
    strbuf_putc(out, '-');
    for (size_t bit = 0; bit < MARK_LETTERS * BITS; bit += BITS) {
        unsigned two = (unsigned)digest[bit / 8] << 8 | digest[bit / 8 + 1];
        strbuf_putc(out, letters[two >> (16 - BITS - bit % 8) & 31]);
    }
}

int identity_unit(const char *project, const char *environment, char **out, struct err *e)
{
    const char *slash = strchr(project, '/');
    auto_free char *first = slug(project, DEPLOY_PROJECT_MAX);
    auto_free char *second = slug(environment, ENVIRONMENT_MAX);
    auto_strbuf unit = STRBUF_TEXT;

    if (strlen(project) > DEPLOY_PROJECT_MAX) {
        auto_free char *shown = text_quote(project);
        return err_set(e, ERR_JOB, 0,
                       "'%s' has %zu characters, and what is deployed may have %d in its GROUP/PROJECT; choose shorter "
                       "paths for the two in GitLab", shown, strlen(project), DEPLOY_PROJECT_MAX);
    }
    if (!slash || !*first || !*second) {
        auto_free char *shown = text_quote(slash && *first ? environment : project);
        return err_set(e, ERR_JOB, 0, "'%s' has no letter or digit, so nothing can be called after it on the target; "
                       "choose another name for the %s", shown, slash && *first ? "environment" : "project");
    }
    strbuf_printf(&unit, "%s-%s", first, second);
    if (!is_plain(project, environment))
        put_mark(&unit, project, environment);
    *out = strbuf_take(&unit);
    return 0;
}
