#include "port.h"
#include "mem.h"
#include <arpa/inet.h>
#include <string.h>

static bool any_address(const char *ip)
{
	static const unsigned char zero[16];
	unsigned char bytes[16] = { 0 };

	return !ip || (inet_pton(strchr(ip, ':') ? AF_INET6 : AF_INET, ip, bytes) == 1 && !memcmp(bytes, zero, sizeof zero));
}

static bool same_family(const char *a, const char *b) { return !a || !b || !strchr(a, ':') == !strchr(b, ':'); }

/* Addresses are compared as bytes: "::1" is "0:0::1". */
static bool same_address(const char *a, const char *b)
{
	unsigned char x[16] = { 0 }, y[16] = { 0 };
	int af = strchr(a, ':') ? AF_INET6 : AF_INET;

	return inet_pton(af, a, x) == 1 && inet_pton(af, b, y) == 1 && !memcmp(x, y, sizeof x);
}

bool port_clashes(const struct port *a, const struct port *b)
{
	if (port_is_open(a) || port_is_open(b) || a->host != b->host || a->proto != b->proto ||
	    !same_family(a->host_ip, b->host_ip))
		return false;
	return any_address(a->host_ip) || any_address(b->host_ip) || same_address(a->host_ip, b->host_ip);
}

/* Those that may clash stand together when these are sorted: by port and protocol, then by address, then as they were given. */
struct port_key {
	unsigned number;
	enum { ALL, ANY_V4, ONE_V4, ANY_V6, ONE_V6, ADDRESSES } of;
	unsigned char ip[16];
	size_t at;
};

static struct port_key port_key_of(const struct port *p, size_t at)
{
	const bool v6 = p->host_ip && strchr(p->host_ip, ':');
	struct port_key k = { .number = (unsigned)p->host << 8 | (unsigned)p->proto, .at = at };

	if (p->host_ip && inet_pton(v6 ? AF_INET6 : AF_INET, p->host_ip, k.ip) == 1)
		k.of = any_address(p->host_ip) ? v6 ? ANY_V6 : ANY_V4 : v6 ? ONE_V6 : ONE_V4;
	return k;
}

static int by_address(const void *a, const void *b)
{
	const struct port_key *x = a, *y = b;

	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	if (x->of != y->of)
		return x->of < y->of ? -1 : 1;
	if (memcmp(x->ip, y->ip, sizeof x->ip) != 0)
		return memcmp(x->ip, y->ip, sizeof x->ip);
	return x->at < y->at ? -1 : 1;
}

/* From when on there is one of both. */
static size_t both(const size_t *first, int a, int b) { return first[a] > first[b] ? first[a] : first[b]; }

/* @first: of a port and a protocol the first of each kind of address. */
static size_t kinds_clash(const size_t *first, size_t least)
{
	static const struct {
		int a, b;
	} pairs[] = { { ALL, ANY_V4 }, { ALL, ONE_V4 }, { ALL, ANY_V6 }, { ALL, ONE_V6 }, { ANY_V4, ONE_V4 }, { ANY_V6, ONE_V6 } };

	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
		if (both(first, pairs[i].a, pairs[i].b) < least)
			least = both(first, pairs[i].a, pairs[i].b);
	return least;
}

/* Behind those of one port and protocol, which begin at @k. */
static const struct port_key *same_port(const struct port_key *k, const struct port_key *end, size_t *least)
{
	size_t first[ADDRESSES] = { SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX };
	const struct port_key *begin = k;

	for (; k < end && k->number == begin->number; k++) {
		if (k->at < first[k->of])
			first[k->of] = k->at;
		if (k > begin && k[-1].of == k->of && !memcmp(k[-1].ip, k->ip, sizeof k->ip) && k->at < *least)
			*least = k->at;
	}
	*least = kinds_clash(first, *least);
	return k;
}

size_t ports_clash(const struct port *p, size_t n)
{
	struct port_key *keys = n > 1 ? mem_array(struct port_key, n) : NULL;
	size_t fixed = 0, least = n;

	for (size_t i = 0; keys && i < n; i++)
		if (!port_is_open(&p[i]))
			keys[fixed++] = port_key_of(&p[i], i);
	if (fixed) {
		qsort(keys, fixed, sizeof *keys, by_address);
		for (const struct port_key *k = keys, *end = k + fixed; k < end;)
			k = same_port(k, end, &least);
	}
	free(keys);
	return least;
}
