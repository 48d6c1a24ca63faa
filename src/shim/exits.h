/* The ends of a container's processes: told each behind its own start, and the init's last. When the init has ended, execs that an
 * engine is still starting are waited for, then all that is left of the container is killed, where it does not go with the init's
 * PID namespace; then the ends are told. An engine that hangs meanwhile is killed. Source: reference containerd.md C.6. */
#pragma once
#include "engine.h"

struct container;
struct process;
struct exits {
	bool outlived; /* what else runs in the container does not end with its init */
	bool swept;
	struct engine_call sweep;
	struct timer patience;
};
void exits_init(struct container *);
void exits_done(struct container *);
/* The init's process is known. */
void exits_of_init(struct container *, pid_t);
/* It has ended with this wait(2) status. */
void exits_note(struct process *, int status);
/* Tell what can be told by now, and do what has to be done before the rest. */
void exits_settle(struct container *);
