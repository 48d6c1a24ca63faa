#include "traffic.h"
#include "attr.h"
#include "netns.h"
#include "rtnetlink.h"
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

static int open_here(void *arg, struct err *err)
{
	int fd = rtnetlink_open(err);

	if (fd >= 0)
		*(int *)arg = fd;
	return fd < 0 ? fd : 0;
}

int traffic_open(const char *path, struct err *err)
{
	int fd = -1, r = netns_check(path, err);

	if (r >= 0)
		r = netns_run(path, open_here, &fd, err);
	return r < 0 ? r : fd;
}

/* A guest's: macvtap or a tap beside the pod's own interface, between which the kernel mirrors. */
static bool is_guests(const struct rtattr *linkinfo)
{
	int left = (int)RTA_PAYLOAD(linkinfo);
	char kind[16] = "";

	for (const struct rtattr *a = RTA_DATA(linkinfo); RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == IFLA_INFO_KIND)
			(void)snprintf(kind, sizeof kind, "%.*s", (int)RTA_PAYLOAD(a), (const char *)RTA_DATA(a));
	return !strcmp(kind, "tun") || !strcmp(kind, "macvtap");
}

static void traffic_add(void *arg, const struct nlmsghdr *h)
{
	const struct ifinfomsg *info = NLMSG_DATA(h);
	struct rtnl_link_stats64 stats = { 0 };
	struct traffic *t = arg;
	int left = (int)IFLA_PAYLOAD(h);
	bool counts = !(info->ifi_flags & IFF_LOOPBACK);

	for (const struct rtattr *a = IFLA_RTA(info); RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == IFLA_STATS64)
			memcpy(&stats, RTA_DATA(a), RTA_PAYLOAD(a) < sizeof stats ? RTA_PAYLOAD(a) : sizeof stats);
		else if (a->rta_type == IFLA_LINKINFO)
			counts &= !is_guests(a);
	t->received += counts ? stats.rx_bytes : 0;
	t->sent += counts ? stats.tx_bytes : 0;
}

int traffic_read(int fd, struct traffic *ret, struct err *err)
{
	const struct {
		struct nlmsghdr head;
		struct ifinfomsg info;
	} req = {
		.head = { .nlmsg_len = sizeof req, .nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.info = { .ifi_family = AF_UNSPEC },
	};
	struct traffic t = { 0 };
	int r = rtnetlink_dump(fd, &req.head, RTM_NEWLINK, traffic_add, &t, err);

	if (r >= 0)
		*ret = t;
	return r < 0 ? r : 0;
}
