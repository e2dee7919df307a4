#include "stages/pipeline/remote.h"

#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"

#include <string.h>

#define NAME_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"

static const struct scheme {
    const char *prefix;
    const char *protocol;
    const char *port;
    bool has_web_port; /* a port in the address is the web pages' port too */
} schemes[] = {
    { "https://", "https", "443", true },
    { "http://", "http", "80", true },
    { "ssh://", "https", "443", false },
    { "git://", "https", "443", false },
};

/* Every part of "a/b/c" is a name as GitLab has them. It becomes a folder's path,
 * so there is no way up in it. */
static bool path_valid(const char *path)
{
    for (const char *part = path; part; part = strchr(part, '/')) {
        part += *part == '/';
        size_t len = strcspn(part, "/");
        if (len == 0 || strspn(part, NAME_CHARACTERS) < len || *part == '.' || *part == '-')
            return false;
    }
    return !strstr(path, "..");
}

/* "/group/project.git/" as "group/project"; NULL when that is no project's path. */
static char *project_path(const char *text)
{
    while (*text == '/')
        text++;
    size_t len = strlen(text);
    while (len > 0 && text[len - 1] == '/')
        len--;
    if (len > 4 && strncmp(text + len - 4, ".git", 4) == 0)
        len -= 4;
    char *path = xstrndup(text, len);
    if (path_valid(path))
        return path;
    free(path);
    return NULL;
}

static bool remote_make(const struct scheme *s, const char *authority, size_t len, const char *path, struct remote *out)
{
    auto_free char *whole = xstrndup(authority, len);
    const char *at = strrchr(whole, '@');
    const char *host = at ? at + 1 : whole;
    size_t host_len = strcspn(host, ":");
    const char *port = host[host_len] == ':' ? host + host_len + 1 : "";
    int64_t number;

    if (host_len == 0 || strspn(host, NAME_CHARACTERS) < host_len)
        return false;
    if (*port && number_parse(port, 1, 65535, &number) < 0)
        return false;
    char *project = project_path(path);
    if (!project)
        return false;
    *out = (struct remote){ xstrdup(s->protocol), xstrndup(host, host_len),
                            xstrdup(*port && s->has_web_port ? port : s->port), project };
    return true;
}

bool remote_parse(const char *url, struct remote *out)
{
    for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
        if (!text_starts(url, schemes[i].prefix))
            continue;
        const char *authority = url + strlen(schemes[i].prefix);
        size_t len = strcspn(authority, "/");
        return remote_make(&schemes[i], authority, len, authority + len, out);
    }
    /* As scp has it: a colon before any slash. */
    size_t len = strcspn(url, ":/");
    static const struct scheme scp = { "", "https", "443", false };
    return url[len] == ':' && url[len + 1] != '/' && remote_make(&scp, url, len, url + len + 1, out);
}

void remote_local(const char *top, struct remote *out)
{
    const char *slash = strrchr(top, '/');
    auto_free char *name = xstrdup(slash && slash[1] ? slash + 1 : "project");

    for (char *p = name; *p; p++)
        if (!strchr(NAME_CHARACTERS, *p))
            *p = '-';
    if (*name == '.' || *name == '-')
        *name = '_';
    *out = (struct remote){ xstrdup("https"), xstrdup("localhost"), xstrdup("443"), xasprintf("local/%s", name) };
}

char *remote_server_url(const struct remote *r)
{
    for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
        if (strcmp(r->protocol, schemes[i].protocol) == 0 && strcmp(r->port, schemes[i].port) == 0)
            return xasprintf("%s://%s", r->protocol, r->host);
    return xasprintf("%s://%s:%s", r->protocol, r->host, r->port);
}

void remote_release(struct remote *r)
{
    free(r->protocol);
    free(r->host);
    free(r->port);
    free(r->path);
    *r = (struct remote){ NULL, NULL, NULL, NULL };
}
