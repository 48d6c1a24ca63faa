/* A containerd of our own, for machines where none runs: root DATA/engine, state and socket RUN/engine. */
#pragma once
#include "core.h"

/* Below RUN and DATA. In RUN it stands beside the folders of namespaces, so none of ours is called that. */
#define ENGINE_FOLDER "engine"

struct engine_status {
	bool running;
	pid_t pid;
	char *address, *version, *program, *config;
	size_t jobs;
};
void engine_status_done(struct engine_status *);

/* The engine's address: RUN/engine/containerd.sock. The caller frees. */
char *engine_address(const struct core_conf *);
bool engine_running(const struct core_conf *);
/* Starts it (lock against two starters; detached from us, own session, log DATA/engine/containerd.log) and waits until it
 * answers (at most 30 s). Already running is success. -ERR_NOT_FOUND with the package's name when there is no program
 * containerd. */
int engine_start(const struct core_conf *, const struct ctx *, struct err *err);
/* -ERR_PRECONDITION when jobs run, unless @force (which kills them). Not running is success. */
int engine_stop(const struct core_conf *, bool force, const struct ctx *, struct err *err);
int engine_get_status(const struct core_conf *, const struct ctx *, struct engine_status *ret, struct err *err);
