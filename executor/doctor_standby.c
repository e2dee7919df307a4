/* executor/doctor_standby.c: what containers that wait for jobs cost, and why some do not wait. */
#include "executor/doctor.h"

#include "engine/container.h"
#include "executor/standby_record.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Beside what runs in it a container has a process of containerd's, which waits for its end. */
static int64_t shim_memory(const json_t *container)
{
    char path[64], text[512] = "";
    long parent = 0, pages = 0;

    (void)snprintf(path, sizeof(path), "/proc/%" PRId64 "/stat", json_number(json_object_get(container, "State"), "Pid", 0));
    FILE *f = fopen(path, "re");
    if (f) {
        (void)!fgets(text, sizeof(text), f);
        (void)fclose(f);
    }
    /* "<pid> (<name>) <state> <parent>": a name may have blanks and parentheses. */
    const char *after = strrchr(text, ')');
    if (!after || sscanf(after, ") %*c %ld", &parent) != 1)
        return 0;
    (void)snprintf(path, sizeof(path), "/proc/%ld/statm", parent);
    f = fopen(path, "re");
    if (f) {
        if (fscanf(f, "%*d %ld", &pages) != 1)
            pages = 0;
        (void)fclose(f);
    }
    return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

static void add_memory(struct doctor *d, const char *id, int64_t *bytes)
{
    auto_json *container = NULL;
    int64_t own = 0;

    if (container_memory(d->engine, id, &own, NULL) < 0 || container_inspect(d->engine, id, &container, NULL) < 0)
        return;
    *bytes += own + shim_memory(container);
}

static int64_t memory_of(struct doctor *d, const struct standby_records *records)
{
    int64_t bytes = 0;

    for (size_t i = 0; i < records->waiting.n; i++) {
        auto_json *record = standby_record_read(&d->config, records->waiting.items[i]);
        const char *role;
        json_t *id;
        json_object_foreach(json_object_get(record, "ids"), role, id)
            add_memory(d, json_string_value(id), &bytes);
    }
    return bytes;
}

void doctor_standby(struct doctor *d)
{
    auto_standby_records records = { .waiting = STRVEC_INIT };

    standby_records_list(&d->config, &records);
    for (size_t i = 0; i < records.problems.n; i++)
        doctor_say(d, VERDICT_WARNING, NULL, "none for slot %s", records.problems.items[i]);
    if (records.waiting.n > 0 && d->engine)
        doctor_say(d, d->config.standby > 0 ? VERDICT_OK : VERDICT_WARNING, d->config.standby > 0 ? NULL : "atelier gc",
                   "%zu pair%s of containers wait%s for a job, with %.1f MB of memory", records.waiting.n,
                   records.waiting.n == 1 ? "" : "s", records.waiting.n == 1 ? "s" : "",
                   (double)memory_of(d, &records) / 1e6);
    else if (records.problems.n == 0)
        doctor_say(d, VERDICT_OK, NULL, d->config.standby > 0 ? "no job has ended since the last one took what waited"
                                                              : "no containers wait for jobs (standby: 0)");
}
