/* Widths are counted in code points, which is right for everything but wide and combining characters. The widest column that
 * may be narrowed gives way first, so that names stay readable longest. */
#include "table.h"
#include "mem.h"
#include "utf8.h"
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

enum { GAP = 3 };
#define ELLIPSIS "..." /* plain in every locale */

static bool begins_character(char c) { return ((unsigned char)c & 0xc0) != 0x80; }

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

void table_done(struct table *t) { strv_done(&t->cells); }

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

/* How a table is laid out in a width. */
struct layout {
	const struct table *t;
	size_t *width, *min; /* of each column; min: as far as it may be narrowed */
	bool *gone;
	bool stacked; /* the columns that stay stand under one another */
	size_t limit;
};

/* The part of a list that @s begins with, its comma too; *ret_next is behind the blank. */
static size_t part_of(const char *s, const char **ret_next)
{
	const char *end = strstr(s, ", ");

	*ret_next = end ? end + 2 : s + strlen(s);
	return end ? (size_t)(end + 1 - s) : strlen(s);
}

static size_t longest_part(const char *s)
{
	size_t longest = 0;

	while (*s) {
		_cleanup_free_ char *part = NULL;
		const char *next;
		size_t len;

		part = mem_strndup(s, part_of(s, &next));
		len = characters(part);
		longest = len > longest ? len : longest;
		s = next;
	}
	return longest;
}

static void grow_to(size_t *n, size_t least) { *n = least > *n ? least : *n; }

static void measure(struct layout *l)
{
	const struct table *t = l->t;

	for (size_t c = 0; c < t->n_columns; c++)
		l->width[c] = l->min[c] = characters(t->columns[c].title);
	for (size_t i = 0; i < t->cells.n; i++) {
		const struct column *col = &t->columns[i % t->n_columns];
		size_t len = characters(t->cells.v[i]);

		grow_to(&l->width[i % t->n_columns], len);
		grow_to(&l->min[i % t->n_columns], col->list ? longest_part(t->cells.v[i]) : len);
	}
	for (size_t c = 0; c < t->n_columns; c++)
		if (t->columns[c].min && t->columns[c].min < l->min[c])
			l->min[c] = t->columns[c].min;
}

/* The width of a line whose columns are as wide as @widths says. */
static size_t total(const struct layout *l, const size_t *widths)
{
	size_t sum = 0, n = 0;

	for (size_t c = 0; c < l->t->n_columns; c++)
		if (!l->gone[c]) {
			sum += widths[c];
			n++;
		}
	return sum + (n ? GAP * (n - 1) : 0);
}

/* The column that leaves next, or none (n_columns). */
static size_t next_to_go(const struct layout *l)
{
	const struct column *v = l->t->columns;
	size_t found = l->t->n_columns;

	for (size_t c = 0; c < l->t->n_columns; c++)
		if (!l->gone[c] && v[c].drop && (found == l->t->n_columns || v[c].drop < v[found].drop))
			found = c;
	return found;
}

/* Narrow the widest column that may be, one character at a time, until the line fits. */
static void table_narrow(struct layout *l)
{
	for (size_t over = total(l, l->width); over > l->limit; over--) {
		size_t widest = l->t->n_columns;

		for (size_t c = 0; c < l->t->n_columns; c++)
			if (!l->gone[c] && l->width[c] > l->min[c] && (widest == l->t->n_columns || l->width[c] > l->width[widest]))
				widest = c;
		if (widest == l->t->n_columns)
			return;
		l->width[widest]--;
	}
}

static void fit(struct layout *l)
{
	size_t c;

	while (total(l, l->min) > l->limit && (c = next_to_go(l)) < l->t->n_columns)
		l->gone[c] = true;
	l->stacked = total(l, l->min) > l->limit;
	if (!l->stacked)
		table_narrow(l);
}

static void pad(struct buf *out, size_t n) { buf_addf(out, "%*s", (int)n, ""); }

/* @text cut to @width characters, the last of which say so. */
static void write_cut(const char *text, size_t width, struct buf *out)
{
	size_t mark = strlen(ELLIPSIS) < width ? strlen(ELLIPSIS) : width;

	buf_add(out, text, bytes_of(text, width - mark));
	buf_add(out, ELLIPSIS, mark);
}

/* What of @text stands on this line in column @c; *text goes on to what is left for the next. */
static void table_write_piece(const struct layout *l, size_t c, const char **text, bool last, struct buf *out)
{
	const struct column *col = &l->t->columns[c];
	const char *next = *text + strlen(*text);
	_cleanup_free_ char *piece = mem_strdup(*text);
	size_t width = l->width[c], len = characters(piece);

	if (col->list && len > width) { /* as many parts as there is room for */
		const char *behind;
		size_t n = part_of(*text, &behind);

		for (next = behind; *next; next = behind) {
			size_t more = (size_t)(next - *text) + part_of(next, &behind);

			if (more > width)
				break;
			n = more;
		}
		piece[n] = '\0';
		len = characters(piece);
	}
	if (col->right && len < width)
		pad(out, width - len);
	if (len > width)
		write_cut(piece, width, out);
	else
		buf_adds(out, piece);
	if (!last)
		pad(out, (col->right || len > width ? 0 : width - len) + GAP);
	*text = next;
}

static size_t last_column(const struct layout *l)
{
	size_t c = l->t->n_columns;

	while (c > 0 && l->gone[c - 1])
		c--;
	return c - 1;
}

static void write_line(const struct layout *l, const char **cells, struct buf *out)
{
	size_t end, last = last_column(l), begin = out->len;

	for (size_t c = 0; c <= last; c++)
		if (!l->gone[c])
			table_write_piece(l, c, &cells[c], c == last, out);
	for (end = out->len; end > begin && out->data[end - 1] == ' ';)
		end--;
	buf_cut(out, end);
	buf_addc(out, '\n');
}

/* The rest of a list stands below its beginning. */
static void write_row(const struct layout *l, char *const *texts, struct buf *out)
{
	_cleanup_free_ const char **cells = mem_array(const char *, l->t->n_columns);
	bool more = true;

	for (size_t c = 0; c < l->t->n_columns; c++)
		cells[c] = texts[c];
	while (more) {
		write_line(l, cells, out);
		more = false;
		for (size_t c = 0; c < l->t->n_columns; c++)
			more |= !l->gone[c] && *cells[c];
	}
}

/* @text over as many lines as it needs, @indent in. */
static void write_wrapped(const char *text, size_t limit, size_t indent, struct buf *out)
{
	size_t room;

	indent = limit > 2 * indent ? indent : 0;
	room = limit > indent ? limit - indent : 1;
	do {
		size_t n = bytes_of(text, room);

		pad(out, indent);
		buf_add(out, text, n);
		buf_addc(out, '\n');
		text += n;
	} while (*text);
}

static void write_list(const char *text, size_t limit, struct buf *out)
{
	while (*text) {
		const char *next;
		_cleanup_free_ char *part = mem_strndup(text, part_of(text, &next));

		write_wrapped(part, limit, characters(part) + 2 > limit ? 0 : 2, out);
		text = next;
	}
}

static void write_stacked(const struct layout *l, char *const *texts, struct buf *out)
{
	bool first = true;

	for (size_t c = 0; c < l->t->n_columns; c++) {
		if (l->gone[c])
			continue;
		if (l->t->columns[c].list)
			write_list(texts[c], l->limit, out);
		else if (first || *texts[c])
			write_wrapped(texts[c], l->limit, first ? 0 : 2, out);
		first = false;
	}
}

void table_write(const struct table *t, unsigned width, struct buf *out)
{
	_cleanup_free_ size_t *widths = mem_array(size_t, t->n_columns), *mins = mem_array(size_t, t->n_columns);
	_cleanup_free_ bool *gone = mem_array(bool, t->n_columns);
	_cleanup_free_ char **titles = mem_array(char *, t->n_columns);
	struct layout l = { .t = t, .width = widths, .min = mins, .gone = gone, .limit = width };

	measure(&l);
	if (width)
		fit(&l);
	for (size_t c = 0; c < t->n_columns; c++)
		titles[c] = (char *)(uintptr_t)t->columns[c].title;
	for (size_t row = 0; row <= t->cells.n / t->n_columns; row++) {
		char *const *texts = row ? t->cells.v + (row - 1) * t->n_columns : titles;

		if (l.stacked)
			write_stacked(&l, texts, out);
		else
			write_row(&l, texts, out);
	}
}
