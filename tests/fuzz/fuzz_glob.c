/* A pattern matches the same whether a name is taken whole or element by element as a tree is walked,
 * states that are used up match nothing, and no pattern takes long. Input: the pattern, a newline, the name. */
#include "cache/select/glob.h"

#include "base/memory.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As a walk does it, from folder to entry; the last element is no folder. */
static enum glob_fit match_by_elements(struct glob *g, char *name)
{
    auto_glob_states states;
    enum glob_fit fit = GLOB_NO;
    (void)glob_start(g, &states);
    for (char *element = name, *end; element; element = end) {
        struct glob_states below;
        end = strchr(element, '/');
        if (end)
            *end++ = '\0';
        fit = glob_step(g, &states, element, &below);
        if (fit != GLOB_NO && states.n == 0)
            abort();
        glob_states_release(&states);
        states = below;
    }
    return fit;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_free char *pattern = xstrndup((const char *)data, size);
    auto_glob *g = NULL;
    char *name = strchr(pattern, '\n');

    if (!name)
        return 0;
    *name++ = '\0';
    free(glob_unescape(pattern, (size_t)(glob_first_meta(pattern) - pattern)));
    if (glob_compile(pattern, &g, NULL) < 0)
        return 0;
    bool whole = glob_match(g, name);
    enum glob_fit walked = match_by_elements(g, name);
    if ((walked == GLOB_YES && !whole) || (walked == GLOB_NO && whole))
        abort();
    return 0;
}
