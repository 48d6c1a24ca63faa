#include "forward.h"
#include "cni-result.h"
#include "file.h"
#include "mem.h"
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum { IPTABLES_ABSENT = 1 }; /* its exit status when the chain or the rule is not there; 2 and up: usage, locks, the kernel */

/* NULL: no such plugin; "": the plugin decides. */
static const char *backend(json *list)
{
	json *plugins = json_get_array(list, "plugins");

	for (size_t i = 0; i < json_len(plugins); i++) {
		json *plugin = json_at(plugins, i);
		const char *type = json_get_str(plugin, "type"), *name = json_get_str(plugin, "backend");

		if (type && !strcmp(type, "firewall"))
			return name ? name : "";
	}
	return NULL;
}

bool forward_wanted(json *list)
{
	const char *name = backend(list);

	return name && strcmp(name, "firewalld") != 0;
}

const char *forward_name(int family) { return family == AF_INET ? "iptables" : "ip6tables"; }

/* The caller frees; NULL: none. */
static char *first_address(int family, json *result)
{
	struct cni_result res = { 0 };
	char *found = NULL;

	if (!result || cni_result_read(result, "", &res, NULL) < 0)
		return NULL;
	for (size_t i = 0; i < res.n_ips && !found; i++) {
		const char *ip = res.ips[i].address;

		if ((strchr(ip, ':') ? AF_INET6 : AF_INET) == family)
			found = mem_strndup(ip, strcspn(ip, "/"));
	}
	cni_result_done(&res);
	return found;
}

bool forward_argv(int family, json *result, const char *container_id, bool add, struct strv *out)
{
	_cleanup_free_ char *address = first_address(family, result);
	_cleanup_free_ char *program = address ? file_find(FORWARD_PATH ":/usr/local/sbin", forward_name(family)) : NULL;

	if (!program)
		return false;
	strv_push(out, program);
	strv_split(out, add ? "-w 10 -A CNI-FORWARD -d" : "-w 10 -D CNI-FORWARD -d", " ");
	strv_push(out, address);
	strv_split(out, "-m conntrack --ctstate DNAT -m comment --comment", " ");
	strv_pushf(out, "davit: ports of %s", container_id);
	strv_split(out, "-j ACCEPT", " ");
	return true;
}

/* The firewall plugin itself has just put a rule into the chain, unless it found firewalld: then there is no chain. */
bool forward_may_fail(json *list, int status, bool add)
{
	const char *name = backend(list);

	if (!WIFEXITED(status) || WEXITSTATUS(status) != IPTABLES_ABSENT)
		return false;
	return !add || !name || strcmp(name, "iptables") != 0;
}
