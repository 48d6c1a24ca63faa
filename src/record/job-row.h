/* One job as people look at it: its record, its task and its address, put together. */
#pragma once
#include "health.h"
#include "record.h"
#include "task.h"

enum job_state {
	JOB_CREATED,
	JOB_RUNNING,
	JOB_PAUSED,
	JOB_RESTARTING /* it has ended, and is going to be started again */,
	JOB_EXITED,
	JOB_UNKNOWN
};
/* It is not at its end: neither created only nor exited. */
bool job_state_is_active(enum job_state);
const char *job_state_name(enum job_state);
bool job_state_exists(const char *name);

enum { EXIT_LOST = 255 }; /* what is told of an exit that nobody saw, as containerd tells it */

struct job_row {
	char *ns, *name, *id, *image, *command, *runtime, *network, *ip;
	enum job_state state; /* of a job of several tasks: it runs while one of them does */
	size_t n_tasks, n_running;
	pid_t pid; /* of the task that speaks for it (job_main_task()), or of one that runs */
	int exit_code;
	int64_t created_at, started_at, exited_at; /* 0 unknown */
	char *ports;                               /* "0.0.0.0:18080->8080/tcp, ..." */
	char *mounts;                              /* volumes and host paths, with commas between */
	enum health_state health;                  /* while it runs; of a job of several tasks that of the least healthy */
	int64_t restarts;                          /* since a person started it */
	int64_t size;                              /* bytes of the writable layer; -1: not asked for, or not known */
	struct dict labels;
};
void job_row_done(struct job_row *);
/* @tasks: how each of its tasks is, ABSENT where it has none, in their order. The record is one of the core's namespace. Asks
 * nobody but the kernel and the results cache of CNI. */
void job_row_fill(const struct core *, const struct record *, const struct task_status *tasks, size_t n, struct job_row *ret);
/* A row of its own for a task of a job of several: JOB.TASK. @task is its record (record_tasks()); the job's for the first. */
void job_row_fill_task(const struct core *, const struct record *job, const struct record *task, const struct task_status *,
		       struct job_row *ret);
/* What CNI has said of the job's network, or of that of the job whose network it is in; -ERR_NOT_FOUND. */
int job_row_network(const struct core *, const char *ns, const struct record *, struct cni_result *ret);
