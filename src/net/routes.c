/* rtnetlink(7). IPv4 has a route for each; IPv6 makes one of several with the same destination and metric, with a list of what it
 * leads to (RTA_MULTIPATH), from which a delete that names interface and gateway takes one. */
#include "routes.h"
#include "mem.h"
#include "netns.h"
#include "rtnetlink.h"
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

enum { ROUTES_MAX = 4096 };

/* One way out. */
struct way {
	int family, oif;
	uint32_t priority;
	bool has_gateway;
	unsigned char gateway[16], protocol, type, scope;
};
struct ways {
	struct way *v;
	size_t n, cap;
};

/* Between what it has and the end of its kind: the attributes that a route and each of its ways have. */
static void read_attributes(const struct rtattr *a, int left, struct way *w, const struct rtattr **ret_ways)
{
	const size_t ip_len = w->family == AF_INET ? 4 : 16;

	for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		if (a->rta_type == RTA_OIF && RTA_PAYLOAD(a) >= sizeof w->oif)
			memcpy(&w->oif, RTA_DATA(a), sizeof w->oif);
		else if (a->rta_type == RTA_PRIORITY && RTA_PAYLOAD(a) >= sizeof w->priority)
			memcpy(&w->priority, RTA_DATA(a), sizeof w->priority);
		else if (a->rta_type == RTA_GATEWAY && RTA_PAYLOAD(a) >= ip_len) {
			memcpy(w->gateway, RTA_DATA(a), ip_len);
			w->has_gateway = true;
		} else if (a->rta_type == RTA_MULTIPATH && ret_ways) {
			*ret_ways = a;
		}
	}
}

static void add_way(struct ways *ways, const struct way *w)
{
	if (ways->n == ROUTES_MAX)
		return;
	ways->v = mem_grow(ways->v, &ways->cap, ways->n + 1, sizeof *ways->v);
	ways->v[ways->n++] = *w;
}

static void read_route(void *arg, const struct nlmsghdr *h)
{
	struct ways *ways = arg;
	const struct rtmsg *m = NLMSG_DATA(h);
	struct way w = { .family = m->rtm_family, .protocol = m->rtm_protocol, .type = m->rtm_type, .scope = m->rtm_scope };
	const struct rtattr *several = NULL;
	const struct rtnexthop *hop;
	int left;

	if (m->rtm_dst_len || m->rtm_table != RT_TABLE_MAIN || m->rtm_type != RTN_UNICAST ||
	    (m->rtm_family != AF_INET && m->rtm_family != AF_INET6))
		return;
	read_attributes(RTM_RTA(m), (int)RTM_PAYLOAD(h), &w, &several);
	if (!several) {
		add_way(ways, &w);
		return;
	}
	left = (int)RTA_PAYLOAD(several);
	for (hop = RTA_DATA(several); left >= (int)sizeof *hop && RTNH_OK(hop, left); hop = RTNH_NEXT(hop)) {
		struct way one = w;

		one.oif = hop->rtnh_ifindex;
		read_attributes(RTNH_DATA(hop), hop->rtnh_len - (int)sizeof *hop, &one, NULL);
		add_way(ways, &one);
		left -= (int)RTNH_ALIGN(hop->rtnh_len);
	}
}

static int list_ways(int fd, struct ways *ways, struct err *err)
{
	const struct {
		struct nlmsghdr head;
		struct rtmsg route;
	} req = { .head = { .nlmsg_len = sizeof req, .nlmsg_type = RTM_GETROUTE, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP } };

	return rtnetlink_dump(fd, &req.head, RTM_NEWROUTE, read_route, ways, err);
}

struct delete_request {
	struct nlmsghdr head;
	struct rtmsg route;
	unsigned char attributes[128];
};

static void put_attribute(struct delete_request *req, unsigned short type, const void *data, size_t len)
{
	struct rtattr *a = (struct rtattr *)(void *)((unsigned char *)req + NLMSG_ALIGN(req->head.nlmsg_len));

	a->rta_type = type;
	a->rta_len = (unsigned short)RTA_LENGTH(len);
	memcpy(RTA_DATA(a), data, len);
	req->head.nlmsg_len = (uint32_t)(NLMSG_ALIGN(req->head.nlmsg_len) + RTA_ALIGN(a->rta_len));
}

static int delete_way(int fd, const struct way *w, struct err *err)
{
	struct delete_request req = {
		.head = { .nlmsg_len = NLMSG_LENGTH(sizeof req.route),
			  .nlmsg_type = RTM_DELROUTE,
			  .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK },
		.route = { .rtm_family = (unsigned char)w->family,
			   .rtm_table = RT_TABLE_MAIN,
			   .rtm_protocol = w->protocol,
			   .rtm_type = w->type,
			   .rtm_scope = w->scope },
	};

	put_attribute(&req, RTA_OIF, &w->oif, sizeof w->oif);
	if (w->priority)
		put_attribute(&req, RTA_PRIORITY, &w->priority, sizeof w->priority);
	if (w->has_gateway)
		put_attribute(&req, RTA_GATEWAY, w->gateway, w->family == AF_INET ? 4 : 16);
	return rtnetlink_do(fd, &req.head, ESRCH, "delete a default route", err);
}

/* The first of the interfaces that has one; 0: none has. */
static int first_with_way(const struct ways *ways, int family, const struct strv *ifnames)
{
	for (size_t i = 0; i < ifnames->n; i++) {
		const int index = (int)if_nametoindex(ifnames->v[i]);

		for (size_t k = 0; index && k < ways->n; k++)
			if (ways->v[k].family == family && ways->v[k].oif == index)
				return index;
	}
	return 0;
}

/* In the namespace. */
static int one_default(void *arg, struct err *err)
{
	const struct strv *ifnames = arg;
	struct ways ways = { 0 };
	_cleanup_close_ int fd = rtnetlink_open(err);
	int r = fd < 0 ? fd : list_ways(fd, &ways, err);

	for (size_t i = 0; r >= 0 && i < ways.n; i++) {
		const int kept = first_with_way(&ways, ways.v[i].family, ifnames);

		if (kept && ways.v[i].oif != kept)
			r = delete_way(fd, &ways.v[i], err);
	}
	free(ways.v);
	return r;
}

int routes_one_default(const char *netns, const struct strv *ifnames, struct err *err)
{
	_cleanup_strv_ struct strv names = { 0 };
	int r;

	strv_add(&names, ifnames);
	r = netns_run(netns, one_default, &names, err);
	return r < 0 ? err_wrap(err, r, "default route") : 0;
}
