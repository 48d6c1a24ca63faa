/* A job's task as containerd and the kernel know it. Whatever takes away what a task needs (network, namespace, files, snapshot,
 * record) wants to know first that it is over, and only this noun says so: containerd has answered that it ended or that there is
 * none, or the kernel that its cgroup is empty. UNKNOWN, and an answer that did not come, are no proof of anything. */
#pragma once
#include "core.h"
#include "tasks.h"

enum task_state {
	TASK_UNKNOWN, /* containerd has it and cannot say how it is: its shim does not answer */
	TASK_ABSENT,  /* containerd has none */
	TASK_CREATED, /* its first process waits for the start */
	TASK_LIVE,
	TASK_PAUSED,
	TASK_STOPPED, /* it has ended, and is still to be deleted */
};

struct task_status {
	enum task_state state;
	pid_t pid;             /* of its first process, while there is one */
	struct ctrd_exit exit; /* of a STOPPED one */
};

/* A call that is not answered is waited for a few seconds: then it is UNKNOWN. Any other failure is an error, never a state. */
int task_look(struct core *, const char *id, const struct ctx *, struct task_status *ret, struct err *err);
/* Those of all tasks of the connection's namespace; what is not in it is ABSENT. */
struct task_states {
	struct task_of {
		char *id;
		struct task_status status;
	} * v;
	size_t n;
};
void task_states_done(struct task_states *);
int task_list(struct core *, const struct ctx *, struct task_states *ret, struct err *err);
/* Borrowed; NULL: there is none. */
const struct task_status *task_states_find(const struct task_states *, const char *id);
/* Nothing of it runs, nor will: the proof. */
bool task_is_over(const struct task_status *);
/* Something of it runs, or may: neither over nor only created. */
bool task_may_live(const struct task_status *);

/* @sig, and at most @ms for the end: 1 when it came, 0 when not, or when nobody took the signal. */
int task_stop(struct core *, const char *id, int sig, int64_t ms, const struct ctx *, struct err *err);
enum { TASK_FORCED = 1 };
/* SIGKILL, until it is over, whatever its engine or its shim waits for: where these do not answer, davit itself ends the engines,
 * empties the cgroup, and in the end kills the shim. 0: it is over; TASK_FORCED: it is, and what its shim should have cleaned may
 * be left, for orphans.h. -ERR_DEADLINE when a process does not end; containerd's own errors when it does not answer. */
int task_terminate(struct core *, const char *id, const struct ctx *, struct err *err);
/* One that is over, out of containerd: absent is success. A shim that does not answer is ended: then TASK_FORCED. */
int task_delete(struct core *, const char *id, const struct ctx *, struct err *err);
/* Does the failure @r of such a Delete come from a shim or an engine that hangs? */
bool task_delete_hangs(const struct core *, int r, const struct ctx *);
/* The same blow without asking containerd, for a task that is still being created or started: the engines end, so that the call
 * has its answer. @hard: the shim too. */
int task_break(struct core *, const char *id, bool hard, const struct ctx *, struct err *err);
/* The engine that is about to start process @exec_id in the task ends. */
int task_break_exec(struct core *, const char *id, const char *exec_id, struct err *err);
