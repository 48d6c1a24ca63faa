#include "test.h"
#include "cni-net.h"
#include "cni-ports.h"
#include "mem.h"

#define LIST(type, more) \
	"{\"cniVersion\":\"1.0.0\",\"name\":\"n\",\"plugins\":[{\"type\":\"" type \
	"\",\"capabilities\":{\"portMappings\":true}" more "}]}"
#define PORTMAP LIST("portmap", "")
#define V4 "{\"ips\":[{\"address\":\"10.0.0.2/24\"}]}"
#define V6 "{\"ips\":[{\"address\":\"fd00::2/64\"}]}"
#define BOTH "{\"ips\":[{\"address\":\"10.0.0.2/24\"},{\"address\":\"fd00::2/64\"}]}"

static struct cni_net *net_of(const char *list)
{
	struct cni_net *net = NULL;

	assert_int_equal(cni_net_parse(list, strlen(list), "t.conflist", &net, NULL), 0);
	return net;
}

/* Of the configuration alone. */
static void loopback(void **state)
{
	static const struct {
		const char *list, *ip, *says;
	} rows[] = {
		{ PORTMAP, NULL, NULL },
		{ PORTMAP, "127.0.0.1", NULL },
		{ PORTMAP, "127.3.0.1", NULL },
		{ PORTMAP, "0.0.0.0", NULL },
		{ PORTMAP, "::", NULL },
		{ PORTMAP, "2001:db8::1", NULL },
		{ PORTMAP, "::1", "network n: port [::1]:8080: the kernel forwards nothing from IPv6's loopback" },
		{ PORTMAP, "0:0::1", "network n: port [0:0::1]:8080: the kernel forwards nothing from IPv6's loopback" },
		{ LIST("portmap", ",\"snat\":false"), "0.0.0.0", NULL },
		{ LIST("portmap", ",\"snat\":false"), "127.0.0.1",
		  "network n: port 127.0.0.1:8080: portmap has \"snat\": false, so "
		  "it forwards nothing from the host itself" },
		{ LIST("another", ""), "::1", NULL },
		{ "{\"name\":\"n\",\"plugins\":[{\"type\":\"portmap\"}]}", NULL, "network n: it forwards no ports" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_(cni_net_freep) struct cni_net *net = net_of(rows[i].list);
		struct port p = { .host_ip = (char *)rows[i].ip, .host = 8080, .inside = 80 };
		struct err err = ERR_INIT;
		int r = cni_ports_check(net, &p, 1, &err);

		assert_int_equal(r < 0, rows[i].says != NULL);
		assert_string_equal(err.msg, rows[i].says ? rows[i].says : "");
		assert_int_equal(*err.hint != '\0', r < 0);
		assert_int_equal(cni_ports_check(net, NULL, 0, NULL), 0);
	}
}

/* Once the addresses are known. */
static void families(void **state)
{
	static const struct {
		const char *ip, *result;
		bool reached;
	} rows[] = {
		{ NULL, V4, true },       { NULL, V6, true },          { "10.1.1.1", V4, true },     { "10.1.1.1", V6, false },
		{ "0.0.0.0", V6, false }, { "::", V4, false },         { "2001:db8::1", V4, false }, { "2001:db8::1", V6, true },
		{ "::", BOTH, true },     { "127.0.0.1", BOTH, true }, { "::", "{}", false },
	};
	_cleanup_(cni_net_freep) struct cni_net *portmap = net_of(PORTMAP), *another = net_of(LIST("another", ""));

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_json_ json *result = NULL, *mappings = json_new_array();
		json *m = json_new_object();
		struct err err = ERR_INIT;

		json_put_str(m, "hostIP", rows[i].ip);
		json_put_int(m, "hostPort", 8080);
		json_append(mappings, m);
		assert_int_equal(json_parse(rows[i].result, strlen(rows[i].result), &result, NULL), 0);
		assert_int_equal(cni_ports_reach(cni_net_plugin(portmap, "portmap"), mappings, result, &err),
				 rows[i].reached ? 0 : -ERR_INVALID);
		assert_int_equal(strstr(err.msg, ":8080: the network gives no IPv") != NULL, !rows[i].reached);
		assert_int_equal(cni_ports_reach(cni_net_plugin(another, "another"), mappings, result, NULL), 0);
		assert_int_equal(cni_ports_reach(cni_net_plugin(portmap, "portmap"), mappings, NULL, NULL), 0);
		assert_int_equal(cni_ports_reach(cni_net_plugin(portmap, "portmap"), NULL, result, NULL), 0);
	}
}

RUN_TESTS("cni-ports", cmocka_unit_test(loopback), cmocka_unit_test(families))
