/* Tables for people: columns as wide as their cells. Where a terminal is narrower the columns that may be cut are, lists go
 * over several lines, and columns leave in their order. What must not be cut stands under one another in the end. So a table
 * fits any width, and a cell of a column without @min is never cut. */
#pragma once
#include "buf.h"
#include "strv.h"
#include <stdbool.h>

struct column {
	const char *title;
	unsigned min;  /* may be cut to this many characters on a narrow terminal; 0: never */
	bool right;    /* numbers */
	unsigned drop; /* on a still narrower one: the column with the lowest number leaves first; 0: it stays */
	bool list;     /* parts with ", " between them, which may stand on a line each */
};

struct table {
	const struct column *columns;
	size_t n_columns;
	struct strv cells; /* row by row */
};

void table_done(struct table *);
void table_cell(struct table *, const char *text); /* NULL is ""; what may not be shown (utf8.h) becomes '?' */
void table_cellf(struct table *, const char *fmt, ...) _printf_(2, 3);
/* Appends title and rows. @width: of the terminal, 0 for no limit. */
void table_write(const struct table *, unsigned width, struct buf *out);
