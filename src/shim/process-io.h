/* The standard streams of a process, as containerd names them: FIFOs and files are handed to the engine as they are, so the shim
 * copies nothing; the writer of a FIFO whose reader has gone waits until one returns, since the shim holds it open for reading,
 * too. "binary://PROGRAM?K=V": a logger that reads two pipes. "davit-log://": process-output.h. Source: reference containerd.md
 * A.9, C.7.
 */
#pragma once
#include "engine.h"
#include "loop.h"
#include "process-output.h"

struct process_io {
	struct engine_io io; /* what the process gets */
	int stdin_holder;    /* the writing end, until CloseIO */
	struct output *output;
	struct reap logger;
	struct watch word;     /* of a logger that has not said yet that it reads */
	struct timer patience; /* with one that does not say so, or does not end */
	void (*answered)(void *arg, bool ready);
	void (*finished)(void *arg);
	void *arg;
};
static inline void process_io_init(struct process_io *s) { *s = (struct process_io){ .io = { -1, -1, -1 }, .stdin_holder = -1 }; }

struct process_io_names {
	const char *in, *out, *err; /* "" for none */
	const char *id, *ns;        /* what a logger is told */
	uid_t uid;                  /* owners of pipes that are made */
	gid_t gid;
};
/* Opens them, in their place: the struct does not move any more. */
int process_io_open(struct loop *, const struct process_io_names *, struct process_io *, struct err *err);
/* A logger has been started, and has not said yet that it reads: the process is to be made behind process_io_await(), whose
 * @answered(@arg, false) says that LOGGER_READY_S have gone by, and that the logger is killed. */
static inline bool process_io_waits(const struct process_io *s) { return watch_on(&s->word); }
void process_io_await(struct process_io *, void (*answered)(void *arg, bool ready), void *arg);
enum { LOGGER_READY_S = 10 };
/* The engine has them: what the shim need not hold is closed. */
void process_io_given(struct process_io *);
void process_io_close_in(struct process_io *);
/* What it has written to streams that the shim reads is taken: true when there was any, so there is room for more. */
bool process_io_take(struct process_io *);
/* Its end: who reads sees the end of its output once nobody else writes. */
void process_io_ended(struct process_io *);
/* Who started it has gone, and nobody else will ask for it: once it has ended it may go. */
bool process_io_is_orphan(const struct process_io *);
/* The process has gone: all is closed, and @finished(@arg) is called once a logger has written what was left, or was killed after
 * LOGGER_LAST_S, as containerd's shims do it; it may free @s. */
void process_io_finish(struct process_io *, void (*finished)(void *arg), void *arg);
enum { LOGGER_LAST_S = 12 };
void process_io_done(struct process_io *);
