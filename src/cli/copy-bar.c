#include "copy-bar.h"
#include "clock.h"
#include "human.h"
#include "term.h"
#include <string.h>
#include <unistd.h>

enum { FIRST = 4 << 20 /* so many bytes take no time that anybody sees */, REDRAW_MS = 100, BAR = 40, BAR_MIN = 6 };

void copy_bar_init(struct copy_bar *b, int fd, int64_t total)
{
	*b = (struct copy_bar){ .fd = fd >= 0 && isatty(fd) ? fd : -1, .total = total };
	b->color = b->fd >= 0 && term_color(b->fd);
}

static void add_bar(const struct copy_bar *b, size_t width, struct buf *out)
{
	const int64_t done = b->done < b->total ? b->done : b->total;
	const size_t full = b->total ? (size_t)((double)done / (double)b->total * (double)width) : width;

	buf_addf(out, "%s[", b->color ? "\033[36m" : "");
	for (size_t i = 0; i < width; i++)
		buf_addc(out, i < full ? '=' : ' ');
	buf_addf(out, "]%s ", b->color ? "\033[0m" : "");
}

void copy_bar_text(const struct copy_bar *b, unsigned columns, struct buf *out)
{
	char done[HUMAN_TEXT], total[HUMAN_TEXT], sizes[2 * HUMAN_TEXT + 8];
	const size_t room = columns ? columns - 1 : 0;
	size_t n;

	(void)snprintf(sizes, sizeof sizes, "%s%s%s", human_size(b->done, done), b->total < 0 ? "" : " of ",
		       b->total < 0 ? "" : human_size(b->total, total));
	n = strlen(sizes);
	if (b->total >= 0 && room >= n + 3 + BAR_MIN)
		add_bar(b, room - n - 3 < BAR ? room - n - 3 : BAR, out);
	buf_add(out, sizes, n < room ? n : room);
}

static void bar_draw(const struct copy_bar *b)
{
	_cleanup_buf_ struct buf out = { 0 };

	buf_adds(&out, "\r\033[K");
	copy_bar_text(b, term_width(b->fd), &out);
	(void)!write(b->fd, out.data, out.len);
}

void copy_bar_add(struct copy_bar *b, int64_t n)
{
	int64_t now;

	b->done += n;
	if (b->fd < 0 || (!b->next && (b->done < FIRST || b->done == b->total)))
		return;
	now = clock_mono();
	if (now < b->next)
		return;
	b->next = now + REDRAW_MS * NSEC_PER_MSEC;
	bar_draw(b);
}

void copy_bar_done(struct copy_bar *b)
{
	if (b->next)
		(void)!write(b->fd, "\r\033[K", 4);
	b->next = 0;
	b->fd = -1;
}
