#include "stages/kind.h"

#include "base/text.h"

#include <string.h>

static const char *const names[KIND_COUNT + 1] = {
    [KIND_PULL] = "pull", [KIND_BUILD] = "build",   [KIND_PUSH] = "push",
    [KIND_TEST] = "test", [KIND_DEPLOY] = "deploy", [KIND_OTHER] = "other",
};

void kinds_init(struct kinds *k)
{
    *k = (struct kinds){ 0 };
    for (int i = 0; i < KIND_COUNT; i++) {
        k->of[i].network = xstrdup("job");
        k->of[i].settings = json_object();
    }
}

void kinds_release(struct kinds *k)
{
    for (int i = 0; i < KIND_COUNT; i++) {
        free(k->of[i].network);
        json_decref(k->of[i].settings);
        strvec_release(&k->of[i].mounts);
        strvec_release(&k->of[i].images);
        strvec_release(&k->of[i].services);
        strvec_release(&k->of[i].privileged_images);
        strvec_release(&k->of[i].privileged_services);
        strvec_release(&k->of[i].stages);
    }
    *k = (struct kinds){ 0 };
}

const char *kind_name(enum kind_id id)
{
    return names[id];
}

const char *const *kind_names(void)
{
    return names;
}

int kind_parse(const char *name, enum kind_id *out)
{
    for (int i = 0; i < KIND_COUNT; i++)
        if (strcmp(names[i], name) == 0) {
            *out = (enum kind_id)i;
            return 0;
        }
    return -1;
}

enum kind_id kind_of(const struct kinds *k, const char *stage, const char *environment)
{
    enum kind_id id;

    for (int i = 0; i < KIND_COUNT; i++)
        if (strvec_has(&k->of[i].stages, stage))
            return (enum kind_id)i;
    if (kind_parse(stage, &id) == 0)
        return id;
    return *environment ? KIND_DEPLOY : KIND_OTHER;
}

static bool matches(const struct strvec *patterns, const char *image)
{
    for (size_t i = 0; i < patterns->n; i++)
        if (text_matches(patterns->items[i], image))
            return true;
    return false;
}

/* "/SOURCE:/TARGET": a socket, or a folder that daemons have theirs in. */
static bool mounts_daemon(const char *mount)
{
    static const char *const folders[] = { "/", "/var", "/var/run", "/run", NULL };
    auto_free char *source = xstrndup(mount, strcspn(mount, ":"));
    size_t len = strlen(source);

    while (len > 1 && source[len - 1] == '/')
        source[--len] = '\0';
    return *source == '/' && strchr(mount, ':') && (text_ends(source, ".sock") || text_is_any(source, folders));
}

bool kind_reaches_daemon(const struct kind *k)
{
    for (size_t i = 0; i < k->mounts.n; i++)
        if (mounts_daemon(k->mounts.items[i]))
            return true;
    return k->docker == DOCKER_SOCKET;
}

bool kind_allows_image(const struct kind *k, const char *image)
{
    return k->images.n == 0 || matches(&k->images, image);
}

bool kind_allows_service(const struct kind *k, const char *image)
{
    return k->services.n == 0 || matches(&k->services, image);
}

bool kind_image_is_privileged(const struct kind *k, const char *image)
{
    return matches(&k->privileged_images, image);
}

bool kind_service_is_privileged(const struct kind *k, const char *image)
{
    return matches(&k->privileged_services, image);
}
