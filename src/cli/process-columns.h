/* Processes as ps(1) prints them: its columns by their names, and the forms that people ask for. */
#pragma once
#include "process.h"
#include "table.h"

enum { PROCESS_COLUMNS_MAX = 32 };
struct process_columns {
	struct column columns[PROCESS_COLUMNS_MAX];
	const struct process_column *kinds[PROCESS_COLUMNS_MAX]; /* NULL: the caller's own */
	size_t n;
	struct strv titles; /* those that were given */
	bool threads;       /* a row for each thread: -T, -L, H */
};
void process_columns_done(struct process_columns *);
/* What ps's options ask for: none is -ef; "aux", "-o pid,comm", "-eo pid,args=COMMAND" ... What selects processes is taken, since
 * those of the job are selected. -ERR_INVALID: of an option or a column that is not known here. */
int process_columns_parse(const struct strv *options, struct process_columns *ret, struct err *err);
/* A row's cells, of the columns that have a kind. */
void process_columns_row(const struct process_columns *, const struct process *, int64_t now, struct table *to);
