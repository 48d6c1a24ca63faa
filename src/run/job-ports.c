/* Host ports that a job leaves open: any free one, or the first free one of a range. Nobody listens on a port that is forwarded,
 * so claims say which those are. A claim of a job that has ended holds a port of a range only while there is another. */
#include "job-steps.h"
#include "mem.h"
#include "parse.h"
#include "port.h"
#include "ports.h"
#include "reconcile.h"
#include "set-state.h"
#include <string.h>

static bool wants_pick(const struct job *job)
{
	for (size_t i = 0; i < job->n_ports; i++)
		if (port_is_open(&job->ports[i]))
			return true;
	return false;
}

/* 1: by a job that runs. */
static int is_claimed(struct run *run, const struct port *p, const struct ctx *ctx, struct err *err)
{
	_cleanup_(claim_clashes_done) struct claim_clashes found = { 0 };
	int r = claim_find_clashes(run->core, run->lease, false, p, 1, ctx, &found, err);

	for (size_t i = 0; r == 0 && i < found.n; i++)
		r = reconcile_runs(run->core, found.v[i].ns, &found.v[i].lease, ctx, err);
	return r;
}

/* Every port of the range is claimed: one whose jobs have all ended will do. @taken are those of the job itself. */
static int pick_claimed(struct run *run, struct port *p, const struct claim_ports *taken, const struct ctx *ctx, struct err *err)
{
	struct port rest = *p;

	while (rest.host_last) {
		struct port one = rest;
		int r = port_pick(&one, taken->v, taken->n, err);

		if (r < 0)
			return r;
		r = is_claimed(run, &one, ctx, err);
		if (r == 0)
			*p = one;
		if (r <= 0)
			return r;
		rest.host = (uint16_t)(one.host + 1);
		rest.host_last = one.host < p->host_last ? p->host_last : 0;
	}
	return err_set(err, ERR_EXHAUSTED, "no free port from %u to %u/%s", p->host, p->host_last, port_proto_name(p->proto));
}

static int pick_port(struct run *run, struct port *p, const struct claim_ports *own, const struct claim_ports *all,
		     const struct ctx *ctx, struct err *err)
{
	int r = port_pick(p, all->v, all->n, err);

	if (r == -ERR_EXHAUSTED && p->host_last && ctx) {
		err_clear(err);
		r = pick_claimed(run, p, own, ctx, err);
	}
	return r == -ERR_EXHAUSTED ? err_hint(err, r, "stop a job that has one, or publish others") : r;
}

bool run_publishes_image(const struct run *run) { return run->job->publish_all && run_is_new(run); }

static bool is_published(const struct job *job, const struct port *p)
{
	for (size_t i = 0; i < job->n_ports; i++)
		if (job->ports[i].inside == p->inside && job->ports[i].proto == p->proto)
			return true;
	return false;
}

static int publish(struct job *job, const struct strv *exposed, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < exposed->n; i++) {
		_cleanup_(job_freep) struct job *its = job_new();

		r = strchr(exposed->v[i], ':') ? -ERR_INVALID : parse_ports(exposed->v[i], its, err);
		for (size_t k = 0; r >= 0 && k < its->n_ports; k++) {
			if (is_published(job, &its->ports[k]))
				continue;
			if (job->n_ports == JOB_PORTS_MAX)
				return err_set(err, ERR_INVALID, "publish-all: more than %d ports", JOB_PORTS_MAX);
			*job_add_port(job) = its->ports[k]; /* no address, so nothing that is owned */
		}
		if (r == -ERR_INVALID) { /* an image's text that is no port */
			err_clear(err);
			r = 0;
		}
	}
	return r;
}

int run_publish_exposed(struct run *run, const struct ctx *ctx, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < run->n_tasks; i++)
		r = publish(run->job, &run->tasks[i].image->config.exposed_ports, err);
	if (r >= 0)
		r = publish(run->job, &run->job->expose, err);
	if (r >= 0)
		r = run_check_ports(run, err);
	return r < 0 ? r : run_pick_ports(run, ctx, err);
}

/* What the others of a set have or have chosen. */
static void add_peers(const struct run *run, struct claim_ports *own, struct claim_ports *all)
{
	size_t n;
	const struct run *runs = run_peers(run, &n);

	for (size_t k = 0; k < n; k++)
		for (size_t i = 0; &runs[k] != run && runs[k].job && i < runs[k].job->n_ports; i++)
			if (!port_is_open(&runs[k].job->ports[i])) {
				claim_ports_add(own, runs[k].job->ports[i].host);
				claim_ports_add(all, runs[k].job->ports[i].host);
			}
}

/* A port that is the same inside as on the host, once that is known. */
static void settle_inside(struct job *job)
{
	for (size_t i = 0; i < job->n_ports; i++)
		if (!job->ports[i].inside)
			job->ports[i].inside = job->ports[i].host;
}

int run_pick_ports(struct run *run, const struct ctx *ctx, struct err *err)
{
	struct job *job = run->job;
	_cleanup_(claim_ports_done) struct claim_ports all = { 0 }, own = { 0 };
	int r = 0;

	if (!wants_pick(job)) {
		settle_inside(job);
		return 0;
	}
	run->picked = mem_array(unsigned char, job->n_ports);
	if (ctx)
		r = claim_ports(run->core, ctx, &all, err);
	add_peers(run, &own, &all);
	for (size_t i = 0; i < job->n_ports; i++)
		if (!port_is_open(&job->ports[i])) {
			claim_ports_add(&own, job->ports[i].host);
			claim_ports_add(&all, job->ports[i].host);
		}
	for (size_t i = 0; r >= 0 && i < job->n_ports; i++) {
		if (!port_is_open(&job->ports[i]))
			continue;
		r = pick_port(run, &job->ports[i], &own, &all, ctx, err);
		run->picked[i] = r >= 0;
		claim_ports_add(&own, job->ports[i].host);
		claim_ports_add(&all, job->ports[i].host);
	}
	settle_inside(job);
	return r;
}
