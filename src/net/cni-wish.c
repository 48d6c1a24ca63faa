#include "cni-wish.h"
#include "cni-net.h"
#include "file.h"
#include "mem.h"
#include "network.h"
#include <string.h>

/* how plugins are told */

/* As of the static addresses that it lies among. */
static bool static_prefix(json *ipam, const struct ip *ip, unsigned *ret)
{
	json *all = json_get_array(ipam, "addresses");
	struct subnet net;

	for (size_t i = 0; i < json_len(all); i++) {
		const char *text = json_get_str(json_at(all, i), "address");

		if (text && subnet_parse(text, &net) && subnet_has(&net, ip)) {
			*ret = net.bits;
			return true;
		}
	}
	return false;
}

static json *ipam_of(const struct cni_net *net) { return json_get_object(json_at(cni_net_plugins(net), 0), "ipam"); }

static bool ipam_is(const struct cni_net *net, const char *type)
{
	const char *its = json_get_str(ipam_of(net), "type");

	return its && !strcmp(its, type);
}

void cni_wish_ips(const struct cni_net *net, const struct strv *ips, struct strv *out)
{
	for (size_t i = 0; i < ips->n; i++) {
		unsigned bits;
		struct ip ip;

		if (ipam_is(net, "static") && ip_parse(ips->v[i], &ip) && static_prefix(ipam_of(net), &ip, &bits))
			strv_pushf(out, "%s/%u", ips->v[i], bits);
		else
			strv_push(out, ips->v[i]);
	}
}

static bool list_can(json *list, const char *capability)
{
	json *plugins = json_get_array(list, "plugins");

	for (size_t i = 0; i < json_len(plugins); i++)
		if (json_get_bool(json_get_object(json_at(plugins, i), "capabilities"), capability, false))
			return true;
	return false;
}

/* Of what is asked for, where no plugin takes it as a capability. */
static json *untold(json *list, json *caps, const char *key) { return list_can(list, key) ? NULL : json_get(caps, key); }

static json *copy_of(json *o)
{
	json *copy = json_new_object();

	if (o) {
		json_object_object_foreach(o, key, value)
			json_put(copy, key, json_object_get(value));
	}
	return copy;
}

json *cni_wish_args(json *list, json *plugin, json *caps)
{
	json *own = json_get_object(plugin, "args"), *ips = untold(list, caps, "ips"), *mac = untold(list, caps, "mac"), *args,
	     *cni;

	if (!ips && !mac)
		return json_object_get(own);
	args = copy_of(own);
	cni = copy_of(json_get_object(own, "cni"));
	if (ips)
		json_put(cni, "ips", json_object_get(ips));
	if (mac)
		json_put(cni, "mac", json_object_get(mac));
	json_put(args, "cni", cni);
	return args;
}

char *cni_wish_env(json *list, const char *own, json *caps)
{
	const char *ip = json_text(json_at(untold(list, caps, "ips"), 0)), *mac = json_text(untold(list, caps, "mac"));
	struct buf out = { 0 };

	if (!ip && !mac)
		return mem_strdup(own);
	buf_adds(&out, "IgnoreUnknown=1");
	if (ip)
		buf_addf(&out, ";IP=%s", ip);
	if (mac)
		buf_addf(&out, ";MAC=%s", mac);
	if (own)
		buf_addf(&out, ";%s", own);
	return buf_take(&out);
}

/* did they do it */

static bool result_has(const struct cni_result *res, const struct ip *ip)
{
	for (size_t i = 0; i < res->n_ips; i++)
		if (ip_is(ip, res->ips[i].address))
			return true;
	return false;
}

/* The address of the same family that came instead. */
static int other_ip(const struct cni_result *res, const char *wanted, struct err *err)
{
	const bool v6 = strchr(wanted, ':') != NULL;
	int r;

	for (size_t i = 0; i < res->n_ips; i++)
		if ((strchr(res->ips[i].address, ':') != NULL) == v6) {
			r = err_set(err, ERR_PRECONDITION, "its plugins gave %s, and not the address %s that was asked for",
				    res->ips[i].address, wanted);
			return err_hint(err, r, "they do not take such wishes: leave --ip away");
		}
	return err_set(err, ERR_PRECONDITION, "its plugins gave no IPv%d address, and not %s that was asked for", v6 ? 6 : 4,
		       wanted);
}

int cni_wish_check(json *caps, const struct cni_result *res, struct err *err)
{
	json *ips = json_get_array(caps, "ips");
	const char *mac = json_get_str(caps, "mac");

	for (size_t i = 0; i < json_len(ips); i++) {
		const char *text = json_text(json_at(ips, i));
		_cleanup_free_ char *bare = mem_strndup(text ? text : "", strcspn(text ? text : "", "/"));
		struct ip ip;

		if (ip_parse(bare, &ip) && !result_has(res, &ip))
			return other_ip(res, bare, err);
	}
	if (!mac || (res->mac && !strcasecmp(res->mac, mac)))
		return 0;
	return err_hint(err,
			err_set(err, ERR_PRECONDITION,
				"its plugins gave the interface %s, and not the hardware address %s that was asked for",
				res->mac ? res->mac : "none that they tell", mac),
			"they do not take such wishes: leave --mac-address away");
}

/* can they */

static int wrong_network(const struct network *n, const char *ip, struct err *err)
{
	struct buf nets = { 0 };
	char text[SUBNET_TEXT];
	int r;

	for (size_t i = 0; i < n->n_pools; i++)
		buf_addf(&nets, "%s%s", i ? ", " : "", subnet_text(&n->pools[i].subnet, text));
	r = err_set(err, ERR_INVALID, "address %s is not in the network, which is %s", ip, buf_str(&nets));
	buf_done(&nets);
	return r;
}

static bool in_range(const struct network_pool *p, const struct ip *ip)
{
	return !p->has_range || (memcmp(ip->b, p->first.b, sizeof ip->b) >= 0 && memcmp(ip->b, p->last.b, sizeof ip->b) <= 0);
}

/* Another range of the same subnet may have it. */
static int wish_in_range(const struct network *n, const struct ip *ip, const char *text, struct err *err)
{
	char first[INET6_ADDRSTRLEN], last[INET6_ADDRSTRLEN];
	const struct network_pool *outside = NULL;
	struct ip gateway;

	for (size_t i = 0; i < n->n_pools; i++) {
		const struct network_pool *p = &n->pools[i];

		if (!subnet_has(&p->subnet, ip))
			continue;
		gateway = network_gateway(p);
		if (ip_equal(&gateway, ip))
			return err_set(err, ERR_INVALID, "address %s is the network's gateway", text);
		if (in_range(p, ip))
			return 0;
		outside = p;
	}
	if (!outside)
		return wrong_network(n, text, err);
	return err_set(err, ERR_INVALID, "address %s is not in the range %s to %s that the network gives away", text,
		       ip_text(&outside->first, first), ip_text(&outside->last, last));
}

/* host-local's note of whose it is: "ID\r\nINTERFACE". */
static int check_taken(const struct cni_conf *conf, const struct cni_net *net, const struct ip *ip, const char *text,
		       struct err *err)
{
	char canonical[INET6_ADDRSTRLEN];
	_cleanup_free_ char *path = mem_printf("%s/networks/%s/%s", conf->cache_dir, net->name, ip_text(ip, canonical));
	_cleanup_buf_ struct buf owner = { 0 };
	const char *dir = json_get_str(ipam_of(net), "dataDir");

	if (dir || file_read(path, 4096, &owner, NULL) < 0 || !owner.len)
		return 0;
	return err_set(err, ERR_EXISTS, "address %s is used by container %.*s", text, (int)strcspn(buf_str(&owner), "\r\n"),
		       buf_str(&owner));
}

int cni_wish_possible(const struct cni_conf *conf, const struct cni_net *net, const struct strv *ips, bool taken, struct err *err)
{
	_cleanup_(network_done) struct network n = { 0 };
	int r = 0;

	if (!ipam_is(net, "host-local"))
		return 0;
	network_read(net, &n);
	for (size_t i = 0; r >= 0 && n.n_pools && i < ips->n; i++) {
		struct ip ip;

		if (!ip_parse(ips->v[i], &ip))
			continue;
		r = wish_in_range(&n, &ip, ips->v[i], err);
		if (r >= 0 && taken)
			r = check_taken(conf, net, &ip, ips->v[i], err);
	}
	return r < 0 ? err_wrap(err, r, "network %s", net->name) : 0;
}
