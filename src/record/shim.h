/* The shims that containerd has started for a job, and the engines that these run: known by their arguments in /proc, so that they
 * are found when containerd does not know them, or they do not answer it. What they end is ended by pidfd. */
#pragma once
#include "core.h"
#include "cgroup.h"

#define CGROUPS "/sys/fs/cgroup"

/* Those of one job. @foreign: processes in its cgroup are another containerd's: nothing of it is ours to touch. @rival: a process
 * says that it is another containerd's shim of that id, which may be about to start some. Any job can say so, so this keeps from
 * clearing away what containerd does not know, never from ending a job that it does. */
struct shims {
	const struct core *core;
	const char *id;
	ino_t mounts;
	struct strv pids;
	bool foreign, rival;
};
void shims_done(struct shims *);

/* The mount namespace of the core's containerd, in which its shims are: the functions below want to know. 0: cannot be told. */
ino_t shims_home(const struct core *);
/* Can they see what is mounted here? Who is in another mount namespace is told what is in the way: -ERR_PRECONDITION. Of any mount;
 * and of the one at @path, which they may see all the same where it was passed on. 0 also where containerd is of another pid
 * namespace, so that nobody knows. Costs two looks into /proc. */
int shims_are_near(const struct core *, struct err *err);
int shims_see(const struct core *, const char *path, struct err *err);
/* Fills a zeroed or used one. @id is borrowed. */
int shims_find(const struct core *, ino_t home, const char *id, struct shims *ret, struct err *err);
/* Ids of the namespace's jobs that have one, added to @ids. */
int shims_ids(const struct core *, ino_t home, struct strv *ids, struct err *err);
/* An engine makes, removes or enters the container right now. */
bool shims_busy(const struct shims *);
/* SIGKILL to the engines with all that they have started, but for what is in the job's own cgroup. @exec_id: only to those that
 * have it in their arguments; NULL: to all. */
void shims_end_engines(const struct shims *, const char *exec_id);
/* SIGKILL to the shims themselves, and a short wait for their end. */
void shims_end(const struct shims *);
