/* The pump: one poll(2) over everything a program waits for. Procedures are straight-line code that starts things and
 * then waits for one of them with loop_turn(); whatever else was started goes on meanwhile. The functions of
 * watches and timers only change the state of their object: they never wait, and never turn the loop.
 * A loop belongs to the thread that made it. */
#pragma once
#include "ctx.h"
#include "err.h"
#include <stdint.h>

struct loop;
struct watch;

typedef void loop_fn(void *arg, short revents);

struct loop *loop_new(void);
void loop_free(struct loop *); /* every watch and timer must be gone */
DEFINE_CLEANUP(struct loop, loop_free)

/* Call @fn(@arg, revents) when poll(2) reports @events (or POLLERR, POLLHUP) on @fd, which stays the caller's. */
struct watch *loop_watch(struct loop *, int fd, short events, loop_fn *fn, void *arg);
void watch_events(struct watch *, short events); /* 0: not polled at all until changed */
void watch_free(struct watch *);                 /* allowed inside any watch function; NULL is fine */

/* Call @fn(@arg) once when clock_mono() has reached what timer_set() was given last. */
struct timer;
struct timer *loop_timer(struct loop *, void (*fn)(void *arg), void *arg);
void timer_set(struct timer *, int64_t mono); /* 0: never */
void timer_free(struct timer *);              /* allowed inside any function of the loop; NULL is fine */

/* Wait until at least one watch or timer function has run, then return 0. -ERR_CANCELLED or -ERR_DEADLINE from @ctx (NULL: wait
 * for ever), checked before waiting. */
int loop_turn(struct loop *, const struct ctx *ctx, struct err *err);
/* Run what is ready now, without waiting. */
void loop_poll(struct loop *);
