/* The network of a task: Nomad's namespace for its group, or what network_mode says, or none of both and then davit's own network,
 * as Docker's driver has its bridge. */
#include "task-job.h"
#include "mem.h"
#include "parse.h"
#include <string.h>

const char *task_netns(const Driver__TaskConfig *t)
{
	const Driver__NetworkIsolationSpec *spec = t->network_isolation_spec;

	return spec && *spec->path ? spec->path : NULL;
}

static bool is_no_interface(const Driver__TaskConfig *t)
{
	const Driver__NetworkIsolationSpec *spec = t->network_isolation_spec;

	return spec && spec->mode == DRIVER__NETWORK_ISOLATION_SPEC__NETWORK_ISOLATION_MODE__NONE;
}

static int put_network(const struct task_said *in, struct job *j, struct err *err)
{
	const char *netns = task_netns(in->task);

	if (in->conf->host_network && (netns || is_no_interface(in->task)))
		return err_hint(err, err_set(err, ERR_INVALID, "option host_network: the group has a network of its own"),
				"leave it out, or the group's network { mode = ... }");
	if (in->conf->host_network)
		j->network = mem_strdup("host");
	else if (in->conf->no_network || is_no_interface(in->task))
		j->network = mem_strdup("none");
	else if (netns)
		j->network = mem_printf("ns:%s", netns);
	return 0;
}

/* names */

/* The group's are what CreateNetwork has answered: the name, and the address by then where Nomad knew it. A task that has the name
 * finds itself by it anyway. */
static int put_names(const struct task_said *in, struct job *j, struct err *err)
{
	const Driver__NetworkIsolationSpec *spec = in->task->network_isolation_spec;
	const Driver__HostsConfig *hosts = spec ? spec->hosts_config : NULL;
	const bool asked = in->conf->hostname && *in->conf->hostname;
	int r = 0;

	if (asked)
		j->hostname = mem_strdup(in->conf->hostname);
	else if (hosts && *hosts->hostname)
		j->hostname = mem_strdup(hosts->hostname);
	if (asked && hosts && *hosts->hostname && *hosts->address)
		strv_pushf(&j->extra_hosts, "%s:%s", hosts->hostname, hosts->address);
	for (size_t i = 0; r >= 0 && i < in->conf->extra_hosts.n; i++)
		r = parse_extra_host(in->conf->extra_hosts.v[i], j, err);
	return r < 0 ? err_wrap(err, r, "option extra_hosts") : 0;
}

static void put_dns_texts(struct strv *out, char *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		strv_push(out, v[i]);
}

/* Roblox's driver, too, gives who is in the host's network the host's file whatever host_dns says. */
static bool keeps_image_dns(const struct task_conf *c)
{
	return c->image_dns && !c->host_network && !c->dns_servers.n && !c->dns_search_domains.n && !c->dns_options.n;
}

/* The group's, else the task's own, else the operator's. */
static void put_dns(const struct task_said *in, struct job *j)
{
	const Driver__DNSConfig *dns = in->task->dns;

	if (dns) {
		put_dns_texts(&j->dns, dns->servers, dns->n_servers);
		put_dns_texts(&j->dns_search, dns->searches, dns->n_searches);
		put_dns_texts(&j->dns_options, dns->options, dns->n_options);
		return;
	}
	if (keeps_image_dns(in->conf)) {
		strv_push(&j->dns, JOB_DNS_NONE);
		return;
	}
	strv_add(&j->dns, in->conf->dns_servers.n ? &in->conf->dns_servers : &in->driver->dns_servers);
	strv_add(&j->dns_search, &in->conf->dns_search_domains);
	strv_add(&j->dns_options, &in->conf->dns_options);
}

/* ports: on a network of davit's the task's own are forwarded; everywhere else Nomad has done it, or nobody can */

static bool find_port(const char *label, Driver__NetworkPort *const *v, size_t n, int32_t *ret)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(v[i]->label, label)) {
			*ret = v[i]->value;
			return true;
		}
	return false;
}

/* The group's, or those of the task's own block (resources { network { mode = "driver" } }), of which Nomad says no `to`. */
bool task_port(const Driver__Resources *res, const char *label, Driver__PortMapping *ret)
{
	const Driver__AllocatedTaskResources *own = res ? res->allocated_resources : NULL;

	*ret = (Driver__PortMapping)DRIVER__PORT_MAPPING__INIT;
	for (size_t i = 0; res && i < res->n_ports; i++)
		if (!strcmp(res->ports[i]->label, label)) {
			*ret = *res->ports[i];
			return true;
		}
	for (size_t i = 0; own && i < own->n_networks; i++) {
		const Driver__NetworkResource *n = own->networks[i];

		ret->host_ip = n->ip;
		if (find_port(label, n->dynamic_ports, n->n_dynamic_ports, &ret->value) ||
		    find_port(label, n->reserved_ports, n->n_reserved_ports, &ret->value))
			return true;
	}
	return false;
}

static int add_port(const struct task_said *in, const char *label, struct job *j, struct err *err)
{
	Driver__PortMapping m;

	if (!task_port(in->task->resources, label, &m))
		return err_hint(err, err_set(err, ERR_INVALID, "Port \"%.80s\" not found, check network block", label),
				"network { port \"%.80s\" {} } in the group", label);
	if (m.value < 1 || m.value > 65535 || m.to < 0 || m.to > 65535)
		return err_set(err, ERR_INVALID, "option ports \"%.80s\": port %d to %d", label, m.value, m.to);
	for (unsigned proto = PORT_TCP; proto <= PORT_UDP; proto++) {
		struct port *p = job_add_port(j);

		p->host_ip = *m.host_ip ? mem_strdup(m.host_ip) : NULL;
		p->host = (uint16_t)m.value;
		p->inside = (uint16_t)(m.to ? m.to : m.value);
		p->proto = (enum port_proto)proto;
	}
	return 0;
}

static int put_ports(const struct task_said *in, struct job *j, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && !j->network && i < in->conf->ports.n; i++)
		r = add_port(in, in->conf->ports.v[i], j, err);
	return r;
}

int task_job_network(const struct task_said *in, struct job *j, struct err *err)
{
	int r = put_network(in, j, err);

	if (r >= 0)
		r = put_names(in, j, err);
	if (r >= 0)
		r = put_ports(in, j, err);
	if (r >= 0)
		put_dns(in, j);
	return r;
}
