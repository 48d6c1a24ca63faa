/* Inside loop.c: its timers, the earliest first. */
#pragma once
#include "loop.h"

struct timers {
	struct timer **heap; /* from 1 */
	size_t n, cap, expected;
	uint64_t seq;
	struct list_node due; /* those that run now */
};

void timers_init(struct timers *);
void timers_done(struct timers *);
/* There are @more of them now, and room for all: to set one allocates nothing. */
void timers_expect(struct timers *, int more);
void timers_set(struct timers *, struct timer *, int64_t at); /* 0: never */
/* When the next one is due; 0: none. */
int64_t timers_next(const struct timers *);
/* Run what is due, each once, whatever it is set to meanwhile. How many. */
unsigned timers_run(struct timers *);
