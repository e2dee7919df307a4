#include "stages/setting.h"

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"

#include <string.h>

/* The kernel's own limit on process ids. */
#define PIDS_MAX 4194304
/* Docker refuses less when the container is made; better said when the file is read. */
#define MEMORY_MIN ((int64_t)6 << 20)
#define SECCOMP_MAX ((size_t)1 << 20)

/* --- single values --- */

static json_t *read_text(const struct yaml *y)
{
    return y->type == YAML_SCALAR && *y->text ? json_string(y->text) : NULL;
}

static json_t *read_flag(const struct yaml *y)
{
    bool value;

    return yaml_bool(y, &value) == 0 ? json_boolean(value) : NULL;
}

static json_t *read_size(const struct yaml *y)
{
    int64_t bytes;

    return y->type == YAML_SCALAR && size_parse(y->text, &bytes) == 0 ? json_integer(bytes) : NULL;
}

static json_t *read_memory(const struct yaml *y)
{
    json_t *bytes = read_size(y);

    if (!bytes || json_integer_value(bytes) == 0 || json_integer_value(bytes) >= MEMORY_MIN)
        return bytes;
    json_decref(bytes);
    return NULL;
}

/* Swap may also be without a limit: -1. */
static json_t *read_swap(const struct yaml *y)
{
    if (y->type == YAML_SCALAR && strcmp(y->text, "-1") == 0)
        return json_integer(-1);
    return read_memory(y);
}

static json_t *read_cpus(const struct yaml *y)
{
    int64_t nano;

    return y->type == YAML_SCALAR && cpus_parse(y->text, &nano) == 0 ? json_integer(nano) : NULL;
}

static json_t *read_count(const struct yaml *y)
{
    int64_t n;

    return y->type == YAML_SCALAR && number_parse(y->text, 0, PIDS_MAX, &n) == 0 ? json_integer(n) : NULL;
}

/* --- lists and maps --- */

typedef json_t *item_fn(const char *text);

/* A text or a list of them, each made into what the API wants. */
static json_t *read_each(const struct yaml *y, item_fn *make)
{
    bool one = y->type == YAML_SCALAR;
    auto_json *list = json_array();

    if (!one && y->type != YAML_LIST)
        return NULL;
    for (size_t i = 0; i < (one ? 1 : y->n); i++) {
        const struct yaml *item = one ? y : y->items[i];
        json_t *value = item->type == YAML_SCALAR && *item->text ? make(item->text) : NULL;
        if (!value)
            return NULL;
        json_array_append_new(list, value);
    }
    return json_incref(list);
}

static json_t *make_text(const char *text)
{
    return json_string(text);
}

static json_t *read_list(const struct yaml *y)
{
    return read_each(y, make_text);
}

/* HOST[:CONTAINER[:rwm]] */
static json_t *make_device(const char *text)
{
    auto_free char *copy = xstrdup(text);
    char *rest = copy;
    const char *host = strsep(&rest, ":");
    const char *inside = strsep(&rest, ":");
    const char *access = rest ? rest : "rwm";

    if (host[0] != '/' || (inside && inside[0] != '/') || !*access || strspn(access, "rwm") != strlen(access))
        return NULL;
    return json_pack("{s:s, s:s, s:s}", "PathOnHost", host, "PathInContainer", inside ? inside : host,
                     "CgroupPermissions", access);
}

static json_t *read_devices(const struct yaml *y)
{
    return read_each(y, make_device);
}

/* The API wants a seccomp profile's text where people write its file's name. */
static json_t *make_security(const char *text)
{
    const char *file = text_starts(text, "seccomp=") ? text + strlen("seccomp=") : "";
    auto_free char *profile = NULL;

    if (file[0] != '/')
        return json_string(text);
    if (file_read(file, SECCOMP_MAX, &profile, NULL, NULL) < 0)
        return NULL;
    auto_free char *whole = xasprintf("seccomp=%s", profile);
    return json_string(whole);
}

static json_t *read_security(const struct yaml *y)
{
    return read_each(y, make_security);
}

/* HOST:ADDRESS */
static json_t *make_host(const char *text)
{
    const char *colon = strchr(text, ':');

    return colon && colon != text && colon[1] ? json_string(text) : NULL;
}

static json_t *read_hosts(const struct yaml *y)
{
    return read_each(y, make_host);
}

static json_t *read_map(const struct yaml *y)
{
    auto_json *map = json_object();

    if (y->type != YAML_MAP)
        return NULL;
    for (size_t i = 0; i < y->n; i++) {
        const struct yaml *item = y->items[i];
        if (item->type != YAML_SCALAR && item->type != YAML_NULL)
            return NULL;
        json_object_set_new(map, item->key, json_string(item->type == YAML_SCALAR ? item->text : ""));
    }
    return json_incref(map);
}

/* Ours are how a job's things are found again. */
static json_t *read_labels(const struct yaml *y)
{
    json_t *map = read_map(y);
    const char *key;
    json_t *value;

    json_object_foreach(map, key, value)
        if (text_starts(key, "atelier.")) {
            json_decref(map);
            return NULL;
        }
    return map;
}

/* NAME: SOFT[:HARD] */
static json_t *make_ulimit(const struct yaml *y)
{
    auto_free char *soft = y->type == YAML_SCALAR ? xstrdup(y->text) : NULL;
    char *hard = soft ? strchr(soft, ':') : NULL;
    int64_t from, to;

    if (hard)
        *hard++ = '\0';
    if (!soft || number_parse(soft, -1, INT64_MAX, &from) < 0)
        return NULL;
    to = from;
    if (hard && number_parse(hard, -1, INT64_MAX, &to) < 0)
        return NULL;
    return json_pack("{s:s, s:I, s:I}", "Name", y->key, "Soft", (json_int_t)from, "Hard", (json_int_t)to);
}

static json_t *read_ulimits(const struct yaml *y)
{
    auto_json *list = json_array();

    if (y->type != YAML_MAP)
        return NULL;
    for (size_t i = 0; i < y->n; i++) {
        json_t *limit = make_ulimit(y->items[i]);
        if (!limit)
            return NULL;
        json_array_append_new(list, limit);
    }
    return json_incref(list);
}

/* all, or how many */
static json_t *read_gpus(const struct yaml *y)
{
    int64_t count = -1;

    if (y->type != YAML_SCALAR || (strcmp(y->text, "all") != 0 && number_parse(y->text, 1, 1024, &count) < 0))
        return NULL;
    return json_pack("[{s:s, s:I, s:[[s]]}]", "Driver", "", "Count", (json_int_t)count, "Capabilities", "gpu");
}

#define MUST_TEXT "must be a text that is not empty"
#define MUST_LIST "must be a text or a list of texts"

const struct setting settings[] = {
    { "memory", read_memory, "must be a size such as 512m or 2g, at least 6m, or 0 for no limit",
      "HostConfig.Memory", true, "0", "Memory of each container, 0 for no limit." },
    { "memory_swap", read_swap, "must be a size such as 4g, -1 for no limit, or 0 for Docker's default",
      "HostConfig.MemorySwap", true, "0", "Memory and swap together; 0: swap as large as the memory, -1: no limit." },
    { "memory_reservation", read_memory, "must be a size such as 256m, at least 6m, or 0",
      "HostConfig.MemoryReservation", true, "0", "What a container shrinks to when the host is short of memory." },
    { "cpus", read_cpus, "must be a number of CPUs such as 1.5, or 0 for no limit", "HostConfig.NanoCpus", true, "0",
      "CPUs of each container, 0 for no limit." },
    { "cpuset_cpus", read_text, MUST_TEXT, "HostConfig.CpusetCpus", true, "0-3", "Which CPUs, such as 0-3; any by default." },
    { "pids", read_count, "must be a whole number, 0 for no limit", "HostConfig.PidsLimit", true, "0",
      "Processes and threads of each container, 0 for no limit." },
    { "shm_size", read_size, "must be a size such as 256m", "HostConfig.ShmSize", true, "64m", "Size of /dev/shm." },
    { "ulimits", read_ulimits, "must be a map of NAME: SOFT[:HARD]", "HostConfig.Ulimits", false, "{}",
      "Limits by name, such as nofile: 1024:4096." },
    { "tmpfs", read_map, "must be a map of /PATH: OPTIONS", "HostConfig.Tmpfs", false, "{}",
      "Folders in memory, such as /run: rw,size=64m." },
    { "devices", read_devices, "must be a list of /HOST/DEVICE[:/IN/CONTAINER[:rwm]]", "HostConfig.Devices", false,
      "[]", "Devices of the host, /dev/X[:/dev/Y[:rwm]]." },
    { "device_cgroup_rules", read_list, MUST_LIST, "HostConfig.DeviceCgroupRules", false, "[]",
      "Rules such as 'c 188:* rmw'." },
    { "gpus", read_gpus, "must be all or a number", "HostConfig.DeviceRequests", false, "all",
      "Graphics processors: all, or how many; none by default." },
    { "cap_add", read_list, MUST_LIST, "HostConfig.CapAdd", false, "[]", "Capabilities beyond Docker's default." },
    { "cap_drop", read_list, MUST_LIST, "HostConfig.CapDrop", false, "[]", "Capabilities to take away; ALL for all." },
    { "security_opt", read_security, "must be a text or a list of texts, a seccomp=/FILE one that can be read",
      "HostConfig.SecurityOpt", false, "[]", "Such as no-new-privileges, or seccomp=/PATH/PROFILE.json." },
    { "sysctls", read_map, "must be a map of NAME: VALUE", "HostConfig.Sysctls", false, "{}",
      "Kernel parameters of the container's own namespaces." },
    { "dns", read_list, "must be an address or a list of them", "HostConfig.Dns", true, "[]",
      "Name servers in place of the host's." },
    { "dns_search", read_list, MUST_LIST, "HostConfig.DnsSearch", true, "[]", "Domains to search names in." },
    { "extra_hosts", read_hosts, "must be a list of NAME:ADDRESS", "HostConfig.ExtraHosts", true, "[]",
      "Further lines of /etc/hosts, NAME:ADDRESS." },
    { "runtime", read_text, MUST_TEXT, "HostConfig.Runtime", true, "runc",
      "An OCI runtime that the daemon knows, such as runsc." },
    { "userns", read_text, MUST_TEXT, "HostConfig.UsernsMode", true, "host",
      "host: not in the daemon's user namespace, where it uses one." },
    { "ipc", read_text, MUST_TEXT, "HostConfig.IpcMode", true, "private", "private, shareable, host or none." },
    { "read_only", read_flag, "must be true or false", "HostConfig.ReadonlyRootfs", false, "false",
      "Whether the job's container may write only to mounts and tmpfs." },
    { "hostname", read_text, MUST_TEXT, "Hostname", true, "builder",
      "The containers' host name; by default runner, project and slot." },
    { "labels", read_labels, "must be a map of NAME: VALUE, no name beginning with 'atelier.'", "Labels", true, "{}",
      "Further labels of the containers." },
    { NULL, NULL, NULL, NULL, false, NULL, NULL },
};

const struct setting *setting_find(const char *name)
{
    for (const struct setting *s = settings; s->name; s++)
        if (strcmp(s->name, name) == 0)
            return s;
    return NULL;
}

/* "HostConfig.Memory": in the object of that name, which is there. An object is
 * added to the one that is there already. */
static void put(json_t *create, const char *place, json_t *value)
{
    const char *dot = strchr(place, '.');
    auto_free char *outer = dot ? xstrndup(place, (size_t)(dot - place)) : NULL;
    json_t *object = dot ? json_object_get(create, outer) : create;
    const char *key = dot ? dot + 1 : place;
    json_t *there = json_object_get(object, key);

    if (json_is_object(there) && json_is_object(value))
        json_object_update(there, value);
    else
        json_object_set(object, key, value);
}

void settings_apply(const json_t *values, bool own, json_t *create)
{
    for (const struct setting *s = settings; s->name; s++) {
        json_t *value = json_object_get(values, s->name);
        if (value && (own || s->helper))
            put(create, s->place, value);
    }
}
