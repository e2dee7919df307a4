#include "executor/table.h"

#include <string.h>

static int width(const struct strvec *cells, size_t column, size_t columns)
{
    size_t most = 0;

    for (size_t i = column; i < cells->n; i += columns)
        if (strlen(cells->items[i]) > most)
            most = strlen(cells->items[i]);
    return (int)most;
}

void table_write(const struct strvec *cells, size_t columns, struct strbuf *out)
{
    for (size_t i = 0; i < cells->n; i++) {
        if (i % columns == columns - 1)
            strbuf_printf(out, "%s\n", cells->items[i]);
        else
            strbuf_printf(out, "%-*s  ", width(cells, i % columns, columns), cells->items[i]);
    }
}
