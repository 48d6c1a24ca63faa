/* A child process that is started, fed and collected on a loop: CNI plugins, davit-image, credential helpers.
 * A program that feeds children ignores SIGPIPE: one may end without reading its input. */
#pragma once
#include "buf.h"
#include "loop.h"
#include <stdbool.h>
#include <sys/types.h>

struct child;

struct child_spec {
	const char *path; /* absolute: no PATH look-up */
	char *const *argv;
	char *const *envp; /* NULL: our own environment */
	const char *input; /* copied; fed to standard input, then closed; NULL: /dev/null */
	size_t input_len;
	size_t out_max, err_max;       /* caps of what is kept; what comes after is read and dropped */
	size_t flood_max;              /* > 0: a child that writes more than that into one of the two is killed: child_flooded() */
	bool inherit_out, inherit_err; /* ours instead of a pipe */
	bool inherit_in;
	int hold_fd;              /* > 2: the child gets a copy as fd 3, so that a lock on it lives as long as the child, and what
				     it leaves behind */
	int also_fd;              /* > 2: the child gets a copy as fd 4 */
	bool group;               /* a process group of its own, so that the terminal's Ctrl-C does not reach it;
				     child_kill() and child_free() then reach its children too */
	void (*ended)(void *arg); /* called once by the loop when the child has exited and what it wrote was taken: it may
				     free the child and start the next, and, as any watch function, never waits */
	void *arg;
};

/* posix_spawn; ERR_NOT_FOUND when there is no such program. Every other descriptor is close-on-exec. */
int child_start(struct loop *, const struct child_spec *, struct child **ret, struct err *err);
bool child_ended(const struct child *);
/* Turn the loop until it ended and its pipes are drained. Returns the wait(2) status (>= 0) or the error of @ctx. */
int child_wait(struct child *, const struct ctx *, struct err *err);
int child_status(const struct child *);   /* the wait(2) status; only once ended */
bool child_flooded(const struct child *); /* was it killed for writing without end? */
struct buf *child_out(struct child *);    /* borrowed */
struct buf *child_err(struct child *);
pid_t child_pid(const struct child *);
void child_kill(struct child *, int sig);
void child_free(struct child *); /* a running one gets SIGKILL and is reaped */
DEFINE_CLEANUP(struct child, child_free)

/* For people: "exit status 3", "killed by signal 9 (Killed)". Returns @out. */
const char *child_describe(int status, char out[64]);
