/* Waiting for what a job is, as the executor's WaitForStatus does, and not only for its end. */
#pragma once
#include "core.h"

enum wait_status {
	WAIT_PENDING, /* made, and not started; or about to be started again */
	WAIT_RUNNING,
	WAIT_PAUSED,
	WAIT_FAILED,
	WAIT_SUCCESS,
	WAIT_EXITED, /* either of both */
	WAIT_HEALTHY,
	WAIT_UNHEALTHY,
	WAIT_STATUSES
};
#define WAIT_STATUS_WORDS "pending running paused failed success exited healthy unhealthy"
/* WAIT_STATUSES: there is none of that name. */
enum wait_status wait_status_of(const char *name);

/* Until the job, or JOB.TASK, is that; across outages of containerd. -ERR_DEADLINE of @ctx says what it is instead;
 * -ERR_PRECONDITION: it has ended in the other way, so that it will not be. */
int status_wait(struct core *, const char *name, enum wait_status, const struct ctx *, struct err *err);
