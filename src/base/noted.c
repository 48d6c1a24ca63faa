#include "noted.h"
#include "attr.h"
#include "file.h"
#include "mem.h"
#include "strv.h"
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NOTES_MAX = 4096, STAT_MAX = 4096, START_FIELD = 20 /* of what stands behind the name */ };

/* 0: there is no such process. */
static uint64_t began_at(pid_t pid)
{
	_cleanup_free_ char *path = mem_printf("/proc/%d/stat", (int)pid);
	_cleanup_buf_ struct buf text = { 0 };
	const char *at;

	if (file_read(path, STAT_MAX, &text, NULL) < 0)
		return 0;
	at = strrchr(buf_str(&text), ')'); /* the name before it may hold anything */
	for (int i = 0; at && i < START_FIELD; i++)
		at = strchr(at + 1, ' ');
	return at ? strtoull(at + 1, NULL, 10) : 0;
}

void noted_add(int fd, pid_t pid)
{
	char line[64];
	const int n = snprintf(line, sizeof line, "%d %" PRIu64 "\n", (int)pid, began_at(pid));
	struct stat st;

	if (fstat(fd, &st) == 0)
		(void)!pwrite(fd, line, (size_t)n, st.st_size);
}

/* Of one that is there; else -1. */
static int note_open(const char *line)
{
	_cleanup_close_ int fd = -1;
	char *end;
	const long pid = strtol(line, &end, 10);
	const uint64_t began = *end == ' ' ? strtoull(end + 1, NULL, 10) : 0;

	if (pid <= 0 || pid > INT_MAX || !began)
		return -1;
	fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
	return fd >= 0 && began_at((pid_t)pid) == began ? TAKE_FD(fd) : -1;
}

static int note_await(int fd, const struct ctx *ctx, struct err *err)
{
	const struct cancel *cancel = ctx ? ctx->cancel : NULL;
	struct pollfd p[2] = { { .fd = fd, .events = POLLIN }, { .fd = cancel ? cancel->fd : -1, .events = POLLIN } };

	for (;;) {
		const int n = poll(p, 2, 0);
		int r;

		if (n > 0 && p[0].revents)
			return 0;
		r = ctx_check(ctx, err);
		if (r < 0)
			return r;
		(void)poll(p, 2, ctx_poll_ms(ctx));
	}
}

int noted_await(int fd, const struct ctx *ctx, struct err *err)
{
	_cleanup_buf_ struct buf text = { 0 };
	_cleanup_strv_ struct strv lines = { 0 };
	const ssize_t n = pread(fd, buf_room(&text, NOTES_MAX), NOTES_MAX, 0);
	int r = 0;

	buf_grew(&text, n > 0 ? (size_t)n : 0);
	strv_split(&lines, buf_str(&text), "\n");
	for (size_t i = 0; r >= 0 && i < lines.n; i++) {
		_cleanup_close_ int process = note_open(lines.v[i]);

		r = process < 0 ? 0 : note_await(process, ctx, err);
	}
	return r;
}

bool noted_lives(int fd)
{
	const struct ctx now = ctx_within(NULL, 0);

	return noted_await(fd, &now, NULL) < 0;
}
