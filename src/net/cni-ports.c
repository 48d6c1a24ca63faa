#include "cni-ports.h"
#include "cni-net.h"
#include "cni-result.h"
#include <arpa/inet.h>
#include <string.h>

static bool is_portmap(json *plugin)
{
	return json_get_bool(json_get_object(plugin, "capabilities"), "portMappings", false) &&
	       !strcmp(json_get_str(plugin, "type"), "portmap");
}

static json *find_portmap(const struct cni_net *net)
{
	json *plugins = cni_net_plugins(net);

	for (size_t i = 0; i < json_len(plugins); i++)
		if (is_portmap(json_at(plugins, i)))
			return json_at(plugins, i);
	return NULL;
}

static bool is_loopback(const char *ip)
{
	struct in6_addr v6;
	struct in_addr v4;

	if (inet_pton(AF_INET, ip, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET;
	return inet_pton(AF_INET6, ip, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

/* A packet from 127.0.0.1 leaves the host by route_localnet and portmap's masquerade; IPv6 has nothing of the kind. */
static int check_loopback(json *portmap, const struct port *p, struct err *err)
{
	int r;

	if (!p->host_ip || !is_loopback(p->host_ip))
		return 0;
	if (strchr(p->host_ip, ':')) {
		r = err_set(err, ERR_INVALID, "port [%s]:%u: the kernel forwards nothing from IPv6's loopback", p->host_ip,
			    p->host);
		return err_hint(err, r, "publish it on 127.0.0.1, or on another address of the host");
	}
	if (json_get_bool(portmap, "snat", true))
		return 0;
	r = err_set(err, ERR_INVALID, "port %s:%u: portmap has \"snat\": false, so it forwards nothing from the host itself",
		    p->host_ip, p->host);
	return err_hint(err, r, "publish it on another address of the host");
}

int cni_ports_check(const struct cni_net *net, const struct port *p, size_t n, struct err *err)
{
	json *portmap = find_portmap(net);
	int r = 0;

	if (n && !cni_net_can(net, "portMappings"))
		return err_hint(err, err_set(err, ERR_PRECONDITION, "network %s: it forwards no ports", net->name),
				"add { \"type\": \"portmap\", \"capabilities\": { \"portMappings\": true } } to its plugins in %s",
				net->file);
	for (size_t i = 0; portmap && r >= 0 && i < n; i++)
		r = check_loopback(portmap, &p[i], err);
	return r < 0 ? err_wrap(err, r, "network %s", net->name) : 0;
}

static bool has_family(const struct cni_result *res, bool v6)
{
	for (size_t i = 0; i < res->n_ips; i++)
		if (!strchr(res->ips[i].address, ':') != v6)
			return true;
	return false;
}

static int check_family(const struct cni_result *res, json *mapping, struct err *err)
{
	const char *ip = json_get_str(mapping, "hostIP");
	const bool v6 = ip && strchr(ip, ':');
	int r;

	if (!ip || !*ip || has_family(res, v6))
		return 0;
	r = err_set(err, ERR_INVALID, "port %s%s%s:%d: the network gives no IPv%d address that it could be forwarded to",
		    v6 ? "[" : "", ip, v6 ? "]" : "", (int)json_get_int(mapping, "hostPort", 0), v6 ? 6 : 4);
	return err_hint(err, r, "publish it on an IPv%d address, or add an IPv%d range to the network", v6 ? 4 : 6, v6 ? 6 : 4);
}

int cni_ports_reach(json *plugin, json *mappings, json *result, struct err *err)
{
	struct cni_result res = { 0 };
	int r = 0;

	if (!is_portmap(plugin) || !result)
		return 0;
	r = cni_result_read(result, "", &res, err);
	for (size_t i = 0; r >= 0 && i < json_len(mappings); i++)
		r = check_family(&res, json_at(mappings, i), err);
	cni_result_done(&res);
	return r;
}
