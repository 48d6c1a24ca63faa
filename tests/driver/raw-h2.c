#include "raw-h2.h"
#include "clock.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int raw_dial(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&at, sizeof at) < 0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

static void put_big_endian(struct buf *b, uint32_t n, unsigned bytes)
{
	while (bytes--)
		buf_addc(b, (char)(n >> 8 * bytes));
}

void raw_frame(struct buf *b, unsigned type, unsigned flags, uint32_t stream, const void *p, size_t n)
{
	put_big_endian(b, (uint32_t)n, 3);
	buf_addc(b, (char)type);
	buf_addc(b, (char)flags);
	put_big_endian(b, stream, 4);
	buf_add(b, p, n);
}

void raw_hello(struct buf *b, uint32_t window)
{
	_cleanup_buf_ struct buf settings = { 0 };

	buf_adds(b, RAW_PREFACE);
	put_big_endian(&settings, 4, 2); /* INITIAL_WINDOW_SIZE */
	put_big_endian(&settings, window, 4);
	raw_frame(b, RAW_SETTINGS, 0, 0, buf_str(&settings), settings.len);
}

/* HPACK: a literal without indexing, its name new, no Huffman. */
static void put_header(struct buf *b, const char *name, const char *value)
{
	buf_addc(b, 0);
	buf_addc(b, (char)strlen(name));
	buf_adds(b, name);
	buf_addc(b, (char)strlen(value));
	buf_adds(b, value);
}

void raw_request(struct buf *b, uint32_t stream, const char *path, bool last)
{
	_cleanup_buf_ struct buf block = { 0 };

	put_header(&block, ":method", "POST");
	put_header(&block, ":scheme", "http");
	put_header(&block, ":path", path);
	put_header(&block, ":authority", "unused");
	put_header(&block, "content-type", "application/grpc");
	put_header(&block, "te", "trailers");
	raw_frame(b, RAW_HEADERS, RAW_END_HEADERS | (last ? RAW_END_STREAM : 0), stream, buf_str(&block), block.len);
}

void raw_message(struct buf *b, uint32_t stream, const void *p, size_t n, bool last)
{
	_cleanup_buf_ struct buf data = { 0 };

	buf_addc(&data, 0);
	put_big_endian(&data, (uint32_t)n, 4);
	buf_add(&data, p, n);
	raw_frame(b, RAW_DATA, last ? RAW_END_STREAM : 0, stream, buf_str(&data), data.len);
}

static bool raw_wait(int fd, short events, int64_t until)
{
	struct pollfd p = { .fd = fd, .events = events };
	int64_t left = until - clock_mono();

	return left > 0 && poll(&p, 1, (int)(left / NSEC_PER_MSEC) + 1) > 0;
}

/* What it says meanwhile is dropped: it may wait for that to be taken. */
static bool raw_drop(int fd)
{
	char part[65536];

	return recv(fd, part, sizeof part, MSG_DONTWAIT) != 0;
}

int raw_send(int fd, const struct buf *b, int ms)
{
	const int64_t until = clock_mono() + ms * NSEC_PER_MSEC;
	size_t at = 0;

	while (at < b->len) {
		ssize_t n = send(fd, b->data + at, b->len - at, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && (errno != EAGAIN || !raw_wait(fd, POLLOUT | POLLIN, until) || !raw_drop(fd)))
			return -1;
		at += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

int raw_until_closed(int fd, struct buf *ret, int ms)
{
	const int64_t until = clock_mono() + ms * NSEC_PER_MSEC;

	for (;;) {
		char part[65536];
		ssize_t n;

		if (!raw_wait(fd, POLLIN, until))
			return -1;
		n = recv(fd, part, sizeof part, MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN))
			return 0;
		buf_add(ret, part, n > 0 ? (size_t)n : 0);
	}
}
