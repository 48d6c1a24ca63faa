/* The step "claim" of a job's start: the lease and the lock of its name. */
#include "job-steps.h"
#include "mem.h"
#include "netshare.h"
#include "reconcile.h"
#include <string.h>

/* claim */

static void claim_labels(const struct run *run, struct dict *out)
{
	_cleanup_free_ char *ports = claim_ports_text(run->job->ports, run->job->n_ports), *networks = run_networks_text(run),
			    *joins = run->joins.id ? netshare_owner(run->core, run->core->conf.ns, run->joins.id) : NULL;

	dict_set(out, CLAIM_JOB, run->job->name);
	dict_set(out, CLAIM_ID, run->id);
	if (run->n_nets || run->joins.id)
		dict_set(out, CLAIM_NETWORK, run->n_nets ? networks : run->job->network);
	if (run->joins.id)
		dict_set(out, CLAIM_JOINS, joins);
	if (run->netns)
		dict_set(out, CLAIM_NETNS, run->netns);
	if (run->job->n_ports)
		dict_set(out, CLAIM_PORTS, ports);
}

static void claim_call(struct run *run, const struct ctx *ctx)
{
	_cleanup_dict_ struct dict labels = { 0 };

	claim_labels(run, &labels);
	run->call[S_CLAIM] = leases_create_begin(run_ctrd(run), run->lease, &labels, ctx);
}

/* The claim says which ports; with --publish-all the image does, so that comes first. */
bool claim_needs_image(const void *state) { return run_publishes_image(state); }

int claim_begin(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;
	int r = run_publishes_image(run) ? run_publish_exposed(run, ctx, err) : 0;

	if (r >= 0 && run->lock < 0) /* job_start() holds it already */
		r = claim_lock(run->core, run->job->name, false, ctx, &run->lock, err);
	if (r >= 0 && run_is_new(run))
		claim_call(run, ctx);
	return r;
}

static int claim_made(struct run *run, const struct ctx *ctx, struct err *err)
{
	int r = leases_create_end(TAKE_PTR(run->call[S_CLAIM]), ctx, err);

	run->claim = r >= 0 ? CLAIM_OURS : r == -ERR_EXISTS ? CLAIM_TAKEN : CLAIM_UNCLEAR;
	return r;
}

int run_name_in_use(const char *name, struct err *err)
{
	return err_hint(err, err_set(err, ERR_EXISTS, "name %s is in use by a job", name),
			"remove it with: davit rm -f %s, or choose another name", name);
}

/* The name is taken, and we hold its lock: by a job, or by what a killed davit left. */
static int claim_taken(struct run *run, const struct ctx *ctx, struct err *err)
{
	int r;

	err_clear(err);
	run->claim = CLAIM_TAKEN;
	r = reconcile_name(run->core, run->job->name, ctx, err);
	if (r < 0)
		return r;
	if (r == 0)
		return run_name_in_use(run->job->name, err);
	claim_call(run, ctx);
	return claim_made(run, ctx, err);
}

int claim_end(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;
	int r = 0;

	if (run_is_new(run)) {
		r = claim_made(run, ctx, err);
		if (r == -ERR_EXISTS)
			r = claim_taken(run, ctx, err);
	}
	if (r >= 0 && run_is_new(run))
		r = run_check_names(run, ctx, err);
	if (r >= 0)
		run->ctrd = ctrd_under(run->core->ctrd, run->lease);
	return r;
}

/* Without a clear answer to our call the lease may be the one of the job that has the name: it says whose it is. */
static int drop_own_lease(struct run *run, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ char *filter = mem_printf("id==%s", run->lease);
	struct ctrd_leases l = { 0 };
	const char *id;
	bool own = run->claim == CLAIM_OURS;
	int r = own ? 0 : leases_list(run_ctrd(run), filter, ctx, &l, err);

	if (!own) {
		id = l.n ? dict_get(&l.v[0].labels, CLAIM_ID) : NULL;
		own = r >= 0 && id && !strcmp(id, run->id);
		ctrd_leases_done(&l);
	}
	return own ? leases_delete(run_ctrd(run), run->lease, false, ctx, err) : r;
}

void claim_undo(void *state, const struct ctx *ctx)
{
	struct run *run = state;
	struct err err = ERR_INIT, unused = ERR_INIT;
	struct ctx half = half_of(ctx);

	if (run_undo_connected(run) && run->call[S_CLAIM])
		(void)claim_made(run, &half, &unused);
	ctrd_free(TAKE_PTR(run->ctrd));
	if (run_is_new(run) && run->lock >= 0 && run->claim != CLAIM_TAKEN && !run->network_left && run_over(run, ctx) &&
	    run_undo_connected(run) && drop_own_lease(run, ctx, &err) < 0)
		run_undo_failed(run, &err);
	claim_unlock(run->core, run->job->name, TAKE_FD(run->lock));
}

void claim_plan(const void *state, struct strv *out)
{
	const struct run *run = state;

	strv_pushf(out, "claim: lease %s for the name %s", run->lease, run->job->name);
}
