/* executor/table.h: rows and columns for people. */
#ifndef EXECUTOR_TABLE_H
#define EXECUTOR_TABLE_H

#include "base/strbuf.h"
#include "base/strvec.h"

#include <stddef.h>

/* Append the cells, row by row, each column as wide as its widest cell. What comes
 * from outside was made visible before (text_quote). */
void table_write(const struct strvec *cells, size_t columns, struct strbuf *out);

#endif
