/* stages/deploy/compose_volume.c: volumes, of which only folders below the project's ./data are allowed. */
#include "stages/deploy/compose_reader.h"

#include "base/text.h"

#include <string.h>

#define VOLUMES_MAX 100
#define PATH_BYTES  1024
#define NAME_BYTES  255

/* The path without empty and "." parts; NULL when it climbs, or is too long. */
static char *clean(const char *path)
{
    auto_strbuf out = STRBUF_TEXT;

    if (strlen(path) > PATH_BYTES || strchr(path, '\\'))
        return NULL;
    if (*path == '/')
        strbuf_putc(&out, '/');
    while (*(path += strspn(path, "/"))) {
        size_t len = strcspn(path, "/");
        if (len > NAME_BYTES || (len == 2 && memcmp(path, "..", 2) == 0))
            return NULL;
        if (len != 1 || *path != '.') {
            if (out.len > 0 && out.data[out.len - 1] != '/')
                strbuf_putc(&out, '/');
            strbuf_putn(&out, path, len);
        }
        path += len;
    }
    return strbuf_take(&out);
}

/* NULL and a problem when it is not ./data or below it. */
static char *read_source(struct compose_reader *r, const struct yaml *at, const char *source)
{
    auto_free char *path = clean(source);
    auto_free char *shown = text_quote(source);
    const char *why;

    if (!path)
        why = "has .. or a backslash in it, or is too long";
    else if (*source == '/' || *source == '~')
        why = "is a folder of the host";
    else if (!text_starts(source, "."))
        why = "would be a named volume, which is in no backup";
    else if (strcmp(path, "data") == 0 || text_starts(path, "data/"))
        return take(&path);
    else
        why = "is not below ./data";
    compose_problem(r, at, "the volume `%s` %s; write ./data/NAME, which is kept on the target", shown, why);
    return NULL;
}

/* What a container has of its own at its root, and must not lose. */
static bool is_kernels(const char *path)
{
    static const char *const folders[] = { "/proc", "/sys", "/dev", NULL };

    for (size_t i = 0; folders[i]; i++)
        if (text_starts(path, folders[i]) && strchr("/", path[strlen(folders[i])]))
            return true;
    return false;
}

static char *read_target(struct compose_reader *r, const struct yaml *at, const char *target)
{
    auto_free char *path = *target == '/' ? clean(target) : NULL;

    if (path && strcmp(path, "/") != 0 && !is_kernels(path))
        return take(&path);
    auto_free char *shown = text_quote(target);
    compose_problem(r, at, "`%s` is no place for a volume in the container; write an absolute path without .., "
                    "outside of /proc, /sys and /dev", shown);
    return NULL;
}

static void add(struct compose_reader *r, const struct yaml *at, const char *source, const char *target, bool read_only,
                struct compose_service *s)
{
    auto_free char *from = read_source(r, at, source);
    auto_free char *to = read_target(r, at, target);

    if (!from || !to)
        return;
    for (size_t i = 0; i < s->n_volumes; i++) {
        if (strcmp(s->volumes[i].target, to) == 0) {
            auto_free char *shown = text_quote(to);
            compose_problem(r, at, "two volumes are at `%s`; take one out", shown);
            return;
        }
    }
    if (s->n_volumes == VOLUMES_MAX) {
        compose_problem(r, at, "`volumes` has more than %d entries; mount a folder above them", VOLUMES_MAX);
        return;
    }
    s->volumes = xreallocarray(s->volumes, s->n_volumes + 1, sizeof(*s->volumes));
    s->volumes[s->n_volumes++] = (struct compose_volume){ take(&from), take(&to), read_only };
}

/* "ro", "rw" and what only Docker on a Mac ever heeded. -1 for the others. */
static int read_mode(char *mode, bool *read_only)
{
    static const char *const idle[] = { "rw", "cached", "delegated", "consistent", NULL };

    for (char *word; (word = strsep(&mode, ","));) {
        if (strcmp(word, "ro") == 0)
            *read_only = true;
        else if (!text_is_any(word, idle))
            return -1;
    }
    return 0;
}

/* SOURCE:TARGET[:MODE] */
static void read_short(struct compose_reader *r, const struct yaml *y, struct compose_service *s)
{
    auto_free char *text = compose_text(r, y, "volumes", COMPOSE_LINE, NULL);
    auto_free char *shown = text ? text_quote(text) : NULL;
    bool read_only = false;

    if (!text)
        return;
    char *rest = text, *source = strsep(&rest, ":"), *target = strsep(&rest, ":"), *mode = strsep(&rest, ":");
    if (!target)
        compose_problem(r, y, "the volume `%s` has no folder on the target, and would be lost with its container; "
                        "write ./data/NAME:%s", shown, *shown == '/' ? shown : "/PATH");
    else if (rest || (mode && read_mode(mode, &read_only) < 0))
        compose_problem(r, y, "`%s` is not understood; write ./data/NAME:/PATH, with :ro behind it if it is only read",
                        shown);
    else
        add(r, y, source, target, read_only, s);
}

/* bind: alone may have keys, and those only say what is done anyway. */
static void check_bind(struct compose_reader *r, const struct yaml *bind)
{
    static const char *const known[] = { "create_host_path", NULL };

    if (!compose_absent(bind) && compose_is(r, bind, YAML_MAP, "bind", "a map"))
        compose_check_keys(r, bind, "bind", known);
}

static bool is_bind(struct compose_reader *r, const struct yaml *y)
{
    const struct yaml *type = yaml_get(y, "type");
    auto_free char *text = compose_absent(type) ? NULL : compose_text(r, type, "type", COMPOSE_LINE, NULL);

    if (text && strcmp(text, "bind") == 0)
        return true;
    compose_problem(r, type ? type : y, "only volumes of `type: bind` are kept on the target; write that, with a "
                    "`source` below ./data");
    return false;
}

static void read_long(struct compose_reader *r, const struct yaml *y, struct compose_service *s)
{
    static const char *const known[] = { "type", "source", "target", "read_only", "consistency", "bind", NULL };
    const struct yaml *source = yaml_get(y, "source"), *target = yaml_get(y, "target");
    const struct yaml *read_only = yaml_get(y, "read_only");
    bool only_read = false;

    compose_check_keys(r, y, "volumes", known);
    check_bind(r, yaml_get(y, "bind"));
    if (!is_bind(r, y))
        return;
    if (compose_absent(source) || compose_absent(target)) {
        compose_problem(r, y, "a volume has no `source` or no `target`; write `source: ./data/NAME` and "
                        "`target: /PATH`");
        return;
    }
    if (!compose_absent(read_only))
        compose_read_bool(r, read_only, "read_only", &only_read);
    auto_free char *from = compose_text(r, source, "source", COMPOSE_LINE, NULL);
    auto_free char *to = compose_text(r, target, "target", COMPOSE_LINE, NULL);
    if (from && to)
        add(r, source, from, to, only_read, s);
}

void compose_read_volumes(struct compose_reader *r, const struct yaml *y, struct compose_service *s)
{
    if (!compose_is(r, y, YAML_LIST, "volumes", "a list of ./data/NAME:/PATH"))
        return;
    for (size_t i = 0; i < y->n; i++) {
        if (y->items[i]->type == YAML_MAP)
            read_long(r, y->items[i], s);
        else
            read_short(r, y->items[i], s);
    }
}

/* ---- One within another ---- */

static bool is_below(const char *path, const char *folder)
{
    size_t len = strlen(folder);

    return strncmp(path, folder, len) == 0 && path[len] == '/';
}

/* The first service that may write a folder that has this one in it; NULL: none. */
static const struct compose_service *find_writer(const struct compose *c, const char *source)
{
    for (size_t i = 0; i < c->n; i++)
        for (size_t v = 0; v < c->services[i].n_volumes; v++)
            if (!c->services[i].volumes[v].read_only && is_below(source, c->services[i].volumes[v].source))
                return &c->services[i];
    return NULL;
}

/* Who may write the folder above could put a link in its place, to any folder of the target's host: the daemon follows it
 * whenever the container starts. */
void compose_check_volumes(struct compose_reader *r)
{
    const struct compose *c = r->compose;

    for (size_t i = 0; i < c->n; i++)
        for (size_t v = 0; v < c->services[i].n_volumes; v++) {
            const char *source = c->services[i].volumes[v].source;
            const struct compose_service *writer = find_writer(c, source);
            const struct yaml *at = yaml_get(yaml_get(r->services, c->services[i].name), "volumes");
            auto_free char *shown = text_quote(source);
            if (writer)
                compose_key_problem(r, at, "the volume `./%s` is within one that `%s` can write, and could be replaced by a "
                                    "link; mount folders side by side, such as ./data/a and ./data/b", shown, writer->name);
        }
}
