/* Which network a job gets: decided before anything is made. */
#include "cni-ports.h"
#include "cni-wish.h"
#include "file.h"
#include "cni-net.h"
#include "job-steps.h"
#include "mem.h"
#include "netshare.h"
#include "runtime-kind.h"
#include <string.h>

/* Docker's words "bridge" and "default" are the default network, unless there is one of that name. */
static int name_network(const struct run *run, char **name, struct err *err)
{
	_cleanup_(cni_net_freep) struct cni_net *there = NULL;
	const bool word = *name && (!strcmp(*name, "bridge") || !strcmp(*name, "default"));
	int r = word ? cni_net_load(&run->core->conf.cni, *name, &there, NULL, err) : 0;

	if (r < 0 && r != -ERR_NOT_FOUND)
		return r;
	if (r < 0 || !*name) {
		err_clear(err);
		free(*name);
		*name = mem_strdup(RUN_DEFAULT_NETWORK);
	}
	return 0;
}

/* The host name that the other has, of its spec: its hosts file says so too. */
static char *hostname_of(const struct record *rec)
{
	_cleanup_json_ json *spec = NULL;
	const char *name = NULL;

	if (json_parse(buf_str(&rec->c.spec.value), rec->c.spec.value.len, &spec, NULL) >= 0)
		name = json_get_str(spec, "hostname");
	return mem_strdup(name ? name : rec->name);
}

static int check_other(const struct run *run, const struct record *rec, struct err *err)
{
	const char *network = rec->job ? rec->job->network : NULL;

	if (!strcmp(rec->name, run->job->name))
		return err_set(err, ERR_INVALID, "a job cannot join its own network");
	if (network && !strcmp(network, "host"))
		return err_hint(err, err_set(err, ERR_INVALID, "job %s is in the host's network", rec->name),
				"that is the same as --network host");
	if (network && network_foreign_netns(network))
		return err_hint(err, err_set(err, ERR_INVALID, "job %s is in a namespace that is not its own", rec->name),
				"that is the same as --network %s", network);
	if (run->runtime.vm || runtime_is_vm(rec->c.runtime))
		return err_hint(err, err_set(err, ERR_INVALID, "a VM runtime cannot share a network namespace"),
				"put both on one network: --network davit");
	return 0;
}

/* Without @ctx nobody is asked: then the name alone is known. */
static int look_up_other(struct run *run, const struct ctx *ctx, struct err *err)
{
	const char *other = job_joins(run->job);
	_cleanup_(record_done) struct record rec = { 0 };
	int r;

	if (!ctx) {
		run->joins.hostname = mem_strdup(other);
		return 0;
	}
	r = record_find(run->core, other, ctx, &rec, err);
	if (r >= 0)
		r = check_other(run, &rec, err);
	if (r < 0)
		return err_wrap(err, r, "network %s", run->job->network);
	run->joins.id = mem_strdup(rec.c.id);
	run->joins.name = mem_strdup(rec.name);
	run->joins.hostname = hostname_of(&rec);
	run->host_dns = rec.job && rec.job->host_dns;
	run->image_dns = rec.job && job_keeps_dns(rec.job);
	return 0;
}

/* The further ones, and the job's own first. */
static void list_networks(struct run *run)
{
	struct job *job = run->job;

	run->n_nets = 1 + job->n_networks;
	run->nets = mem_array(struct run_net, run->n_nets);
	for (size_t i = 0; i < run->n_nets; i++) {
		struct run_net *n = &run->nets[i];
		const struct attachment *a = i ? &job->networks[i - 1] : NULL;

		n->name = a ? a->name : job->network;
		n->mac = a ? a->mac : job->mac;
		n->ips = a ? &a->ips : &job->ips;
		strv_push(&n->names, job->name);
		strv_add(&n->names, a ? &a->aliases : &job->aliases);
		(void)snprintf(n->ifname, sizeof n->ifname, "eth%zu", i);
	}
}

/* "bridge" and the default network's own name may be the same one. */
static int check_networks_once(const struct run *run, struct err *err)
{
	for (size_t i = 0; i < run->n_nets; i++)
		for (size_t k = 0; k < i; k++)
			if (!strcmp(run->nets[i].name, run->nets[k].name))
				return err_set(err, ERR_INVALID, "network %s is given twice", run->nets[i].name);
	return 0;
}

static int load_network(struct run *run, struct run_net *n, struct err *err)
{
	_cleanup_strv_ struct strv notices = { 0 };
	const struct cni_conf *cni = &run->core->conf.cni;
	const bool creates = run->opts->mode == RUN_CREATE, made = cni_net_is_default(n->name);
	int r = 0;

	if (made && !creates)
		r = cni_net_ensure_default(cni, n->name, err);
	if (r >= 0 && !(made && creates))
		r = cni_net_load(cni, n->name, &n->net, &notices, err);
	for (size_t i = 0; i < notices.n && n == run->nets; i++)
		core_notice(run->core, "%s", notices.v[i]);
	return r >= 0 && n->net ? cni_wish_possible(cni, n->net, n->ips, !creates, err) : r;
}

/* The first that can; when none can, the first is to blame. */
static void choose_forwarder(struct run *run)
{
	size_t i = 0;

	while (i < run->n_nets && run->nets[i].net && !cni_net_can(run->nets[i].net, "portMappings"))
		i++;
	run->nets[i < run->n_nets ? i : 0].forwards = true;
}

int run_check_ports(const struct run *run, struct err *err)
{
	for (size_t i = 0; i < run->n_nets; i++)
		if (run->nets[i].forwards && run->nets[i].net)
			return cni_ports_check(run->nets[i].net, run->job->ports, run->job->n_ports, err);
	return 0;
}

char *run_networks_text(const struct run *run)
{
	_cleanup_strv_ struct strv names = { 0 };

	for (size_t i = 0; i < run->n_nets; i++)
		strv_push(&names, run->nets[i].name);
	return strv_join(&names, ",");
}

static int run_load_networks(struct run *run, struct err *err)
{
	int r;

	list_networks(run);
	r = check_networks_once(run, err);
	for (size_t i = 0; r >= 0 && i < run->n_nets; i++)
		r = load_network(run, &run->nets[i], err);
	if (r < 0)
		return r;
	choose_forwarder(run);
	return run_check_ports(run, err);
}

static int check_host_dns(const struct job *j, struct err *err)
{
	const char *other = j->dns.n ? "dns" : j->dns_search.n ? "dns-search" : j->dns_options.n ? "dns-option" : NULL;

	if (!j->host_dns)
		return 0;
	if (!other)
		return file_exists(HOST_RESOLV_CONF) ? 0
						     : err_set(err, ERR_NOT_FOUND, "host-dns: the host has no " HOST_RESOLV_CONF);
	return err_set(err, ERR_INVALID, "conflicting options: host-dns and %s: the host's resolv.conf stays as it is", other);
}

/* It need be there for the start only. */
static int foreign_netns(struct run *run, const char *path, const struct ctx *ctx, struct err *err)
{
	int r = ctx && run_starts(run) ? netns_check(path, err) : 0;

	if (r == -ERR_NOT_FOUND)
		(void)err_hint(err, r,
			       "whoever made it has taken it away, or the host has booted since: make it again, or use another "
			       "--network");
	run->netns = mem_strdup(path);
	return r;
}

int run_network(struct run *run, const struct ctx *ctx, struct err *err)
{
	struct job *job = run->job;
	int r = name_network(run, &job->network, err);

	for (size_t i = 0; r >= 0 && i < job->n_networks; i++)
		r = name_network(run, &job->networks[i].name, err);
	if (r >= 0)
		r = check_host_dns(job, err);
	if (r < 0)
		return r;
	run->host_net = !strcmp(job->network, "host");
	run->host_dns = job->host_dns;
	run->image_dns = job_keeps_dns(job);
	if (run->host_net && run->runtime.vm)
		return err_hint(err, err_set(err, ERR_INVALID, "network host: a VM runtime cannot join the host's network"),
				"choose another, or --network none");
	if (job_foreign_netns(job))
		return foreign_netns(run, job_foreign_netns(job), ctx, err);
	if (!run->host_net)
		run->netns = places_netns(run->id);
	if (job_joins(job))
		return look_up_other(run, ctx, err);
	return run->host_net || !strcmp(job->network, "none") ? 0 : run_load_networks(run, err);
}
