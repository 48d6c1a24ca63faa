#include "link.h"
#include "mem.h"
#include <net/if.h>
#include <linux/rtnetlink.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

enum { DUMP_MAX = 64 << 10, WAIT_S = 5 };

struct request {
	struct nlmsghdr head;
	struct ifinfomsg info;
};

/* A socket with the request sent. */
static int link_ask(uint16_t type, uint16_t flags, int index, struct err *err)
{
	struct request req = {
		.head = { .nlmsg_len = sizeof req, .nlmsg_type = type, .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags) },
		.info = { .ifi_family = AF_UNSPEC, .ifi_index = index },
	};
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	const struct timeval limit = { .tv_sec = WAIT_S };
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) < 0 ||
	    sendto(fd, &req, sizeof req, 0, (const struct sockaddr *)&kernel, sizeof kernel) < 0)
		return err_sys(err, errno, "rtnetlink");
	return TAKE_FD(fd);
}

/* The kind in an IFLA_LINKINFO. */
static void read_kind(const struct rtattr *linkinfo, char ret[16])
{
	int left = (int)RTA_PAYLOAD(linkinfo);

	for (const struct rtattr *a = RTA_DATA(linkinfo); RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == IFLA_INFO_KIND)
			(void)snprintf(ret, 16, "%.*s", (int)RTA_PAYLOAD(a), (const char *)RTA_DATA(a));
}

/* One interface of the dump: is it the one of that name, or attached to it? */
static void read_link(const struct nlmsghdr *h, const char *name, struct link *l)
{
	const struct ifinfomsg *info = NLMSG_DATA(h);
	int left = (int)IFLA_PAYLOAD(h);
	const struct rtattr *linkinfo = NULL;
	uint32_t master = 0;
	bool is_it = false;

	for (const struct rtattr *a = IFLA_RTA(info); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		if (a->rta_type == IFLA_LINKINFO)
			linkinfo = a;
		else if (a->rta_type == IFLA_MASTER && RTA_PAYLOAD(a) >= sizeof master)
			memcpy(&master, RTA_DATA(a), sizeof master);
		else if (a->rta_type == IFLA_IFNAME)
			is_it = !strncmp(RTA_DATA(a), name, RTA_PAYLOAD(a));
	}
	if (is_it && linkinfo)
		read_kind(linkinfo, l->kind);
	if (!is_it && master && (int)master == l->index)
		l->has_ports = true;
}

/* 1: there is more to come. */
static int read_dump(int fd, void *buf, const char *name, struct link *l, struct err *err)
{
	const ssize_t n = recv(fd, buf, DUMP_MAX, 0);
	unsigned left = n < 0 ? 0 : (unsigned)n;

	if (n <= 0)
		return err_sys(err, n < 0 ? errno : EPIPE, "rtnetlink");
	for (const struct nlmsghdr *h = buf; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
		if (h->nlmsg_type == NLMSG_DONE)
			return 0;
		if (h->nlmsg_type == NLMSG_ERROR)
			return err_sys(err, -((const struct nlmsgerr *)NLMSG_DATA(h))->error, "rtnetlink");
		if (h->nlmsg_type == RTM_NEWLINK)
			read_link(h, name, l);
	}
	return 1;
}

int link_look(const char *name, struct link *ret, struct err *err)
{
	struct link l = { .index = (int)if_nametoindex(name) };
	_cleanup_free_ void *buf = mem_zalloc(DUMP_MAX);
	_cleanup_close_ int fd = -1;
	int r = 1;

	if (!l.index)
		return err_set(err, ERR_NOT_FOUND, "interface %s: there is none", name);
	fd = link_ask(RTM_GETLINK, NLM_F_DUMP, 0, err);
	if (fd < 0)
		return fd;
	while (r > 0)
		r = read_dump(fd, buf, name, &l, err);
	if (r >= 0)
		*ret = l;
	return r;
}

int link_remove(int index, struct err *err)
{
	_cleanup_close_ int fd = link_ask(RTM_DELLINK, NLM_F_ACK, index, err);
	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
		char more[512];
	} answer = { 0 };

	if (fd < 0)
		return fd;
	if (recv(fd, &answer, sizeof answer, 0) < (ssize_t)NLMSG_LENGTH(sizeof answer.error))
		return err_sys(err, errno, "rtnetlink");
	if (answer.head.nlmsg_type == NLMSG_ERROR && answer.error.error && answer.error.error != -ENODEV)
		return err_sys(err, -answer.error.error, "remove interface %d", index);
	return 0;
}
