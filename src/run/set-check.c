/* What stands in the way of a set, found before anything is made. Each job's own steps look again: what comes meanwhile is found by
 * them. */
#include "set-state.h"
#include "job-steps.h"
#include "mem.h"
#include "port.h"
#include "ports.h"
#include "reconcile.h"
#include <string.h>

static int check_names_among(const struct run_set *set, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < set->n; i++)
		for (size_t k = 0; r >= 0 && k < set->n; k++)
			r = run_check_names_of(&set->runs[i], &set->runs[k], err);
	return r;
}

static int check_names_of_all(struct run_set *set, const struct ctx *ctx, struct err *err)
{
	struct ctrd_leases claims = { 0 };
	int r = check_names_among(set, err);

	if (r >= 0)
		r = leases_list(set->core->ctrd, "labels.\"" CLAIM_JOB "\"", ctx, &claims, err);

	for (size_t i = 0; r >= 0 && i < set->n; i++)
		for (size_t k = 0; r >= 0 && k < claims.n; k++)
			if (!strcmp(claims.v[k].id, set->runs[i].lease))
				r = run_name_taken(set->core, set->runs[i].job->name, ctx, err);
	ctrd_leases_done(&claims);
	for (size_t i = 0; r >= 0 && i < set->n; i++)
		r = run_check_names(&set->runs[i], ctx, err);
	return r < 0 ? r : 0;
}

/* The ports of all, and whose each is. */
struct set_ports {
	struct port *v; /* borrowed */
	size_t *run, *at;
	size_t n;
};

static void set_ports_done(struct set_ports *p)
{
	free(p->v);
	free(p->run);
	free(p->at);
}

static void gather_ports(const struct run_set *set, struct set_ports *p)
{
	size_t n = 0;

	for (size_t i = 0; i < set->n; i++)
		n += set->runs[i].job->n_ports;
	p->v = mem_array(struct port, n);
	p->run = mem_array(size_t, n);
	p->at = mem_array(size_t, n);
	for (size_t i = 0; i < set->n; i++)
		for (size_t k = 0; k < set->runs[i].job->n_ports; k++) {
			p->v[p->n] = set->runs[i].job->ports[k];
			p->run[p->n] = i;
			p->at[p->n++] = k;
		}
}

static int check_among(const struct run_set *set, const struct set_ports *p, struct err *err)
{
	const size_t i = ports_clash(p->v, p->n);

	for (size_t k = 0; i < p->n && k < i; k++)
		if (port_clashes(&p->v[i], &p->v[k]))
			return err_set(err, ERR_INVALID, "port %u/%s is published twice: by job %s and by job %s", p->v[i].host,
				       port_proto_name(p->v[i].proto), set->runs[p->run[k]].job->name,
				       set->runs[p->run[i]].job->name);
	return 0;
}

/* Claims of jobs that run; the ports of those that have ended can be had. */
static int check_claims(struct run_set *set, const struct set_ports *p, const struct ctx *ctx, struct err *err)
{
	_cleanup_(claim_clashes_done) struct claim_clashes found = { 0 };
	int r = claim_find_clashes(set->core, "", false, p->v, p->n, ctx, &found, err);

	for (size_t i = 0; r >= 0 && i < found.n; i++) {
		const struct claim_clash *c = &found.v[i];
		struct run *run = &set->runs[p->run[c->port]];

		r = reconcile_runs(set->core, c->ns, &c->lease, ctx, err);
		if (r <= 0)
			continue;
		r = run_port_taken(run, p->at[c->port], &c->lease, c->ns, err);
		set->lost_pick |= run->lost_pick;
		return err_wrap(err, r, "job %s", run->job->name);
	}
	return r;
}

static int check_host(const struct run_set *set, const struct set_ports *p, struct err *err)
{
	for (size_t i = 0; i < p->n; i++) {
		int r = port_check(&p->v[i], err);

		if (r < 0)
			return err_hint(err, err_wrap(err, r, "job %s", set->runs[p->run[i]].job->name),
					"stop it, or publish another port");
	}
	return 0;
}

static int check_ports_of_all(struct run_set *set, const struct ctx *ctx, struct err *err)
{
	_cleanup_(set_ports_done) struct set_ports p = { 0 };
	int r;

	gather_ports(set, &p);
	r = check_among(set, &p, err);
	if (r >= 0 && p.n)
		r = check_claims(set, &p, ctx, err);
	return r < 0 ? r : check_host(set, &p, err);
}

int set_check(struct run_set *set, const struct ctx *ctx, struct err *err)
{
	int r = check_names_of_all(set, ctx, err);

	return r < 0 ? r : check_ports_of_all(set, ctx, err);
}
