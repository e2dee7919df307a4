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
#define SHARES_MAX 262144
#define SCORE_MAX  1000
#define MAC_LEN    17
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

static json_t *read_shares(const struct yaml *y)
{
    int64_t n;

    return y->type == YAML_SCALAR && number_parse(y->text, 2, SHARES_MAX, &n) == 0 ? json_integer(n) : NULL;
}

static json_t *read_score(const struct yaml *y)
{
    int64_t n;

    return y->type == YAML_SCALAR && number_parse(y->text, -SCORE_MAX, SCORE_MAX, &n) == 0 ? json_integer(n) : NULL;
}

/* USER or USER:GROUP, by name or number */
static json_t *read_user(const struct yaml *y)
{
    static const char fit[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

    if (y->type != YAML_SCALAR)
        return NULL;
    size_t user = strspn(y->text, fit);
    const char *group = y->text + user + (y->text[user] == ':');
    size_t len = strspn(group, fit);
    return user > 0 && group[len] == '\0' && (len > 0 || group == y->text + user) ? json_string(y->text) : NULL;
}

/* AA:BB:CC:DD:EE:FF */
static json_t *read_mac(const struct yaml *y)
{
    static const char hex[] = "0123456789abcdefABCDEF";

    if (y->type != YAML_SCALAR || strlen(y->text) != MAC_LEN)
        return NULL;
    for (size_t i = 0; i < MAC_LEN; i++)
        if (i % 3 == 2 ? y->text[i] != ':' : !strchr(hex, y->text[i]))
            return NULL;
    return json_string(y->text);
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

/* What else the json-file driver takes would undo that the log is bounded. */
static json_t *read_log_options(const struct yaml *y)
{
    json_t *map = read_map(y);
    const char *key;
    json_t *value;

    json_object_foreach(map, key, value)
        if (strcmp(key, "env") != 0 && strcmp(key, "labels") != 0) {
            json_decref(map);
            return NULL;
        }
    return map;
}

/* NAME: SOFT[:HARD], with a name that Docker knows. */
static json_t *make_ulimit(const struct yaml *y)
{
    static const char *const names[] = { "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile",
                                         "nproc", "rss", "rtprio", "rttime", "sigpending", "stack", NULL };
    auto_free char *soft = y->type == YAML_SCALAR ? xstrdup(y->text) : NULL;
    char *hard = soft ? strchr(soft, ':') : NULL;
    int64_t from, to;

    if (hard)
        *hard++ = '\0';
    if (!soft || !text_is_any(y->key, names) || number_parse(soft, -1, INT64_MAX, &from) < 0)
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

/* ID,ID… */
static json_t *make_gpus(const char *ids)
{
    auto_json *list = json_array();
    auto_free char *copy = xstrdup(ids);

    for (char *rest = copy, *id; (id = strsep(&rest, ","));) {
        if (!*id)
            return NULL;
        json_array_append_new(list, json_string(id));
    }
    return json_pack("[{s:s, s:O, s:[[s]]}]", "Driver", "", "DeviceIDs", list, "Capabilities", "gpu");
}

/* all, how many, or device=ID,ID… */
static json_t *read_gpus(const struct yaml *y)
{
    static const char device[] = "device=";
    const char *text = y->type == YAML_SCALAR ? y->text : "";
    int64_t count = -1;

    if (text_starts(text, device))
        return make_gpus(text + strlen(device));
    if (strcmp(text, "all") != 0 && number_parse(text, 1, 1024, &count) < 0)
        return NULL;
    return json_pack("[{s:s, s:I, s:[[s]]}]", "Driver", "", "Count", (json_int_t)count, "Capabilities", "gpu");
}

#define MUST_TEXT "must be a text that is not empty"
#define MUST_LIST "must be a text or a list of texts"

const struct setting settings[] = {
    { "memory", read_memory, "must be a size such as 512m or 2g, at least 6m, or 0 for no limit",
      "HostConfig.Memory", FOR_ALL, "0", "Memory of each container, 0 for no limit." },
    { "memory_swap", read_swap, "must be a size such as 4g, -1 for no limit, or 0 for Docker's default",
      "HostConfig.MemorySwap", FOR_ALL, "0", "Memory and swap together; 0: swap as large as the memory, -1: no limit." },
    { "memory_reservation", read_memory, "must be a size such as 256m, at least 6m, or 0",
      "HostConfig.MemoryReservation", FOR_ALL, "0", "What a container shrinks to when the host is short of memory." },
    { "cpus", read_cpus, "must be a number of CPUs such as 1.5, or 0 for no limit", "HostConfig.NanoCpus", FOR_ALL, "0",
      "CPUs of each container, 0 for no limit." },
    { "cpuset_cpus", read_text, MUST_TEXT, "HostConfig.CpusetCpus", FOR_ALL, "0-3", "Which CPUs, such as 0-3; any by default." },
    { "cpuset_mems", read_text, MUST_TEXT, "HostConfig.CpusetMems", FOR_ALL, "0-1",
      "Which memory nodes, such as 0-1; any by default." },
    { "cpu_shares", read_shares, "must be a whole number from 2 to 262144", "HostConfig.CpuShares", FOR_ALL, "1024",
      "Weight of each container when CPUs are short; others have 1024." },
    { "cgroup_parent", read_text, MUST_TEXT, "HostConfig.CgroupParent", FOR_ALL, "ci.slice",
      "The cgroup to put the containers in; the daemon's by default." },
    { "oom_score_adjust", read_score, "must be a whole number from -1000 to 1000", "HostConfig.OomScoreAdj", FOR_ALL,
      "0", "Whom the kernel kills first for want of memory: up to 1000; -1000 is last." },
    { "pids", read_count, "must be a whole number, 0 for no limit", "HostConfig.PidsLimit", FOR_ALL, "0",
      "Processes and threads of each container, 0 for no limit." },
    { "shm_size", read_size, "must be a size such as 256m", "HostConfig.ShmSize", FOR_ALL, "64m", "Size of /dev/shm." },
    { "ulimits", read_ulimits, "must be a map of NAME: SOFT[:HARD], such as nofile: 1024:4096", "HostConfig.Ulimits", FOR_JOB, "{}",
      "Limits by name, such as nofile: 1024:4096." },
    { "tmpfs", read_map, "must be a map of /PATH: OPTIONS", "HostConfig.Tmpfs", FOR_JOB, "{}",
      "Folders in memory, such as /run: rw,size=64m." },
    { "devices", read_devices, "must be a list of /HOST/DEVICE[:/IN/CONTAINER[:rwm]]", "HostConfig.Devices", FOR_JOB,
      "[]", "Devices of the host, /dev/X[:/dev/Y[:rwm]]." },
    { "device_cgroup_rules", read_list, MUST_LIST, "HostConfig.DeviceCgroupRules", FOR_JOB, "[]",
      "Rules such as 'c 188:* rmw'." },
    { "gpus", read_gpus, "must be all, a number or device=ID,ID", "HostConfig.DeviceRequests", FOR_JOB, "all",
      "Graphics processors: all, how many, or device=0,1 by number or UUID; none by\ndefault." },
    { "cap_add", read_list, MUST_LIST, "HostConfig.CapAdd", FOR_JOB, "[]", "Capabilities beyond Docker's default." },
    { "cap_drop", read_list, MUST_LIST, "HostConfig.CapDrop", FOR_JOB, "[]", "Capabilities to take away; ALL for all." },
    { "security_opt", read_security, "must be a text or a list of texts, a seccomp=/FILE one that can be read",
      "HostConfig.SecurityOpt", FOR_JOB, "[]", "Such as no-new-privileges, or seccomp=/PATH/PROFILE.json." },
    { "sysctls", read_map, "must be a map of NAME: VALUE", "HostConfig.Sysctls", FOR_JOB, "{}",
      "Kernel parameters of the container's own namespaces." },
    { "dns", read_list, "must be an address or a list of them", "HostConfig.Dns", FOR_ALL, "[]",
      "Name servers in place of the host's." },
    { "dns_search", read_list, MUST_LIST, "HostConfig.DnsSearch", FOR_ALL, "[]", "Domains to search names in." },
    { "extra_hosts", read_hosts, "must be a list of NAME:ADDRESS", "HostConfig.ExtraHosts", FOR_ALL, "[]",
      "Further lines of /etc/hosts, NAME:ADDRESS." },
    { "runtime", read_text, MUST_TEXT, "HostConfig.Runtime", FOR_ALL, "runc",
      "An OCI runtime that the daemon knows, such as runsc." },
    { "userns", read_text, MUST_TEXT, "HostConfig.UsernsMode", FOR_ALL, "host",
      "host: not in the daemon's user namespace, where it uses one." },
    { "ipc", read_text, MUST_TEXT, "HostConfig.IpcMode", FOR_ALL, "private", "private, shareable, host or none." },
    { "read_only", read_flag, "must be true or false", "HostConfig.ReadonlyRootfs", FOR_JOB, "false",
      "Whether the job's container may write only to mounts and tmpfs." },
    { "user", read_user, "must be a user or USER:GROUP, by name or number", "User", FOR_JOB, "1000:1000",
      "Who the job's scripts run as, whatever image and job say." },
    { "group_add", read_list, MUST_LIST, "HostConfig.GroupAdd", FOR_JOB, "[]",
      "Further groups of the scripts' user, by name or number." },
    { "init", read_flag, "must be true or false", "HostConfig.Init", FOR_ALL, "false",
      "Whether each container begins with an init, which buries dead processes." },
    { "log_options", read_log_options, "must be a map with env and labels alone", "HostConfig.LogConfig.Config",
      FOR_SERVICES, "{}", "What services' logs record: env: NAME,NAME and labels: NAME,NAME." },
    { "mac_address", read_mac, "must be six bytes such as 02:42:ac:11:00:02", "MacAddress", FOR_JOB,
      "02:42:ac:11:00:02", "Network address of the job's container; its network must have one." },
    { "hostname", read_text, MUST_TEXT, "Hostname", FOR_ALL, "builder",
      "The containers' host name; by default runner, project and slot." },
    { "labels", read_labels, "must be a map of NAME: VALUE, no name beginning with 'atelier.'", "Labels", FOR_ALL, "{}",
      "Further labels of the containers." },
    { NULL, NULL, NULL, NULL, FOR_ALL, NULL, NULL },
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
static void put(json_t *object, const char *place, json_t *value)
{
    for (const char *dot; (dot = strchr(place, '.')); place = dot + 1) {
        auto_free char *outer = xstrndup(place, (size_t)(dot - place));
        object = json_object_get(object, outer);
    }
    json_t *there = json_object_get(object, place);

    if (json_is_object(there) && json_is_object(value))
        json_object_update(there, value);
    else
        json_object_set(object, place, value);
}

void settings_apply(const json_t *values, enum setting_for whose, json_t *create)
{
    for (const struct setting *s = settings; s->name; s++) {
        json_t *value = json_object_get(values, s->name);
        if (value && (s->whose & whose))
            put(create, s->place, value);
    }
}
