/* network ls, rm, inspect, prune; network create stands in cmd-network-create.c. */
#include "cli.h"
#include "commands.h"
#include "docker-view.h"
#include "listing.h"
#include "mem.h"
#include "network-use.h"
#include "network.h"
#include "prune.h"
#include <string.h>

/* Networks that are words of --network. */
static const char *const no_file[][2] = { { "host", "host" }, { "none", "null" } };

static const char *network_driver_text(const struct network *n) { return n->type ? n->type : ""; }

static char *subnets_text(const struct network *n)
{
	struct buf out = { 0 };
	char text[SUBNET_TEXT];

	for (size_t i = 0; i < n->n_pools; i++)
		buf_addf(&out, "%s%s", i ? "," : "", subnet_text(&n->pools[i].subnet, text));
	return buf_take(&out);
}

static json *pool_json(const struct network_pool *p)
{
	json *o = json_new_object();
	char text[SUBNET_TEXT], first[INET6_ADDRSTRLEN], last[INET6_ADDRSTRLEN];

	json_put_str(o, "subnet", subnet_text(&p->subnet, text));
	if (p->has_gateway)
		json_put_str(o, "gateway", ip_text(&p->gateway, text));
	if (p->has_range) {
		_cleanup_free_ char *range = mem_printf("%s-%s", ip_text(&p->first, first), ip_text(&p->last, last));

		json_put_str(o, "range", range);
	}
	return o;
}

static json *network_view_json(const struct network *n)
{
	json *o = json_new_object(), *pools = json_new_array();

	json_put_str(o, "name", n->name);
	json_put_str(o, "driver", network_driver_text(n));
	for (size_t i = 0; i < n->n_pools; i++)
		json_append(pools, pool_json(&n->pools[i]));
	json_put(o, "subnets", pools);
	json_put_str(o, "bridge", n->bridge);
	json_put_str(o, "parent", n->parent);
	json_put_str(o, "mode", n->mode);
	if (n->mtu)
		json_put_int(o, "mtu", n->mtu);
	json_put_bool(o, "internal", n->internal);
	json_put_bool(o, "ipv6", network_has_v6(n));
	json_put_bool(o, "dhcp", n->dhcp);
	json_put_dict(o, "labels", &n->labels);
	json_put_str(o, "file", n->file);
	return o;
}

/* ls */

static bool is_used(struct cli *cli, const char *name)
{
	_cleanup_(network_users_done) struct network_users u = { 0 };

	return network_users(cli->core, name, &cli->ctx, &u, NULL) < 0 || u.n;
}

/* name=PART, driver=DRIVER, label=KEY[=VALUE], type=builtin|custom, dangling=true|false: used by nobody. */
static bool network_suits(struct cli *cli, const struct network *n, const char *filter)
{
	const char *value = strchr(filter, '=') + 1;

	switch (filter[0]) {
	case 'n': return strstr(n->name, value) != NULL;
	case 'l': return list_suits_label(&n->labels, filter);
	case 't': return (cni_net_is_default(n->name) || !n->file) == !strcmp(value, "builtin");
	case 'd':
		if (filter[1] == 'r')
			return !strcmp(network_driver_text(n), value);
		return n->file && is_used(cli, n->name) == !strcmp(value, "false");
	default: return false;
	}
}

static int network_add_filter(const struct opt *o, const char *value, void *into, struct err *err)
{
	static const char *const whole[] = { "type=builtin", "type=custom", "dangling=true", "dangling=false" };
	static const char *const begin[] = { "name=", "driver=", "label=" };
	bool ok = false;
	int r;

	(void)o;
	for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
		ok = ok || !strcmp(value, whole[i]);
	for (size_t i = 0; i < sizeof begin / sizeof *begin; i++)
		ok = ok || !strncmp(value, begin[i], strlen(begin[i]));
	if (ok) {
		strv_push(&((struct listing_flags *)into)->filters, value);
		return 0;
	}
	r = err_set(
		err, ERR_INVALID,
		"filter \"%.80s\": not name=PART, driver=DRIVER, label=KEY[=VALUE], type=builtin, type=custom, dangling=true or "
		"dangling=false",
		value);
	return err_hint(err, r, "davit network ls --format json | jq picks by anything else");
}

static bool asks_core(const struct strv *filters)
{
	for (size_t i = 0; i < filters->n; i++)
		if (!strncmp(filters->v[i], "dangling=", 9))
			return true;
	return false;
}

static const struct opt list_opts[] = {
	LIST_OPTS("Only those with name=PART, driver=D, label=K[=V], type=custom or dangling=true (no job's)", network_add_filter),
	{ 0 },
};

struct networks {
	struct network *v;
	size_t n, cap;
};
static void networks_done(struct networks *l)
{
	for (size_t i = 0; i < l->n; i++)
		network_done(&l->v[i]);
	free(l->v);
}

static int network_by_name(const void *a, const void *b)
{
	return strcmp(((const struct network *)a)->name, ((const struct network *)b)->name);
}

/* Takes @n over. */
static void networks_add(struct networks *l, struct network *n)
{
	l->v = mem_grow(l->v, &l->cap, l->n + 1, sizeof *l->v);
	l->v[l->n++] = TAKE_STRUCT(*n);
}

/* A folder that is not there yet has none. */
static int load_networks(struct cli *cli, struct networks *ret, struct err *err)
{
	_cleanup_strv_ struct strv names = { 0 }, notices = { 0 };
	int r = cni_net_names(&cli->conf.cni, &names, &notices, err);

	for (size_t i = 0; i < notices.n; i++)
		cli_notice(cli, "%s", notices.v[i]);
	for (size_t i = 0; r >= 0 && i < names.n; i++) {
		_cleanup_(cni_net_freep) struct cni_net *list = NULL;
		struct network n;

		if (cni_net_load(&cli->conf.cni, names.v[i], &list, NULL, NULL) < 0)
			continue;
		network_read(list, &n);
		networks_add(ret, &n);
	}
	for (size_t i = 0; r >= 0 && i < sizeof no_file / sizeof *no_file; i++) {
		struct network n = { .name = mem_strdup(no_file[i][0]), .type = mem_strdup(no_file[i][1]) };

		networks_add(ret, &n);
	}
	if (ret->n)
		qsort(ret->v, ret->n, sizeof *ret->v, network_by_name);
	return r;
}

static void narrow_networks(struct cli *cli, const struct strv *filters, struct networks *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++) {
		bool suits = true;

		for (size_t k = 0; k < filters->n; k++)
			suits = suits && network_suits(cli, &l->v[i], filters->v[k]);
		if (suits)
			l->v[n++] = l->v[i];
		else
			network_done(&l->v[i]);
	}
	l->n = n;
}

static int network_print_table(struct cli *cli, const void *rows, bool whole, struct err *err)
{
	const struct networks *l = rows;
	static const struct column columns[] = { { .title = "NAME" },
						 { .title = "DRIVER" },
						 { .title = "SUBNETS", .min = 16, .drop = 1 },
						 { .title = "FILE", .min = 20, .drop = 2 } };
	_cleanup_(table_done) struct table t = { .columns = columns, .n_columns = sizeof columns / sizeof *columns };

	for (size_t i = 0; i < l->n; i++) {
		_cleanup_free_ char *subnets = subnets_text(&l->v[i]);

		table_cell(&t, l->v[i].name);
		table_cell(&t, network_driver_text(&l->v[i]));
		table_cell(&t, subnets);
		table_cell(&t, l->v[i].file ? l->v[i].file : "");
	}
	return cli_out_table(cli, &t, whole, err);
}

/* What a template may ask for: Docker's fields, and ours. */
#define FIELDS \
	"ID=NETWORK_ID Name Driver Scope CreatedAt IPv4 IPv6 Internal Labels name driver subnets bridge parent mode mtu internal " \
	"ipv6 " \
	"dhcp labels file"

static const char *network_name_at(const void *rows, size_t i) { return ((const struct networks *)rows)->v[i].name; }

static json *network_json_at(struct cli *cli, const void *rows, size_t i)
{
	(void)cli;
	return network_view_json(&((const struct networks *)rows)->v[i]);
}

static int network_list_run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	static const struct list_kind kind = { FIELDS, network_print_table, network_name_at, network_json_at, docker_view_network };
	const struct listing_flags *f = opts;
	_cleanup_(networks_done) struct networks l = { 0 };
	_cleanup_(listing_done) struct listing to = { 0 };
	int r = list_open(f, &kind, &to, err);

	(void)args;
	if (r >= 0 && asks_core(&f->filters))
		r = cli_core(cli, err);
	if (r >= 0)
		r = load_networks(cli, &l, err);
	if (r < 0)
		return r;
	narrow_networks(cli, &f->filters, &l);
	return list_print(cli, f, &kind, &to, &l, l.n, err);
}

static const struct command network_ls = {
	.group = "network",
	.name = "ls",
	.usage = "[FLAGS]",
	.summary = "List networks",
	.examples = "  davit network ls\n  davit network ls --format json | jq .subnets",
	.opts = list_opts,
	.size = sizeof(struct listing_flags),
	.init = listing_flags_init,
	.done = listing_flags_done,
	.run = network_list_run,
};

/* rm */

static const struct opt rm_opts[] = { DROP_OPTS, { 0 } };

static int network_rm_one(struct cli *cli, const char *name, struct err *err)
{
	for (size_t i = 0; i < sizeof no_file / sizeof *no_file; i++)
		if (!strcmp(name, no_file[i][0]))
			return err_set(err, ERR_PRECONDITION, "network %s: it is always there", name);
	return network_drop(cli->core, name, &cli->ctx, err);
}

static int network_rm_run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	return cli_drop_each(cli, args, network_rm_one, opts, err);
}

static const struct command network_rm = {
	.group = "network",
	.name = "rm",
	.usage = "[FLAGS] NAME...",
	.summary = "Remove networks that no job uses, with their bridges",
	.opts = rm_opts,
	.examples = "  davit network rm lan",
	.words = COMPLETE_NETWORK,
	.min = 1,
	.max = ARGS_ANY,
	.size = sizeof(struct drop_flags),
	.run = network_rm_run,
};

/* inspect */

static json *users_json(const struct network_users *u)
{
	json *list = json_new_array();

	for (size_t i = 0; i < u->n; i++) {
		json *o = json_new_object();

		json_put_str(o, "name", u->v[i].job);
		json_put_str(o, "namespace", u->v[i].ns);
		json_put_str(o, "id", u->v[i].id);
		json_put_str(o, "ip", u->v[i].ip);
		json_put_str(o, "ip6", u->v[i].ip6);
		json_put_str(o, "mac", u->v[i].mac);
		json_append(list, o);
	}
	return list;
}

static int network_inspect_one(struct cli *cli, const char *name, void *arg, json **ret, struct err *err)
{
	_cleanup_(cni_net_freep) struct cni_net *list = NULL;
	_cleanup_(network_done) struct network n = { 0 };
	_cleanup_(network_users_done) struct network_users u = { 0 };
	int r = cni_net_load(&cli->conf.cni, name, &list, NULL, err);

	(void)arg;
	if (r >= 0)
		r = network_users(cli->core, name, &cli->ctx, &u, err);
	if (r < 0)
		return r;
	network_read(list, &n);
	*ret = network_view_json(&n);
	json_put(*ret, "jobs", users_json(&u));
	json_put(*ret, "conflist", json_object_get(list->list));
	return 0;
}

struct inspect_flags {
	const char *format;
};
static const struct opt inspect_opts[] = {
	{ "format", 'f', .arg = "TEMPLATE", .help = "A line for each network, as in '{{.Driver}}'", .topic = "Flags",
	  .set = opt_string, .at = offsetof(struct inspect_flags, format) },
	OPT_NOT_HERE("verbose", 'v', "it is all there already"),
	{ 0 },
};

static int network_inspect_run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	const struct cli_inspection how = { .one = network_inspect_one,
					    .format = ((struct inspect_flags *)opts)->format,
					    .view = docker_view_network };

	return cli_inspect(cli, args, &how, err);
}

static const struct command network_inspect = {
	.group = "network",
	.name = "inspect",
	.usage = "[FLAGS] NAME...",
	.summary = "Print everything about networks as JSON",
	.opts = inspect_opts,
	.size = sizeof(struct inspect_flags),
	.examples = "  davit network inspect davit | jq -r '.[0].jobs[].name'",
	.words = COMPLETE_NETWORK,
	.min = 1,
	.max = ARGS_ANY,
	.run = network_inspect_run,
};

/* prune */

static const struct opt prune_opts[] = {
	PRUNE_OPTS(struct prune_flags, dry_run, force),
	OPT_NOT_HERE("filter", 0, "davit network ls --filter dangling=true -q picks some for davit network rm"),
	{ 0 },
};

static int network_prune_run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	int r = prune_open(cli, err);

	(void)args;
	return r < 0 ? r : prune_networks(cli, ((struct prune_flags *)opts)->dry_run, "", err);
}

static const struct command network_prune_cmd = {
	.group = "network",
	.name = "prune",
	.usage = "[FLAGS]",
	.summary = "Remove networks that davit made and no job uses",
	.text = "The default network stays.",
	.examples = "  davit network prune --dry-run",
	.opts = prune_opts,
	.size = sizeof(struct prune_flags),
	.run = network_prune_run,
};

static const struct command *const subs[] = {
	&network_ls, &network_create_cmd, &network_rm, &network_inspect, &network_prune_cmd, NULL,
};
const struct command cmd_network = {
	.name = "network",
	.usage = "COMMAND",
	.summary = "Networks: ls create rm inspect prune",
	.examples = "  davit network create lan\n  davit run --network lan nginx",
	.sub = subs,
};
