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
	size_t of, to;
	bool (*when)(const void *state);
	bool counted; /* as one of @of's unmet needs */
};

struct node {
	const struct graph_kind *kind;
	const char *whose;
	void *state;
	struct edge *needs;
	size_t n_needs, needs_cap;
	enum node_state is;
	size_t unmet;     /* needs that count and have not ended */
	bool asked;       /* whether those with a condition count */
	size_t place;     /* of one that is begun, among them */
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
	n->needs[n->n_needs++] = (struct edge){ .of = node, .to = other, .when = when };
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

/* A run: a node that ends is taken off the counts of those that need it, and each of what is begun is looked at once a round, so
 * that a thousand jobs cost a thousand times what one does. */

struct graph_run {
	struct graph *g;
	const struct graph_how *how;
	const struct ctx *ctx;
	int first; /* error, where the rest goes on */

	struct edge **needed_by;
	size_t *needed_from; /* by node: its part of needed_by begins there, and ends where the next one's begins */
	size_t *due, n_due;  /* may begin, or has failed by what it needs: a heap, the lowest first */
	size_t *begun, n_begun;
	size_t look; /* the next of them to be looked at */
	struct gate *gates;
	size_t n_gates, gates_cap;
};

/* Of a kind of which only so many are under way at a time. */
struct gate {
	const struct graph_kind *kind;
	size_t under_way;
	size_t *queue, first, n, cap; /* those that wait for others to end */
};

static void graph_run_done(struct graph_run *run)
{
	free(run->needed_by);
	free(run->needed_from);
	free(run->due);
	free(run->begun);
	for (size_t i = 0; i < run->n_gates; i++)
		free(run->gates[i].queue);
	free(run->gates);
}

static void count_needs(struct graph_run *run)
{
	struct graph *g = run->g;
	size_t *from = run->needed_from = mem_array(size_t, g->n + 2), edges = 0;

	for (size_t i = 0; i < g->n; i++) {
		struct node *n = &g->v[i];

		n->unmet = 0;
		n->asked = false;
		edges += n->n_needs;
		for (size_t k = 0; k < n->n_needs; k++) {
			n->needs[k].counted = !n->needs[k].when;
			n->unmet += n->needs[k].counted;
			from[n->needs[k].to + 2]++;
		}
	}
	for (size_t i = 2; i < g->n + 2; i++)
		from[i] += from[i - 1];
	run->needed_by = mem_array(struct edge *, edges);
	for (size_t i = 0; i < g->n; i++)
		for (size_t k = 0; k < g->v[i].n_needs; k++)
			run->needed_by[from[g->v[i].needs[k].to + 1]++] = &g->v[i].needs[k];
}

static void due_swap(size_t *a, size_t *b)
{
	const size_t t = *a;

	*a = *b;
	*b = t;
}

static void due_push(struct graph_run *run, const struct node *n)
{
	size_t *v = run->due, i = run->n_due++;

	for (v[i] = (size_t)(n - run->g->v); i && v[(i - 1) / 2] > v[i]; i = (i - 1) / 2)
		due_swap(&v[i], &v[(i - 1) / 2]);
}

static struct node *due_pop(struct graph_run *run)
{
	size_t *v = run->due, i = 0, least;
	struct node *n = &run->g->v[v[0]];

	v[0] = v[--run->n_due];
	for (;; i = least) {
		const size_t left = 2 * i + 1, right = left + 1;

		least = left < run->n_due && v[left] < v[i] ? left : i;
		if (right < run->n_due && v[right] < v[least])
			least = right;
		if (least == i)
			return n;
		due_swap(&v[i], &v[least]);
	}
}

static struct gate *gate_of(struct graph_run *run, const struct graph_kind *kind)
{
	size_t i = 0;

	if (!kind->at_once)
		return NULL;
	while (i < run->n_gates && run->gates[i].kind != kind)
		i++;
	if (i == run->n_gates) {
		run->gates = mem_grow(run->gates, &run->gates_cap, i + 1, sizeof *run->gates);
		run->gates[run->n_gates++] = (struct gate){ .kind = kind };
	}
	return &run->gates[i];
}

/* May @n begin now? Else it is due again once another has ended. */
static bool gate_enter(struct graph_run *run, const struct node *n)
{
	struct gate *g = gate_of(run, n->kind);

	if (!g)
		return true;
	if (g->under_way < g->kind->at_once) {
		g->under_way++;
		return true;
	}
	g->queue = mem_grow(g->queue, &g->cap, g->n + 1, sizeof *g->queue);
	g->queue[g->n++] = (size_t)(n - run->g->v);
	return false;
}

static void gate_leave(struct graph_run *run, const struct node *n)
{
	struct gate *g = gate_of(run, n->kind);

	if (!g)
		return;
	g->under_way--;
	if (g->first < g->n)
		due_push(run, &run->g->v[g->queue[g->first++]]);
}

static bool node_has_ended(const struct node *n) { return n->is == NODE_ENDED || n->is == NODE_UNWANTED; }

static void node_fails_with(struct graph_run *run, struct node *n)
{
	n->is = NODE_FAILED;
	due_push(run, n); /* for those that need it */
}

/* All that it needs without a condition has ended: what else does it need? */
static void ask_conditions(struct graph_run *run, struct node *n)
{
	bool failed = false;

	n->asked = true;
	for (size_t i = 0; i < n->n_needs; i++) {
		struct edge *e = &n->needs[i];
		const struct node *other = &run->g->v[e->to];

		if (!e->when || node_has_ended(other) || !e->when(n->state))
			continue;
		e->counted = true;
		n->unmet++;
		failed |= other->is == NODE_FAILED;
	}
	if (failed)
		node_fails_with(run, n);
	else if (!n->unmet)
		due_push(run, n);
}

static void need_is_met(struct graph_run *run, struct node *n)
{
	if (--n->unmet)
		return;
	if (n->asked)
		due_push(run, n);
	else
		ask_conditions(run, n);
}

/* That @n has ended, or failed. */
static void tell_dependents(struct graph_run *run, const struct node *n)
{
	const size_t i = (size_t)(n - run->g->v);

	for (size_t k = run->needed_from[i]; k < run->needed_from[i + 1]; k++) {
		const struct edge *e = run->needed_by[k];
		struct node *other = &run->g->v[e->of];

		if (!e->counted || other->is != NODE_WAITS)
			continue;
		if (n->is == NODE_FAILED)
			node_fails_with(run, other);
		else
			need_is_met(run, other);
	}
}

static void begun_add(struct graph_run *run, struct node *n)
{
	n->place = run->n_begun;
	run->begun[run->n_begun++] = (size_t)(n - run->g->v);
}

static void begun_remove(struct graph_run *run, const struct node *n)
{
	const size_t last = run->begun[--run->n_begun];

	run->begun[n->place] = last;
	run->g->v[last].place = n->place;
	if (run->look == n->place + 1) /* the one that has come there has its turn */
		run->look = n->place;
}

static void mark_ended(struct node *n)
{
	n->is = NODE_ENDED;
	n->ended = clock_mono();
	log_debug("step %s%s%s: done after %.1f ms", n->kind->name, *n->whose ? " " : "", n->whose,
		  (double)(n->ended - n->began) / NSEC_PER_MSEC);
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
	if (r > 0) {
		n->deadline = r == GRAPH_LONG ? 0 : ctx_within(NULL, run->how->step_ms).deadline;
		return 0;
	}
	begun_remove(run, n);
	gate_leave(run, n);
	if (r == 0) {
		mark_ended(n);
		tell_dependents(run, n);
		return 0;
	}
	if (*n->whose)
		(void)err_wrap(why, r, "%s", n->whose);
	node_fails_with(run, n);
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
	begun_add(run, n);
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
	int r = 0;

	while (r >= 0 && run->n_due) {
		struct node *n = due_pop(run);

		if (n->is == NODE_WAITS && n->kind->wanted && !n->kind->wanted(n->state))
			n->is = NODE_UNWANTED;
		if (n->is == NODE_WAITS)
			r = gate_enter(run, n) ? node_begin(run, n, err) : 0;
		else
			tell_dependents(run, n);
	}
	return r;
}

static bool is_late(const struct node *n, int64_t *now)
{
	if (n->deadline && !*now)
		*now = clock_mono();
	return n->deadline && n->deadline <= *now;
}

/* One that is ready, else the first that says nothing of when it is; NULL: all wait. @ret_late: its time is over. */
static struct node *find_ready(struct graph_run *run, bool *ret_late)
{
	struct node *blocks = NULL;
	int64_t now = 0;

	for (size_t i = 0; i < run->n_begun; i++) {
		struct node *n;
		bool is_ready;

		run->look = run->look < run->n_begun ? run->look : 0;
		n = &run->g->v[run->begun[run->look++]];
		if (!n->kind->ready) {
			blocks = blocks && blocks < n ? blocks : n;
			continue;
		}
		is_ready = n->kind->ready(n->state, n->kind->number);
		*ret_late = !is_ready && is_late(n, &now);
		if (is_ready || *ret_late)
			return n;
	}
	*ret_late = false;
	return blocks;
}

/* Until something happens, or the time of a node is over; 1: nothing is under way. */
static int turn(struct graph_run *run, struct err *err)
{
	struct ctx until = run->ctx ? *run->ctx : ctx_none();
	struct err why = ERR_INIT;
	int r;

	for (size_t i = 0; i < run->n_begun; i++) {
		const struct node *n = &run->g->v[run->begun[i]];

		if (n->deadline && (!until.deadline || n->deadline < until.deadline))
			until.deadline = n->deadline;
	}
	if (!run->n_begun)
		return 1;
	r = loop_turn(run->how->loop, &until, &why);
	if (r == -ERR_DEADLINE && ctx_check(run->ctx, NULL) >= 0)
		return 0; /* a node's, which says so itself */
	return r < 0 ? run_keep_first(run, r, &why, err) : 0;
}

static int run_all(struct graph_run *run, struct err *err)
{
	int r;

	for (size_t i = 0; i < run->g->n; i++)
		if (!run->g->v[i].unmet)
			ask_conditions(run, &run->g->v[i]);
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
	_cleanup_(graph_run_done) struct graph_run run = { .g = g, .how = how, .ctx = ctx };
	int r = graph_check(g, err);

	if (r < 0)
		return r;
	free(g->order);
	g->order = mem_array(size_t, g->n);
	g->n_order = 0;
	count_needs(&run);
	run.due = mem_array(size_t, g->n);
	run.begun = mem_array(size_t, g->n);
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
