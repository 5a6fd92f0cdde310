/* SPDX-License-Identifier: Apache-2.0 */
/* A table keeps escaped cells row by row, and measures them only when it is printed. */

#include "cli/table.h"

#include <stdarg.h>
#include <stdbool.h>

#include "base/list.h"
#include "base/text.h"
#include "cli/display.h"

#define COLUMNS_MAX 16

struct Table {
        size_t n_columns;
        bool heading;
        bool right[COLUMNS_MAX];
        StringList cells;
};

int table_new(size_t n_columns, const char *const *headers, Table **ret)
{
        _cleanup_(table_freep) Table *table = NULL;
        int r;

        if (n_columns == 0 || n_columns > COLUMNS_MAX)
                return -EINVAL;
        table = calloc(1, sizeof(*table));
        if (!table)
                return -ENOMEM;
        table->n_columns = n_columns;
        table->heading = headers;
        for (size_t i = 0; headers && i < n_columns; i++) {
                r = table_add(table, headers[i]);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(table);
        return 0;
}

Table *table_free(Table *table)
{
        if (!table)
                return NULL;
        string_list_done(&table->cells);
        free(table);
        return NULL;
}

void table_align_right(Table *table, size_t column)
{
        table->right[column] = true;
}

int table_add(Table *table, const char *cell)
{
        _cleanup_(freep) char *escaped = NULL;
        int r;

        r = display_escape(cell && *cell ? cell : "-", &escaped);
        if (r < 0)
                return r;
        return string_list_add(&table->cells, escaped);
}

int table_addf(Table *table, const char *format, ...)
{
        _cleanup_(freep) char *cell = NULL;
        va_list list;
        int length;

        va_start(list, format);
        length = vasprintf(&cell, format, list);
        va_end(list);
        if (length < 0) {
                cell = NULL;
                return -ENOMEM;
        }
        return table_add(table, cell);
}

static void table_measure(const Table *table, unsigned *ret_widths)
{
        memset(ret_widths, 0, table->n_columns * sizeof(*ret_widths));
        for (size_t i = 0; i < table->cells.count; i++) {
                unsigned width = display_width(table->cells.items[i]);

                if (width > ret_widths[i % table->n_columns])
                        ret_widths[i % table->n_columns] = width;
        }
}

void table_print(const Table *table, FILE *file)
{
        unsigned widths[COLUMNS_MAX];

        if (table->cells.count <= (table->heading ? table->n_columns : 0))
                return;
        table_measure(table, widths);
        for (size_t i = 0; i < table->cells.count; i++) {
                const char *cell = table->cells.items[i];
                size_t column = i % table->n_columns;
                bool last = column + 1 == table->n_columns;
                int padding = (int)(widths[column] - display_width(cell));

                if (table->right[column])
                        fprintf(file, "%*s%s%s", padding, "", cell, last ? "\n" : "  ");
                else
                        fprintf(file, "%s%*s%s", cell, last ? 0 : padding, "", last ? "\n" : "  ");
        }
}
