/* Functions of networks: addresses are numbers of 128 bits, those of IPv4 in the lowest 32. */
#include "hcl-function.h"
#include <arpa/inet.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct prefix {
	unsigned __int128 address;
	int bits, length; /* 32 or 128; of the network */
};

static bool prefix_parse(struct hcl_args *a, struct prefix *ret)
{
	const char *text = hcl_arg_text(a, 0), *slash = strchr(text, '/');
	char host[64], *end = NULL;
	unsigned char bytes[16];
	long length;

	if (slash && (size_t)(slash - text) < sizeof host) {
		memcpy(host, text, (size_t)(slash - text));
		host[slash - text] = '\0';
		ret->bits = strchr(host, ':') ? 128 : 32;
		length = strtol(slash + 1, &end, 10);
		if (slash[1] >= '0' && slash[1] <= '9' && !*end && length <= ret->bits &&
		    inet_pton(ret->bits == 32 ? AF_INET : AF_INET6, host, bytes) == 1) {
			ret->length = (int)length;
			ret->address = 0;
			for (int i = 0; i < ret->bits / 8; i++)
				ret->address = ret->address << 8 | bytes[i];
			return true;
		}
	}
	(void)hcl_lost(a, 0, "\"%s\" is no network: 10.1.0.0/16 or fd00::/64 is one", text);
	return false;
}

static unsigned __int128 prefix_mask(const struct prefix *p)
{
	const unsigned __int128 all = p->bits == 32 ? 0xffffffffU : ~(unsigned __int128)0;

	return p->length ? all & ~(p->length == p->bits ? 0 : all >> p->length) : 0;
}

static const struct hcl_value *hcl_gives_address(struct hcl_args *a, const struct prefix *p, unsigned __int128 address, int length)
{
	unsigned char bytes[16];
	char host[64];
	_cleanup_buf_ struct buf b = { 0 };

	for (int i = p->bits / 8; i--; address >>= 8)
		bytes[i] = (unsigned char)address;
	buf_adds(&b, inet_ntop(p->bits == 32 ? AF_INET : AF_INET6, bytes, host, sizeof host));
	if (length >= 0)
		buf_addf(&b, "/%d", length);
	return hcl_gives(a, &b);
}

static const struct hcl_value *fn_cidrhost(struct hcl_args *a)
{
	struct prefix p;
	unsigned __int128 room, host;
	const long double number = a->v[1]->number;

	if (!prefix_parse(a, &p))
		return NULL;
	room = p.bits == p.length
		       ? 0
		       : (p.bits - p.length >= 127 ? ~(unsigned __int128)0 : ((unsigned __int128)1 << (p.bits - p.length)) - 1);
	if (fabsl(number) > 9e18L || (unsigned __int128)fabsl(number) > room + (number < 0))
		return hcl_lost(a, 1, "%s has no such host", hcl_arg_text(a, 0));
	host = number < 0 ? room - ((unsigned __int128)-number - 1) : (unsigned __int128)number;
	return hcl_gives_address(a, &p, (p.address & prefix_mask(&p)) | host, -1);
}

static const struct hcl_value *fn_cidrnetmask(struct hcl_args *a)
{
	struct prefix p;

	return prefix_parse(a, &p) ? hcl_gives_address(a, &p, prefix_mask(&p), -1) : NULL;
}

/* Network number @number of those that are @more bits longer. */
static const struct hcl_value *hcl_subnet(struct hcl_args *a, struct prefix *p, int more, long double number)
{
	const unsigned __int128 network = p->address & prefix_mask(p);

	if (more < 0 || p->length + more > p->bits)
		return hcl_lost(a, 1, "a network of %d bits has no subnets that are %d bits longer", p->length, more);
	if (number < 0 || (more < 63 && number >= ldexpl(1, more)) || number > 9e18L)
		return hcl_lost(a, 2, "there is no subnet %.0Lf with %d bits", number, more);
	if (!more)
		return hcl_gives_address(a, p, network, p->length);
	return hcl_gives_address(a, p, network | (unsigned __int128)number << (p->bits - p->length - more), p->length + more);
}

static const struct hcl_value *fn_cidrsubnet(struct hcl_args *a)
{
	struct prefix p;

	return prefix_parse(a, &p) ? hcl_subnet(a, &p, hcl_arg_int(a, 1), a->v[2]->number) : NULL;
}

/* One behind the other, each where the first that fits begins. */
static const struct hcl_value *fn_cidrsubnets(struct hcl_args *a)
{
	struct hcl_value *v = hcl_items(a->h, HCL_LIST, a->n - 1);
	unsigned __int128 next = 0;
	struct prefix p;

	if (!v || !prefix_parse(a, &p))
		return NULL;
	for (uint32_t i = 1; i < a->n; i++) {
		const int more = hcl_arg_int(a, i), host_bits = p.bits - p.length - more;
		const unsigned __int128 size = host_bits >= 0 && host_bits < 128 ? (unsigned __int128)1 << host_bits : 0;

		if (more < 1 || more > 32 || !size)
			return hcl_lost(a, i, "1 to 32 bits more, and no more than there are");
		next = (next + size - 1) / size * size;
		if (next / size >= (unsigned __int128)1 << more)
			return hcl_lost(a, i, "no room is left in %s", hcl_arg_text(a, 0));
		v->items[i - 1] = hcl_gives_address(a, &p, (p.address & prefix_mask(&p)) | next, p.length + more);
		if (!v->items[i - 1])
			return NULL;
		next += size;
	}
	return v;
}

const struct hcl_function hcl_net_functions[] = {
	{ "cidrhost", "ti", 2, 2, fn_cidrhost },
	{ "cidrnetmask", "t", 1, 1, fn_cidrnetmask },
	{ "cidrsubnet", "tii", 3, 3, fn_cidrsubnet },
	{ "cidrsubnets", "ti", 1, 0, fn_cidrsubnets },
	{ NULL, NULL, 0, 0, NULL },
};
