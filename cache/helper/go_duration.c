#include "cache/helper/go_duration.h"

#include "base/memory.h"
#include "base/text.h"

#include <string.h>

#define LONGEST_MS 1e15

static const struct unit {
    const char *name;
    double ms;
} units[] = {
    { "ns", 1e-6 }, { "us", 1e-3 }, { "\xc2\xb5s", 1e-3 }, { "ms", 1 }, { "s", 1e3 }, { "m", 6e4 }, { "h", 3.6e6 },
};

/* The unit at *text, which is moved behind it. */
static const struct unit *take_unit(const char **text)
{
    for (size_t i = 0; i < ARRAY_SIZE(units); i++)
        if (text_starts(*text, units[i].name)) {
            *text += strlen(units[i].name);
            return &units[i];
        }
    return NULL;
}

int go_duration_parse(const char *text, int64_t *out_ms)
{
    double total = 0;

    if (strcmp(text, "0") == 0) {
        *out_ms = 0;
        return 0;
    }
    do {
        char *end = NULL;
        size_t len = strspn(text, "0123456789."); /* strtod takes more than that */
        double value = len > 0 ? strtod(text, &end) : 0;
        if (len == 0 || end != text + len)
            return -1;
        text = end;
        const struct unit *unit = take_unit(&text);
        if (!unit)
            return -1;
        total += value * unit->ms;
    } while (*text);
    if (total > LONGEST_MS)
        return -1;
    *out_ms = total > 0 && total < 1 ? 1 : (int64_t)(total + 0.5);
    return 0;
}
