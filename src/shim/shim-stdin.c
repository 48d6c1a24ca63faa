#include "shim-stdin.h"
#include "clock.h"
#include <errno.h>
#include <poll.h>
#include <unistd.h>

enum { STDIN_MAX = 4 << 20, PIECE = 4096 };

/* 0: its end. Negative: not in time, too much, or an error. */
static int read_piece(struct buf *to, int64_t end)
{
	const int64_t left = (end - clock_mono()) / NSEC_PER_MSEC;
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
	ssize_t n;

	if (to->len > STDIN_MAX || poll(&p, 1, left > 0 ? (int)left : 0) <= 0)
		return -ERR_DEADLINE;
	do
		n = read(STDIN_FILENO, buf_room(to, PIECE), PIECE);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		buf_grew(to, (size_t)n);
	return n < 0 ? -ERR_UNKNOWN : (int)n;
}

void shim_stdin_read(struct buf *ret)
{
	const int64_t end = clock_mono() + SHIM_STDIN_MS * NSEC_PER_MSEC;
	int r = isatty(STDIN_FILENO) ? -ERR_UNKNOWN : 1;

	while (r > 0)
		r = read_piece(ret, end);
	if (r < 0)
		buf_reset(ret);
}
