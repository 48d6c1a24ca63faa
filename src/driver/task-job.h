/* A task as Nomad describes it (TaskConfig, and in it the options of this driver) as a job of davit's. Pure: nothing of the host is
 * looked at, and nothing is forbidden; that is task-policy.h's. Limits come from task-limits.h. */
#pragma once
#include "driver-conf.h"
#include "job.h"
#include "nomaddriver.pb-c.h"
#include "task-conf.h"

struct task_said {
	const Driver__TaskConfig *task;
	const struct task_conf *conf;
	const struct driver_conf *driver;
};

struct task_job {
	struct job *job; /* owned, of one task, not yet checked */
	int auth_fd;     /* > 0: its option auth { config }, opened by task_policy() */
	size_t n_asked;  /* of its mounts how many its options ask for; those behind them are Nomad's own */
};
void task_job_done(struct task_job *);
/* -ERR_INVALID names the option. */
int task_job_make(const struct task_said *, struct task_job *ret, struct err *err);

/* Of task-mounts.c, for task_job_make(): what is mounted, and devices. */
int task_job_mounts(const struct task_said *, struct task_job *, struct err *err);
/* Of task-network.c: network, names, name servers, ports. */
int task_job_network(const struct task_said *, struct job *, struct err *err);
/* A port of the group's, or of the task's own block. False: there is none of this label. What @ret points to is @res's. */
bool task_port(const Driver__Resources *res, const char *label, Driver__PortMapping *ret);
/* The path of the network namespace that Nomad has made for the group, borrowed; NULL: none. */
const char *task_netns(const Driver__TaskConfig *);
