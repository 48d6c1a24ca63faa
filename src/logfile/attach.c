#include "attach.h"
#include "mem.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

enum { NUMBERS = 3 };

static uint64_t number_at(const char *p)
{
	uint64_t v = 0;

	for (int i = 7; i >= 0; i--)
		v = v << 8 | (unsigned char)p[i];
	return v;
}

static void attach_put_number(char *p, uint64_t v)
{
	for (int i = 0; i < 8; i++, v >>= 8)
		p[i] = (char)(v & 0xff);
}

static bool parse_lost(struct attach_packet *k)
{
	if (k->len != sizeof(uint64_t) * NUMBERS)
		return false;
	k->lost = number_at(k->data);
	k->since = (int64_t)number_at(k->data + 8);
	k->until = (int64_t)number_at(k->data + 16);
	return true;
}

static bool parse_hello(struct attach_packet *k)
{
	if (k->len && k->len != sizeof(uint64_t)) /* a client's has no time */
		return false;
	k->until = k->len ? (int64_t)number_at(k->data) : 0;
	return true;
}

static bool parse_kind(struct attach_packet *k)
{
	switch (k->kind) {
	case ATTACH_LOST: return parse_lost(k);
	case ATTACH_HELLO: return parse_hello(k);
	case ATTACH_OUT:
	case ATTACH_ERR:
	case ATTACH_INPUT:
	case ATTACH_CLOSE:
	case ATTACH_STAY: return true;
	}
	return false;
}

bool attach_parse(const char *p, size_t n, struct attach_packet *ret)
{
	struct attach_packet k;

	if (!n || n > ATTACH_PACKET)
		return false;
	k = (struct attach_packet){ .kind = (enum attach_kind)p[0], .data = p + 1, .len = n - 1 };
	if (!parse_kind(&k))
		return false;
	*ret = k;
	return true;
}

int attach_send(int fd, const struct attach_packet *k)
{
	char head[1 + sizeof(uint64_t) * NUMBERS] = { (char)k->kind };
	struct iovec iov[] = { { head, 1 }, { (void *)(uintptr_t)k->data, k->len } };
	const struct msghdr m = { .msg_iov = iov, .msg_iovlen = k->len ? 2 : 1 };
	ssize_t n;

	if (k->kind == ATTACH_LOST) {
		attach_put_number(head + 1, k->lost);
		attach_put_number(head + 9, (uint64_t)k->since);
		attach_put_number(head + 17, (uint64_t)k->until);
		iov[0].iov_len = sizeof head;
	} else if (k->kind == ATTACH_HELLO && k->until) {
		attach_put_number(head + 1, (uint64_t)k->until);
		iov[0].iov_len = 1 + sizeof(uint64_t);
	}
	do
		n = sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/* An address for @path, by its folder (the caller closes it), since paths may be longer than addresses. */
static int address_of(const char *path, struct sockaddr_un *ret, int *ret_folder, struct err *err)
{
	const char *name = strrchr(path, '/');
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	char folder[4096];
	int n;

	if (!name || (size_t)(name - path) >= sizeof folder)
		return err_set(err, ERR_INVALID, "socket %s: no absolute path", path);
	(void)snprintf(folder, sizeof folder, "%.*s/", (int)(name - path), path);
	*ret_folder = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*ret_folder < 0)
		return err_sys(err, errno, "socket %s", path);
	n = snprintf(sa.sun_path, sizeof sa.sun_path, "/proc/self/fd/%d%s", *ret_folder, name);
	*ret = sa;
	return n < (int)sizeof sa.sun_path ? 0 : err_set(err, ERR_INVALID, "socket %s: its name is too long", path);
}

static int new_socket(void) { return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); }

int attach_listen(const char *path, int *ret_fd, struct err *err)
{
	_cleanup_free_ char *fresh = mem_printf("%s~", path);
	_cleanup_close_ int fd = new_socket(), folder = -1;
	struct sockaddr_un sa;
	int r = address_of(fresh, &sa, &folder, err);

	if (r < 0)
		return r;
	(void)unlink(fresh);
	if (fd < 0 || fchmod(fd, 0600) < 0 || bind(fd, (const struct sockaddr *)&sa, sizeof sa) < 0 || listen(fd, SOMAXCONN) < 0 ||
	    rename(fresh, path) < 0)
		return err_sys(err, errno, "socket %s", path);
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int attach_accept(int listener)
{
	_cleanup_close_ int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct ucred who;
	socklen_t len = sizeof who;

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0 || (who.uid && who.uid != geteuid()))
		return -1;
	return TAKE_FD(fd);
}

int attach_dial(const char *path, int *ret_fd, struct err *err)
{
	_cleanup_close_ int fd = new_socket(), folder = -1;
	struct sockaddr_un sa;
	int r = address_of(path, &sa, &folder, err);

	if (r < 0)
		return r;
	if (fd < 0 || connect(fd, (const struct sockaddr *)&sa, sizeof sa) < 0)
		return errno == EAGAIN ? err_set(err, ERR_UNAVAILABLE, "socket %s: too many wait to be accepted", path)
				       : err_sys(err, errno, "socket %s", path);
	*ret_fd = TAKE_FD(fd);
	return 0;
}
