/* A containerd of our own, for machines where none runs: root DATA/engine, state and socket RUN/engine (places.h). People call it
 * davit's engine. */
#pragma once
#include "core.h"

/* A core for a face: at conf.address where it is given, else at CTRD_ADDRESS, else at our own containerd, which is started when
 * it does not run. -ERR_UNAVAILABLE with the remedy when there is no containerd. RUN and DATA are made ours (core_own_folders()).
 */
int own_open(const struct core_conf *, const struct ctx *, struct core **ret, struct err *err);
/* Never starts one, and makes nothing: for doctor, engine status, completion. */
int own_open_existing(const struct core_conf *, struct core **ret, struct err *err);

struct own_status {
	bool running;
	pid_t pid;
	char *address, *version, *program, *config;
	size_t jobs;
};
void own_status_done(struct own_status *);

/* Its address: RUN/engine/containerd.sock. The caller frees. */
char *own_address(const struct core_conf *);
bool own_running(const struct core_conf *);
/* Starts it (lock against two starters; detached from us, own session, log DATA/engine/containerd.log) and waits until it
 * answers (at most 30 s). Already running is success. -ERR_NOT_FOUND with the package's name when there is no program
 * containerd. */
int own_start(const struct core_conf *, const struct ctx *, struct err *err);
/* -ERR_PRECONDITION when jobs run, unless @force (which kills them). Not running is success. */
int own_stop(const struct core_conf *, bool force, const struct ctx *, struct err *err);
int own_get_status(const struct core_conf *, const struct ctx *, struct own_status *ret, struct err *err);
