/* The process of our own containerd: its address, who listens there, and the lock under which it comes and goes. */
#pragma once
#include "core.h"

/* Its address: RUN/engine/containerd.sock. The caller frees. */
char *own_address(const struct core_conf *);
bool own_running(const struct core_conf *);
/* Its pid, and a pidfd of it. -ERR_NOT_FOUND: nobody listens; -ERR_PRECONDITION: it is not ours who does. */
int own_process(const struct core_conf *, pid_t *ret, int *ret_fd, struct err *err);
/* A core for questions to it, in no namespace of the caller's. */
int own_link(const struct core_conf *, struct core **ret, struct err *err);
/* Who starts and who ends it holds this lock: its descriptor. Makes its folders. */
int own_lock(const struct core_conf *, const struct ctx *, struct err *err);
