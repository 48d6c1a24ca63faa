/* Threads for procedures that block, behind a server that must not: the server's thread submits a piece of work, one of a fixed
 * number of threads runs it, and what it has come to is told on the server's loop again. Each thread has a state of its own (a core
 * with its connection and loop, as a rule), so that procedures share nothing but what their work says. All calls are for the thread
 * of the loop. */
#pragma once
#include "ctx.h"
#include "err.h"
#include "list.h"
#include "loop.h"
#include <stdbool.h>

struct workers;
struct worker;

/* Inside its owner, who keeps it until done() is called. The owner sets the functions, @arg, @deadline, @first. */
struct work {
	/* In a worker's thread, with that thread's state. It heeds @ctx: the work's deadline, and its cancel token, which ends a
	 * turn of the thread's loop and any poll of its descriptor. */
	void (*run)(void *arg, void *state, const struct ctx *);
	/* On the loop, once: the work may be freed, or submitted again. @ran is false when it was cancelled before a thread
	 * had taken it. */
	void (*done)(void *arg, bool ran);
	void *arg;
	int64_t deadline; /* clock_mono() ns; 0: none */
	bool first;       /* before those that wait and are not */
	bool slow;        /* it may be kept waiting for as long as somebody likes: never more than slow_max run at a time */
	/* the pool's: */
	struct list_node node;
	struct cancel cancel;
	struct worker *by;
	bool ran;
};

struct workers_conf {
	struct loop *loop;
	unsigned threads;
	unsigned slow_max; /* of works that are slow; 0: as many as there are threads */
	size_t queue_max;  /* works that no thread has taken yet */
	size_t stack;      /* of each thread; 0: what the system gives */
	int64_t idle_ms;   /* > 0: a thread is started when there is work for it, and ends when there was none for so long */
	void *(*begin)(void *arg); /* in each thread, first: its state; may be NULL */
	void (*end)(void *state);  /* in each thread, last */
	void *arg;
};

/* -ERR_EXHAUSTED, or what the system says, when there are no more threads. With idle_ms none is started yet. */
int workers_new(const struct workers_conf *, struct workers **ret, struct err *err);
/* -ERR_EXHAUSTED: the queue is full, or there is no thread and none can be started; -ERR_CANCELLED: inside workers_free(). done()
 * is not called then. */
int workers_submit(struct workers *, struct work *, struct err *err);
/* Its procedure is told to end; one that waits in the queue leaves it. done() follows at a turn to come. Nothing where that is on
 * its way already. */
void workers_cancel(struct workers *, struct work *);
/* Works whose done() is still to come. */
size_t workers_busy(const struct workers *);
/* Threads that there are. */
unsigned workers_threads(struct workers *);
/* Cancels everything, waits for the procedures that run, joins the threads, and calls each done() that is left. */
void workers_free(struct workers *);
DEFINE_CLEANUP(struct workers, workers_free)
