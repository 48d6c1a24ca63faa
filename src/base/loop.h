/* The pump: one epoll(7) over everything a program waits for. Procedures are straight-line code that starts things and
 * then waits for one of them with loop_turn(); whatever else was started goes on meanwhile. The functions of
 * watches, timers and posts only change the state of their object: they never wait, and never turn the loop. Inside any of them
 * every watch, timer and post may be made, changed and ended, its own too, and the memory that holds it may be freed at once.
 * A loop, and all that is on it, belongs to the thread that made it; only loop_post() is for others. A child made by fork(2) has
 * a copy of the loop's memory but shares its kernel's half: it leaves its parent's loops alone, and makes its own.
 *
 * Watches, timers and posts are structs inside their owner; zeroed, they are on no loop. */
#pragma once
#include "ctx.h"
#include "err.h"
#include "list.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;

/* What it needs of descriptors is made by the first turn, whose error says so. */
struct loop *loop_new(void);
/* Every watch and timer must be gone, and nobody may be about to post. */
void loop_free(struct loop *);
DEFINE_CLEANUP(struct loop, loop_free)

typedef void loop_fn(void *arg, short revents);

struct watch {
	struct loop *loop;  /* NULL: on none */
	struct watch *next; /* of the same descriptor */
	int fd;
	short events;
	uint32_t born; /* in which turn */
	loop_fn *fn;
	void *arg;
};

/* Call @fn(@arg, revents) when @events, as in poll(2) (or POLLERR, POLLHUP), are there on @fd, which stays the caller's. Several
 * watches of one descriptor are fine. A file, a folder and what else never makes anybody wait (/dev/null) is ready all the time, as
 * poll(2) has it; a descriptor that is not open reports POLLNVAL.
 *
 * The watch ends before the descriptor is closed: the kernel watches what stands behind the descriptor, and goes on while anybody
 * else (a child, a dup(2)) has it open. */
void watch_init(struct watch *, struct loop *, int fd, short events, loop_fn *fn, void *arg);
void watch_events(struct watch *, short events); /* 0: not looked at until changed */
void watch_done(struct watch *);                 /* of one that is on no loop: nothing */
static inline bool watch_on(const struct watch *w) { return w->loop != NULL; }

struct timer {
	struct loop *loop; /* NULL: on none */
	int64_t at;        /* 0: never */
	uint64_t seq;      /* timers of one moment run in the order in which they were set */
	size_t place;      /* in the heap, from 1; 0: not there */
	struct list_node due;
	void (*fn)(void *arg);
	void *arg;
};

/* Call @fn(@arg) once when clock_mono() has reached what timer_set() was given last, which allocates nothing. */
void timer_init(struct timer *, struct loop *, void (*fn)(void *arg), void *arg);
void timer_set(struct timer *, int64_t mono); /* 0: never */
void timer_done(struct timer *);              /* of one that is on no loop: nothing */

/* Call @fn(@arg) once in the loop's thread, in a turn to come. From any thread, which the loop outlives: the only such call. One
 * that is posted already is not posted twice. What the poster wrote before is seen by @fn. */
struct post {
	struct list_node node;
	void (*fn)(void *arg);
	void *arg;
};
static inline void post_init(struct post *p, void (*fn)(void *arg), void *arg) { *p = (struct post){ .fn = fn, .arg = arg }; }
void loop_post(struct loop *, struct post *);
/* In the loop's thread: it does not run any more, unless somebody posts it again. */
void loop_unpost(struct loop *, struct post *);

/* The children that are collected on it: reaper.h's. */
struct list_node *loop_reaps(struct loop *);

/* Wait until at least one function has run, then return 0. -ERR_CANCELLED or -ERR_DEADLINE from @ctx (NULL: wait
 * for ever), checked before waiting. The descriptor of ctx->cancel stays open until the loop is freed, or turned with another or
 * none. */
int loop_turn(struct loop *, const struct ctx *ctx, struct err *err);
/* Turn for @ms, where another process is waited for and no event tells. 0, or the error of @ctx, or of a loop that cannot turn. */
int loop_pause(struct loop *, int64_t ms, const struct ctx *ctx, struct err *err);
/* Run what is ready now, without waiting. */
void loop_poll(struct loop *);
