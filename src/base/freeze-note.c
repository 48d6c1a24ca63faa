#include "freeze-note.h"
#include "file.h"
#include "mem.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NOTE_MAX = 256 };
static const char frozen[] = "frozen ";

int freeze_note(int fd, const char *task, pid_t pid)
{
	_cleanup_free_ char *line = mem_printf("%s%d %s\n", frozen, (int)pid, task);

	if (ftruncate(fd, 0) < 0 || file_write_at(fd, line, strlen(line), 0) < 0)
		return -errno;
	return 0;
}

void freeze_forget(int fd) { (void)!ftruncate(fd, 0); }

static int turn_lock(int fd, short type, bool wait)
{
	struct flock all = { .l_type = type, .l_whence = SEEK_SET };
	int r;

	do
		r = fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &all);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

int freeze_hold(int fd, bool wait) { return turn_lock(fd, F_WRLCK, wait); }
void freeze_let_go(int fd) { (void)turn_lock(fd, F_UNLCK, false); }

bool freeze_is_noted(int fd)
{
	char start[sizeof frozen - 1];

	return pread(fd, start, sizeof start, 0) == (ssize_t)sizeof start && memcmp(start, frozen, sizeof start) == 0;
}

bool freeze_read(const char *path, char **ret_task, pid_t *ret_pid)
{
	_cleanup_buf_ struct buf text = { 0 };
	const char *at;
	char *end;
	long pid;

	if (file_read(path, NOTE_MAX, &text, NULL) < 0 || strncmp(buf_str(&text), frozen, strlen(frozen)) != 0)
		return false;
	at = buf_str(&text) + strlen(frozen);
	pid = strtol(at, &end, 10);
	if (pid <= 0 || pid > INT_MAX || *end != ' ' || text.data[text.len - 1] != '\n')
		return false;
	*ret_task = mem_strndup(end + 1, strcspn(end + 1, "\n"));
	*ret_pid = (pid_t)pid;
	return true;
}
