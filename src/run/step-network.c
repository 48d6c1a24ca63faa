/* The steps of the network: its namespace, the host ports, the plugins' ADD. */
#include "job-steps.h"
#include "log.h"
#include "mapped.h"
#include "netshare.h"
#include "ports.h"
#include "reconcile.h"
#include "remains.h"
#include <string.h>

/* netns */

bool netns_wanted(const void *state)
{
	const struct run *run = state;

	return run_starts(run) && run->netns;
}

int netns_begin(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;
	_cleanup_free_ char *path = NULL;
	int r;

	if (run->joins.id) {
		r = netshare_join(run->core, run->id, run->job->name, run->joins.id, run->joins.name, ctx, err);
		return r >= 0 && run->users ? run_join_users(run, err) : r;
	}
	r = run_is_new(run) ? 0 : netshare_return(run->core, run->id, ctx, err);
	run->net_kept = r > 0;
	if (r > 0 && run->users)
		r = run_join_users(run, err);
	else if (r == 0)
		r = run->users ? run_make_users(run, err) : netns_new(NETNS_DIR, run->id, &path, err);
	if (r < 0)
		return r;
	run->netns_made = true;
	return 0;
}

void netns_undo(void *state, const struct ctx *ctx)
{
	struct run *run = state;
	const struct job_over *over = run_over(run, ctx);
	struct err err = ERR_INIT;
	int r = 0;

	if (!over)
		return;
	if (netshare_is_shared(run->core, run->id)) {
		r = netshare_leave(run->core, over, ctx, &err);
	} else {
		run->network_left = cni_is_cached(&run->core->conf.cni, run->id);
		if (run->network_left)
			log_warn("rollback of %s: a plugin has not deleted what it added; davit prune asks it again",
				 run->job->name);
		else if (run->netns_made)
			r = remains_remove_netns(over, &err);
	}
	if (r < 0)
		run_undo_failed(run, &err);
}

void netns_plan(const void *state, struct strv *out)
{
	const struct run *run = state;

	if (job_joins(run->job))
		strv_pushf(out, "netns: %s, that of job %s", run->netns, job_joins(run->job));
	else
		strv_pushf(out, "netns: %s with lo up", run->netns);
}

/* ports: is each host port free, and nobody else's claim? */

bool ports_wanted(const void *state)
{
	const struct run *run = state;

	return run_starts(run) && run->job->n_ports;
}

int run_port_taken(struct run *run, size_t port, const struct ctrd_lease *lease, const char *ns, struct err *err)
{
	const struct port *p = &run->job->ports[port];
	const char *name = dict_get(&lease->labels, CLAIM_JOB);
	bool own = !strcmp(ns, run->core->conf.ns);
	int r = err_set(err, ERR_EXISTS, "port %u/%s is used by job %s%s%s", p->host, port_proto_name(p->proto),
			name ? name : lease->id, own ? "" : " of namespace ", own ? "" : ns);

	run->lost_pick = run->picked && run->picked[port];
	return err_hint(err, r, "stop it with: davit %s%s%sstop %s, or publish another port", own ? "" : "-n ", own ? "" : ns,
			own ? "" : " ", name ? name : lease->id);
}

/* Claims on our ports: those of jobs that run are in the way; the others are for the step "freed". */
static int ports_claims(struct run *run, const struct ctx *ctx, struct err *err)
{
	const struct port *p = run->job->ports;
	int r = claim_find_clashes(run->core, run->lease, run_is_new(run), p, run->job->n_ports, ctx, &run->clashes, err);

	for (size_t i = 0; r >= 0 && i < run->clashes.n; i++) {
		const struct claim_clash *c = &run->clashes.v[i];

		r = reconcile_runs(run->core, c->ns, &c->lease, ctx, err);
		if (r > 0)
			return run_port_taken(run, c->port, &c->lease, c->ns, err);
	}
	return r;
}

int ports_end(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;
	int r = ports_claims(run, ctx, err);

	for (size_t i = 0; r >= 0 && i < run->job->n_ports; i++)
		r = port_check(&run->job->ports[i], err);
	return r == -ERR_EXISTS ? err_hint(err, r, "stop it, or publish another port") : r;
}

void ports_plan(const void *state, struct strv *out)
{
	const struct run *run = state;
	_cleanup_free_ char *text = claim_ports_text(run->job->ports, run->job->n_ports);

	strv_pushf(out, "ports: %s must be free", text);
}

/* freed: the ports of jobs that have ended, and are being removed or were not settled yet, which we do now: once the task is
 * under way, since only the plugins that forward ports need it. */

bool freed_wanted(const void *state)
{
	const struct run *run = state;

	return run->clashes.n;
}

/* How long that takes is the image's, and no limit of this step. */
int freed_begin(void *state, const struct ctx *ctx, struct err *err)
{
	(void)state;
	(void)ctx;
	(void)err;
	return GRAPH_LONG;
}

bool freed_ready(const void *state, unsigned number)
{
	const struct run *run = state;

	(void)number;
	for (size_t i = 0; i < run->n_tasks && !run->runtime.vm; i++)
		if (!run->tasks[i].call[S_TASK] && !run->tasks[i].pid)
			return false;
	return true;
}

int freed_end(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;

	for (size_t i = 0; i < run->clashes.n; i++) {
		const struct claim_clash *c = &run->clashes.v[i];
		int r = reconcile_port(run->core, c->ns, &c->lease, ctx, err);

		if (r < 0)
			return r;
		if (r == 0)
			return run_port_taken(run, c->port, &c->lease, c->ns, err);
	}
	run->freed = true;
	return 0;
}

/* network */

bool network_wanted(const void *state)
{
	const struct run *run = state;

	return run_starts(run) && run->cni;
}

int network_begin(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;
	const struct cni_attach at = { .container_id = run->id,
				       .netns = run->netns,
				       .ifname = "eth0",
				       .ports = run->job->ports,
				       .n_ports = run->job->n_ports,
				       .dns = &run->job->dns,
				       .dns_search = &run->job->dns_search,
				       .dns_options = &run->job->dns_options,
				       .hold_fd = run->lock,
				       .hold_ports = run->clashes.n && !run->freed };
	int r;

	(void)ctx;
	if (run->net_kept) /* nothing is to be added */
		return cni_cached_result(&run->core->conf.cni, run->job->network, run->id, "eth0", &run->result, err);
	run->net_held = at.hold_ports;
	r = cni_add_begin(run->core->loop, &run->core->conf.cni, run->net, &at, &run->op, err);
	return r < 0 ? r : run->net_held ? GRAPH_LONG : 0; /* its time begins once the ports are free */
}

bool network_ready(const void *state, unsigned number)
{
	const struct run *run = state;

	(void)number;
	return !run->op || cni_op_ready(run->op) || (run->net_held && run->freed);
}

int network_end(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;

	if (run->net_held && run->freed) {
		run->net_held = false;
		cni_add_go(run->op);
		return GRAPH_MORE;
	}
	return run->op ? cni_add_end(TAKE_PTR(run->op), ctx, &run->result, err) : 0;
}

/* What is added is not taken from tasks that run: they are ended first, whichever step was begun later. */
void network_undo(void *state, const struct ctx *ctx)
{
	struct run *run = state;
	const struct job_over *over;
	struct err err = ERR_INIT;

	if (run->op) {
		cni_op_abort(TAKE_PTR(run->op));
		return;
	}
	over = run->net_kept ? NULL : run_over(run, ctx);
	if (over && remains_remove_network(run->core, over, ctx, &err) < 0)
		run_undo_failed(run, &err);
}

void network_plan(const void *state, struct strv *out)
{
	const struct run *run = state;
	_cleanup_free_ char *ports = claim_ports_text(run->job->ports, run->job->n_ports);

	strv_pushf(out, "network: ADD eth0 to %s%s%s", run->job->network, run->job->n_ports ? ", forwarding " : "", ports);
}
