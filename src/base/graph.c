#include "graph.h"
#include "buf.h"
#include "clock.h"
#include "log.h"
#include "mem.h"
#include <assert.h>

enum node_state {
	NODE_WAITS,
	NODE_BEGUN,
	NODE_ENDED,
	NODE_UNWANTED,
	NODE_FAILED, /* or needs one that has */
};

struct edge {
	size_t to;
	bool (*when)(const void *state);
};

struct node {
	const struct graph_kind *kind;
	const char *whose;
	void *state;
	struct edge *needs;
	size_t n_needs, needs_cap;
	enum node_state is;
	int64_t deadline; /* of what is begun; 0: none */
	int64_t began, ended;
};

struct graph {
	struct node *v;
	size_t n, cap;
	size_t *order; /* in which they were begun */
	size_t n_order;
};

struct graph *graph_new(void) { return mem_new(struct graph); }

void graph_free(struct graph *g)
{
	if (!g)
		return;
	for (size_t i = 0; i < g->n; i++)
		free(g->v[i].needs);
	free(g->v);
	free(g->order);
	free(g);
}

size_t graph_add(struct graph *g, const struct graph_kind *kind, const char *whose, void *state)
{
	g->v = mem_grow(g->v, &g->cap, g->n + 1, sizeof *g->v);
	g->v[g->n] = (struct node){ .kind = kind, .whose = whose, .state = state };
	return g->n++;
}

void graph_need(struct graph *g, size_t node, size_t other, bool (*when)(const void *state))
{
	struct node *n = &g->v[node];

	assert(node < g->n && other < g->n);
	n->needs = mem_grow(n->needs, &n->needs_cap, n->n_needs + 1, sizeof *n->needs);
	n->needs[n->n_needs++] = (struct edge){ other, when };
}

/* A circle: depth first, by a path that is kept. */

enum mark { UNSEEN, ON_PATH, SEEN };

static void node_name(const struct node *n, struct buf *out)
{
	buf_addf(out, "%s%s%s", n->kind->name, *n->whose ? " " : "", n->whose);
}

static int circle(const struct graph *g, const size_t *path, size_t n, size_t again, struct err *err)
{
	_cleanup_buf_ struct buf text = { 0 };
	size_t from = 0;

	while (path[from] != again)
		from++;
	for (; from < n; from++) {
		node_name(&g->v[path[from]], &text);
		buf_adds(&text, " needs ");
	}
	node_name(&g->v[again], &text);
	return err_set(err, ERR_INVALID, "steps wait for each other in a circle: %s", buf_str(&text));
}

/* The next of @at that @node needs; how far it has come stands in @next. */
static int graph_follow(const struct graph *g, size_t node, unsigned char *marks, size_t *path, size_t *next, struct err *err)
{
	size_t depth = 0;

	path[depth++] = node;
	marks[node] = ON_PATH;
	while (depth) {
		const struct node *n = &g->v[path[depth - 1]];
		size_t *k = &next[path[depth - 1]], to;

		if (*k == n->n_needs) {
			marks[path[--depth]] = SEEN;
			continue;
		}
		to = n->needs[(*k)++].to;
		if (marks[to] == ON_PATH)
			return circle(g, path, depth, to, err);
		if (marks[to] == SEEN)
			continue;
		marks[to] = ON_PATH;
		path[depth++] = to;
	}
	return 0;
}

int graph_check(const struct graph *g, struct err *err)
{
	_cleanup_free_ unsigned char *marks = mem_array(unsigned char, g->n);
	_cleanup_free_ size_t *path = mem_array(size_t, g->n), *next = mem_array(size_t, g->n);
	int r = 0;

	for (size_t i = 0; r >= 0 && i < g->n; i++)
		if (marks[i] == UNSEEN)
			r = graph_follow(g, i, marks, path, next, err);
	return r;
}

/* A run. */

struct graph_run {
	struct graph *g;
	const struct graph_how *how;
	const struct ctx *ctx;
	int first; /* error, where the rest goes on */
};

static void mark_ended(struct node *n)
{
	n->is = NODE_ENDED;
	n->ended = clock_mono();
	log_debug("step %s%s%s: done after %.1f ms", n->kind->name, *n->whose ? " " : "", n->whose,
		  (double)(n->ended - n->began) / NSEC_PER_MSEC);
}

static bool node_has_ended(const struct node *n) { return n->is == NODE_ENDED || n->is == NODE_UNWANTED; }

/* All that it needs has ended. @ret_failed: something of it never will. */
static bool may_begin(const struct graph *g, const struct node *n, bool *ret_failed)
{
	bool may = true;

	*ret_failed = false;
	for (int conditional = 0; may && conditional < 2; conditional++)
		for (size_t i = 0; i < n->n_needs; i++) {
			const struct edge *e = &n->needs[i];
			const struct node *other = &g->v[e->to];

			if (conditional != (e->when != NULL) || node_has_ended(other) || (e->when && !e->when(n->state)))
				continue;
			may = false;
			*ret_failed |= other->is == NODE_FAILED;
		}
	return may;
}

/* The first failure is the one that is told. */
static int run_keep_first(struct graph_run *run, int r, const struct err *why, struct err *err)
{
	if (run->first == 0) {
		run->first = r;
		if (err)
			*err = *why;
	}
	return r;
}

/* What @r, of its begin or finish, makes of a node. */
static int node_goes_on(struct graph_run *run, struct node *n, int r, struct err *why, struct err *err)
{
	assert(r <= 0 || n->kind->finish);
	if (r == 0)
		mark_ended(n);
	else if (r > 0)
		n->deadline = r == GRAPH_LONG ? 0 : ctx_within(NULL, run->how->step_ms).deadline;
	if (r >= 0)
		return 0;
	if (*n->whose)
		(void)err_wrap(why, r, "%s", n->whose);
	n->is = NODE_FAILED;
	n->ended = clock_mono();
	(void)run_keep_first(run, r, why, err);
	return run->how->goes_on ? 0 : r;
}

static int node_begin(struct graph_run *run, struct node *n, struct err *err)
{
	const struct ctx own = ctx_within(run->ctx, run->how->step_ms);
	const struct graph_kind *k = n->kind;
	struct err why = ERR_INIT;
	int r = 0;

	run->g->order[run->g->n_order++] = (size_t)(n - run->g->v);
	n->is = NODE_BEGUN;
	n->began = clock_mono();
	log_debug("step %s%s%s: begins", k->name, *n->whose ? " " : "", n->whose);
	if (k->begin)
		r = k->begin(n->state, &own, &why);
	if (r == 0 && k->finish)
		r = GRAPH_MORE;
	return node_goes_on(run, n, r, &why, err);
}

static int node_finish(struct graph_run *run, struct node *n, bool late, struct err *err)
{
	struct ctx own = ctx_within(run->ctx, run->how->step_ms);
	struct err why = ERR_INIT;
	int r = run->how->fault ? run->how->fault(run->how->fault_arg, n->kind->name, n->whose, &why) : 0;

	if (late)
		own.deadline = n->deadline;
	if (r >= 0)
		r = n->kind->finish(n->state, &own, &why);
	return node_goes_on(run, n, r, &why, err);
}

/* One that ends by beginning, or is not wanted, may set free others, before it too. */
static int begin_all(struct graph_run *run, struct err *err)
{
	struct graph *g = run->g;
	bool again;

	do {
		again = false;
		for (size_t i = 0; i < g->n; i++) {
			struct node *n = &g->v[i];
			bool failed;
			int r = 0;

			if (n->is != NODE_WAITS || (!may_begin(g, n, &failed) && !failed))
				continue;
			if (failed)
				n->is = NODE_FAILED;
			else if (n->kind->wanted && !n->kind->wanted(n->state))
				n->is = NODE_UNWANTED;
			else
				r = node_begin(run, n, err);
			if (r < 0)
				return r;
			again |= n->is != NODE_BEGUN;
		}
	} while (again);
	return 0;
}

/* One that is ready, else one that says nothing of when it is; NULL: all wait. @ret_late: its time is over. */
static struct node *find_ready(const struct graph_run *run, bool *ret_late)
{
	struct graph *g = run->g;
	struct node *blocks = NULL;
	int64_t now = 0;

	for (size_t i = 0; i < g->n; i++) {
		struct node *n = &g->v[i];

		if (n->is != NODE_BEGUN)
			continue;
		if (!n->kind->ready) {
			blocks = blocks ? blocks : n;
			continue;
		}
		*ret_late = false;
		if (n->kind->ready(n->state, n->kind->number))
			return n;
		if (!now)
			now = clock_mono();
		*ret_late = n->deadline && n->deadline <= now;
		if (*ret_late)
			return n;
	}
	*ret_late = false;
	return blocks;
}

/* Until something happens, or the time of a node is over; 1: nothing is under way. */
static int turn(struct graph_run *run, struct err *err)
{
	const struct graph *g = run->g;
	struct ctx until = run->ctx ? *run->ctx : ctx_none();
	struct err why = ERR_INIT;
	bool any = false;
	int r;

	for (size_t i = 0; i < g->n; i++) {
		const struct node *n = &g->v[i];

		if (n->is != NODE_BEGUN)
			continue;
		any = true;
		if (n->deadline && (!until.deadline || n->deadline < until.deadline))
			until.deadline = n->deadline;
	}
	if (!any)
		return 1;
	r = loop_turn(run->how->loop, &until, &why);
	if (r == -ERR_DEADLINE && ctx_check(run->ctx, NULL) >= 0)
		return 0; /* a node's, which says so itself */
	return r < 0 ? run_keep_first(run, r, &why, err) : 0;
}

static int run_all(struct graph_run *run, struct err *err)
{
	int r;

	do {
		struct err why = ERR_INIT;
		struct node *n;
		bool late;

		r = ctx_check(run->ctx, &why);
		r = r < 0 ? run_keep_first(run, r, &why, err) : begin_all(run, err);
		if (r < 0)
			return r;
		n = find_ready(run, &late);
		r = n ? node_finish(run, n, late, err) : turn(run, err);
	} while (r == 0);
	return r < 0 ? r : run->first;
}

int graph_run(struct graph *g, const struct graph_how *how, const struct ctx *ctx, struct err *err)
{
	struct graph_run run = { .g = g, .how = how, .ctx = ctx };
	int r = graph_check(g, err);

	if (r < 0)
		return r;
	free(g->order);
	g->order = mem_array(size_t, g->n);
	g->n_order = 0;
	r = run_all(&run, err);
	if (r < 0 && !how->goes_on) {
		const struct ctx undo = ctx_within(NULL, how->undo_ms);

		graph_undo(g, &undo);
	}
	return r;
}

void graph_undo(struct graph *g, const struct ctx *ctx)
{
	while (g->n_order) {
		struct node *n = &g->v[g->order[--g->n_order]];

		n->is = NODE_WAITS;
		if (!n->kind->undo)
			continue;
		log_debug("step %s%s%s: taken back", n->kind->name, *n->whose ? " " : "", n->whose);
		n->kind->undo(n->state, ctx);
	}
}

void graph_plan(const struct graph *g, struct strv *out)
{
	for (size_t i = 0; i < g->n; i++) {
		const struct node *n = &g->v[i];

		if (n->kind->plan && (!n->kind->wanted || n->kind->wanted(n->state)))
			n->kind->plan(n->state, out);
	}
}

void graph_times(const struct graph *g, void (*row)(void *arg, const char *name, const char *whose, int64_t began, int64_t ended),
		 void *arg)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->v[i].began)
			row(arg, g->v[i].kind->name, g->v[i].whose, g->v[i].began, g->v[i].ended);
}
