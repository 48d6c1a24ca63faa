/* The networks that are made on first use: a conflist each, written when no file has its name, with a subnet that nothing else on
 * the host uses. */
#include "cni-net.h"
#include "file.h"
#include "mem.h"
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

enum { LOCK_MS = 10000, WIDEST = 8 /* bits */ };

static const struct default_net {
	const char *name, *bridge;
	uint32_t net;      /* its /24; 0: a free one is chosen */
	const char *extra; /* keys of the bridge's */
} default_nets[] = {
	{ "davit", "cni-davit0", 0, ", \"hairpinMode\": true" },
	{ "nunet-bridge", "cni-nunet0", 10u << 24 | 68u << 16 | 63u << 8, "" }, /* as NuNet's own executor has it */
};

/* What subnets are taken from, each a /16: beside what podman (10.88), nerdctl (10.4) and Docker (172.17 and on) begin with,
 * then elsewhere, should a route cover all of 10.0.0.0/8. */
static const uint32_t pools[] = { 10u << 24 | 89u << 16, 172u << 24 | 30u << 16, 192u << 24 | 168u << 16 };
static const uint32_t subnet_mask = 0xffffff00u, pool_mask = 0xffff0000u;

/* Sorted is not needed: tens of ranges, each an IPv4 network. */
struct ranges {
	struct {
		uint32_t net, mask;
	} * v;
	size_t n, cap;
};

/* What is wider than the widest private network is a default route, perhaps in halves as VPNs set it, and claims nothing. */
static void ranges_add(struct ranges *r, uint32_t net, uint32_t mask)
{
	if (mask < ~(UINT32_MAX >> WIDEST))
		return;
	r->v = mem_grow(r->v, &r->cap, r->n + 1, sizeof *r->v);
	r->v[r->n].net = net & mask;
	r->v[r->n++].mask = mask;
}

static bool ranges_overlap(const struct ranges *r, uint32_t net, uint32_t mask)
{
	for (size_t i = 0; i < r->n; i++) {
		uint32_t both = mask & r->v[i].mask;

		if ((net & both) == (r->v[i].net & both))
			return true;
	}
	return false;
}

/* proc(5): the columns Iface, Destination and Mask of /proc/net/route are hexadecimal, in network byte order as stored. */
static void add_routes(struct ranges *r, const char *bridge)
{
	_cleanup_buf_ struct buf b = { 0 };
	_cleanup_strv_ struct strv lines = { 0 };

	if (file_read("/proc/net/route", 4 << 20, &b, NULL) < 0)
		return;
	strv_split(&lines, buf_str(&b), "\n");
	for (size_t i = 1; i < lines.n; i++) {
		_cleanup_strv_ struct strv f = { 0 };

		strv_split(&f, lines.v[i], "\t ");
		if (f.n > 7 && strcmp(f.v[0], bridge) != 0)
			ranges_add(r, ntohl((uint32_t)strtoul(f.v[1], NULL, 16)), ntohl((uint32_t)strtoul(f.v[7], NULL, 16)));
	}
}

/* The address that our bridge has from an earlier conflist, which is its for as long as it lives, is *@ret_own. */
static void add_addresses(struct ranges *r, const char *bridge, uint32_t *ret_own)
{
	struct ifaddrs *all = NULL;

	if (getifaddrs(&all) < 0)
		return;
	for (const struct ifaddrs *a = all; a; a = a->ifa_next) {
		const struct sockaddr_in *ip = (const void *)a->ifa_addr, *mask = (const void *)a->ifa_netmask;

		if (!ip || !mask || ip->sin_family != AF_INET)
			continue;
		if (!strcmp(a->ifa_name, bridge))
			*ret_own = ntohl(ip->sin_addr.s_addr);
		else
			ranges_add(r, ntohl(ip->sin_addr.s_addr), ntohl(mask->sin_addr.s_addr));
	}
	freeifaddrs(all);
}

static void add_cidr(struct ranges *r, const char *s)
{
	_cleanup_free_ char *ip = mem_strndup(s, strcspn(s, "/"));
	long bits = strchr(s, '/') ? strtol(strchr(s, '/') + 1, NULL, 10) : 32;
	struct in_addr a;

	if (inet_pton(AF_INET, ip, &a) == 1 && bits > 0 && bits <= 32)
		ranges_add(r, ntohl(a.s_addr), bits == 32 ? UINT32_MAX : ~(UINT32_MAX >> bits));
}

/* Every "subnet" anywhere in another network's file. */
static void add_subnets(struct ranges *r, json *j)
{
	if (json_object_is_type(j, json_type_array))
		for (size_t i = 0; i < json_len(j); i++)
			add_subnets(r, json_at(j, i));
	if (!json_object_is_type(j, json_type_object))
		return;
	json_object_object_foreach(j, key, value) {
		if (!strcmp(key, "subnet") && json_text(value))
			add_cidr(r, json_text(value));
		else
			add_subnets(r, value);
	}
}

static void add_networks(struct ranges *r, const struct cni_conf *conf)
{
	_cleanup_strv_ struct strv names = { 0 };

	if (cni_net_names(conf, &names, NULL, NULL) < 0)
		return;
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_(cni_net_freep) struct cni_net *n = NULL;

		if (cni_net_load(conf, names.v[i], &n, NULL, NULL) >= 0)
			add_subnets(r, n->list);
	}
}

/* That of the bridge when it is one of ours and free, else the first free one; 0: none. */
static uint32_t first_free(const struct ranges *taken, uint32_t own)
{
	for (size_t p = 0; p < sizeof pools / sizeof *pools; p++)
		if ((own & pool_mask) == pools[p] && !ranges_overlap(taken, own & subnet_mask, subnet_mask))
			return own & subnet_mask;
	for (size_t p = 0; p < sizeof pools / sizeof *pools; p++)
		for (uint32_t i = 0; i < 256; i++)
			if (!ranges_overlap(taken, pools[p] | i << 8, subnet_mask))
				return pools[p] | i << 8;
	return 0;
}

static int check_subnet(const struct default_net *d, const struct ranges *taken, struct err *err)
{
	if (!ranges_overlap(taken, d->net, subnet_mask))
		return 0;
	return err_set(err, ERR_EXHAUSTED, "its subnet %u.%u.%u.0/24 is another network's on this host", d->net >> 24,
		       d->net >> 16 & 255, d->net >> 8 & 255);
}

static int pick_subnet(const struct cni_conf *conf, const struct default_net *d, uint32_t *ret, struct err *err)
{
	struct ranges taken = { 0 };
	uint32_t own = 0, net = d->net;
	int r = 0;

	add_routes(&taken, d->bridge);
	add_addresses(&taken, d->bridge, &own);
	add_networks(&taken, conf);
	if (d->net)
		r = check_subnet(d, &taken, err);
	else
		net = first_free(&taken, own);
	free(taken.v);
	if (!net)
		r = err_set(err, ERR_EXHAUSTED, "no free subnet in 10.89.0.0/16, 172.30.0.0/16 and 192.168.0.0/16");
	if (r < 0)
		return err_hint(err, r, "write a conflist of your own to %s", conf->conf_dir);
	*ret = net;
	return 0;
}

static void write_conflist(const struct default_net *d, uint32_t net, struct buf *out)
{
	char subnet[16];

	(void)snprintf(subnet, sizeof subnet, "%u.%u.%u", net >> 24, net >> 16 & 255, net >> 8 & 255);
	buf_addf(out,
		 "{\n"
		 "  \"cniVersion\": \"1.0.0\",\n"
		 "  \"name\": \"%s\",\n"
		 "  \"plugins\": [\n"
		 "    {\n"
		 "      \"type\": \"bridge\", \"bridge\": \"%s\",\n"
		 "      \"isGateway\": true, \"ipMasq\": true%s,\n"
		 "      \"ipam\": {\n"
		 "        \"type\": \"host-local\",\n"
		 "        \"ranges\": [[{ \"subnet\": \"%s.0/24\", \"gateway\": \"%s.1\" }]],\n"
		 "        \"routes\": [{ \"dst\": \"0.0.0.0/0\" }]\n"
		 "      }\n"
		 "    },\n"
		 "    { \"type\": \"portmap\", \"capabilities\": { \"portMappings\": true } },\n"
		 "    { \"type\": \"firewall\" }\n"
		 "  ]\n"
		 "}\n",
		 d->name, d->bridge, d->extra, subnet, subnet);
}

static int make_conflist(const struct cni_conf *conf, const struct default_net *d, struct err *err)
{
	_cleanup_free_ char *path = mem_printf("%s/80-%s.conflist", conf->conf_dir, d->name),
			    *lock_path = mem_printf("%s/.%s.lock", conf->conf_dir, d->name);
	_cleanup_close_ int lock = -1;
	_cleanup_(cni_net_freep) struct cni_net *there = NULL;
	_cleanup_buf_ struct buf text = { 0 };
	struct ctx ctx = ctx_within(NULL, LOCK_MS);
	uint32_t net;
	int r = file_mkdirs(conf->conf_dir, 0755, err);

	if (r < 0)
		return r;
	lock = file_lock(lock_path, true, &ctx, err);
	if (lock < 0)
		return lock;
	if (cni_net_load(conf, d->name, &there, NULL, NULL) < 0) { /* else another davit was faster */
		r = pick_subnet(conf, d, &net, err);
		if (r >= 0) {
			write_conflist(d, net, &text);
			r = file_write(path, buf_str(&text), text.len, 0644, err);
		}
	}
	(void)unlink(lock_path);
	return r;
}

static const struct default_net *default_find(const char *name)
{
	for (size_t i = 0; i < sizeof default_nets / sizeof *default_nets; i++)
		if (!strcmp(name, default_nets[i].name))
			return &default_nets[i];
	return NULL;
}

bool cni_net_is_default(const char *name) { return default_find(name) != NULL; }

int cni_net_ensure_default(const struct cni_conf *conf, const char *name, struct err *err)
{
	const struct default_net *d = default_find(name);
	_cleanup_(cni_net_freep) struct cni_net *there = NULL;
	int r = cni_net_load(conf, name, &there, NULL, err);

	if (r != -ERR_NOT_FOUND || !d)
		return r;
	err_clear(err);
	r = make_conflist(conf, d, err);
	return r < 0 ? err_wrap(err, r, "network %s", name) : 0;
}
