/* Making and removing networks: their files in the folder of CNI configurations, under one lock. */
#include "cni-net.h"
#include "file.h"
#include "isolation.h"
#include "link.h"
#include "log.h"
#include "mem.h"
#include "network.h"
#include <fcntl.h>
#include <net/if.h>
#include <string.h>

enum { LOCK_MS = 10000, NAME_MAX_LEN = 100, MTU_LEAST = 68, MTU_LEAST_V6 = 1280 };

int network_check_name(const char *name, struct err *err)
{
	static const char *const words[] = { "none", "host", "bridge", "default", "container" };

	if (!cni_name_valid(name) || strlen(name) > NAME_MAX_LEN)
		return err_set(
			err, ERR_INVALID,
			"network name \"%.120s\": at most %d letters, digits, \".\", \"_\" and \"-\", the first a letter or digit",
			name, NAME_MAX_LEN);
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (!strcmp(name, words[i]))
			return err_set(err, ERR_INVALID, "network name \"%s\": --network %s is something else", name, name);
	return 0;
}

/* pools */

static struct network_pool *pool_of(struct network *n, const struct ip *ip)
{
	for (size_t i = 0; i < n->n_pools; i++)
		if (subnet_has(&n->pools[i].subnet, ip))
			return &n->pools[i];
	return NULL;
}

static int add_subnet(struct network *n, const char *text, struct err *err)
{
	char right[SUBNET_TEXT];
	struct subnet net;

	if (!strchr(text, '/') || !subnet_parse(text, &net))
		return err_set(err, ERR_INVALID, "subnet \"%.80s\": not a network such as 10.1.0.0/16", text);
	if (!ip_is(&net.ip, text))
		return err_set(err, ERR_INVALID, "subnet \"%s\": the network of that address is %s", text,
			       subnet_text(&net, right));
	if (subnet_width(&net) - net.bits < 2)
		return err_set(err, ERR_INVALID, "subnet %s: too small, it has no address for a job", text);
	for (size_t i = 0; i < n->n_pools; i++)
		if (subnet_overlaps(&n->pools[i].subnet, &net))
			return err_set(err, ERR_INVALID, "subnet %s overlaps subnet %s", text,
				       subnet_text(&n->pools[i].subnet, right));
	(void)network_add_pool(n, &net);
	return 0;
}

static int set_gateway(struct network *n, const char *text, struct err *err)
{
	struct network_pool *p;
	struct ip ip, last;

	if (!ip_parse(text, &ip))
		return err_set(err, ERR_INVALID, "gateway \"%.80s\": not an IP address", text);
	p = pool_of(n, &ip);
	if (!p)
		return err_hint(err, err_set(err, ERR_INVALID, "gateway %s: no subnet has it", text), "give its --subnet");
	if (p->has_gateway)
		return err_set(err, ERR_INVALID, "gateway %s: its subnet has one already", text);
	last = subnet_last(&p->subnet);
	if (ip_equal(&ip, &p->subnet.ip) || (ip.family == AF_INET && ip_equal(&ip, &last)))
		return err_set(err, ERR_INVALID, "gateway %s: the first and the last address of a subnet are no host's", text);
	p->gateway = ip;
	p->has_gateway = true;
	return 0;
}

/* The network's own address and IPv4's last are no job's. */
static int set_range(struct network *n, const char *text, struct err *err)
{
	struct network_pool *p;
	struct subnet range;
	struct ip end;

	if (!strchr(text, '/') || !subnet_parse(text, &range))
		return err_set(err, ERR_INVALID, "ip-range \"%.80s\": not a network such as 10.1.8.0/24", text);
	p = pool_of(n, &range.ip);
	if (!p || range.bits < p->subnet.bits)
		return err_hint(err, err_set(err, ERR_INVALID, "ip-range %s: no subnet has it", text), "give its --subnet");
	if (p->has_range)
		return err_set(err, ERR_INVALID, "ip-range %s: its subnet has one already", text);
	p->first = range.ip;
	p->last = subnet_last(&range);
	end = subnet_last(&p->subnet);
	if (ip_equal(&p->first, &p->subnet.ip))
		p->first = ip_after(&p->first, 1);
	if (range.ip.family == AF_INET && ip_equal(&p->last, &end))
		p->last = ip_before(&p->last);
	p->has_range = true;
	return 0;
}

static int for_each(struct network *n, const struct strv *texts, int (*fn)(struct network *, const char *, struct err *),
		    struct err *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < texts->n; i++)
		r = fn(n, texts->v[i], err);
	return r;
}

int network_set_pools(struct network *n, const struct strv *subnets, const struct strv *gateways, const struct strv *ranges,
		      struct err *err)
{
	int r = for_each(n, subnets, add_subnet, err);

	if (r >= 0)
		r = for_each(n, gateways, set_gateway, err);
	return r < 0 ? r : for_each(n, ranges, set_range, err);
}

/* creating */

int network_lock(const struct cni_conf *conf, char **ret_path, struct err *err)
{
	const struct ctx ctx = ctx_within(NULL, LOCK_MS);
	int lock, r = file_mkdirs(conf->conf_dir, 0755, err);

	if (r < 0)
		return r;
	*ret_path = mem_printf("%s/.davit.lock", conf->conf_dir);
	lock = file_lock(*ret_path, true, &ctx, err);
	return lock;
}

/* Subnets of macvlan and ipvlan are the parent's, so the host has them too. */
static void find_in_use(const struct cni_conf *conf, const struct network *n, struct subnets *out)
{
	subnets_add_networks(out, conf, NULL);
	if (n->driver == NETWORK_BRIDGE)
		subnets_add_host(out, NULL);
}

static int check_pools(const struct network *n, const struct subnets *in_use, struct err *err)
{
	char text[SUBNET_TEXT], other[SUBNET_TEXT];

	for (size_t i = 0; i < n->n_pools; i++) {
		const struct subnet_in_use *u = subnets_find(in_use, &n->pools[i].subnet);

		if (u)
			return err_hint(err,
					err_set(err, ERR_INVALID, "subnet %s overlaps %s of %s",
						subnet_text(&n->pools[i].subnet, text), subnet_text(&u->net, other), u->whose),
					"choose another, or leave --subnet away");
	}
	return 0;
}

static bool pools_have(const struct network *n, int family)
{
	for (size_t i = 0; i < n->n_pools; i++)
		if (n->pools[i].subnet.ip.family == family)
			return true;
	return false;
}

static int choose_pools(struct network *n, bool v6, const struct subnets *in_use, struct err *err)
{
	struct subnet net;
	int r = 0;

	if (!n->n_pools) {
		r = subnet_pick(in_use, NULL, &net, err);
		if (r < 0)
			return r;
		(void)network_add_pool(n, &net);
	}
	if (!v6 || pools_have(n, AF_INET6))
		return 0;
	r = subnet_pick_v6(in_use, &net, err);
	if (r >= 0)
		(void)network_add_pool(n, &net);
	return r;
}

static int check_mtu(const struct network *n, struct err *err)
{
	const int least = network_has_v6(n) ? MTU_LEAST_V6 : MTU_LEAST;

	if (n->mtu && (n->mtu < least || n->mtu > 65535))
		return err_set(err, ERR_INVALID, "mtu %d: from %d to 65535", n->mtu, least);
	return 0;
}

static bool bridge_taken(const struct cni_conf *conf, const char *bridge, const char *except)
{
	_cleanup_strv_ struct strv names = { 0 };
	bool taken = false;

	(void)cni_net_names(conf, &names, NULL, NULL);
	for (size_t i = 0; i < names.n && !taken; i++) {
		_cleanup_(cni_net_freep) struct cni_net *list = NULL;
		_cleanup_(network_done) struct network other = { 0 };

		if ((except && !strcmp(names.v[i], except)) || cni_net_load(conf, names.v[i], &list, NULL, NULL) < 0)
			continue;
		network_read(list, &other);
		taken = other.bridge && !strcmp(other.bridge, bridge);
	}
	return taken;
}

/* FNV-1a */
static uint32_t hash_of(const char *s)
{
	uint32_t h = 2166136261u;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619u;
	return h;
}

/* "dv-NAME" where that is short enough and nobody's. */
static int choose_bridge(const struct cni_conf *conf, struct network *n, struct err *err)
{
	const bool given = n->bridge != NULL;

	if (!given)
		n->bridge = mem_printf("dv-%s", n->name);
	if (!given && (!cni_ifname_valid(n->bridge) || if_nametoindex(n->bridge) || bridge_taken(conf, n->bridge, NULL))) {
		free(n->bridge);
		n->bridge = mem_printf("dv-%08x", hash_of(n->name));
	}
	if (!cni_ifname_valid(n->bridge))
		return err_set(err, ERR_INVALID,
			       "bridge \"%.40s\": an interface's name has 1 to 15 characters, without / : and blanks", n->bridge);
	if (if_nametoindex(n->bridge))
		return err_set(err, ERR_EXISTS, "bridge %s: the host has an interface of that name", n->bridge);
	return bridge_taken(conf, n->bridge, NULL) ? err_set(err, ERR_EXISTS, "bridge %s: another network has it", n->bridge) : 0;
}

static int check_parent(const struct network *n, struct err *err)
{
	const char *driver = network_driver_name(n->driver);

	if (n->driver == NETWORK_BRIDGE)
		return !n->parent ? 0
				  : err_set(err, ERR_INVALID, "parent %s: a bridge has none, macvlan and ipvlan have", n->parent);
	if (!n->parent)
		return err_hint(err, err_set(err, ERR_INVALID, "driver %s: it needs an interface of the host", driver),
				"-o parent=eth0");
	return if_nametoindex(n->parent) ? 0 : err_set(err, ERR_NOT_FOUND, "parent %s: the host has no such interface", n->parent);
}

/* Modes of the plugins (their READMEs, 1.1.1 and 1.9.1). */
static int check_driver_mode(const struct network *n, struct err *err)
{
	static const char *const modes[][5] = {
		[NETWORK_BRIDGE] = { NULL },
		[NETWORK_MACVLAN] = { "bridge", "private", "vepa", "passthru" },
		[NETWORK_IPVLAN] = { "l2", "l3", "l3s" },
	};
	_cleanup_strv_ struct strv list = { 0 };
	_cleanup_free_ char *text = NULL;

	for (size_t i = 0; modes[n->driver][i]; i++)
		strv_push(&list, modes[n->driver][i]);
	if (!n->mode || strv_has(&list, n->mode))
		return 0;
	text = strv_join(&list, ", ");
	return err_set(err, ERR_INVALID, "mode \"%.40s\": driver %s has %s", n->mode, network_driver_name(n->driver),
		       list.n ? text : "none");
}

static int check_dhcp(const struct network *n, bool v6, struct err *err)
{
	if (n->dhcp && (n->n_pools || v6))
		return err_set(err, ERR_INVALID,
			       "ipam-driver dhcp: addresses are the DHCP server's, so there is no subnet to give");
	if (n->dhcp && n->driver == NETWORK_IPVLAN)
		return err_set(err, ERR_INVALID,
			       "ipam-driver dhcp: ipvlan's interfaces share one MAC address, so no server knows them apart");
	return 0;
}

static int network_decide(const struct cni_conf *conf, struct network *n, bool v6, struct err *err)
{
	_cleanup_(subnets_done) struct subnets in_use = { 0 };
	int r = check_parent(n, err);

	if (r >= 0)
		r = check_driver_mode(n, err);
	if (r >= 0)
		r = check_dhcp(n, v6, err);
	if (r < 0)
		return r;
	find_in_use(conf, n, &in_use);
	r = check_pools(n, &in_use, err);
	if (r >= 0 && !n->dhcp)
		r = choose_pools(n, v6, &in_use, err);
	if (r >= 0)
		r = check_mtu(n, err);
	return r >= 0 && n->driver == NETWORK_BRIDGE ? choose_bridge(conf, n, err) : r;
}

static int make_file(const struct cni_conf *conf, struct network *n, bool v6, struct err *err)
{
	_cleanup_free_ char *path = mem_printf("%s/80-%s.conflist", conf->conf_dir, n->name);
	_cleanup_(cni_net_freep) struct cni_net *there = NULL;
	_cleanup_buf_ struct buf text = { 0 };
	int r = cni_net_load(conf, n->name, &there, NULL, err);

	if (r >= 0)
		return err_set(err, ERR_EXISTS, "it exists already, in %s", there->file);
	if (r != -ERR_NOT_FOUND)
		return r;
	err_clear(err);
	if (file_exists(path))
		return err_set(err, ERR_EXISTS, "%s is there already, and no network of that name", path);
	r = network_decide(conf, n, v6, err);
	if (r < 0)
		return r;
	n->ours = true;
	network_write(n, &text);
	r = file_write(path, buf_str(&text), text.len, 0644, err);
	if (r >= 0)
		n->file = TAKE_PTR(path);
	return r;
}

int network_create(const struct cni_conf *conf, struct network *n, bool v6, struct err *err)
{
	_cleanup_free_ char *lock_path = NULL;
	_cleanup_close_ int lock = -1;
	int r = network_check_name(n->name, err);

	if (r < 0)
		return r;
	lock = network_lock(conf, &lock_path, err);
	r = lock < 0 ? lock : make_file(conf, n, v6, err);
	if (lock >= 0)
		(void)unlink(lock_path);
	return r < 0 ? err_wrap(err, r, "network %s", n->name) : 0;
}

/* removing */

/* Only what the plugins made: a bridge that nothing is attached to, and that no other network names. */
static int remove_bridge(const struct cni_conf *conf, const struct network *n, struct err *err)
{
	struct link l;
	int r = n->bridge ? link_look(n->bridge, &l, err) : -ERR_NOT_FOUND;

	if (r == -ERR_NOT_FOUND)
		return err_clear(err), 0;
	if (r < 0)
		return r;
	if (strcmp(l.kind, "bridge") != 0 || l.has_ports || bridge_taken(conf, n->bridge, n->name))
		return 0;
	r = link_remove(l.index, err);
	if (r >= 0)
		isolation_forget(n->bridge);
	return r;
}

/* host-local's lock and its notes on what it gave last; while an address is given away the folder stays. */
static void forget_addresses(const struct cni_conf *conf, const char *name)
{
	_cleanup_free_ char *path = mem_printf("%s/networks/%s", conf->cache_dir, name);
	_cleanup_(closedirp) DIR *d = opendir(path);

	for (struct dirent *e; d && (e = readdir(d));)
		if (!strcmp(e->d_name, "lock") || !strncmp(e->d_name, "last_reserved_ip.", 17))
			(void)unlinkat(dirfd(d), e->d_name, 0);
	if (d && rmdir(path) < 0)
		log_debug("%s: %s", path, strerror(errno));
}

static int remove_network(const struct cni_conf *conf, const char *name, struct err *err)
{
	_cleanup_(cni_net_freep) struct cni_net *list = NULL;
	_cleanup_(network_done) struct network n = { 0 };
	int r = cni_net_load(conf, name, &list, NULL, err);

	if (r < 0)
		return r;
	network_read(list, &n);
	if (!n.ours && !cni_net_is_default(name))
		return err_hint(err, err_set(err, ERR_PRECONDITION, "network %s: davit has not made it", name),
				"remove its file: rm %s", n.file);
	r = remove_bridge(conf, &n, err);
	if (r < 0)
		return err_wrap(err, r, "network %s", name);
	forget_addresses(conf, name);
	if (unlink(n.file) < 0 && errno != ENOENT)
		return err_sys(err, errno, "network %s: remove %s", name, n.file);
	return 0;
}

int network_remove(const struct cni_conf *conf, const char *name, struct err *err)
{
	_cleanup_free_ char *lock_path = NULL;
	_cleanup_close_ int lock = network_lock(conf, &lock_path, err);
	int r = lock < 0 ? lock : remove_network(conf, name, err);

	if (lock >= 0)
		(void)unlink(lock_path);
	return r;
}
