/* network create: a CNI configuration list in the words of Docker's users. */
#include "cli.h"
#include "commands.h"
#include "mem.h"
#include "network.h"
#include "parse.h"
#include <string.h>

struct create_flags {
	struct network net;
	struct strv subnets, gateways, ranges, options;
	bool v6, v4, attachable;
	const char *driver, *ipam, *scope;
};

static int network_set_label(const struct opt *o, const char *value, void *into, struct err *err)
{
	(void)o;
	return parse_label(value, &((struct create_flags *)into)->net.labels, err);
}

#define AT(f) .at = offsetof(struct create_flags, f)
static const struct opt create_opts[] = {
	{ "driver", 'd', .arg = "DRIVER", .help = "bridge (without), macvlan or ipvlan", .topic = "Flags",
	  .words = "bridge macvlan ipvlan", .set = opt_word, AT(driver) },
	{ "subnet", .arg = "NET", .help = "A network such as 10.1.0.0/24; each gives a job an address; a free one without",
	  .set = opt_list, AT(subnets) },
	{ "gateway", .arg = "IP", .help = "Of the subnet that it lies in; its first address without", .set = opt_list,
	  AT(gateways) },
	{ "ip-range", .arg = "NET", .help = "Jobs get addresses of this part of the subnet that it lies in", .set = opt_list,
	  AT(ranges) },
	{ "ipv6", .help = "With an IPv6 subnet, a free one where none is given", .set = opt_bool, AT(v6) },
	{ "ipv4", .help = "For Docker's users: only --ipv4=false is something else", .set = opt_bool, AT(v4), .hidden = true },
	{ "internal", .help = "No way out, and no ports", .set = opt_bool, AT(net.internal) },
	{ "opt", 'o', .arg = "K=V",
	  .help = "mtu=1400, bridge=NAME, parent=eth0, mode=MODE (of macvlan and ipvlan), ip_masquerade=false", .set = opt_list,
	  AT(options) },
	{ "ipam-driver", .arg = "DRIVER", .help = "host-local (without), or dhcp: for macvlan, whose daemon must run",
	  .words = "default host-local dhcp", .set = opt_word, AT(ipam) },
	{ "label", .arg = "K=V", .help = "A label", .set = network_set_label },
	{ "attachable", .help = "For Docker's users: it is", .set = opt_bool, AT(attachable), .hidden = true },
	{ "scope", .arg = "SCOPE", .help = "For Docker's users", .words = "local", .set = opt_word, AT(scope), .hidden = true },
	OPT_NOT_HERE("aux-address", 0, "--ip-range leaves the rest of the subnet to others"),
	OPT_NOT_HERE("ipam-opt", 0, "write a CNI configuration to /etc/cni/net.d: davit network ls shows it"),
	OPT_NOT_HERE("config-from", 0, "no replacement: davit keeps no configurations apart from networks"),
	OPT_NOT_HERE("config-only", 0, "no replacement: davit keeps no configurations apart from networks"),
	OPT_NOT_HERE("ingress", 0, "no replacement: it is for Swarm"),
	{ 0 },
};
#undef AT
static void network_create_init(void *opts) { ((struct create_flags *)opts)->v4 = true; }

static void network_create_done(void *opts)
{
	struct create_flags *f = opts;

	network_done(&f->net);
	strv_done(&f->subnets);
	strv_done(&f->gateways);
	strv_done(&f->ranges);
	strv_done(&f->options);
}

/* options: ours, and Docker's and nerdctl's names for them */

static int set_mtu(struct network *n, const char *value, struct err *err)
{
	const size_t digits = strspn(value, "0123456789");

	if (!digits || digits > 5 || value[digits])
		return err_set(err, ERR_INVALID, "mtu \"%.40s\": not a number", value);
	n->mtu = (int)strtol(value, NULL, 10);
	return n->mtu ? 0 : err_set(err, ERR_INVALID, "mtu 0: from 68 to 65535");
}

static int set_text(char **field, const char *value)
{
	free(*field);
	*field = mem_strdup(value);
	return 0;
}

static int set_bridge(struct network *n, const char *value, struct err *err)
{
	(void)err;
	return set_text(&n->bridge, value);
}

static int set_parent(struct network *n, const char *value, struct err *err)
{
	(void)err;
	return set_text(&n->parent, value);
}

static int set_mode(struct network *n, const char *value, struct err *err)
{
	(void)err;
	return set_text(&n->mode, value);
}

static int set_masquerade(struct network *n, const char *value, struct err *err)
{
	const struct opt as = { .name = "opt ip_masquerade" };
	bool on;
	int r = opt_to_bool(&as, value, &on, err);

	if (r >= 0)
		n->no_masquerade = !on;
	return r;
}

static const struct {
	const char *key;
	int (*set)(struct network *, const char *value, struct err *err);
} options[] = {
	{ "mtu", set_mtu },
	{ "com.docker.network.driver.mtu", set_mtu },
	{ "bridge", set_bridge },
	{ "com.docker.network.bridge.name", set_bridge },
	{ "parent", set_parent },
	{ "mode", set_mode },
	{ "macvlan_mode", set_mode },
	{ "ipvlan_mode", set_mode },
	{ "ip_masquerade", set_masquerade },
	{ "com.docker.network.bridge.enable_ip_masquerade", set_masquerade },
};

static int set_option(struct network *n, const char *text, struct err *err)
{
	const char *eq = strchr(text, '=');
	const size_t len = eq ? (size_t)(eq - text) : strlen(text);

	for (size_t i = 0; eq && i < sizeof options / sizeof *options; i++)
		if (strlen(options[i].key) == len && !strncmp(options[i].key, text, len))
			return options[i].set(n, eq + 1, err);
	return err_hint(err,
			err_set(err, ERR_INVALID, "option \"%.80s\": not mtu=, bridge=, parent=, mode= or ip_masquerade=", text),
			"anything else is written into a file of /etc/cni/net.d");
}

static int check_bridge_options(const struct network *n, struct err *err)
{
	if (n->driver == NETWORK_BRIDGE)
		return 0;
	if (n->bridge)
		return err_set(err, ERR_INVALID, "option bridge=%s: driver %s has none", n->bridge, network_driver_name(n->driver));
	if (n->no_masquerade)
		return err_set(err, ERR_INVALID, "option ip_masquerade: driver %s masquerades nothing",
			       network_driver_name(n->driver));
	return 0;
}

static void set_driver(struct create_flags *f)
{
	f->net.driver = NETWORK_BRIDGE;
	for (enum network_driver d = NETWORK_BRIDGE; d < NETWORK_OTHER && f->driver; d++)
		if (!strcmp(f->driver, network_driver_name(d)))
			f->net.driver = d;
	f->net.dhcp = f->ipam && !strcmp(f->ipam, "dhcp");
}

static int network_create_run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	struct create_flags *f = opts;
	int r = 0;

	f->net.name = mem_strdup(args->v[0]);
	set_driver(f);
	if (!f->v4)
		return err_hint(err, err_set(err, ERR_INVALID, "network %s: --ipv4=false is not known", f->net.name),
				"--subnet with an IPv6 network alone makes one without IPv4");
	for (size_t i = 0; r >= 0 && i < f->options.n; i++)
		r = set_option(&f->net, f->options.v[i], err);
	if (r >= 0)
		r = check_bridge_options(&f->net, err);
	if (r >= 0)
		r = network_set_pools(&f->net, &f->subnets, &f->gateways, &f->ranges, err);
	if (r < 0)
		return err_wrap(err, r, "network %s", f->net.name);
	r = network_create(&cli->conf.cni, &f->net, f->v6, err);
	return r < 0 ? r : cli_outf(cli, err, "%s\n", f->net.name);
}

const struct command network_create_cmd = {
	.group = "network",
	.name = "create",
	.usage = "[FLAGS] NAME",
	.summary = "Make a network",
	.text = "It is a file in the folder of CNI configurations, which every user of CNI can use. Its bridge is made with the "
		"first job.",
	.examples = "  davit network create lan\n  davit network create --subnet 10.1.0.0/24 --ip-range 10.1.0.128/25 lan\n"
		    "  davit network create -d macvlan -o parent=eth0 --subnet 192.0.2.0/24 office",
	.opts = create_opts,
	.min = 1,
	.max = 1,
	.size = sizeof(struct create_flags),
	.init = network_create_init,
	.done = network_create_done,
	.run = network_create_run,
};
