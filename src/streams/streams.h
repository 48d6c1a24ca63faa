/* The foreground: a process's standard streams as FIFOs (reference A.9 I/O), copied from and to our own; the terminal in raw
 * mode, its size, the keys that detach, and signals handed on. For a job's task and for exec alike.
 *
 * FIFOs are made and opened before the task is created. Our end of stdin is opened O_RDWR, so that nothing blocks. */
#pragma once
#include "console.h"
#include "core.h"
#include "log-uri.h"
#include "logfile.h"
#include "outlet.h"
#include "results.h"
#include "tasks.h"
#include <signal.h>
#include <sys/ioctl.h>

struct streams;

struct streams_conf {
	const char *dir;    /* made for the FIFOs, removed with them */
	const int *given;   /* instead of FIFOs: of relay_new(), taken over; somebody else has the process's streams */
	const char *attach; /* the socket by which others attach to them; NULL: they do not; borrowed */
	bool tty, stdin_open;
	const char *detach_keys;   /* NULL: ctrl-p,ctrl-q; only with a terminal */
	struct logfile *log;       /* gets a copy of the output; NULL: none; borrowed */
	struct results *results;   /* gets it too; NULL: none; borrowed */
	struct ledger *ledger;     /* shared with both; NULL: nobody goes on after us; borrowed */
	const struct log_uri *uri; /* under davit's own shim, which goes on when we end, what it is told, but for the FIFOs that we
				    make; NULL: under any other. Needed by streams_new() alone */
	bool sig_proxy;
	const struct console *console; /* NULL: our process's signals and terminal stay as they are */
	bool redraw;                   /* what is on the terminal was drawn for another: the process is told to do it again */
	const char *prefix;            /* of one of several processes: before each of its lines; NULL: bytes as they come */
	struct outlet_turn *turns[2];  /* with a prefix: whose turn it is at our standard output and error */
};

/* The size of the terminal that a process with a tty would be shown on; false: there is none. */
bool streams_size(bool stdin_open, struct winsize *ret);
/* -ERR_INVALID for keys that are none. */
int streams_new(const struct streams_conf *, struct loop *, struct streams **ret, struct err *err);
const struct ctrd_io *streams_io(const struct streams *);
/* Before the start of what was created with another terminal's size. */
void streams_resize(struct streams *, struct core *, const char *id, const struct ctx *);
/* How a run of it ends; only after STREAMS_EXITED has the process ended. */
enum streams_end {
	STREAMS_DETACHED = 1, /* by keys, or a signal that asks for the end could not be delivered */
	STREAMS_EXITED,
	STREAMS_UNREAD,  /* whoever read our output has gone */
	STREAMS_HUNG_UP, /* our terminal has */
};
/* After the start: copy until the process of (@id, @exec_id), whose Wait is @wait (NULL: one is opened), has ended and its output
 * is drained: STREAMS_EXITED with *ret_exit; or until one of the other ends. The console's signals are handed on meanwhile. An
 * outage of containerd is outlasted. @wait is consumed. */
int streams_run(struct streams *, struct core *, const char *id, const char *exec_id, struct ctrd_call *wait, const struct ctx *,
		struct ctrd_exit *ret_exit, struct err *err);
/* The same in steps, of several at once on one loop, before each turn of which every one is asked: */
void streams_begin(struct streams *, struct core *, const char *id, const char *exec_id, struct ctrd_call *wait);
/* 0: it goes on; else it is over for us as streams_run() returns it. */
int streams_go_on(struct streams *, struct ctrd_exit *ret_exit, struct err *err);
/* The process has ended, and there may be output to come. */
bool streams_ended(const struct streams *);
/* We end before it does. */
void streams_leave(struct streams *);
enum { STREAMS_LOST = 125, STREAMS_SIGPIPE = 128 + SIGPIPE, STREAMS_SIGHUP = 128 + SIGHUP };
/* After STREAMS_EXITED: the exit code; STREAMS_LOST for a success whose output was lost, STREAMS_SIGPIPE where its reader has
 * gone. */
int streams_exit_code(const struct streams *, const struct ctrd_exit *);
/* To be handed on by streams_run(), even if that has not begun. */
void streams_signal(struct streams *, int signal);
void streams_close_stdin(struct streams *);

/* For the heir (heir.h), a child in which nothing of ours is open but the FIFOs of the outputs (streams_fifos() says how many and
 * which: none that davit's shim reads on from): what comes from now on goes to @log and @results (borrowed; NULL: none). Then
 * streams_run(), and before there is a connection: */
size_t streams_fifos(const struct streams *, int ret[2]);
void streams_inherit(struct streams *, struct logfile *log, struct results *results);
void streams_read_on(struct streams *const *, size_t n, int64_t ms); /* @n of them copy for so long */
void streams_free(struct streams *); /* restores the terminal; removes the FIFOs, unless the process goes on */
DEFINE_CLEANUP(struct streams, streams_free)
