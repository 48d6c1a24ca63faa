/* What every wait takes: a monotonic deadline and a cancel token. Passed by pointer, copied by value, owns nothing. */
#pragma once
#include "err.h"
#include <signal.h>
#include <stdint.h>

/* Set from a signal handler or another thread. */
struct cancel {
	_Atomic int on; /* > 0: cancelled (the signal's number, where a signal did it) */
	int fd;         /* readable once cancelled, so that a poll ends; -1: none */
};

struct ctx {
	int64_t deadline;            /* clock_mono() ns; 0: none */
	const struct cancel *cancel; /* may be NULL */
};

static inline struct ctx ctx_none(void) { return (struct ctx){ 0 }; }
/* @parent (may be NULL) with at most @ms (>= 0) left. */
struct ctx ctx_within(const struct ctx *parent, int64_t ms);
/* Without a deadline on purpose, where @parent (may be NULL) has none: for what would otherwise get one by itself. */
struct ctx ctx_endless(const struct ctx *parent);
/* @parent's deadline only: what must go on after a cancel. */
struct ctx ctx_uncancelled(const struct ctx *parent);
/* 0, -ERR_CANCELLED ("interrupted") or -ERR_DEADLINE ("timed out"). @ctx may be NULL. */
int ctx_check(const struct ctx *, struct err *err);
/* For poll(2): milliseconds left, rounded up, -1 without a deadline. */
int ctx_poll_ms(const struct ctx *);
/* For grpc-timeout and children: nanoseconds left, at least 1; 0 without a deadline. */
int64_t ctx_left(const struct ctx *);
