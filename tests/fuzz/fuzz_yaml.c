/* Any bytes as a YAML document: an error that names the place, or a tree within its limits. */
#include "base/yaml.h"

#include <stdint.h>
#include <string.h>

static const struct yaml_limits limits = { 1 << 16, 2000, 20 };

static void require(bool promise)
{
    if (!promise)
        abort();
}

static void check_key(const struct yaml *map, size_t i)
{
    const struct yaml *member = map->items[i];
    require(member->key && member->key_line >= 1 && member->key_column >= 1);
    require(yaml_get(map, member->key) == member); /* so no key is there twice */
}

static size_t check_node(const struct yaml *y, size_t depth)
{
    size_t nodes = 1;
    require(depth <= limits.depth);
    require(y->line >= 1 && y->column >= 1);
    require((y->type == YAML_SCALAR) == (y->text != NULL));
    require(y->n == 0 || y->type == YAML_LIST || y->type == YAML_MAP);
    for (size_t i = 0; i < y->n; i++) {
        if (y->type == YAML_MAP)
            check_key(y, i);
        nodes += check_node(y->items[i], depth + 1);
    }
    return nodes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_yaml *y = NULL;
    auto_err e = ERR_INIT;
    if (yaml_read("file", (const char *)data, size, &limits, &y, &e) < 0)
        require(!y && e.kind == ERR_JOB && !strncmp(err_text(&e), "file:", 5));
    else
        require(check_node(y, 1) <= limits.nodes && e.kind == ERR_NONE);
    return 0;
}
