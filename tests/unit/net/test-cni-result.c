#include "test.h"
#include "cni-result.h"
#include "mem.h"

#define IFS \
	"\"interfaces\":[{\"name\":\"br0\",\"mac\":\"02:00:00:00:00:01\"},{\"name\":\"veth1\",\"mac\":\"02:00:00:00:00:02\"}," \
	"{\"name\":\"eth0\",\"mac\":\"02:00:00:00:00:03\",\"sandbox\":\"/ns\"}]"

/* @say: each address with its gateway and interface, then mac, bridge and name servers. */
static const struct {
	const char *text, *say;
} rows[] = {
	{ "{\"cniVersion\":\"0.1.0\",\"ip4\":{\"ip\":\"10.0.0.2/"
	  "24\",\"gateway\":\"10.0.0.1\"},\"dns\":{\"nameservers\":[\"10.0.0.1\"]}}",
	  "10.0.0.2/24>10.0.0.1@-1 mac= bridge= dns=10.0.0.1" },
	{ "{\"cniVersion\":\"0.2.0\",\"ip4\":{\"ip\":\"10.0.0.2/24\"},\"ip6\":{\"ip\":\"fd00::2/64\",\"gateway\":\"fd00::1\"}}",
	  "10.0.0.2/24>@-1 fd00::2/64>fd00::1@-1 mac= bridge= dns=" },
	{ "{\"cniVersion\":\"0.3.1\"," IFS
	  ",\"ips\":[{\"version\":\"4\",\"interface\":2,\"address\":\"10.0.0.2/24\",\"gateway\":\"10.0.0.1\"}],\"dns\":{}}",
	  "10.0.0.2/24>10.0.0.1@2 mac=02:00:00:00:00:03 bridge=br0 dns=" },
	{ "{\"cniVersion\":\"1.0.0\"," IFS
	  ",\"ips\":[{\"interface\":2,\"address\":\"10.0.0.2/24\"},{\"interface\":9,\"address\":\"fd00::2/64\"}]}",
	  "10.0.0.2/24>@2 fd00::2/64>@-1 mac=02:00:00:00:00:03 bridge=br0 dns=" },
	{ "{\"cniVersion\":\"1.1.0\",\"interfaces\":[{\"name\":\"eth0\",\"mtu\":1400,\"sandbox\":\"/ns\",\"socketPath\":\"/"
	  "s\"}],\"ips\":[]}",
	  "mac= bridge= dns=" },
	{ "{\"cniVersion\":\"1.0.0\",\"ips\":[{\"interface\":-4294967297,\"address\":\"10.0.0.2/24\",\"gateway\":\"\"}]}",
	  "10.0.0.2/24>@-1 mac= bridge= dns=" },
	{ "{\"dns\":{\"domain\":\"a.example\",\"search\":[\"b.example\",\"a.example\"],\"options\":[\"ndots:2\"]}}",
	  "mac= bridge= dns= search=a.example,b.example options=ndots:2" },
	{ "{\"dns\":{\"domain\":\"\",\"search\":7}}", "mac= bridge= dns=" },
	{ "{}", "mac= bridge= dns=" },
	{ "{\"ips\":[{\"address\":\"10.0.0.2\"}]}", NULL },
	{ "{\"ips\":[{\"address\":\"10.0.0.2/33\"}]}", NULL },
	{ "{\"ips\":[{\"address\":\"10.0.0.2/\"}]}", NULL },
	{ "{\"ips\":[{\"address\":\"10.0.0.2/+8\"}]}", NULL },
	{ "{\"ips\":[{\"address\":\"10.0.0.256/8\"}]}", NULL },
	{ "{\"ips\":[{\"address\":\"fd00::2/129\"}]}", NULL },
	{ "{\"ips\":[{}]}", NULL },
	{ "{\"ips\":[7]}", NULL },
	{ "{\"ips\":[{\"address\":\"10.0.0.2/8\",\"gateway\":\"10.0.0.1/8\"}]}", NULL },
	{ "{\"ip4\":{}}", NULL },
	{ "[]", NULL },
	{ "null", NULL },
};

static char *say(const struct cni_result *res)
{
	struct buf out = { 0 };

	for (size_t i = 0; i < res->n_ips; i++)
		buf_addf(&out, "%s>%s@%d ", res->ips[i].address, res->ips[i].gateway ? res->ips[i].gateway : "",
			 res->ips[i].interface);
	_cleanup_free_ char *dns = strv_join(&res->nameservers, ",");
	buf_addf(&out, "mac=%s bridge=%s dns=%s", res->mac ? res->mac : "", res->bridge ? res->bridge : "", dns);
	_cleanup_free_ char *search = strv_join(&res->search, ","), *options = strv_join(&res->options, ",");
	if (*search)
		buf_addf(&out, " search=%s", search);
	if (*options)
		buf_addf(&out, " options=%s", options);
	return buf_take(&out);
}

static void every_version(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct cni_result res = { 0 };
		struct err err = ERR_INIT;
		_cleanup_json_ json *j = NULL;

		assert_int_equal(json_parse(rows[i].text, strlen(rows[i].text), &j, NULL), 0);
		if (rows[i].say) {
			assert_int_equal(cni_result_read(j, "eth0", &res, &err), 0);
			_cleanup_free_ char *got = say(&res);
			assert_string_equal(got, rows[i].say);
			assert_ptr_equal(res.raw, j);
		} else {
			assert_int_equal(cni_result_read(j, "eth0", &res, &err), -ERR_INVALID);
			assert_null(res.ips);
			assert_int_equal(strncmp(err.msg, "result", 6), 0);
		}
		cni_result_done(&res);
	}
}

static void too_many_addresses(void **state)
{
	_cleanup_json_ json *j = json_new_object();
	json *ips = json_new_array();
	struct cni_result res = { 0 };

	(void)state;
	json_put(j, "ips", ips);
	for (int i = 0; i < 257; i++) {
		json *ip = json_new_object();

		json_put_str(ip, "address", "10.0.0.2/24");
		json_append(ips, ip);
		assert_int_equal(cni_result_read(j, "eth0", &res, NULL), i < 256 ? 0 : -ERR_INVALID);
		cni_result_done(&res);
	}
}

RUN_TESTS("cni-result", cmocka_unit_test(every_version), cmocka_unit_test(too_many_addresses))
