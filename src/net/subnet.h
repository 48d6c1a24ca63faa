/* IP addresses and networks as numbers, and the networks that a host and its CNI users have already. */
#pragma once
#include "cni.h"
#include <netinet/in.h>

struct ip {
	int family;          /* AF_INET or AF_INET6 */
	unsigned char b[16]; /* the first four of an IPv4 address */
};
bool ip_parse(const char *text, struct ip *ret);
const char *ip_text(const struct ip *, char ret[INET6_ADDRSTRLEN]); /* returns @ret */
bool ip_equal(const struct ip *, const struct ip *);
/* Is what is before a slash in @text, if there is one, this address? */
bool ip_is(const struct ip *, const char *text);
/* The address that many further; what goes beyond the last begins anew. */
struct ip ip_after(const struct ip *, unsigned n);
struct ip ip_before(const struct ip *);

struct subnet {
	struct ip ip; /* its first address */
	unsigned bits;
};
enum { SUBNET_TEXT = INET6_ADDRSTRLEN + 4 };
/* "10.1.0.0/16"; an address alone is a network of one. What is set behind the prefix is cut off. */
bool subnet_parse(const char *text, struct subnet *ret);
const char *subnet_text(const struct subnet *, char ret[SUBNET_TEXT]);
unsigned subnet_width(const struct subnet *); /* 32 or 128 */
bool subnet_has(const struct subnet *, const struct ip *);
bool subnet_overlaps(const struct subnet *, const struct subnet *);
struct ip subnet_last(const struct subnet *); /* with IPv4 the broadcast address */

/* Networks in use, each with who has it: "interface eth0", "a route of eth0", "network lan". Tens of them. */
struct subnets {
	struct subnet_in_use {
		struct subnet net;
		char *whose;
	} * v;
	size_t n, cap;
};
void subnets_done(struct subnets *);
void subnets_add(struct subnets *, const struct subnet *, const char *whose);
/* Addresses and routes of this network namespace, but those of interface @except (may be NULL). Link-local ones and routes wider
 * than a /8 (/16 of IPv6), which are default routes, perhaps in halves as VPNs set them, claim nothing. */
void subnets_add_host(struct subnets *, const char *except);
/* Every "subnet" anywhere in the files of networks; @except: of a network that does not count (may be NULL). */
void subnets_add_networks(struct subnets *, const struct cni_conf *, const char *except);
/* The first that overlaps @net, borrowed; NULL: none. */
const struct subnet_in_use *subnets_find(const struct subnets *, const struct subnet *net);
/* A free /24 of the pools 10.89.0.0/16, 172.30.0.0/16 and 192.168.0.0/16; @own's (an address; may be NULL) when it is one of them
 * and free. -ERR_EXHAUSTED. */
int subnet_pick(const struct subnets *in_use, const struct ip *own, struct subnet *ret, struct err *err);
/* A free /64 of unique local addresses (RFC 4193). */
int subnet_pick_v6(const struct subnets *in_use, struct subnet *ret, struct err *err);
