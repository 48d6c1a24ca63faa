/* The foreground: a process's standard streams as FIFOs (reference A.9 I/O), copied from and to our own; the terminal in raw
 * mode, its size, the keys that detach, and signals handed on. For a job's task and for exec alike.
 *
 * FIFOs are made and opened before the task is created. Our end of stdin is opened O_RDWR, so that nothing blocks. */
#pragma once
#include "core.h"
#include "logfile.h"
#include "tasks.h"
#include <sys/ioctl.h>

struct streams;

struct streams_conf {
	const char *dir;          /* made for the FIFOs, removed with them */
	bool tty, stdin_open;
	const char *detach_keys;  /* NULL: ctrl-p,ctrl-q; only with a terminal */
	struct logfile *log;      /* gets a copy of the output; NULL: none; borrowed */
	bool sig_proxy;
};

/* The size of the terminal that a process with a tty would be shown on; false: there is none. */
bool streams_size(bool stdin_open, struct winsize *ret);
/* -ERR_INVALID for keys that are none. */
int streams_new(const struct streams_conf *, struct loop *, struct streams **ret, struct err *err);
const struct ctrd_io *streams_io(const struct streams *);
/* Before the start of what was created with another terminal's size. */
void streams_resize(struct streams *, struct core *, const char *id, const struct ctx *);
/* After the start: copy until the process of (@id, @exec_id), whose Wait is @wait, has ended and its output is drained: 1 with
 * *ret_exit; or until the keys detached: 0. Signals are blocked and handed on meanwhile. A wait broken by a restart of
 * containerd is taken up again. @wait is consumed. */
int streams_run(struct streams *, struct core *, const char *id, const char *exec_id, struct ctrd_call *wait,
	      const struct ctx *, struct ctrd_exit *ret_exit, struct err *err);
/* After detaching: the output FIFOs, for a logger that reads on; the caller closes them. -1: none (a terminal has no stderr). */
void streams_take_output(struct streams *, int *ret_out, int *ret_err);
void streams_free(struct streams *);   /* restores the terminal, removes the FIFOs */
DEFINE_CLEANUP(struct streams, streams_free)
