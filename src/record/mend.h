/* Mending what a crash, a reboot or a lost network namespace has left of the jobs of a namespace, in this order:
 *  state    a job that ended while nobody looked: its exit is recorded (255 where nobody knows it, as containerd has it), its task
 *           deleted, its network released.
 *           One that a commit had frozen which was killed goes on;
 *  network  a job that runs and whose file in NETNS_DIR is gone gets it again from its process. One whose namespace cannot be had
 *           so is told of and left alone;
 *  lease    what killed davits left (reconcile.h), orphans, folders that are nobody's;
 *  monitor  a job that asks for one, and has none, gets one; one that a recovery has left is started (broken-recovery.h).
 * Who is at work on a job has its lock, and that job is left to them. Nothing is done because an answer was missing. */
#pragma once
#include "core.h"
#include "record.h"
#include "task.h"

enum mend_part { MEND_STATE, MEND_NETWORK, MEND_LEASE, MEND_MONITOR, MEND_START };
const char *mend_part_name(enum mend_part);

/* What was done, or with a dry run would be; or could not be. */
struct mend {
	enum mend_part part;
	char *ns, *job, *id; /* job and id NULL: @text says what it is about */
	char *text;
	bool failed;
};
struct mends {
	struct mend *v;
	size_t n, cap;
	size_t failed;
	size_t wanted; /* jobs that run, or are going to */
};
void mends_done(struct mends *);
/* @rec may be NULL. */
void mends_add(struct mends *, enum mend_part, const struct core *, const struct record *, const char *fmt, ...) _printf_(5, 6);
void mends_fail(struct mends *, enum mend_part, const struct core *, const struct record *, const struct err *why);

struct mend_how {
	bool dry_run;
	bool asking_only; /* only jobs that ask to be looked after, and no leases: in a namespace that nobody has named */
	bool no_monitors; /* those come later: they would start what has ended */
};
/* One job's failure keeps nothing from the others: it is an entry of @ret. */
int mend_jobs(struct core *, const struct mend_how *, const struct ctx *, struct mends *ret, struct err *err);
/* The last part alone. */
int mend_monitors(struct core *, const struct mend_how *, const struct ctx *, struct mends *ret, struct err *err);
/* The first part alone, of the jobs that a list has found to be due (mend_is_due()): what ends while nobody waits for it keeps a
 * shim, its network and a place in containerd's list until then. By one process at a time, that has the descriptor of
 * mend_ended_begin() open, which a child inherits; -1: another has, or there is no such namespace's folder. */
int mend_ended_begin(const struct core *);
int mend_ended_jobs(struct core *, const struct ctx *, struct err *err);
/* Whoever wants each job that has ended waits for that, some seconds. */
void mend_ended_await(const struct core *, const struct ctx *);
/* All of it has ended, something of it is left, and nobody sees to that: not its monitor, no davit at work, no agent of Nomad's;
 * and no task that comes last is to run, for which some davit may wait until others have ended, too.
 * @tasks: of all that it has. Touches nothing. */
bool mend_is_due(const struct core *, const struct record *, const struct task_status *tasks, size_t n);
/* The second part for one job, whose lock is not needed when nobody else may end it: 1 when its file was bound again. Costs a look
 * at that file where it is there. */
int mend_netns(struct core *, const char *id, const struct job *, const struct ctx *, struct err *err);
/* What every command does for a job that it has come across, with all of its tasks as they were seen: a commit's freeze, network
 * and monitor. Says nothing: what cannot be mended is told by davit reconcile. True: it is being started. */
bool mend_touched(struct core *, const struct record *, const struct task_status *tasks, size_t n, const struct ctx *);
