/* The last step of a container's start without a process of the engine's. The init that crun or runc has made waits at a FIFO in
 * the engine's folder, ROOT/ID/exec.fifo, crun's to read from it, runc's to write to it; the FIFO itself tells which of the two, by
 * the end that is held. What is done is what their `start` does, poststart hooks apart: who has some calls the engine. */
#pragma once
#include "engine.h"
#include "loop.h"

/* Stands inside its owner; zeroed it is of none. */
struct exec_fifo {
	struct watch fifo, init;
	char *path;
	int fd, init_fd;
	bool begun; /* the init has written */
	void (*ended)(void *arg, bool started);
	void *arg;
};

/* Of the container @id, whose init is behind @pidfd. 1: it has started. 0: it does, and @ended(@arg, whether it has) follows, where
 * the exec_fifo may be used again. -ERR_UNIMPLEMENTED: this engine has no such FIFO, and nothing has happened. Where it has not
 * started the engine is to be called, which knows why. */
int exec_fifo_begin(struct exec_fifo *, struct loop *, const struct engine *, const char *id, int pidfd,
		    void (*ended)(void *arg, bool started), void *arg);
static inline bool exec_fifo_on(const struct exec_fifo *f) { return watch_on(&f->fifo); }
void exec_fifo_done(struct exec_fifo *); /* of none: nothing */
