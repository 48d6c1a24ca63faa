/* The pump: one poll(2) over everything a program waits for. Procedures are straight-line code that starts things and
 * then waits for one of them with loop_turn(); whatever else was started goes on meanwhile. A watch's function only
 * changes the state of its object: it never waits, and never turns the loop.
 * A loop belongs to the thread that made it. */
#pragma once
#include "ctx.h"
#include "err.h"

struct loop;
struct watch;

typedef void loop_fn(void *arg, short revents);

struct loop *loop_new(void);
void loop_free(struct loop *);   /* every watch must be gone */
DEFINE_CLEANUP(struct loop, loop_free)

/* Call @fn(@arg, revents) when poll(2) reports @events (or POLLERR, POLLHUP) on @fd, which stays the caller's. */
struct watch *loop_watch(struct loop *, int fd, short events, loop_fn *fn, void *arg);
void watch_events(struct watch *, short events);  /* 0: not polled at all until changed */
void watch_free(struct watch *);                  /* allowed inside any watch function; NULL is fine */

/* Wait until at least one watch function has run, then return 0. -ERR_CANCELLED or -ERR_DEADLINE from @ctx (NULL: wait
 * for ever), checked before waiting. */
int loop_turn(struct loop *, const struct ctx *ctx, struct err *err);
/* Run what is ready now, without waiting. */
void loop_poll(struct loop *);
