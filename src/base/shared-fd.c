/* Theory of operation: O_NONBLOCK belongs to the open file description, which a shell, a pager or a program started later may hold
 * as well and would be surprised by. A pipe or a terminal can be opened once more by its entry in /proc, which gives a description
 * of our own; a socket takes the wish with each call. Where neither works the descriptor is polled and given little at a time:
 * that blocks only when somebody else comes between. */
#include "shared-fd.h"
#include "beneath.h"
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>

enum { LITTLE = 512 };

/* To open the master of a terminal makes another one. */
static bool is_terminal(int fd)
{
	int number;

	return isatty(fd) && ioctl(fd, TIOCGPTN, &number) < 0;
}

void shared_fd_init(struct shared_fd *s, int fd, int access)
{
	char path[BENEATH_PATH];
	struct stat st;

	*s = (struct shared_fd){ .fd = fd, .own = -1, .how = SHARED_CAREFUL };
	if (fd < 0 || fstat(fd, &st) < 0)
		return;
	if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) || S_ISBLK(st.st_mode)) {
		s->how = SHARED_PLAIN;
	} else if (S_ISSOCK(st.st_mode)) {
		s->how = SHARED_SOCKET;
	} else if (S_ISFIFO(st.st_mode) || is_terminal(fd)) {
		s->own = open(beneath_path(fd, path), access | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
		if (s->own >= 0) {
			s->how = SHARED_OWN;
			s->fd = s->own;
		}
	}
}

/* Does poll(2) report @events? Errors and hangups are for the call itself to tell. */
static bool fd_is_ready(int fd, short events)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	if (poll(&pfd, 1, 0) > 0)
		return true;
	errno = EAGAIN;
	return false;
}

ssize_t shared_fd_read(const struct shared_fd *s, void *p, size_t n)
{
	if (s->how == SHARED_SOCKET)
		return recv(s->fd, p, n, MSG_DONTWAIT);
	if (s->how == SHARED_CAREFUL && !fd_is_ready(s->fd, POLLIN))
		return -1;
	return read(s->fd, p, n);
}

ssize_t shared_fd_write(const struct shared_fd *s, const void *p, size_t n)
{
	if (s->how == SHARED_SOCKET)
		return send(s->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (s->how != SHARED_CAREFUL)
		return write(s->fd, p, n);
	if (!fd_is_ready(s->fd, POLLOUT))
		return -1;
	return write(s->fd, p, n < LITTLE ? n : LITTLE);
}

void shared_fd_done(struct shared_fd *s)
{
	closep(&s->own);
	*s = (struct shared_fd){ .fd = -1, .own = -1 };
}
