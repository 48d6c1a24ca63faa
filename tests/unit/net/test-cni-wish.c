#include "test.h"
#include "cni-wish.h"
#include "file.h"
#include "mem.h"
#include <stdlib.h>
#include <string.h>

static json *parse(const char *text)
{
	json *j = NULL;

	assert_int_equal(json_parse(text, strlen(text), &j, NULL), 0);
	return j;
}

#define BARE "{\"name\":\"n\",\"plugins\":[{\"type\":\"bridge\"}]}"
#define ABLE "{\"name\":\"n\",\"plugins\":[{\"type\":\"bridge\",\"capabilities\":{\"ips\":true,\"mac\":true}}]}"
#define HALF "{\"name\":\"n\",\"plugins\":[{\"type\":\"bridge\"},{\"type\":\"tuning\",\"capabilities\":{\"mac\":true}}]}"

static void told(void **state)
{
	static const struct {
		const char *list, *plugin, *own, *caps, *args, *env; /* NULL: none */
	} rows[] = {
		{ BARE, "{}", NULL, "{}", NULL, NULL },
		{ BARE, "{\"args\":{\"a\":1}}", "K=V", "{}", "{\"a\":1}", "K=V" },
		{ BARE, "{}", NULL, "{\"ips\":[\"10.0.0.2\",\"fd00::2\"]}", "{\"cni\":{\"ips\":[\"10.0.0.2\",\"fd00::2\"]}}",
		  "IgnoreUnknown=1;IP=10.0.0.2" },
		{ BARE, "{\"args\":{\"a\":1,\"cni\":{\"b\":2}}}", "K=V", "{\"mac\":\"02:00:00:00:00:01\"}",
		  "{\"a\":1,\"cni\":{\"b\":2,\"mac\":\"02:00:00:00:00:01\"}}", "IgnoreUnknown=1;MAC=02:00:00:00:00:01;K=V" },
		{ ABLE, "{}", NULL, "{\"ips\":[\"10.0.0.2\"],\"mac\":\"02:00:00:00:00:01\"}", NULL, NULL },
		{ HALF, "{}", NULL, "{\"ips\":[\"10.0.0.2\"],\"mac\":\"02:00:00:00:00:01\"}", "{\"cni\":{\"ips\":[\"10.0.0.2\"]}}",
		  "IgnoreUnknown=1;IP=10.0.0.2" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_json_ json *list = parse(rows[i].list), *plugin = parse(rows[i].plugin), *caps = parse(rows[i].caps);
		_cleanup_json_ json *args = cni_wish_args(list, plugin, caps);
		_cleanup_free_ char *env = cni_wish_env(list, rows[i].own, caps);
		_cleanup_buf_ struct buf text = { 0 };

		assert_int_equal(args != NULL, rows[i].args != NULL);
		assert_int_equal(env != NULL, rows[i].env != NULL);
		if (args) {
			json_write(args, &text);
			assert_string_equal(text.data, rows[i].args);
		}
		if (env)
			assert_string_equal(env, rows[i].env);
	}
}

static void checked(void **state)
{
	static const struct {
		const char *caps, *says; /* NULL: it is as was asked for */
	} rows[] = {
		{ "{}", NULL },
		{ "{\"ips\":[\"10.0.0.2\"]}", NULL },
		{ "{\"ips\":[\"10.0.0.2/16\",\"fd00:0::2\"],\"mac\":\"02:AA:00:00:00:01\"}", NULL },
		{ "{\"ips\":[\"10.0.0.3\"]}", "its plugins gave 10.0.0.2/24, and not the address 10.0.0.3 that was asked for" },
		{ "{\"ips\":[\"fd00::3\"]}", "its plugins gave fd00::2/64, and not the address fd00::3 that was asked for" },
		{ "{\"mac\":\"02:aa:00:00:00:02\"}",
		  "its plugins gave the interface 02:aa:00:00:00:01, and not the hardware address "
		  "02:aa:00:00:00:02 that was asked for" },
	};
	struct cni_ip ips[] = { { .address = (char *)"10.0.0.2/24" }, { .address = (char *)"fd00::2/64" } };
	const struct cni_result res = { .ips = ips, .n_ips = 2, .mac = (char *)"02:aa:00:00:00:01" };
	_cleanup_json_ json *v6 = parse("{\"ips\":[\"fd00::2\"]}"), *mac = parse("{\"mac\":\"02:aa:00:00:00:01\"}");
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_json_ json *caps = parse(rows[i].caps);

		err_clear(&err);
		assert_int_equal(cni_wish_check(caps, &res, &err), rows[i].says ? -ERR_PRECONDITION : 0);
		if (rows[i].says)
			assert_string_equal(err.msg, rows[i].says);
	}
	err_clear(&err);
	assert_int_equal(cni_wish_check(v6, &(struct cni_result){ .ips = ips, .n_ips = 1 }, &err), -ERR_PRECONDITION);
	assert_string_equal(err.msg, "its plugins gave no IPv6 address, and not fd00::2 that was asked for");
	assert_int_equal(cni_wish_check(mac, &(struct cni_result){ 0 }, NULL), -ERR_PRECONDITION);
}

#define LOCAL \
	"{\"name\":\"n\",\"plugins\":[{\"type\":\"bridge\",\"ipam\":{\"type\":\"host-local\",\"ranges\":[[{\"subnet\":\"10.1.0.0/" \
	"24\"," \
	"\"rangeStart\":\"10.1.0.10\",\"rangeEnd\":\"10.1.0.20\"}],[{\"subnet\":\"fd00::/64\",\"gateway\":\"fd00::9\"}]]}}]}"
#define DHCP "{\"name\":\"n\",\"plugins\":[{\"type\":\"macvlan\",\"ipam\":{\"type\":\"dhcp\"}}]}"
#define STATIC \
	"{\"name\":\"n\",\"plugins\":[{\"type\":\"bridge\",\"ipam\":{\"type\":\"static\",\"addresses\":[{\"address\":\"10.1.0.1/" \
	"20\"}]}}]}"

static struct cni_net *network(const char *text)
{
	struct cni_net *net;

	assert_int_equal(cni_net_parse(text, strlen(text), "f", &net, NULL), 0);
	return net;
}

static void possible(void **state)
{
	static const struct {
		const char *list, *ip;
		int r;
		const char *says;
	} rows[] = {
		{ LOCAL, "10.1.0.10", 0, "" },
		{ LOCAL, "10.1.0.20", 0, "" },
		{ LOCAL, "fd00::2", 0, "" },
		{ LOCAL, "10.1.0.9", -ERR_INVALID,
		  "network n: address 10.1.0.9 is not in the range 10.1.0.10 to 10.1.0.20 that the network "
		  "gives away" },
		{ LOCAL, "10.1.0.21", -ERR_INVALID,
		  "network n: address 10.1.0.21 is not in the range 10.1.0.10 to 10.1.0.20 that the network "
		  "gives away" },
		{ LOCAL, "10.2.0.1", -ERR_INVALID,
		  "network n: address 10.2.0.1 is not in the network, which is 10.1.0.0/24, fd00::/64" },
		{ LOCAL, "10.1.0.1", -ERR_INVALID, "network n: address 10.1.0.1 is the network's gateway" },
		{ LOCAL, "fd00::9", -ERR_INVALID, "network n: address fd00::9 is the network's gateway" },
		{ LOCAL, "10.1.0.12", -ERR_EXISTS, "network n: address 10.1.0.12 is used by container other-1" },
		{ DHCP, "10.9.9.9", 0, "" },
		{ STATIC, "10.9.9.9", 0, "" },
	};
	char dir[] = "/tmp/test-wish.XXXXXX";
	_cleanup_free_ char *addresses = NULL, *path = NULL;
	struct cni_conf conf = { 0 };

	(void)state;
	assert_non_null(mkdtemp(dir));
	conf.cache_dir = dir;
	addresses = mem_printf("%s/networks/n", dir);
	path = mem_printf("%s/10.1.0.12", addresses);
	assert_int_equal(file_mkdirs(addresses, 0755, NULL), 0);
	assert_int_equal(file_write(path, "other-1\r\neth0", 13, 0600, NULL), 0);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_(cni_net_freep) struct cni_net *net = network(rows[i].list);
		_cleanup_strv_ struct strv ips = { 0 };
		struct err err = ERR_INIT;

		strv_push(&ips, rows[i].ip);
		assert_int_equal(cni_wish_possible(&conf, net, &ips, true, &err), rows[i].r);
		assert_string_equal(err.msg, rows[i].says);
		if (rows[i].r == -ERR_EXISTS)
			assert_int_equal(cni_wish_possible(&conf, net, &ips, false, NULL), 0);
	}
	assert_int_equal(file_remove_tree(dir, NULL), 0);
}

static void prefixes(void **state)
{
	_cleanup_(cni_net_freep) struct cni_net *fixed = network(STATIC), *local = network(LOCAL);
	_cleanup_strv_ struct strv ips = { 0 }, out = { 0 };
	_cleanup_free_ char *text = NULL;

	(void)state;
	strv_split(&ips, "10.1.2.3 10.9.9.9 fd00::1", " ");
	cni_wish_ips(fixed, &ips, &out);
	cni_wish_ips(local, &ips, &out);
	text = strv_join(&out, " ");
	assert_string_equal(text, "10.1.2.3/20 10.9.9.9 fd00::1 10.1.2.3 10.9.9.9 fd00::1");
}

RUN_TESTS("cni-wish", cmocka_unit_test(told), cmocka_unit_test(checked), cmocka_unit_test(possible), cmocka_unit_test(prefixes))
