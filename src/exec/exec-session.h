/* Further processes in containers that run, for a server: each is a struct on its loop, with its streams there. None holds a
 * thread, nor has anything to do with the terminal and the signals of our own process (a command line has job-exec.h). At most
 * three descriptors each while it runs, in a folder RUN/NS/ID/exec-EXEC_ID; of one that has ended nothing stays, in containerd
 * neither.
 *
 * A containerd that is away is borne for core_conf.return_ms (0: EXEC_AWAY_MS) while the process runs: its streams need none. */
#pragma once
#include "core.h"
#include "logfile.h"
#include "strv.h"
#include "tasks.h"
#include "workers.h"

struct exec_sessions;
struct exec_session;

enum { EXEC_SESSIONS_MAX = 1024, EXEC_AWAY_MS = 15000, EXEC_PREFIX = 15 };

/* @core is on @core->loop, of a core_open_on(), and outlives them; @workers read what a container could make slow, its passwd and
 * group, and end engines that hang (NULL: the loop does). */
struct exec_sessions *exec_sessions_new(struct core *, struct workers *);
/* Every process is to be killed, also one that is just being started; their owners are told of -ERR_CANCELLED at once. None begins
 * any more. */
void exec_sessions_end(struct exec_sessions *);
/* Those that are, with those that are still to be killed or cleared away: 0 is reached soon after exec_sessions_end(), where
 * containerd is there. */
size_t exec_sessions_busy(const struct exec_sessions *);
/* For another process that is to end them by exec_clear(): appends namespace, ID and EXEC_ID of each that may run, or may yet be
 * started by what containerd was asked for. */
void exec_sessions_left(const struct exec_sessions *, struct strv *ret);
/* The owners likewise. What is left of the processes is left. The workers, which may be at work for one, may outlive them. */
void exec_sessions_free(struct exec_sessions *);
DEFINE_CLEANUP(struct exec_sessions, exec_sessions_free)

struct exec_session_told {
	void (*output)(void *arg, enum log_stream, const char *p, size_t n);
	void (*closed)(void *arg, enum log_stream); /* the end of it; before ended(), but of streams that others hold open */
	void (*room)(void *arg);                    /* all that exec_session_write() was given has been taken; NULL: no input */
	/* Once, last: the session is gone. With its exit, when the process ran (@r 0), after all of its output. Else @r and @err
	 * (borrowed): -ERR_NOT_FOUND of the container or its task, -ERR_PRECONDITION where it does not run, also when it ended
	 * first; err.exit_code 126 and 127 of a command that cannot be run; -ERR_CANCELLED of the set's end; containerd's own. */
	void (*ended)(void *arg, int r, const struct ctrd_exit *, const struct err *err);
};
/* All is copied but the functions, which are called in turns to come. User, folder and environment are the container's. */
struct exec_session_conf {
	const char *id; /* of the container, to the letter */
	const char *ns; /* that it is in; NULL: the core's */
	const struct strv *args;
	const char *prefix; /* of its EXEC_ID, at most EXEC_PREFIX letters; NULL: none */
	bool tty, input;
	bool whole; /* what it has forked ends with it (exec-family.h) */
	const struct exec_session_told *told;
	void *arg;
};
/* -ERR_EXHAUSTED: there are EXEC_SESSIONS_MAX already; -ERR_INVALID: no command; -ERR_CANCELLED: behind exec_sessions_end(). */
int exec_session_new(struct exec_sessions *, const struct exec_session_conf *, struct exec_session **ret, struct err *err);

/* The following may be called from the session's functions, until ended(). */

/* The process, if it has begun, is killed, what there is of it is cleared away, nothing is told any more, and the session is gone.
 */
void exec_session_abandon(struct exec_session *);
/* No output is told while it is on: the process waits, as at any pipe that nobody reads. */
void exec_session_pause(struct exec_session *, bool on);
/* All of it is kept. Whose writer heeds exec_session_unwritten() is bounded by one piece. */
void exec_session_write(struct exec_session *, const void *p, size_t n);
size_t exec_session_unwritten(const struct exec_session *);
void exec_session_close_input(struct exec_session *); /* behind what was written */
/* Of a terminal; before its beginning, too. */
void exec_session_resize(struct exec_session *, unsigned cols, unsigned rows);
