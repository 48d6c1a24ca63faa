/* The steps of the network: its namespace, the host ports, the plugins' ADD. */
#include "job-steps.h"
#include "log.h"
#include "mapped.h"
#include "netshare.h"
#include "peers.h"
#include "ports.h"
#include "reconcile.h"
#include "remains.h"
#include "routes.h"
#include "shim.h"
#include <string.h>

/* netns */

bool netns_wanted(const void *state)
{
	const struct run *run = state;

	return run_starts(run) && run->netns && !job_foreign_netns(run->job);
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
	return shims_see(run->core, run->netns, err);
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

/* network: one after the other, as the SPEC wants it of one container (1.1, "Lifecycle & Ordering") */

bool network_wanted(const void *state)
{
	const struct run *run = state;

	return run_starts(run) && run->n_nets;
}

static int add_begin(struct run *run, struct run_net *n, struct err *err)
{
	const struct cni_attach at = { .container_id = run->id,
				       .netns = run->netns,
				       .ifname = n->ifname,
				       .ports = run->job->ports,
				       .n_ports = n->forwards ? run->job->n_ports : 0,
				       .dns = run->image_dns ? NULL : &run->job->dns,
				       .dns_search = &run->job->dns_search,
				       .dns_options = &run->job->dns_options,
				       .ips = n->ips,
				       .mac = n->mac,
				       .names = &n->names,
				       .lock_fd = run->lock,
				       .hold_ports = n->forwards && run->clashes.n && !run->freed };
	int r;

	run->net_held = at.hold_ports;
	r = cni_add_begin(run->core->loop, &run->core->conf.cni, n->net, &at, &n->op, err);
	return r < 0 ? r : run->net_held ? GRAPH_LONG : GRAPH_MORE; /* its time begins once the ports are free */
}

/* Others have kept the network: nothing is to be added. */
static int take_kept(struct run *run, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < run->n_nets; i++)
		r = cni_cached_result(&run->core->conf.cni, run->nets[i].name, run->id, run->nets[i].ifname, &run->nets[i].result,
				      err);
	run->net_now = run->n_nets;
	return r;
}

int network_begin(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;

	(void)ctx;
	return run->net_kept ? take_kept(run, err) : add_begin(run, &run->nets[0], err);
}

static struct cni_op *op_now(const struct run *run) { return run->net_now < run->n_nets ? run->nets[run->net_now].op : NULL; }

bool network_ready(const void *state, unsigned number)
{
	const struct run *run = state;
	const struct cni_op *op = op_now(run);

	(void)number;
	return !op || cni_op_ready(op) || (run->net_held && run->freed);
}

static int keep_first_way_out(const struct run *run, struct err *err)
{
	_cleanup_strv_ struct strv ifnames = { 0 };

	for (size_t i = 0; i < run->n_nets; i++)
		strv_push(&ifnames, run->nets[i].ifname);
	return routes_one_default(run->netns, &ifnames, err);
}

int network_end(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;
	struct run_net *n;
	int r;

	if (!op_now(run))
		return 0;
	n = &run->nets[run->net_now];
	if (run->net_held && run->freed) {
		run->net_held = false;
		cni_add_go(n->op);
		return GRAPH_MORE;
	}
	r = cni_add_end(TAKE_PTR(n->op), ctx, &n->result, err);
	if (r < 0)
		return r;
	if (++run->net_now == run->n_nets)
		return run->n_nets > 1 ? keep_first_way_out(run, err) : 0;
	return add_begin(run, &run->nets[run->net_now], err);
}

/* What is added is not taken from tasks that run: they are ended first, whichever step was begun later. */
void network_undo(void *state, const struct ctx *ctx)
{
	struct run *run = state;
	const bool first = run->net_now == 0 && op_now(run);
	_cleanup_strv_ struct strv names = { 0 };
	const struct job_over *over;
	struct err err = ERR_INIT;

	for (size_t i = 0; i < run->n_nets; i++)
		cni_op_abort(TAKE_PTR(run->nets[i].op));
	if (run->net_kept)
		return;
	over = first ? NULL : run_over(run, ctx);
	if (over && remains_remove_network(run->core, over, ctx, &err) < 0)
		run_undo_failed(run, &err);
	for (size_t i = 0; i < run->n_nets; i++)
		strv_push(&names, run->nets[i].name);
	peers_update(run->core, &names, ctx); /* who joined meanwhile has seen it */
}

void network_plan(const void *state, struct strv *out)
{
	const struct run *run = state;
	_cleanup_free_ char *ports = claim_ports_text(run->job->ports, run->job->n_ports);
	struct buf line = { 0 };

	for (size_t i = 0; i < run->n_nets; i++) {
		const struct run_net *n = &run->nets[i];
		const bool forwards = n->forwards && run->job->n_ports;

		buf_addf(&line, "%sADD %s to %s%s%s", i ? ", " : "network: ", n->ifname, n->name, forwards ? ", forwarding " : "",
			 forwards ? ports : "");
	}
	strv_own(out, buf_take(&line));
}
