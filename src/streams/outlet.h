/* One output of a process on its way from its FIFO to our own standard output or error and to the log. Nothing here blocks: what
 * ours does not take at once is kept, and while there is no more room for it the FIFO is not read: a slow reader of ours slows
 * the process down, as it should, and nothing else. */
#pragma once
#include "ledger.h"
#include "logfile.h"
#include "loop.h"
#include "ring.h"
#include "shared-fd.h"

/* Of outlets that write whole lines to one place: whose line is not whole yet, so that the others wait; NULL: nobody's. */
struct outlet_turn {
	const struct outlet *of;
};

struct outlet {
	int from;            /* -1: ended, or there is none */
	struct shared_fd to; /* fd -1: nobody wants it */
	enum log_stream stream;
	struct logfile *log;   /* borrowed; NULL: none */
	struct ledger *ledger; /* what is taken is in it; NULL: nobody goes on after us; borrowed */
	struct ring kept;
	const char *prefix; /* before each line, which then goes out as a whole; NULL: bytes as they come; borrowed */
	struct outlet_turn *turn;
	struct buf line;                                                     /* with a prefix: the beginning of a line */
	void (*passed)(void *arg, enum log_stream, const char *p, size_t n); /* NULL: nobody else wants it; before it is logged */
	void *passed_arg;
	uint64_t taken; /* bytes from the process */
	struct watch in, out;
	int lost; /* errno of what ours did not take; from then on it is dropped */
	bool terminal;
	bool unread; /* whoever read ours has gone */
};

/* @from becomes the outlet's, @to (-1: none) stays the caller's. */
void outlet_init(struct outlet *, int from, int to, enum log_stream, struct logfile *log);
/* Lines instead of bytes, since others write to the same place; both are borrowed. */
void outlet_prefix(struct outlet *, const char *prefix, struct outlet_turn *);
void outlet_done(struct outlet *);
/* Copies while the loop turns. */
void outlet_attach(struct outlet *, struct loop *);
void outlet_detach(struct outlet *);
/* More may come from the process. */
static inline bool outlet_open(const struct outlet *o) { return o->from >= 0; }
/* Something has come that ours did not take yet. */
static inline bool outlet_pending(const struct outlet *o) { return o->kept.len > 0; }
/* From now on it goes to the log alone, or nowhere. */
void outlet_drop(struct outlet *);
