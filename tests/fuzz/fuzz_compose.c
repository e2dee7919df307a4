/* Any bytes as a compose file: problems that name file and line, or services that are fit to be made. */
#include "stages/deploy/compose.h"

#include "base/text.h"

#include <stdint.h>
#include <string.h>

static const char secret_value[] = "Z5ec2e7"; /* with what a file without a Z does not have */

static void require(bool promise)
{
    if (!promise)
        abort();
}

static const char *find(void *ctx, const char *name, bool *secret)
{
    (void)ctx;
    *secret = *name == 'S';
    return *name == 'S' ? secret_value : *name == 'A' ? "../.." : *name == 'R' ? "/" : *name == 'N' ? "a\nb" : NULL;
}

/* "file:LINE:COLUMN: text", in one line, with no secret in it. */
static void check_line(const char *line)
{
    require(text_starts(line, "file:"));
    line += strlen("file:");
    require(strspn(line, "0123456789") > 0);
    line += strspn(line, "0123456789");
    require(*line == ':' && strspn(line + 1, "0123456789") > 0);
    for (const char *p = line; *p; p++)
        require((unsigned char)*p >= 0x20);
}

static void check_source(const char *source)
{
    require(strcmp(source, "data") == 0 || text_starts(source, "data/"));
    require(!strstr(source, "//") && !strstr(source, "/../") && !strstr(source, "/./"));
    require(!text_ends(source, "/") && !text_ends(source, "/..") && !text_ends(source, "/.") && !strchr(source, '\n'));
}

static bool is_environment(const struct compose_service *s, const char *entry)
{
    size_t len = strcspn(entry, "=");

    for (size_t i = 0; i < s->secret_keys.n; i++)
        if (strncmp(s->secret_keys.items[i], entry, len) == 0 && !s->secret_keys.items[i][len])
            return true;
    return false;
}

static void check_public(const struct strvec *v, bool own)
{
    for (size_t i = 0; i < v->n; i++)
        require(own || !strstr(v->items[i], secret_value));
}

static void check_service(const struct compose *c, const struct compose_service *s, bool own)
{
    require(s->name && *s->name && !strpbrk(s->name, "/ \n:") && s->line > 0);
    require(s->image && *s->image && !strpbrk(s->image, " \n"));
    for (size_t i = 0; i < s->n_depends; i++)
        require(compose_find(c, s->depends[i].service));
    for (size_t i = 0; i < s->n_volumes; i++) {
        check_source(s->volumes[i].source);
        require(*s->volumes[i].target == '/' && s->volumes[i].target[1] && !strstr(s->volumes[i].target, "/../"));
    }
    for (size_t i = 0; i < s->environment.n; i++) {
        const char *entry = s->environment.items[i];
        require(strchr(entry, '=') > entry);
        require(i == 0 || strcmp(s->environment.items[i - 1], entry) != 0);
        require(own || !strstr(entry, secret_value) || is_environment(s, entry));
    }
    check_public(&s->labels, own);
    check_public(&s->command, own);
    check_public(&s->entrypoint, own);
    check_public(&s->health.test, own);
    require(!s->health.disabled || s->health.test.n == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct compose_variables v = { find, NULL, NULL, NULL };
    auto_compose c = COMPOSE_INIT;
    auto_strvec problems = STRVEC_INIT, warnings = STRVEC_INIT;
    auto_err e = ERR_INIT;
    bool own = memchr(data, *secret_value, size) || memmem(data, size, "\\", 1); /* the file may say it itself */

    int rc = compose_read("file", (const char *)data, size, &v, &c, &problems, &warnings, &e);
    for (size_t i = 0; i < problems.n; i++) {
        check_line(problems.items[i]);
        require(own || !strstr(problems.items[i], secret_value));
    }
    for (size_t i = 0; i < warnings.n; i++)
        check_line(warnings.items[i]);
    require(rc == 0 ? problems.n == 0 && c.n > 0 : problems.n > 0 && c.n == 0 && e.kind == ERR_JOB);
    for (size_t i = 0; i < c.n; i++)
        check_service(&c, &c.services[i], own);
    return 0;
}
