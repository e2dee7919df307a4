#include "executor/config_value.h"

#include "base/number.h"
#include "base/strvec.h"
#include "base/text.h"
#include "executor/config.h"
#include "stages/pull_policy.h"

#include <ctype.h>
#include <string.h>

int value_path(const struct yaml *y, void *member, const char **problem)
{
    char **path = (char **)member;

    /* A colon would end the path where Docker reads HOST:CONTAINER. */
    if (y->type != YAML_SCALAR || y->text[0] != '/' || strchr(y->text, ':') || strstr(y->text, "/../") ||
        text_ends(y->text, "/..")) {
        *problem = "must be an absolute path without '..' and ':'";
        return -1;
    }
    free(*path);
    *path = xstrdup(y->text);
    for (size_t n = strlen(*path); n > 1 && (*path)[n - 1] == '/'; n--)
        (*path)[n - 1] = '\0';
    return 0;
}

int value_text(const struct yaml *y, void *member, const char **problem)
{
    char **text = (char **)member;

    if (y->type != YAML_SCALAR || !*y->text) {
        *problem = "must be a text that is not empty";
        return -1;
    }
    free(*text);
    *text = xstrdup(y->text);
    return 0;
}

int value_flag(const struct yaml *y, void *member, const char **problem)
{
    *problem = "must be true or false";
    return yaml_bool(y, (bool *)member);
}

int value_duration(const struct yaml *y, void *member, const char **problem)
{
    *problem = "must be a duration such as 10s, 500ms or 2m";
    return y->type == YAML_SCALAR ? duration_parse(y->text, (int64_t *)member) : -1;
}

int value_size(const struct yaml *y, void *member, const char **problem)
{
    *problem = "must be a size such as 20g or 512m";
    return y->type == YAML_SCALAR ? size_parse(y->text, (int64_t *)member) : -1;
}

int value_docker(const struct yaml *y, void *member, const char **problem)
{
    enum docker_access *access = (enum docker_access *)member;

    *problem = "must be none or socket";
    if (y->type != YAML_SCALAR || (strcmp(y->text, "none") != 0 && strcmp(y->text, "socket") != 0))
        return -1;
    *access = strcmp(y->text, "socket") == 0 ? DOCKER_SOCKET : DOCKER_NONE;
    return 0;
}

int value_storage(const struct yaml *y, void *member, const char **problem)
{
    static const char *const words[] = {
        [STORAGE_AUTO] = "auto", [STORAGE_FOLDERS] = "folders", [STORAGE_VOLUMES] = "volumes"
    };

    *problem = "must be auto, folders or volumes";
    for (size_t i = 0; y->type == YAML_SCALAR && i < ARRAY_SIZE(words); i++)
        if (strcmp(y->text, words[i]) == 0) {
            *(enum storage *)member = (enum storage)i;
            return 0;
        }
    return -1;
}

int value_secrets(const struct yaml *y, void *member, const char **problem)
{
    bool keep = y->type == YAML_SCALAR && strcmp(y->text, "keep") == 0;

    *problem = "must be remove or keep";
    *(bool *)member = keep;
    return keep || (y->type == YAML_SCALAR && strcmp(y->text, "remove") == 0) ? 0 : -1;
}

int value_cleanup(const struct yaml *y, void *member, const char **problem)
{
    bool wait = y->type == YAML_SCALAR && strcmp(y->text, "wait") == 0;

    *problem = "must be detach or wait";
    *(bool *)member = wait;
    return wait || (y->type == YAML_SCALAR && strcmp(y->text, "detach") == 0) ? 0 : -1;
}

int value_unready(const struct yaml *y, void *member, const char **problem)
{
    bool warn = y->type == YAML_SCALAR && strcmp(y->text, "warn") == 0;

    *problem = "must be fail or warn";
    *(enum on_unready *)member = warn ? UNREADY_WARN : UNREADY_FAIL;
    return warn || (y->type == YAML_SCALAR && strcmp(y->text, "fail") == 0) ? 0 : -1;
}

/* A text or a list of them, each checked; a list that is given replaces the default. */
static int read_list(const struct yaml *y, void *member, bool (*fits)(const char *))
{
    auto_strvec list = STRVEC_INIT;
    bool one = y->type == YAML_SCALAR;

    if (!one && y->type != YAML_LIST)
        return -1;
    for (size_t i = 0; i < (one ? 1 : y->n); i++) {
        const struct yaml *item = one ? y : y->items[i];
        if (item->type != YAML_SCALAR || !*item->text || !fits(item->text))
            return -1;
        strvec_push(&list, item->text);
    }
    struct strvec *out = (struct strvec *)member;
    strvec_release(out);
    strvec_push_all(out, &list);
    return 0;
}

static bool is_any(const char *text)
{
    (void)text;
    return true;
}

/* No blanks, no control characters. */
static bool is_word(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text <= ' ' || *text == 0x7f)
            return false;
    return true;
}

static bool is_volume_name(const char *text, size_t len)
{
    static const char rest[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

    return len > 1 && isalnum((unsigned char)text[0]) && strspn(text, rest) >= len;
}

/* /HOST:/CONTAINER[:ro|:rw], VOLUME:/CONTAINER[:ro|:rw], or /CONTAINER for a volume of the job's own. */
static bool is_mount(const char *text)
{
    const char *colon = strchr(text, ':');
    const char *mode = colon ? strchr(colon + 1, ':') : NULL;

    if (strstr(text, "/.."))
        return false;
    if (!colon)
        return text[0] == '/' && text[1];
    return (text[0] == '/' || is_volume_name(text, (size_t)(colon - text))) && colon[1] == '/' &&
           (!mode || strcmp(mode, ":ro") == 0 || strcmp(mode, ":rw") == 0);
}

int value_images(const struct yaml *y, void *member, const char **problem)
{
    *problem = "must be an image pattern such as registry.example.com/**, or a list of them";
    return read_list(y, member, is_any);
}

int value_patterns(const struct yaml *y, void *member, const char **problem)
{
    *problem = "must be a pattern such as group/*, or a list of them";
    return read_list(y, member, is_any);
}

int value_words(const struct yaml *y, void *member, const char **problem)
{
    *problem = "must be a word, or a list of them";
    return read_list(y, member, is_word);
}

/* With one of these schemes, and something behind it. */
static int read_address(const struct yaml *y, void *member, const char *const *schemes, const char **problem)
{
    for (; y->type == YAML_SCALAR && *schemes; schemes++)
        if (text_starts(y->text, *schemes) && y->text[strlen(*schemes)] && is_word(y->text))
            return value_text(y, member, problem);
    return -1;
}

int value_endpoint(const struct yaml *y, void *member, const char **problem)
{
    static const char *const schemes[] = { "unix:///", "tcp://", "ssh://", NULL };

    *problem = "must be unix:///PATH, tcp://HOST:PORT or ssh://[USER@]HOST[:PORT]";
    return read_address(y, member, schemes, problem);
}

int value_daemon(const struct yaml *y, void *member, const char **problem)
{
    static const char *const schemes[] = { "unix:///", "tcp://", NULL };

    *problem = "must be unix:///PATH or tcp://HOST:PORT";
    return read_address(y, member, schemes, problem);
}

int value_routing(const struct yaml *y, void *member, const char **problem)
{
    static const char *const words[] = {
        [ROUTING_NONE] = "none", [ROUTING_TRAEFIK1] = "traefik1", [ROUTING_TRAEFIK2] = "traefik2",
        [ROUTING_TRAEFIK3] = "traefik3",
    };

    *problem = "must be none, traefik1, traefik2 or traefik3";
    for (size_t i = 0; y->type == YAML_SCALAR && i < ARRAY_SIZE(words); i++)
        if (strcmp(y->text, words[i]) == 0) {
            *(enum routing *)member = (enum routing)i;
            return 0;
        }
    return -1;
}

int value_cpus(const struct yaml *y, void *member, const char **problem)
{
    *problem = "must be a number of CPUs such as 1.5, or 0 for no limit";
    return y->type == YAML_SCALAR ? cpus_parse(y->text, (int64_t *)member) : -1;
}

int value_count(const struct yaml *y, void *member, const char **problem)
{
    *problem = "must be a whole number from 1 to 1000";
    return y->type == YAML_SCALAR ? number_parse(y->text, 1, 1000, (int64_t *)member) : -1;
}

int value_standby(const struct yaml *y, void *member, const char **problem)
{
    *problem = "must be 0 or 1";
    return y->type == YAML_SCALAR ? number_parse(y->text, 0, 1, (int64_t *)member) : -1;
}

int value_networks(const struct yaml *y, void *member, const char **problem)
{
    *problem = "must be a whole number from 0 to 1000";
    return y->type == YAML_SCALAR ? number_parse(y->text, 0, CONFIG_NETWORKS_MAX, (int64_t *)member) : -1;
}

int value_policies(const struct yaml *y, void *member, const char **problem)
{
    *problem = "must be always, if-not-present or never, or a list of them";
    return y->type == YAML_LIST && y->n == 0 ? -1 : read_list(y, member, pull_policy_is_one);
}

int value_mounts(const struct yaml *y, void *member, const char **problem)
{
    *problem = "must be a list of /HOST/PATH:/CONTAINER/PATH[:ro], VOLUME:/PATH[:ro] or /PATH";
    return read_list(y, member, is_mount);
}
