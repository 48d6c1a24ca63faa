/* A process's standard streams for a server: FIFOs of their own, functions that are called on the loop when something comes or
 * there is room, and a pause for a reader that is slow. Nothing of it waits; a command line has streams.h. */
#pragma once
#include "buf.h"
#include "fifos.h"
#include "logfile.h"
#include "loop.h"

struct pipes_told {
	void (*output)(void *arg, enum log_stream, const char *p, size_t n);
	void (*closed)(void *arg, enum log_stream); /* its end has come; never of the standard error of a terminal */
	void (*room)(void *arg);                    /* all that pipes_write() was given has been taken */
	void (*input_ended)(void *arg);             /* likewise, and pipes_close_input() was called: the shim is to close it, too */
	void (*drained)(void *arg);                 /* pipes_drain() */
};

/* Inside its owner; zeroed it has no streams, and pipes_done() of it does nothing. */
struct pipes {
	struct loop *loop;
	const struct pipes_told *told; /* borrowed; its functions may end the pipes */
	void *arg;
	struct fifos fifos;
	struct pipe_out {
		struct pipes *of;
		int fd;
		struct watch watch;
		size_t late; /* bytes since pipes_drain() */
	} out[2];
	int in;
	struct watch in_watch;
	struct buf pending;
	size_t written; /* of pending */
	bool input, tty, begun, in_closes, paused, draining;
	struct timer quiet; /* since something came from a process that has ended */
	int64_t drain_until;
};

/* From now on all of the following may be called. */
void pipes_init(struct pipes *, struct loop *, bool input, bool tty, const struct pipes_told *, void *arg);
/* @dir: made for them. */
int pipes_open(struct pipes *, const char *dir, struct err *err);
/* What the shim is to open. */
static inline const char *pipes_path(const struct pipes *p, unsigned fd) { return p->fifos.path[fd]; }
void pipes_done(struct pipes *);
/* The process runs, and the shim has opened its ends: nothing comes or goes before, where an end would be no process's, and a FIFO
 * could lose what is written to it. */
void pipes_begin(struct pipes *);

/* While it is on, output is left where it is: the process waits, as at any pipe. */
void pipes_pause(struct pipes *, bool on);
/* All of it is kept; who writes goes by pipes_unwritten(), and waits for room(). What a process without input is given is lost. */
void pipes_write(struct pipes *, const void *data, size_t n);
static inline size_t pipes_unwritten(const struct pipes *p) { return p->pending.len - p->written; }
/* Behind what was written. */
void pipes_close_input(struct pipes *);
/* The process has ended: what it has written comes, as slowly as the reader likes, then drained() is called. Others that have its
 * output open are not waited for: PIPES_QUIET_MS without a word, PIPES_LATE_MS of talk, or PIPES_LATE bytes, which is more than can
 * have been under way, are the end, too. */
void pipes_drain(struct pipes *);
enum { PIPES_QUIET_MS = 700, PIPES_LATE_MS = 3000, PIPES_LATE = 512 << 10 };
