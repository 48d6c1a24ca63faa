#include "isolation.h"
#include "network.h"
#include "cni-net.h"
#include "mem.h"
#include <string.h>

#define OURS "davit"
#define NERDCTL_LABELS "nerdctlLabels"

static const char *const driver_names[] = { "bridge", "macvlan", "ipvlan" };

const char *network_driver_name(enum network_driver d) { return d < NETWORK_OTHER ? driver_names[d] : NULL; }

void network_done(struct network *n)
{
	free(n->name);
	free(n->type);
	free(n->file);
	free(n->bridge);
	free(n->parent);
	free(n->mode);
	free(n->pools);
	dict_done(&n->labels);
	*n = (struct network){ 0 };
}

struct network_pool *network_add_pool(struct network *n, const struct subnet *subnet)
{
	size_t cap = n->n_pools;

	n->pools = mem_grow(n->pools, &cap, n->n_pools + 1, sizeof *n->pools);
	n->pools[n->n_pools] = (struct network_pool){ .subnet = *subnet };
	return &n->pools[n->n_pools++];
}

bool network_has_v6(const struct network *n)
{
	for (size_t i = 0; i < n->n_pools; i++)
		if (n->pools[i].subnet.ip.family == AF_INET6)
			return true;
	return false;
}

struct ip network_gateway(const struct network_pool *p) { return p->has_gateway ? p->gateway : ip_after(&p->subnet.ip, 1); }

/* writing */

static void put_ip(json *o, const char *key, const struct ip *ip)
{
	char text[INET6_ADDRSTRLEN];

	json_put_str(o, key, ip_text(ip, text));
}

/* Each pool is a set of its own: host-local gives one address of each set. */
static json *ranges_json(const struct network *n)
{
	json *ranges = json_new_array();

	for (size_t i = 0; i < n->n_pools; i++) {
		const struct network_pool *p = &n->pools[i];
		const struct ip gateway = network_gateway(p);
		json *set = json_new_array(), *o = json_new_object();
		char text[SUBNET_TEXT];

		json_put_str(o, "subnet", subnet_text(&p->subnet, text));
		if (p->has_range) {
			put_ip(o, "rangeStart", &p->first);
			put_ip(o, "rangeEnd", &p->last);
		}
		put_ip(o, "gateway", &gateway);
		json_append(set, o);
		json_append(ranges, set);
	}
	return ranges;
}

static json *routes_json(const struct network *n)
{
	static const char *const all[] = { "0.0.0.0/0", "::/0" };
	json *routes = json_new_array();

	for (size_t f = 0; f < 2; f++) {
		const int family = f ? AF_INET6 : AF_INET;
		bool has = false;

		for (size_t i = 0; i < n->n_pools; i++)
			has = has || n->pools[i].subnet.ip.family == family;
		if (has) {
			json *o = json_new_object();

			json_put_str(o, "dst", all[f]);
			json_append(routes, o);
		}
	}
	return routes;
}

static json *ipam_json(const struct network *n)
{
	json *o = json_new_object();

	json_put_str(o, "type", n->dhcp ? "dhcp" : "host-local");
	if (n->dhcp)
		return o;
	json_put(o, "ranges", ranges_json(n));
	if (!n->internal)
		json_put(o, "routes", routes_json(n));
	return o;
}

static void put_bridge(json *o, const struct network *n)
{
	json_put_str(o, "bridge", n->bridge);
	json_put_bool(o, "isGateway", !n->internal);
	json_put_bool(o, "ipMasq", !n->internal && !n->no_masquerade);
	if (!n->no_hairpin)
		json_put_bool(o, "hairpinMode", true);
}

static void put_portmap(json *plugins)
{
	json *o = json_new_object(), *caps = json_new_object();

	json_put_str(o, "type", "portmap");
	json_put_bool(caps, "portMappings", true);
	json_put(o, "capabilities", caps);
	json_append(plugins, o);
}

static void put_firewall(json *plugins)
{
	json *o = json_new_object();

	json_put_str(o, "type", "firewall");
	json_put_str(o, "ingressPolicy", ISOLATION_POLICY);
	json_append(plugins, o);
}

static json *plugins_json(const struct network *n)
{
	json *plugins = json_new_array(), *o = json_new_object();

	json_put_str(o, "type", network_driver_name(n->driver));
	if (n->driver == NETWORK_BRIDGE)
		put_bridge(o, n);
	json_put_str(o, "master", n->parent);
	json_put_str(o, "mode", n->mode);
	if (n->mtu)
		json_put_int(o, "mtu", n->mtu);
	json_put(o, "ipam", ipam_json(n));
	json_append(plugins, o);
	if (n->driver != NETWORK_BRIDGE)
		return plugins;
	if (!n->internal)
		put_portmap(plugins);
	put_firewall(plugins);
	return plugins;
}

static json *ours_json(const struct network *n)
{
	json *o = json_new_object();

	if (n->labels.n)
		json_put_dict(o, "labels", &n->labels);
	if (n->internal)
		json_put_bool(o, "internal", true);
	return o;
}

void network_write(const struct network *n, struct buf *out)
{
	_cleanup_json_ json *list = json_new_object();
	json_put_str(list, "cniVersion", "1.0.0");
	json_put_str(list, "name", n->name);
	if (n->ours)
		json_put(list, OURS, ours_json(n));
	json_put(list, "plugins", plugins_json(n));
	json_write_pretty(list, out);
	if (out->len && out->data[out->len - 1] != '\n')
		buf_addc(out, '\n');
}

/* reading */

static bool read_ip(json *o, const char *key, struct ip *ret)
{
	const char *text = json_get_str(o, key);

	return text && ip_parse(text, ret);
}

static void read_range(json *range, struct network *n)
{
	const char *text = json_get_str(range, "subnet");
	struct network_pool *p;
	struct subnet subnet;

	if (!text || !subnet_parse(text, &subnet))
		return;
	p = network_add_pool(n, &subnet);
	p->has_gateway = read_ip(range, "gateway", &p->gateway);
	p->has_range = read_ip(range, "rangeStart", &p->first) && read_ip(range, "rangeEnd", &p->last);
}

/* host-local: the subnet of before there were ranges comes first; whereabouts and others write it alone. */
static void read_ipam(json *ipam, struct network *n)
{
	const char *type = json_get_str(ipam, "type");
	json *ranges = json_get_array(ipam, "ranges");

	n->dhcp = type && !strcmp(type, "dhcp");
	read_range(ipam, n);
	for (size_t i = 0; i < json_len(ranges); i++)
		for (size_t k = 0; k < json_len(json_at(ranges, i)); k++)
			read_range(json_at(json_at(ranges, i), k), n);
}

static enum network_driver driver_of(const char *type)
{
	enum network_driver d = NETWORK_BRIDGE;

	while (d < NETWORK_OTHER && strcmp(type, driver_names[d]) != 0)
		d++;
	return d;
}

/* The bridge plugin has a name when the list has none. */
static void read_plugin(json *plugin, struct network *n)
{
	n->type = mem_strdup(json_get_str(plugin, "type"));
	n->driver = driver_of(n->type);
	n->mtu = (int)json_get_int(plugin, "mtu", 0);
	n->parent = mem_strdup(json_get_str(plugin, "master"));
	n->mode = mem_strdup(json_get_str(plugin, "mode"));
	if (n->driver == NETWORK_BRIDGE) {
		const char *bridge = json_get_str(plugin, "bridge");

		n->bridge = mem_strdup(bridge ? bridge : "cni0");
		n->no_masquerade = !json_get_bool(plugin, "ipMasq", false);
		n->internal = !json_get_bool(plugin, "isGateway", false) && !json_get_bool(plugin, "isDefaultGateway", false);
	}
	read_ipam(json_get_object(plugin, "ipam"), n);
}

void network_read(const struct cni_net *net, struct network *ret)
{
	json *ours = json_get_object(net->list, OURS);

	*ret = (struct network){ .name = mem_strdup(net->name), .file = mem_strdup(net->file), .ours = ours != NULL };
	read_plugin(json_at(cni_net_plugins(net), 0), ret);
	ret->internal = json_get_bool(ours, "internal", ret->internal);
	json_get_dict(net->list, NERDCTL_LABELS, &ret->labels);
	json_get_dict(ours, "labels", &ret->labels);
}
