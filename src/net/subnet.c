#include "subnet.h"
#include "cni-net.h"
#include "file.h"
#include "mem.h"
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { WIDEST_V4 = 8, WIDEST_V6 = 16, POOL_BITS = 24, V6_BITS = 64, V6_TRIES = 16 };

/* What subnets are taken from, each a /16: beside what podman (10.88), nerdctl (10.4) and Docker (172.17 and on) begin with,
 * then elsewhere, should a route cover all of 10.0.0.0/8. */
static const unsigned char pools[][2] = { { 10, 89 }, { 172, 30 }, { 192, 168 } };

/* addresses */

static size_t ip_len(const struct ip *ip) { return ip->family == AF_INET ? 4 : 16; }

bool ip_parse(const char *text, struct ip *ret)
{
	struct ip ip = { .family = AF_INET };

	if (inet_pton(AF_INET, text, ip.b) != 1) {
		ip.family = AF_INET6;
		if (inet_pton(AF_INET6, text, ip.b) != 1)
			return false;
	}
	*ret = ip;
	return true;
}

const char *ip_text(const struct ip *ip, char ret[INET6_ADDRSTRLEN]) { return inet_ntop(ip->family, ip->b, ret, INET6_ADDRSTRLEN); }

bool ip_equal(const struct ip *a, const struct ip *b) { return a->family == b->family && !memcmp(a->b, b->b, ip_len(a)); }

bool ip_is(const struct ip *ip, const char *text)
{
	_cleanup_free_ char *bare = mem_strndup(text, strcspn(text, "/"));
	struct ip other;

	return ip_parse(bare, &other) && ip_equal(ip, &other);
}

struct ip ip_after(const struct ip *ip, unsigned n)
{
	struct ip next = *ip;

	for (size_t i = ip_len(ip); n && i-- > 0;) {
		n += next.b[i];
		next.b[i] = (unsigned char)n;
		n >>= 8;
	}
	return next;
}

struct ip ip_before(const struct ip *ip)
{
	struct ip last = *ip;

	for (size_t i = ip_len(ip); i-- > 0 && last.b[i]-- == 0;)
		;
	return last;
}

/* networks */

/* The mask of byte @i. */
static unsigned char mask_of(unsigned bits, size_t i)
{
	const unsigned before = (unsigned)i * 8, of_it = bits <= before ? 0 : bits - before > 8 ? 8 : bits - before;

	return (unsigned char)(0xff00u >> of_it);
}

static struct subnet subnet_of(const struct ip *ip, unsigned bits)
{
	struct subnet net = { *ip, bits };

	for (size_t i = 0; i < ip_len(ip); i++)
		net.ip.b[i] &= mask_of(bits, i);
	return net;
}

unsigned subnet_width(const struct subnet *s) { return (unsigned)ip_len(&s->ip) * 8; }

bool subnet_parse(const char *text, struct subnet *ret)
{
	_cleanup_free_ char *bare = mem_strndup(text, strcspn(text, "/"));
	const char *slash = strchr(text, '/');
	const size_t digits = slash ? strlen(slash + 1) : 0;
	struct ip ip;
	unsigned long bits;

	if (!ip_parse(bare, &ip))
		return false;
	if (slash && (digits < 1 || digits > 3 || strspn(slash + 1, "0123456789") != digits))
		return false;
	bits = slash ? strtoul(slash + 1, NULL, 10) : ip_len(&ip) * 8;
	if (bits > ip_len(&ip) * 8)
		return false;
	*ret = subnet_of(&ip, (unsigned)bits);
	return true;
}

const char *subnet_text(const struct subnet *s, char ret[SUBNET_TEXT])
{
	char ip[INET6_ADDRSTRLEN];

	(void)snprintf(ret, SUBNET_TEXT, "%s/%u", ip_text(&s->ip, ip), s->bits);
	return ret;
}

bool subnet_has(const struct subnet *s, const struct ip *ip)
{
	struct subnet its = subnet_of(ip, s->bits);

	return ip_equal(&its.ip, &s->ip);
}

bool subnet_overlaps(const struct subnet *a, const struct subnet *b)
{
	return a->bits < b->bits ? subnet_has(a, &b->ip) : subnet_has(b, &a->ip);
}

struct ip subnet_last(const struct subnet *s)
{
	struct ip last = s->ip;

	for (size_t i = 0; i < ip_len(&last); i++)
		last.b[i] |= (unsigned char)~mask_of(s->bits, i);
	return last;
}

/* what is in use */

void subnets_done(struct subnets *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i].whose);
	free(s->v);
	*s = (struct subnets){ 0 };
}

void subnets_add(struct subnets *s, const struct subnet *net, const char *whose)
{
	s->v = mem_grow(s->v, &s->cap, s->n + 1, sizeof *s->v);
	s->v[s->n++] = (struct subnet_in_use){ *net, mem_strdup(whose) };
}

const struct subnet_in_use *subnets_find(const struct subnets *s, const struct subnet *net)
{
	for (size_t i = 0; i < s->n; i++)
		if (subnet_overlaps(&s->v[i].net, net))
			return &s->v[i];
	return NULL;
}

static void subnets_claim(struct subnets *s, const struct subnet *net, const char *what, const char *iface)
{
	static const struct subnet local = { { AF_INET6, { 0xfe, 0x80 } }, 10 }, multicast = { { AF_INET6, { 0xff } }, 8 };
	_cleanup_free_ char *whose = mem_printf("%s %s", what, iface);

	if (net->bits < (net->ip.family == AF_INET ? WIDEST_V4 : WIDEST_V6) || subnet_overlaps(net, &local) ||
	    subnet_overlaps(net, &multicast))
		return;
	subnets_add(s, net, whose);
}

static bool differs(const char *iface, const char *except) { return !except || strcmp(iface, except) != 0; }

static unsigned bits_of(const unsigned char *mask, size_t len)
{
	unsigned bits = 0;

	for (size_t i = 0; i < len; i++)
		bits += (unsigned)__builtin_popcount(mask[i]);
	return bits;
}

static void add_route(struct subnets *s, const struct strv *f, const char *except)
{
	const uint32_t dst = (uint32_t)strtoul(f->v[1], NULL, 16), mask = (uint32_t)strtoul(f->v[7], NULL, 16);
	struct ip ip = { .family = AF_INET };
	struct subnet net;

	if (!differs(f->v[0], except))
		return;
	memcpy(ip.b, &dst, sizeof dst);
	net = subnet_of(&ip, bits_of((const void *)&mask, sizeof mask));
	subnets_claim(s, &net, "a route of", f->v[0]);
}

static void add_route_v6(struct subnets *s, const struct strv *f, const char *except)
{
	const char *iface = f->v[f->n - 1];
	struct ip ip = { .family = AF_INET6 };
	struct subnet net;

	if (!differs(iface, except) || !strcmp(iface, "lo") || strlen(f->v[0]) != 32)
		return;
	for (size_t i = 0; i < 16; i++) {
		const char two[] = { f->v[0][2 * i], f->v[0][2 * i + 1], '\0' };

		ip.b[i] = (unsigned char)strtoul(two, NULL, 16);
	}
	net = subnet_of(&ip, (unsigned)strtoul(f->v[1], NULL, 16) & 255);
	subnets_claim(s, &net, "a route of", iface);
}

/* proc(5): the columns Iface, Destination and Mask of /proc/net/route are hexadecimal, in network byte order as stored; ipv6_route
 * has no heading, and begins with destination and prefix length. */
static void add_routes(struct subnets *s, const char *except)
{
	static const struct {
		const char *file;
		size_t first, fields;
		void (*add)(struct subnets *, const struct strv *, const char *);
	} tables[] = { { "/proc/net/route", 1, 8, add_route }, { "/proc/net/ipv6_route", 0, 10, add_route_v6 } };

	for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
		_cleanup_buf_ struct buf b = { 0 };
		_cleanup_strv_ struct strv lines = { 0 };

		if (file_read(tables[t].file, 4 << 20, &b, NULL) < 0)
			continue;
		strv_split(&lines, buf_str(&b), "\n");
		for (size_t i = tables[t].first; i < lines.n; i++) {
			_cleanup_strv_ struct strv f = { 0 };

			strv_split(&f, lines.v[i], "\t ");
			if (f.n >= tables[t].fields)
				tables[t].add(s, &f, except);
		}
	}
}

static bool read_address(const struct ifaddrs *a, struct subnet *ret)
{
	const bool v4 = a->ifa_addr && a->ifa_netmask && a->ifa_addr->sa_family == AF_INET;
	const size_t len = v4 ? 4 : 16;
	const void *ip, *mask;
	struct ip own = { .family = v4 ? AF_INET : AF_INET6 };

	if (!v4 && (!a->ifa_addr || !a->ifa_netmask || a->ifa_addr->sa_family != AF_INET6))
		return false;
	ip = v4 ? (const void *)&((const struct sockaddr_in *)(const void *)a->ifa_addr)->sin_addr
		: (const void *)&((const struct sockaddr_in6 *)(const void *)a->ifa_addr)->sin6_addr;
	mask = v4 ? (const void *)&((const struct sockaddr_in *)(const void *)a->ifa_netmask)->sin_addr
		  : (const void *)&((const struct sockaddr_in6 *)(const void *)a->ifa_netmask)->sin6_addr;
	memcpy(own.b, ip, len);
	*ret = subnet_of(&own, bits_of(mask, len));
	return true;
}

void subnets_add_host(struct subnets *s, const char *except)
{
	struct ifaddrs *all = NULL;
	struct subnet net;

	if (getifaddrs(&all) < 0)
		all = NULL;
	for (const struct ifaddrs *a = all; a; a = a->ifa_next)
		if (differs(a->ifa_name, except) && read_address(a, &net))
			subnets_claim(s, &net, "interface", a->ifa_name);
	freeifaddrs(all);
	add_routes(s, except);
}

/* Every "subnet" anywhere in another network's file. */
static void add_subnets(struct subnets *s, json *j, const char *whose)
{
	struct subnet net;

	if (json_object_is_type(j, json_type_array))
		for (size_t i = 0; i < json_len(j); i++)
			add_subnets(s, json_at(j, i), whose);
	if (!json_object_is_type(j, json_type_object))
		return;
	json_object_object_foreach(j, key, value) {
		if (strcmp(key, "subnet") != 0 || !json_text(value))
			add_subnets(s, value, whose);
		else if (subnet_parse(json_text(value), &net))
			subnets_claim(s, &net, "network", whose);
	}
}

void subnets_add_networks(struct subnets *s, const struct cni_conf *conf, const char *except)
{
	_cleanup_strv_ struct strv names = { 0 };

	if (cni_net_names(conf, &names, NULL, NULL) < 0)
		return;
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_(cni_net_freep) struct cni_net *n = NULL;

		if (differs(names.v[i], except) && cni_net_load(conf, names.v[i], &n, NULL, NULL) >= 0)
			add_subnets(s, n->list, n->name);
	}
}

/* free ones */

static bool is_of_pools(const struct ip *ip)
{
	for (size_t p = 0; p < sizeof pools / sizeof *pools; p++)
		if (ip->family == AF_INET && !memcmp(ip->b, pools[p], sizeof pools[p]))
			return true;
	return false;
}

int subnet_pick(const struct subnets *in_use, const struct ip *own, struct subnet *ret, struct err *err)
{
	if (own && is_of_pools(own)) {
		*ret = subnet_of(own, POOL_BITS);
		if (!subnets_find(in_use, ret))
			return 0;
	}
	for (size_t p = 0; p < sizeof pools / sizeof *pools; p++)
		for (unsigned i = 0; i < 256; i++) {
			const struct ip ip = { AF_INET, { pools[p][0], pools[p][1], (unsigned char)i } };

			*ret = subnet_of(&ip, POOL_BITS);
			if (!subnets_find(in_use, ret))
				return 0;
		}
	return err_set(err, ERR_EXHAUSTED, "no free subnet in 10.89.0.0/16, 172.30.0.0/16 and 192.168.0.0/16");
}

int subnet_pick_v6(const struct subnets *in_use, struct subnet *ret, struct err *err)
{
	for (int i = 0; i < V6_TRIES; i++) {
		struct ip ip = { AF_INET6, { 0xfd } };

		if (getrandom(ip.b + 1, V6_BITS / 8 - 1, 0) != V6_BITS / 8 - 1)
			return err_sys(err, errno, "random bytes");
		*ret = subnet_of(&ip, V6_BITS);
		if (!subnets_find(in_use, ret))
			return 0;
	}
	return err_set(err, ERR_EXHAUSTED, "no free subnet in fd00::/8");
}
