/* A procedure as data: nodes that depend on each other, each of which starts something, says when that is there, and takes it back.
 * The same graph drives a run, its rollback, --dry-run, --timing and the faults of tests; a job's start is one, and its end.
 *
 *	g = graph_new();
 *	pull = graph_add(g, &pull_kind, "web", task);
 *	start = graph_add(g, &start_kind, "web", task);
 *	graph_need(g, start, pull);
 *	r = graph_run(g, &how, ctx, err);
 *
 * A node is begun as soon as all that it needs has ended, and finished as soon as it is ready, whatever was added first: what
 * depends on nothing of each other goes on side by side, without threads. When one fails, every node that was begun is undone,
 * newest first, under a deadline of its own. */
#pragma once
#include "loop.h"
#include "strv.h"
#include <stdbool.h>

/* finish() returns 0 when the node has ended (so does begin() where there is no finish()), or, as begin() may: */
enum {
	GRAPH_MORE = 1, /* something was begun: finish() is called, again, once ready() says so. Its time begins anew */
	GRAPH_LONG = 2, /* the same, and it takes what it takes: no limit but the caller's. So is one whose ready() looks at what
			   another node does, until that is done: the other's time is not its own */
};

/* What nodes of one kind do. Any function may be NULL. */
struct graph_kind {
	const char *name;
	unsigned number;                   /* the caller's, for ready() */
	size_t at_once;                    /* no more of them are under way at a time, the others begin later; 0: any number */
	bool (*wanted)(const void *state); /* asked when it could begin; a node that is not wanted counts as ended */
	int (*begin)(void *state, const struct ctx *, struct err *err); /* starts without waiting */
	bool (*ready)(const void *state, unsigned number); /* would finish() not wait? NULL: it does, for a short time */
	int (*finish)(void *state, const struct ctx *, struct err *err); /* NULL: begin() was all */
	void (*undo)(void *state, const struct ctx *);                   /* also of a node that was only begun; logs, cannot fail */
	void (*plan)(const void *state, struct strv *out);               /* for --dry-run: one line, or none */
};

struct graph;
struct graph *graph_new(void);
void graph_free(struct graph *);
DEFINE_CLEANUP(struct graph, graph_free)

/* A node; returns its number. @whose: which of several of a kind, as its failure says, "" for the only one. All is borrowed. */
size_t graph_add(struct graph *, const struct graph_kind *, const char *whose, void *state);
/* @node begins after @other has ended. @when: only where that says so, asked with @node's state once the rest has ended; NULL:
 * always. */
void graph_need(struct graph *, size_t node, size_t other, bool (*when)(const void *state));
/* -ERR_INVALID names the nodes that wait for each other in a circle. To be asked once all is added. */
int graph_check(const struct graph *, struct err *err);

struct graph_how {
	struct loop *loop;
	int64_t step_ms, undo_ms; /* for each begin and finish; for a whole rollback */
	bool goes_on;             /* a node that fails keeps only those from beginning that need it; nothing is undone */
	/* For tests: asked before each finish; less than 0 is its failure. NULL: nobody. */
	int (*fault)(void *arg, const char *name, const char *whose, struct err *err);
	void *fault_arg;
};
/* Until all has ended. On a failure everything is undone already; the first error is returned. */
int graph_run(struct graph *, const struct graph_how *, const struct ctx *, struct err *err);
/* Undo what was begun, newest first. */
void graph_undo(struct graph *, const struct ctx *);

void graph_plan(const struct graph *, struct strv *out);
/* A row for each node that was begun, in the order in which they were added; clock_mono(). */
void graph_times(const struct graph *, void (*row)(void *arg, const char *name, const char *whose, int64_t began, int64_t ended),
		 void *arg);
