/* A job's task as containerd and the kernel know it. Whatever takes away what a task needs (network, namespace, files, snapshot,
 * record, volumes) takes a proof that it is over, and only this noun makes one: containerd has answered that it ended or that there
 * is none, a kill was followed by the end, or the kernel says that its cgroup is empty, which was seen before. UNKNOWN, and an
 * answer that did not come, are no proof of anything. Nobody else asks containerd how a task is (tools/lint looks).
 *
 * The cgroup has all that the task runs, its first process from Create on: that one's end, by a pidfd, would say less and is not
 * asked for. What a privileged job moves to a cgroup of the host's is the host's. */
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

/* How it is. A call that is not answered is waited for a few seconds: then it is UNKNOWN. Any other failure is an error, never a
 * state. */
int task_look(struct core *, const char *id, const struct ctx *, struct task_status *ret, struct err *err);
/* The same of a process that exec made in it; @exec_id NULL: the task itself. */
int task_look_process(struct core *, const char *id, const char *exec_id, const struct ctx *, struct task_status *ret,
		      struct err *err);
/* The same in halves, for who must not block; without a limit of its own. */
struct ctrd_call *task_look_begin(struct core *, const char *id, const char *exec_id, const struct ctx *);
int task_look_end(struct ctrd_call *, const struct ctx *, struct task_status *ret, struct err *err);
/* Those of all tasks of the connection's namespace; what is not in it is ABSENT. */
struct task_states { /* in the order of their ids */
	struct task_of {
		char *id;
		struct task_status status;
	} * v;
	size_t n;
};
void task_states_done(struct task_states *);
struct ctrd_call *task_list_begin(struct core *, const struct ctx *);
int task_list_end(struct ctrd_call *, const struct ctx *, struct task_states *ret, struct err *err);
int task_list(struct core *, const struct ctx *, struct task_states *ret, struct err *err);
/* Those of @n tasks alone, asked for side by side; one that containerd has not is left out, as of a list. */
int task_look_all(struct core *, const char *const *ids, size_t n, const struct ctx *, struct task_states *ret, struct err *err);
/* Borrowed; NULL: there is none. */
const struct task_status *task_states_find(const struct task_states *, const char *id);
/* Nothing of it runs, nor will. */
bool task_is_over(const struct task_status *);
/* Something of it runs, or may: neither over nor only created. */
bool task_may_live(const struct task_status *);

/* The proof that the task of one id is over. It is true at a moment: it stays so under the job's lock, as long as its holder makes
 * no task. There is no other way to have one than the functions below. */
struct task_over;
void task_over_free(struct task_over *);
DEFINE_CLEANUP(struct task_over, task_over_free)
struct task_over *task_over_copy(const struct task_over *);
/* Whose it is; borrowed. */
const char *task_over_id(const struct task_over *);
/* containerd still has it, to be deleted. */
bool task_over_is_there(const struct task_over *);
/* Its exit, where containerd still had it when the proof was made; else its time is 0. Borrowed. */
const struct ctrd_exit *task_over_exit(const struct task_over *);
/* davit had to end it: what its shim should have cleaned may be left, for orphans.h. */
bool task_over_was_forced(const struct task_over *);

/* Of a task that nobody has asked containerd for: for who holds the lock of the job's name, has just made its id or seen its last
 * task go, and has not begun a Create. */
struct task_over *task_over_unmade(const char *id);
/* 1 with the proof, when it is over; 0 when it is not, or nobody can tell. Touches nothing. @ret_status may be NULL. */
int task_prove(struct core *, const char *id, const struct ctx *, struct task_status *ret_status, struct task_over **ret,
	       struct err *err);
/* The same, but one that was only created, and waits for its start, is ended: @ret_status says how it was before. For who holds the
 * job's lock. */
int task_end_unstarted(struct core *, const char *id, const struct ctx *, struct task_status *ret_status, struct task_over **ret,
		       struct err *err);

enum { TASK_FORCED = 1 };
/* SIGKILL, until it is over, whatever its engine or its shim waits for: where these do not answer, davit itself ends the engines,
 * empties the cgroup, and in the end kills the shim. 0: it is over; TASK_FORCED: it is, and what its shim should have cleaned may
 * be left, for orphans.h. -ERR_DEADLINE when a process does not end; containerd's own errors when it does not answer. @ret: the
 * proof; may be NULL. */
int task_terminate(struct core *, const char *id, const struct ctx *, struct task_over **ret, struct err *err);
/* SIGKILL to each of @n, side by side, without a proof of anything: before a task_terminate() of each. */
void task_kill_all(struct core *, const char *const *ids, size_t n, const struct ctx *);
/* One that is over, out of containerd: absent is success. A shim that does not answer is ended: then TASK_FORCED. */
int task_delete(struct core *, const char *id, const struct ctx *, struct err *err);
/* Does the failure @r of such a Delete come from a shim or an engine that hangs? */
bool task_delete_hangs(const struct core *, int r, const struct ctx *);
/* The same blow without asking containerd, for a task that is still being created or started: the engines end, so that the call
 * has its answer. @hard: the shim too. */
int task_break(struct core *, const char *id, bool hard, const struct ctx *, struct err *err);
/* The engine that is about to start process @exec_id in the task ends. */
int task_break_exec(struct core *, const char *id, const char *exec_id, struct err *err);
