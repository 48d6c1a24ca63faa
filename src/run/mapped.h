/* Tasks in a user namespace: the ids of their files. A file keeps the owner that image, host and volumes know it by, on disk and
 * for whoever looks from outside; idmapped mounts (mount_setattr(2)) show it to the container as of its own user 0, 5 ... and give
 * what the container makes in a volume back under that number. Only what it writes to its own root file system is on disk under
 * the ids of the namespace.
 *
 * davit makes these mounts itself, in RUN/NS/ID/map.N, and takes them away once the engine has made its own of them: so
 * neither engine nor snapshotter need know of it. What there is to map stands in annotations of the spec (SPEC_MAPPED N), for its
 * next start. */
#pragma once
#include "job-state.h"

struct run_users {
	struct idmap ids;
	int fd; /* the namespace, from the step "netns" on; else -1 */
};
void run_users_free(struct run_users *);

/* Of a record's spec; n is 0 where it has no user namespace. */
int mapped_ids(const struct record *, struct idmap *ret, struct err *err);
/* Which ids the job's namespace has, where a task of it wants one: of a record those in its spec. */
int run_decide_users(struct run *, struct err *err);
/* For the step "netns": makes the user namespace with the network namespace of the job; or that of a network namespace which is
 * there. */
int run_make_users(struct run *, struct err *err);
int run_join_users(struct run *, struct err *err);

/* Does this task run in it? */
bool task_is_mapped(const struct run_task *);
/* Before the task is created: mounts all, and lets t->mounts be made of them. */
int mapped_make(struct run_task *, struct err *err);
/* What was said of those places, by their sources. */
void mapped_rename(const struct run_task *, struct err *err);
/* After that, and in a rollback. */
void mapped_drop(const struct run_task *);
