/* What `davit network` makes: what is refused, what is written and read back, and what goes with a network. */
#include "test.h"
#include "cni-net.h"
#include "file.h"
#include "mem.h"
#include "network.h"
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char dir[32];
static char *conf_dir, *cache_dir;
static struct cni_conf conf;

static int setup(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof dir, "/tmp/test-network.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	conf_dir = mem_printf("%s/net.d", dir);
	cache_dir = mem_printf("%s/cni", dir);
	conf = (struct cni_conf){ .conf_dir = conf_dir, .cache_dir = cache_dir };
	return mkdir(conf_dir, 0755);
}

static int teardown(void **state)
{
	(void)state;
	free(conf_dir);
	free(cache_dir);
	return file_remove_tree(dir, NULL);
}

/* Lists between blanks. */
struct pools {
	const char *subnets, *gateways, *ranges;
};

static int set_pools(struct network *n, const struct pools *p, struct err *err)
{
	_cleanup_strv_ struct strv subnets = { 0 }, gateways = { 0 }, ranges = { 0 };

	strv_split(&subnets, p->subnets ? p->subnets : "", " ");
	strv_split(&gateways, p->gateways ? p->gateways : "", " ");
	strv_split(&ranges, p->ranges ? p->ranges : "", " ");
	return network_set_pools(n, &subnets, &gateways, &ranges, err);
}

static void wrong_pools(void **state)
{
	static const struct {
		struct pools p;
		const char *says;
	} rows[] = {
		{ { "x", NULL, NULL }, "subnet \"x\": not a network such as 10.1.0.0/16" },
		{ { "10.1.0.0", NULL, NULL }, "subnet \"10.1.0.0\": not a network such as 10.1.0.0/16" },
		{ { "10.1.0.5/24", NULL, NULL }, "subnet \"10.1.0.5/24\": the network of that address is 10.1.0.0/24" },
		{ { "10.1.0.0/31", NULL, NULL }, "subnet 10.1.0.0/31: too small, it has no address for a job" },
		{ { "fd00::/127", NULL, NULL }, "subnet fd00::/127: too small, it has no address for a job" },
		{ { "10.1.0.0/16 10.1.2.0/24", NULL, NULL }, "subnet 10.1.2.0/24 overlaps subnet 10.1.0.0/16" },
		{ { "10.1.0.0/24", "x", NULL }, "gateway \"x\": not an IP address" },
		{ { "10.1.0.0/24", "10.2.0.1", NULL }, "gateway 10.2.0.1: no subnet has it" },
		{ { NULL, "10.2.0.1", NULL }, "gateway 10.2.0.1: no subnet has it" },
		{ { "10.1.0.0/24", "fd00::1", NULL }, "gateway fd00::1: no subnet has it" },
		{ { "10.1.0.0/24", "10.1.0.1 10.1.0.2", NULL }, "gateway 10.1.0.2: its subnet has one already" },
		{ { "10.1.0.0/24", "10.1.0.0", NULL },
		  "gateway 10.1.0.0: the first and the last address of a subnet are no host's" },
		{ { "10.1.0.0/24", "10.1.0.255", NULL },
		  "gateway 10.1.0.255: the first and the last address of a subnet are no host's" },
		{ { "10.1.0.0/24", NULL, "10.1.0.9" }, "ip-range \"10.1.0.9\": not a network such as 10.1.8.0/24" },
		{ { "10.1.0.0/24", NULL, "10.2.0.0/28" }, "ip-range 10.2.0.0/28: no subnet has it" },
		{ { "10.1.0.0/24", NULL, "10.1.0.0/16" }, "ip-range 10.1.0.0/16: no subnet has it" },
		{ { "10.1.0.0/24", NULL, "10.1.0.0/28 10.1.0.16/28" }, "ip-range 10.1.0.16/28: its subnet has one already" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_(network_done) struct network n = { 0 };
		struct err err = ERR_INIT;

		assert_int_equal(set_pools(&n, &rows[i].p, &err), -ERR_INVALID);
		assert_string_equal(err.msg, rows[i].says);
	}
}

static void wrong_names(void **state)
{
	static const char *const names[] = { "",     "-a",     ".a",      "a b",       "a/b",      "../x", "host",
					     "none", "bridge", "default", "container", "\xc3\xa4", "a\n" };
	_cleanup_free_ char *longest = mem_zalloc(102);

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct err err = ERR_INIT;

		assert_int_equal(network_check_name(names[i], &err), -ERR_INVALID);
		assert_non_null(strstr(err.msg, "network name"));
	}
	memset(longest, 'a', 101);
	assert_int_equal(network_check_name(longest, NULL), -ERR_INVALID);
	longest[100] = '\0';
	assert_int_equal(network_check_name(longest, NULL), 0);
}

/* A network with these; NULL fields are left as they are. */
struct wish {
	const char *name;
	struct pools p;
	enum network_driver driver;
	const char *bridge, *parent, *mode;
	int mtu;
	bool v6, dhcp, internal;
};

static int make(const struct wish *w, struct err *err)
{
	_cleanup_(network_done) struct network n = { .name = mem_strdup(w->name),
						     .driver = w->driver,
						     .bridge = mem_strdup(w->bridge),
						     .parent = mem_strdup(w->parent),
						     .mode = mem_strdup(w->mode),
						     .mtu = w->mtu,
						     .dhcp = w->dhcp,
						     .internal = w->internal };
	int r = set_pools(&n, &w->p, err);

	dict_set(&n.labels, "k", "v");
	return r < 0 ? r : network_create(&conf, &n, w->v6, err);
}

static void wrong_wishes(void **state)
{
	static const struct {
		struct wish w;
		int r;
		const char *says;
	} rows[] = {
		{ { .name = "first" }, -ERR_EXISTS, "network first: it exists already, in " },
		{ { .name = "n", .p = { .subnets = "10.66.1.0/24" } },
		  -ERR_INVALID,
		  "network n: subnet 10.66.1.0/24 overlaps 10.66.0.0/16 of network first" },
		{ { .name = "n", .p = { .subnets = "127.3.0.0/24" } },
		  -ERR_INVALID,
		  "network n: subnet 127.3.0.0/24 overlaps 127.0.0.0/8 of interface lo" },
		{ { .name = "n", .mtu = 5 }, -ERR_INVALID, "network n: mtu 5: from 68 to 65535" },
		{ { .name = "n", .mtu = 1000, .v6 = true }, -ERR_INVALID, "network n: mtu 1000: from 1280 to 65535" },
		{ { .name = "n", .mtu = 65536 }, -ERR_INVALID, "network n: mtu 65536: from 68 to 65535" },
		{ { .name = "n", .bridge = "0123456789abcdef" },
		  -ERR_INVALID,
		  "network n: bridge \"0123456789abcdef\": an interface's name" },
		{ { .name = "n", .bridge = "lo" }, -ERR_EXISTS, "network n: bridge lo: the host has an interface of that name" },
		{ { .name = "n", .bridge = "dv-first" }, -ERR_EXISTS, "network n: bridge dv-first: another network has it" },
		{ { .name = "n", .parent = "lo" }, -ERR_INVALID, "network n: parent lo: a bridge has none" },
		{ { .name = "n", .mode = "l2" }, -ERR_INVALID, "network n: mode \"l2\": driver bridge has none" },
		{ { .name = "n", .driver = NETWORK_MACVLAN },
		  -ERR_INVALID,
		  "network n: driver macvlan: it needs an interface of the host" },
		{ { .name = "n", .driver = NETWORK_MACVLAN, .parent = "none7" },
		  -ERR_NOT_FOUND,
		  "network n: parent none7: the host has no such interface" },
		{ { .name = "n", .driver = NETWORK_MACVLAN, .parent = "lo", .mode = "l2" },
		  -ERR_INVALID,
		  "network n: mode \"l2\": driver macvlan has bridge, private, vepa, passthru" },
		{ { .name = "n", .driver = NETWORK_IPVLAN, .parent = "lo", .mode = "x" },
		  -ERR_INVALID,
		  "network n: mode \"x\": driver ipvlan has l2, l3, l3s" },
		{ { .name = "n", .driver = NETWORK_IPVLAN, .parent = "lo", .dhcp = true },
		  -ERR_INVALID,
		  "network n: ipam-driver dhcp: ipvlan's" },
		{ { .name = "n", .p = { .subnets = "10.67.0.0/24" }, .dhcp = true },
		  -ERR_INVALID,
		  "network n: ipam-driver dhcp: addresses are" },
		{ { .name = "used" }, -ERR_EXISTS, "network used: " },
	};
	_cleanup_free_ char *path = mem_printf("%s/80-used.conflist", conf_dir);
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(make(&(struct wish){ .name = "first", .p = { .subnets = "10.66.0.0/16" } }, &err), 0);
	assert_int_equal(file_write(path, "{", 1, 0644, NULL), 0);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_strv_ struct strv names = { 0 };

		err_clear(&err);
		assert_int_equal(make(&rows[i].w, &err), rows[i].r);
		if (strncmp(err.msg, rows[i].says, strlen(rows[i].says)) != 0)
			fail_msg("%s: not %s", err.msg, rows[i].says);
		assert_int_equal(cni_net_names(&conf, &names, NULL, NULL), 0);
		assert_int_equal(names.n, 1);
	}
}

static const struct {
	struct wish w;
	const char *plugins; /* of what is written, as compact JSON */
} made[] = {
	{ { .name = "a", .p = { .subnets = "10.70.0.0/24" }, .bridge = "br-a", .mtu = 1400 },
	  "[{\"type\":\"bridge\",\"bridge\":\"br-a\",\"isGateway\":true,\"ipMasq\":true,\"hairpinMode\":true,\"mtu\":1400,\"ipam\":"
	  "{"
	  "\"type\":\"host-local\",\"ranges\":[[{\"subnet\":\"10.70.0.0/24\",\"gateway\":\"10.70.0.1\"}]],\"routes\":[{\"dst\":"
	  "\"0.0.0.0/"
	  "0\"}]}},{\"type\":\"portmap\",\"capabilities\":{\"portMappings\":true}},{\"type\":\"firewall\",\"ingressPolicy\":\"same-"
	  "bridge\"}]" },
	{ { .name = "b",
	    .p = { .subnets = "10.71.0.0/24 fd07::/64", .gateways = "10.71.0.254", .ranges = "10.71.0.0/25 fd07::1:0/112" } },
	  "[{\"type\":\"bridge\",\"bridge\":\"dv-b\",\"isGateway\":true,\"ipMasq\":true,\"hairpinMode\":true,\"ipam\":{"
	  "\"type\":\"host-local\",\"ranges\":[[{\"subnet\":\"10.71.0.0/24\",\"rangeStart\":\"10.71.0.1\",\"rangeEnd\":"
	  "\"10.71.0.127\",\"gateway\":\"10.71.0.254\"}],[{\"subnet\":\"fd07::/64\",\"rangeStart\":\"fd07::1:0\",\"rangeEnd\":"
	  "\"fd07::1:ffff\",\"gateway\":\"fd07::1\"}]],\"routes\":[{\"dst\":\"0.0.0.0/0\"},{\"dst\":\"::/0\"}]}},{\"type\":"
	  "\"portmap\",\"capabilities\":{\"portMappings\":true}},{\"type\":\"firewall\",\"ingressPolicy\":\"same-bridge\"}]" },
	{ { .name = "c-with-a-long-name", .p = { .subnets = "10.72.0.0/24", .ranges = "10.72.0.128/25" }, .internal = true },
	  "[{\"type\":\"bridge\",\"bridge\":\"dv-aabea724\",\"isGateway\":false,\"ipMasq\":false,\"hairpinMode\":true,\"ipam\":{"
	  "\"type\":"
	  "\"host-local\",\"ranges\":[[{\"subnet\":\"10.72.0.0/24\",\"rangeStart\":\"10.72.0.128\",\"rangeEnd\":\"10.72.0.254\","
	  "\"gateway\":\"10.72.0.1\"}]]}},{\"type\":\"firewall\",\"ingressPolicy\":\"same-bridge\"}]" },
	{ { .name = "d",
	    .p = { .subnets = "127.9.0.0/24" },
	    .driver = NETWORK_MACVLAN,
	    .parent = "lo",
	    .mode = "vepa" }, /* the parent's own is no clash */
	  "[{\"type\":\"macvlan\",\"master\":\"lo\",\"mode\":\"vepa\",\"ipam\":{\"type\":\"host-local\",\"ranges\":[[{\"subnet\":"
	  "\"127.9.0.0/24\",\"gateway\":\"127.9.0.1\"}]],\"routes\":[{\"dst\":\"0.0.0.0/0\"}]}}]" },
	{ { .name = "e", .driver = NETWORK_MACVLAN, .parent = "lo", .dhcp = true },
	  "[{\"type\":\"macvlan\",\"master\":\"lo\",\"ipam\":{\"type\":\"dhcp\"}}]" },
};

static void written_and_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
		_cleanup_(cni_net_freep) struct cni_net *list = NULL;
		_cleanup_(network_done) struct network n = { 0 }, wished = { 0 };
		_cleanup_buf_ struct buf text = { 0 };
		struct err err = ERR_INIT;

		assert_int_equal(make(&made[i].w, &err), 0);
		assert_int_equal(cni_net_load(&conf, made[i].w.name, &list, NULL, &err), 0);
		json_write(cni_net_plugins(list), &text);
		assert_string_equal(text.data, made[i].plugins);
		network_read(list, &n);
		assert_int_equal(set_pools(&wished, &made[i].w.p, &err), 0);
		assert_true(n.ours);
		assert_int_equal(n.driver, made[i].w.driver);
		assert_int_equal(n.mtu, made[i].w.mtu);
		assert_int_equal(n.internal, made[i].w.internal);
		assert_int_equal(n.dhcp, made[i].w.dhcp);
		assert_string_equal(dict_get(&n.labels, "k"), "v");
		assert_int_equal(n.n_pools, wished.n_pools);
		for (size_t k = 0; k < n.n_pools; k++) {
			const struct network_pool *a = &n.pools[k], *b = &wished.pools[k];
			const struct ip gateway = network_gateway(b);

			assert_true(ip_equal(&a->subnet.ip, &b->subnet.ip) && a->subnet.bits == b->subnet.bits);
			assert_true(ip_equal(&a->gateway, &gateway));
			assert_int_equal(a->has_range, b->has_range);
			assert_true(!b->has_range || (ip_equal(&a->first, &b->first) && ip_equal(&a->last, &b->last)));
		}
	}
}

static void read_of_others(void **state)
{
	static const char text[] =
		"{\"name\":\"o\",\"cniVersion\":\"0.4.0\",\"nerdctlLabels\":{\"a\":\"b\"},\"plugins\":[{\"type\":\"bridge\","
		"\"isDefaultGateway\":true,\"ipam\":{\"type\":\"host-local\",\"subnet\":\"10.1.0.0/16\",\"ranges\":[[{"
		"\"subnet\":\"nonsense\"},{\"subnet\":\"10.2.0.0/16\",\"gateway\":7}],5]}}]}";
	_cleanup_(cni_net_freep) struct cni_net *list = NULL;
	_cleanup_(network_done) struct network n = { 0 };

	(void)state;
	assert_int_equal(cni_net_parse(text, sizeof text - 1, "f", &list, NULL), 0);
	network_read(list, &n);
	assert_false(n.ours);
	assert_false(n.internal);
	assert_string_equal(n.bridge, "cni0");
	assert_string_equal(dict_get(&n.labels, "a"), "b");
	assert_int_equal(n.n_pools, 2);
	assert_false(n.pools[1].has_gateway);
}

static void removed(void **state)
{
	static const char foreign[] = "{\"name\":\"theirs\",\"type\":\"bridge\",\"bridge\":\"x\"}";
	_cleanup_free_ char *path = mem_printf("%s/10-theirs.conf", conf_dir),
			    *addresses = mem_printf("%s/networks/mine", cache_dir);
	_cleanup_free_ char *last = mem_printf("%s/last_reserved_ip.0", addresses), *kept = mem_printf("%s/10.73.0.2", addresses);
	_cleanup_strv_ struct strv names = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(file_write(path, foreign, sizeof foreign - 1, 0644, NULL), 0);
	assert_int_equal(make(&(struct wish){ .name = "mine", .p = { .subnets = "10.73.0.0/24" } }, &err), 0);
	assert_int_equal(file_mkdirs(addresses, 0755, NULL), 0);
	assert_int_equal(file_write(last, "10.73.0.2", 9, 0600, NULL), 0);
	assert_int_equal(file_write(kept, "id", 2, 0600, NULL), 0);
	assert_int_equal(network_remove(&conf, "theirs", &err), -ERR_PRECONDITION);
	assert_string_equal(err.msg, "network theirs: davit has not made it");
	err_clear(&err);
	assert_int_equal(network_remove(&conf, "mine", &err), 0);
	assert_false(file_exists(last));
	assert_true(file_exists(kept)); /* somebody has that address */
	assert_int_equal(network_remove(&conf, "mine", &err), -ERR_NOT_FOUND);
	assert_int_equal(cni_net_names(&conf, &names, NULL, NULL), 0);
	assert_int_equal(names.n, 1);
	assert_int_equal(unlink(kept), 0);
	err_clear(&err);
	assert_int_equal(make(&(struct wish){ .name = "mine", .p = { .subnets = "10.73.0.0/24" } }, &err), 0);
	assert_int_equal(network_remove(&conf, "mine", &err), 0);
	assert_false(file_exists(addresses));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
RUN_TESTS("network", cmocka_unit_test(wrong_pools), cmocka_unit_test(wrong_names), TEST(wrong_wishes), TEST(written_and_read),
	  cmocka_unit_test(read_of_others), TEST(removed))
