/* Tables for people: columns as wide as their cells, cut where a terminal is narrower. */
#pragma once
#include "buf.h"
#include "strv.h"
#include <stdbool.h>

struct column {
	const char *title;
	unsigned min;   /* may be cut to this many characters on a narrow terminal; 0: never */
	bool right;     /* numbers */
};

struct table {
	const struct column *columns;
	size_t n_columns;
	struct strv cells; /* row by row */
};

void table_done(struct table *);
void table_cell(struct table *, const char *text);     /* NULL is ""; what may not be shown (utf8.h) becomes '?' */
void table_cellf(struct table *, const char *fmt, ...) _printf_(2, 3);
/* Appends title and rows. @width: of the terminal, 0 for no limit. */
void table_write(const struct table *, unsigned width, struct buf *out);
