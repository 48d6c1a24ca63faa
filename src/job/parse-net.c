/* Published ports and further hosts. */
#include "check.h"
#include "mem.h"
#include "parse.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

struct range {
	unsigned from, to;
};

static int bad_port(const char *s, const char *why, struct err *err)
{
	return err_hint(err, check_fail("port", s, why, err), "[IP:]HOST:INSIDE[/tcp|udp|sctp], numbers of 1 to 65535 or ranges");
}

/* A number of 1 to 65535 (0 as well, where it means "any"); NULL: not one. */
static const char *port_number(const char *s, unsigned least, unsigned *ret)
{
	unsigned n = 0;
	const char *p = s;

	for (; isdigit((unsigned char)*p) && p - s < 6; p++)
		n = n * 10 + (unsigned)(*p - '0');
	if (p == s || n < least || n > 65535)
		return NULL;
	*ret = n;
	return p;
}

static bool parse_range(const char *s, unsigned least, struct range *ret)
{
	const char *p = port_number(s, least, &ret->from);

	ret->to = ret->from;
	if (p && *p == '-')
		p = port_number(p + 1, 1, &ret->to);
	return p && !*p && ret->to >= ret->from && (ret->from || ret->to == 0);
}

static int parse_proto(const char *whole, char *spec, enum port_proto *ret, struct err *err)
{
	char *slash = strchr(spec, '/');

	if (!slash)
		return 0;
	*slash = '\0';
	for (int i = PORT_TCP; i <= PORT_SCTP; i++)
		if (!strcasecmp(slash + 1, port_proto_name((enum port_proto)i))) {
			*ret = (enum port_proto)i;
			return 0;
		}
	return bad_port(whole, "the protocol is not tcp, udp or sctp", err);
}

/* "::ffff:127.0.0.1" is an IPv4 address; its dotted form is the shorter one. */
static void unmap(char *ip)
{
	struct in6_addr v6;

	if (inet_pton(AF_INET6, ip, &v6) == 1 && IN6_IS_ADDR_V4MAPPED(&v6))
		(void)inet_ntop(AF_INET, &v6.s6_addr[12], ip, (socklen_t)strlen(ip) + 1);
}

/* Cuts the address off @spec; *rest is what is behind it. */
static int parse_host_ip(const char *whole, char *spec, char **ret_ip, char **rest, struct err *err)
{
	unsigned char ip[16];
	char *end = *spec == '[' ? strchr(spec, ']') : NULL, *colon = strchr(spec, ':');

	*ret_ip = NULL;
	*rest = spec;
	if (*spec == '[') {
		if (!end || end[1] != ':')
			return bad_port(whole, "the address in brackets has no end", err);
		*end = '\0';
		*ret_ip = spec + 1;
		*rest = end + 2;
		if (inet_pton(AF_INET6, *ret_ip, ip) != 1)
			return bad_port(whole, "not an IPv6 address in the brackets", err);
		unmap(*ret_ip);
		return 0;
	}
	if (!colon || !strchr(colon + 1, ':'))
		return 0;
	*colon = '\0';
	*rest = colon + 1;
	if (!*spec)
		return 0;
	*ret_ip = spec;
	return inet_pton(AF_INET, spec, ip) == 1 ? 0 : bad_port(whole, "not an IPv4 address before the ports", err);
}

static int add_ports(const char *whole, const char *ip, struct range host, struct range in, enum port_proto proto, struct job *j,
		     struct err *err)
{
	const unsigned n = in.to - in.from + 1;
	const bool one_of = n == 1 && host.to > host.from; /* the first free one of a range to one port */

	if (j->n_ports + n > JOB_PORTS_MAX)
		return bad_port(whole, "more than 4096 ports", err);
	for (unsigned i = 0; i < n; i++) {
		struct port *p = job_add_port(j);

		p->host_ip = mem_strdup(ip);
		p->host = (uint16_t)(host.from ? host.from + (one_of ? 0 : i) : 0);
		p->host_last = (uint16_t)(one_of ? host.to : 0);
		p->inside = (uint16_t)(in.from + i);
		p->proto = proto;
	}
	return 0;
}

/* What -p says; @ip is of @spec, a copy of @s. */
struct ports_said {
	enum port_proto proto;
	struct range host, in;
	char *ip;
};

static int parse_said(const char *s, char *spec, struct ports_said *ret, struct err *err)
{
	char *rest, *colon;
	int r;

	r = parse_proto(s, spec, &ret->proto, err);
	if (r >= 0)
		r = parse_host_ip(s, spec, &ret->ip, &rest, err);
	if (r < 0)
		return r;
	colon = strchr(rest, ':');
	if (colon)
		*colon = '\0';
	if (!parse_range(colon ? colon + 1 : rest, 1, &ret->in))
		return bad_port(s, "the port inside is not a number of 1 to 65535", err);
	if (colon && *rest && !parse_range(rest, 0, &ret->host))
		return bad_port(s, "the host's port is not a number of 0 to 65535", err);
	if (ret->host.from && ret->in.to > ret->in.from && ret->host.to - ret->host.from != ret->in.to - ret->in.from)
		return bad_port(s, "the two ranges differ in length", err);
	return ret->in.to - ret->in.from < JOB_PORTS_MAX ? 0 : bad_port(s, "more than 4096 ports", err);
}

int parse_ports(const char *s, struct job *j, struct err *err)
{
	_cleanup_free_ char *spec = mem_strdup(s);
	struct ports_said said = { 0 };
	int r = parse_said(s, spec, &said, err);

	return r < 0 ? r : add_ports(s, said.ip, said.host, said.in, said.proto, j, err);
}

int parse_expose(const char *s, struct strv *out, struct err *err)
{
	_cleanup_free_ char *spec = mem_strdup(s);
	struct ports_said unused = { 0 };
	int r;

	if (out->n >= JOB_PORTS_MAX)
		return check_fail("exposed port", s, "more than 4096 of them", err);
	if (strchr(s, ':'))
		return err_hint(err, check_fail("exposed port", s, "a port inside, without one of the host", err),
				"-p forwards one of the host");
	r = parse_said(s, spec, &unused, err); /* no list of up to 4096 ports is made for each */
	if (r >= 0)
		strv_push(out, s);
	return r;
}

int parse_extra_host(const char *s, struct job *j, struct err *err)
{
	size_t n = strcspn(s, ":="), len = strlen(s);
	bool brackets = s[n] && s[n + 1] == '[' && s[len - 1] == ']';
	_cleanup_free_ char *line = NULL;
	int r;

	if (!s[n])
		return err_hint(err, check_fail("extra host", s, "not NAME:IP", err), "such as db:10.0.0.5");
	line = brackets ? mem_printf("%.*s:%.*s", (int)n, s, (int)(len - n - 3), s + n + 2)
			: mem_printf("%.*s:%s", (int)n, s, s + n + 1);
	r = check_extra_host(line, NULL, err);
	if (r < 0)
		return r;
	strv_own(&j->extra_hosts, TAKE_PTR(line));
	return 0;
}
