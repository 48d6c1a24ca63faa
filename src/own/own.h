/* A containerd of our own, for machines where none runs: root DATA/engine, state and socket RUN/engine (places.h). People call it
 * davit's engine. Here is which containerd a face talks to, and how ours is; own-start.h and own-stop.h have how it comes and goes.
 */
#pragma once
#include "own-process.h"
#include "own-start.h"
#include "own-stop.h"

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
int own_get_status(const struct core_conf *, const struct ctx *, struct own_status *ret, struct err *err);
