/* The networks that are made on first use: a conflist each, written when no file has its name, with a subnet that nothing else on
 * the host uses. */
#include "cni-net.h"
#include "file.h"
#include "mem.h"
#include "network.h"
#include <ifaddrs.h>
#include <string.h>

static const struct default_net {
	const char *name, *bridge;
	const char *subnet; /* NULL: a free one is chosen */
	bool no_hairpin;
} default_nets[] = {
	{ "davit", "cni-davit0", NULL, false },
	{ "nunet-bridge", "cni-nunet0", "10.68.63.0/24", true }, /* as NuNet's own executor has it */
};

/* The address that our bridge has from an earlier conflist, which is its for as long as it lives. */
static bool bridge_address(const char *bridge, struct ip *ret)
{
	struct ifaddrs *all = NULL;
	bool found = false;

	if (getifaddrs(&all) < 0)
		return false;
	for (const struct ifaddrs *a = all; a; a = a->ifa_next) {
		if (!a->ifa_addr || a->ifa_addr->sa_family != AF_INET || strcmp(a->ifa_name, bridge) != 0)
			continue;
		*ret = (struct ip){ .family = AF_INET };
		memcpy(ret->b, &((const struct sockaddr_in *)(const void *)a->ifa_addr)->sin_addr, sizeof(struct in_addr));
		found = true;
	}
	freeifaddrs(all);
	return found;
}

static int fixed_subnet(const char *text, const struct subnets *in_use, struct subnet *ret, struct err *err)
{
	const struct subnet_in_use *u;

	(void)subnet_parse(text, ret);
	u = subnets_find(in_use, ret);
	return u ? err_set(err, ERR_EXHAUSTED, "its subnet %s is in use: by %s", text, u->whose) : 0;
}

static int default_subnet(const struct cni_conf *conf, const struct default_net *d, struct subnet *ret, struct err *err)
{
	_cleanup_(subnets_done) struct subnets in_use = { 0 };
	struct ip own;
	bool has_own = bridge_address(d->bridge, &own);
	int r;

	subnets_add_host(&in_use, d->bridge);
	subnets_add_networks(&in_use, conf, NULL);
	r = d->subnet ? fixed_subnet(d->subnet, &in_use, ret, err) : subnet_pick(&in_use, has_own ? &own : NULL, ret, err);
	return r < 0 ? err_hint(err, r, "write a conflist of your own to %s", conf->conf_dir) : 0;
}

static int write_default(const struct cni_conf *conf, const struct default_net *d, struct buf *out, struct err *err)
{
	_cleanup_(network_done) struct network net = {
		.name = mem_strdup(d->name),
		.bridge = mem_strdup(d->bridge),
		.no_hairpin = d->no_hairpin,
	};
	struct subnet subnet;
	int r = default_subnet(conf, d, &subnet, err);

	if (r < 0)
		return r;
	(void)network_add_pool(&net, &subnet);
	network_write(&net, out);
	return 0;
}

static int make_conflist(const struct cni_conf *conf, const struct default_net *d, struct err *err)
{
	_cleanup_free_ char *path = mem_printf("%s/80-%s.conflist", conf->conf_dir, d->name), *lock_path = NULL;
	_cleanup_close_ int lock = -1;
	_cleanup_(cni_net_freep) struct cni_net *there = NULL;
	_cleanup_buf_ struct buf text = { 0 };
	int r = 0;

	lock = network_lock(conf, &lock_path, err);
	if (lock < 0)
		return lock;
	if (cni_net_load(conf, d->name, &there, NULL, NULL) < 0) { /* else another davit was faster */
		r = write_default(conf, d, &text, err);
		if (r >= 0)
			r = file_write(path, buf_str(&text), text.len, 0644, err);
	}
	(void)unlink(lock_path);
	return r;
}

static const struct default_net *default_find(const char *name)
{
	for (size_t i = 0; i < sizeof default_nets / sizeof *default_nets; i++)
		if (!strcmp(name, default_nets[i].name))
			return &default_nets[i];
	return NULL;
}

bool cni_net_is_default(const char *name) { return default_find(name) != NULL; }

int cni_net_ensure_default(const struct cni_conf *conf, const char *name, struct err *err)
{
	const struct default_net *d = default_find(name);
	_cleanup_(cni_net_freep) struct cni_net *there = NULL;
	int r = cni_net_load(conf, name, &there, NULL, err);

	if (r != -ERR_NOT_FOUND || !d)
		return r;
	err_clear(err);
	r = make_conflist(conf, d, err);
	return r < 0 ? err_wrap(err, r, "network %s", name) : 0;
}
