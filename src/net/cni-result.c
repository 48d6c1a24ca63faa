#include "cni-result.h"
#include "mem.h"
#include <arpa/inet.h>
#include <string.h>

enum { IPS_MAX = 256 };

void cni_result_done(struct cni_result *res)
{
	for (size_t i = 0; i < res->n_ips; i++) {
		free(res->ips[i].address);
		free(res->ips[i].gateway);
	}
	free(res->ips);
	strv_done(&res->nameservers);
	strv_done(&res->search);
	strv_done(&res->options);
	free(res->mac);
	free(res->bridge);
	json_freep(&res->raw);
	*res = (struct cni_result){ 0 };
}

static bool is_address(const char *s)
{
	unsigned char raw[16];

	return inet_pton(AF_INET, s, raw) == 1 || inet_pton(AF_INET6, s, raw) == 1;
}

static bool is_cidr(const char *s)
{
	const char *slash = strchr(s, '/');
	_cleanup_free_ char *ip = slash ? mem_strndup(s, (size_t)(slash - s)) : NULL;
	size_t n = slash ? strlen(slash + 1) : 0;

	if (n < 1 || n > 3 || strspn(slash + 1, "0123456789") != n || !is_address(ip))
		return false;
	return strtoul(slash + 1, NULL, 10) <= (strchr(ip, ':') ? 128u : 32u);
}

static int add_ip(struct cni_result *res, const char *address, const char *gateway, int interface, struct err *err)
{
	size_t cap = res->n_ips;

	if (!address || !is_cidr(address))
		return err_set(err, ERR_INVALID, "address \"%s\" is not an address with a prefix length", address ? address : "");
	if (gateway && *gateway && !is_address(gateway))
		return err_set(err, ERR_INVALID, "gateway \"%s\" is not an address", gateway);
	if (res->n_ips == IPS_MAX)
		return err_set(err, ERR_INVALID, "more than %d addresses", IPS_MAX);
	res->ips = mem_grow(res->ips, &cap, res->n_ips + 1, sizeof *res->ips);
	res->ips[res->n_ips++] = (struct cni_ip){
		.address = mem_strdup(address),
		.gateway = gateway && *gateway ? mem_strdup(gateway) : NULL,
		.interface = interface,
	};
	return 0;
}

/* 0.3.0 and later. */
static int read_ips(json *raw, struct cni_result *res, struct err *err)
{
	json *ips = json_get_array(raw, "ips");
	int64_t n_interfaces = (int64_t)json_len(json_get_array(raw, "interfaces"));

	for (size_t i = 0; i < json_len(ips); i++) {
		json *ip = json_at(ips, i);
		int64_t interface = json_get_int(ip, "interface", -1);
		int r;

		if (interface < 0 || interface >= n_interfaces)
			interface = -1;
		r = add_ip(res, json_get_str(ip, "address"), json_get_str(ip, "gateway"), (int)interface, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* 0.1.0 and 0.2.0. */
static int read_ip4_ip6(json *raw, struct cni_result *res, struct err *err)
{
	static const char *const keys[] = { "ip4", "ip6" };

	for (size_t i = 0; i < 2; i++) {
		json *ip = json_get_object(raw, keys[i]);
		int r = ip ? add_ip(res, json_get_str(ip, "ip"), json_get_str(ip, "gateway"), -1, err) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

static bool is_filled(const char *s) { return s && *s; }

static void read_interfaces(json *raw, const char *ifname, struct cni_result *res)
{
	json *all = json_get_array(raw, "interfaces");

	for (size_t i = 0; i < json_len(all); i++) {
		json *it = json_at(all, i);
		const char *name = json_get_str(it, "name"), *mac = json_get_str(it, "mac");

		if (!is_filled(json_get_str(it, "sandbox"))) {
			if (!res->bridge && is_filled(name))
				res->bridge = mem_strdup(name);
		} else if (!res->mac && is_filled(mac) && (!name || !strcmp(name, ifname))) {
			res->mac = mem_strdup(mac);
		}
	}
}

/* A plugin may say the domain in both. */
static void add_search(json *dns, struct strv *out)
{
	_cleanup_strv_ struct strv words = { 0 };

	json_get_strv(dns, "search", &words);
	for (size_t i = 0; i < words.n; i++)
		if (!strv_has(out, words.v[i]))
			strv_push(out, words.v[i]);
}

int cni_result_read(json *raw, const char *ifname, struct cni_result *ret, struct err *err)
{
	_cleanup_(cni_result_done) struct cni_result res = { 0 };
	json *dns;
	int r;

	if (!json_object_is_type(raw, json_type_object))
		return err_set(err, ERR_INVALID, "result is not an object");
	r = json_get(raw, "ips") ? read_ips(raw, &res, err) : read_ip4_ip6(raw, &res, err);
	if (r < 0)
		return err_wrap(err, r, "result");
	read_interfaces(raw, ifname, &res);
	dns = json_get_object(raw, "dns");
	json_get_strv(dns, "nameservers", &res.nameservers);
	if (is_filled(json_get_str(dns, "domain")))
		strv_push(&res.search, json_get_str(dns, "domain"));
	add_search(dns, &res.search);
	json_get_strv(dns, "options", &res.options);
	res.raw = json_object_get(raw);
	*ret = res;
	res = (struct cni_result){ 0 };
	return 0;
}
