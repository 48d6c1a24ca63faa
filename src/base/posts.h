/* Inside loop.c: what other threads want to be run, and whether the loop is to be woken for it. */
#pragma once
#include "loop.h"
#include <pthread.h>

struct posts {
	pthread_mutex_t mu;
	struct list_node waiting; /* guarded by mu */
	struct list_node turn;    /* guarded by mu: those of this turn */
	bool asleep;              /* guarded by mu: the loop waits, and wants to be woken */
};

void posts_init(struct posts *);
void posts_done(struct posts *);
/* From any thread. True: the loop is to be woken, by the caller alone. */
bool posts_add(struct posts *, struct post *);
void posts_remove(struct posts *, struct post *);
/* Before the loop waits. False: it need not, there are some. */
bool posts_sleep(struct posts *);
void posts_awake(struct posts *);
/* Run what is there; what is posted meanwhile has its turn in the next one. How many. */
unsigned posts_run(struct posts *);
