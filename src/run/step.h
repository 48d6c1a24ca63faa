/* A procedure as a table: what it starts, waits for, and takes back. One table drives the run, its rollback, --dry-run
 * and --timing.
 *
 * A step is begun as soon as all it needs has ended, and ended (waited for) in the table's order, after what it needs; so
 * what depends on nothing of each other overlaps, without threads. When a step fails, every step that was begun is undone, newest
 * first, under a deadline of its own. */
#pragma once
#include "ctx.h"
#include "err.h"
#include "strv.h"
#include <stdbool.h>
#include <stdint.h>

enum { STEPS_MAX = 24 };
#define STEP(n) (1u << (n))

struct step {
	const char *name;
	unsigned needs;                            /* bits of the steps that must have ended before */
	unsigned (*needs_also)(const void *state); /* asked once those have: more of them; NULL: none */
	bool (*wanted)(const void *state);         /* NULL: always; a step that is not wanted counts as ended */
	int (*begin)(void *state, const struct ctx *, struct err *err); /* starts without waiting; NULL: nothing to start */
	int (*end)(void *state, const struct ctx *, struct err *err);   /* waits; NULL: begin was all */
	void (*undo)(void *state, const struct ctx *);                  /* also of a step that was only begun; logs, cannot fail */
	void (*plan)(const void *state, struct strv *out);              /* for --dry-run: one line, or none */
};

struct step_time {
	int64_t began, ended;
};

/* Which steps were begun and have ended, for step_undo() later. */
struct step_run {
	const struct step *steps;
	size_t n;
	void *state;
	unsigned begun, ended;
	int64_t step_ms;
	struct step_time time[STEPS_MAX]; /* clock_mono() */
};

/* Each step's begin and end gets @ctx with at most @step_ms left. On failure everything is undone already, in at most @undo_ms. */
int step_run(struct step_run *, const struct ctx *, int64_t step_ms, int64_t undo_ms, struct err *err);
/* Undo what was begun, newest first: also the way to stop what a finished run made. */
void step_undo(struct step_run *, const struct ctx *);
/* "name: what" for each wanted step. */
void step_plan(const struct step *, size_t n, const void *state, struct strv *out);
