#include "link.h"
#include "mem.h"
#include "rtnetlink.h"
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

struct request {
	struct nlmsghdr head;
	struct ifinfomsg info;
};

static struct request link_request(uint16_t type, uint16_t flags, int index)
{
	return (struct request){
		.head = { .nlmsg_len = sizeof(struct request),
			  .nlmsg_type = type,
			  .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags) },
		.info = { .ifi_family = AF_UNSPEC, .ifi_index = index },
	};
}

/* The kind in an IFLA_LINKINFO. */
static void read_kind(const struct rtattr *linkinfo, char ret[16])
{
	int left = (int)RTA_PAYLOAD(linkinfo);

	for (const struct rtattr *a = RTA_DATA(linkinfo); RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == IFLA_INFO_KIND)
			(void)snprintf(ret, 16, "%.*s", (int)RTA_PAYLOAD(a), (const char *)RTA_DATA(a));
}

struct looking {
	const char *name;
	struct link link;
};

/* One interface of the dump: is it the one of that name, or attached to it? */
static void read_link(void *arg, const struct nlmsghdr *h)
{
	const struct ifinfomsg *info = NLMSG_DATA(h);
	const struct rtattr *linkinfo = NULL;
	struct looking *l = arg;
	int left = (int)IFLA_PAYLOAD(h);
	uint32_t master = 0;
	bool is_it = false;

	for (const struct rtattr *a = IFLA_RTA(info); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		if (a->rta_type == IFLA_LINKINFO)
			linkinfo = a;
		else if (a->rta_type == IFLA_MASTER && RTA_PAYLOAD(a) >= sizeof master)
			memcpy(&master, RTA_DATA(a), sizeof master);
		else if (a->rta_type == IFLA_IFNAME)
			is_it = !strncmp(RTA_DATA(a), l->name, RTA_PAYLOAD(a));
	}
	if (is_it && linkinfo)
		read_kind(linkinfo, l->link.kind);
	if (!is_it && master && (int)master == l->link.index)
		l->link.has_ports = true;
}

int link_look(const char *name, struct link *ret, struct err *err)
{
	const struct request req = link_request(RTM_GETLINK, NLM_F_DUMP, 0);
	struct looking l = { .name = name, .link = { .index = (int)if_nametoindex(name) } };
	_cleanup_close_ int fd = -1;
	int r;

	if (!l.link.index)
		return err_set(err, ERR_NOT_FOUND, "interface %s: there is none", name);
	fd = rtnetlink_open(err);
	r = fd < 0 ? fd : rtnetlink_dump(fd, &req.head, RTM_NEWLINK, read_link, &l, err);
	if (r >= 0)
		*ret = l.link;
	return r;
}

int link_remove(int index, struct err *err)
{
	const struct request req = link_request(RTM_DELLINK, NLM_F_ACK, index);
	_cleanup_free_ char *what = mem_printf("remove interface %d", index);
	_cleanup_close_ int fd = rtnetlink_open(err);

	return fd < 0 ? fd : rtnetlink_do(fd, &req.head, ENODEV, what, err);
}
