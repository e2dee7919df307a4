#include "executor/table.h"

#include <string.h>

void table_write(const struct strvec *cells, size_t columns, struct strbuf *out)
{
    auto_free size_t *widths = xcalloc(columns, sizeof(*widths));

    for (size_t i = 0; i < cells->n; i++) {
        size_t len = strlen(cells->items[i]);
        if (len > widths[i % columns])
            widths[i % columns] = len;
    }
    for (size_t i = 0; i < cells->n; i++) {
        if (i % columns == columns - 1)
            strbuf_printf(out, "%s\n", cells->items[i]);
        else
            strbuf_printf(out, "%-*s  ", (int)widths[i % columns], cells->items[i]);
    }
}
