/* Widths are counted in code points, which is right for everything but wide and combining characters. A cell that is
 * cut ends in "…". The widest column that may be cut gives way first, so that names stay readable longest. */
#include "table.h"
#include "mem.h"
#include "utf8.h"
#include <stdarg.h>
#include <string.h>

enum { GAP = 3 };
#define ELLIPSIS "…"

static bool begins_character(char c)
{
	return ((unsigned char)c & 0xc0) != 0x80;
}

static size_t characters(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += begins_character(*s);
	return n;
}

/* Bytes of the first @n characters. */
static size_t bytes_of(const char *s, size_t n)
{
	size_t i = 0;

	for (; s[i]; i++)
		if (begins_character(s[i]) && n-- == 0)
			break;
	return i;
}

void table_done(struct table *t)
{
	strv_done(&t->cells);
}

void table_cell(struct table *t, const char *text)
{
	char *cell = mem_strdup(text ? text : "");

	utf8_disarm(cell);
	strv_own(&t->cells, cell);
}

void table_cellf(struct table *t, const char *fmt, ...)
{
	va_list ap;
	char *cell;

	va_start(ap, fmt);
	cell = mem_vprintf(fmt, ap);
	va_end(ap);
	utf8_disarm(cell);
	strv_own(&t->cells, cell);
}

static void measure(const struct table *t, size_t *widths)
{
	for (size_t c = 0; c < t->n_columns; c++)
		widths[c] = characters(t->columns[c].title);
	for (size_t i = 0; i < t->cells.n; i++) {
		size_t len = characters(t->cells.v[i]);

		if (len > widths[i % t->n_columns])
			widths[i % t->n_columns] = len;
	}
}

/* Narrow the widest column that may be, one character at a time, until the line fits or none may. */
static void fit(const struct table *t, size_t *widths, size_t limit)
{
	size_t total = GAP * (t->n_columns - 1);

	for (size_t c = 0; c < t->n_columns; c++)
		total += widths[c];
	for (; total > limit; total--) {
		size_t widest = t->n_columns;

		for (size_t c = 0; c < t->n_columns; c++)
			if (t->columns[c].min && widths[c] > t->columns[c].min &&
			    (widest == t->n_columns || widths[c] > widths[widest]))
				widest = c;
		if (widest == t->n_columns)
			return;
		widths[widest]--;
	}
}

static void pad(struct buf *out, size_t n)
{
	buf_addf(out, "%*s", (int)n, "");
}

static void write_cell(const char *text, size_t width, bool right, bool last, struct buf *out)
{
	size_t len = characters(text);

	if (len > width) {
		buf_add(out, text, bytes_of(text, width - 1));
		buf_adds(out, ELLIPSIS);
		len = width;
	} else {
		if (right)
			pad(out, width - len);
		buf_adds(out, text);
	}
	if (!last)
		pad(out, (right ? 0 : width - len) + GAP);
}

void table_write(const struct table *t, unsigned width, struct buf *out)
{
	_cleanup_free_ size_t *widths = mem_array(size_t, t->n_columns);

	measure(t, widths);
	if (width)
		fit(t, widths, width);
	for (size_t c = 0; c < t->n_columns; c++)
		write_cell(t->columns[c].title, widths[c], t->columns[c].right, c + 1 == t->n_columns, out);
	buf_addc(out, '\n');
	for (size_t i = 0; i < t->cells.n; i++) {
		size_t c = i % t->n_columns;
		bool last = c + 1 == t->n_columns;

		write_cell(t->cells.v[i], widths[c], t->columns[c].right, last, out);
		if (last)
			buf_addc(out, '\n');
	}
}
