#include "port.h"
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
