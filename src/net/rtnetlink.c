#include "rtnetlink.h"
#include "mem.h"
#include <sys/socket.h>
#include <sys/time.h>

enum { DUMP_MAX = 64 << 10, WAIT_S = 5 };

int rtnetlink_open(struct err *err)
{
	const struct timeval limit = { .tv_sec = WAIT_S };
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) < 0)
		return err_sys(err, errno, "rtnetlink");
	return TAKE_FD(fd);
}

static int rtnetlink_send(int fd, const struct nlmsghdr *request, struct err *err)
{
	return send(fd, request, request->nlmsg_len, 0) < 0 ? err_sys(err, errno, "rtnetlink") : 0;
}

static int error_of(const struct nlmsghdr *h)
{
	const struct nlmsgerr *e = NLMSG_DATA(h);

	return h->nlmsg_len < NLMSG_LENGTH(sizeof *e) ? EPROTO : -e->error;
}

/* 1: there is more to come. */
static int dump_read(int fd, void *buf, uint16_t type, void (*each)(void *arg, const struct nlmsghdr *), void *arg, struct err *err)
{
	const ssize_t n = recv(fd, buf, DUMP_MAX, 0);
	unsigned left = n < 0 ? 0 : (unsigned)n;

	if (n <= 0)
		return err_sys(err, n < 0 ? errno : EPIPE, "rtnetlink");
	for (const struct nlmsghdr *h = buf; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
		if (h->nlmsg_type == NLMSG_DONE)
			return 0;
		if (h->nlmsg_type == NLMSG_ERROR)
			return err_sys(err, error_of(h), "rtnetlink");
		if (h->nlmsg_type == type)
			each(arg, h);
	}
	return 1;
}

int rtnetlink_dump(int fd, const struct nlmsghdr *request, uint16_t type, void (*each)(void *arg, const struct nlmsghdr *),
		   void *arg, struct err *err)
{
	_cleanup_free_ void *buf = mem_zalloc(DUMP_MAX);
	int r = rtnetlink_send(fd, request, err);

	for (r = r < 0 ? r : 1; r > 0;)
		r = dump_read(fd, buf, type, each, arg, err);
	return r;
}

int rtnetlink_do(int fd, const struct nlmsghdr *request, int absent, const char *what, struct err *err)
{
	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
		char more[512];
	} answer = { 0 };
	int r = rtnetlink_send(fd, request, err), code;

	if (r < 0)
		return r;
	if (recv(fd, &answer, sizeof answer, 0) < (ssize_t)NLMSG_LENGTH(sizeof answer.error))
		return err_sys(err, errno, "rtnetlink");
	code = answer.head.nlmsg_type == NLMSG_ERROR ? -answer.error.error : 0;
	return code && code != absent ? err_sys(err, code, "%s", what) : 0;
}
