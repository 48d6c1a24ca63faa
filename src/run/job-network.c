/* Which network a job gets: decided before anything is made. */
#include "cni-ports.h"
#include "job-state.h"
#include "mem.h"
#include "netshare.h"
#include <string.h>

/* Docker's words "bridge" and "default" are the default network, unless there is one of that name. */
static int name_network(struct run *run, struct err *err)
{
	_cleanup_(cni_net_freep) struct cni_net *there = NULL;
	struct job *job = run->job;
	const bool word = job->network && (!strcmp(job->network, "bridge") || !strcmp(job->network, "default"));
	int r = word ? cni_net_load(&run->core->conf.cni, job->network, &there, NULL, err) : 0;

	if (r < 0 && r != -ERR_NOT_FOUND)
		return r;
	if (r < 0 || !job->network) {
		err_clear(err);
		free(job->network);
		job->network = mem_strdup(RUN_DEFAULT_NETWORK);
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
	return 0;
}

static int load_network(struct run *run, struct err *err)
{
	struct job *job = run->job;
	_cleanup_strv_ struct strv notices = { 0 };
	const struct cni_conf *cni = &run->core->conf.cni;
	const bool made = cni_net_is_default(job->network);
	int r = 0;

	if (made && run->opts->mode != RUN_CREATE)
		r = cni_net_ensure_default(cni, job->network, err);
	if (r >= 0 && (run->opts->mode != RUN_CREATE || !made))
		r = cni_net_load(cni, job->network, &run->net, &notices, err);
	for (size_t i = 0; i < notices.n; i++)
		core_notice(run->core, "%s", notices.v[i]);
	return r >= 0 && run->net ? cni_ports_check(run->net, job->ports, job->n_ports, err) : r;
}

int run_network(struct run *run, const struct ctx *ctx, struct err *err)
{
	int r = name_network(run, err);

	if (r < 0)
		return r;
	run->host_net = !strcmp(run->job->network, "host");
	run->cni = !run->host_net && !job_joins(run->job) && strcmp(run->job->network, "none") != 0;
	if (run->host_net && run->runtime.vm)
		return err_hint(err, err_set(err, ERR_INVALID, "network host: a VM runtime cannot join the host's network"),
				"choose another: --network davit, or none");
	if (!run->host_net)
		run->netns = places_netns(run->id);
	if (job_joins(run->job))
		return look_up_other(run, ctx, err);
	return run->cni ? load_network(run, err) : 0;
}
