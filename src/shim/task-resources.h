/* What is asked of a container's cgroup: Pause, Resume and Update, which the engine does; Pids and Stats, which the kernel answers.
 */
#pragma once
#include "container.h"
#include "any.pb-c.h"
#include "pb.h"

void task_pause(void *arg, struct ttrpc_stream *, const void *msg, size_t len);
void task_resume(void *arg, struct ttrpc_stream *, const void *msg, size_t len);
void task_update(void *arg, struct ttrpc_stream *, const void *msg, size_t len);
void task_pids(void *arg, struct ttrpc_stream *, const void *msg, size_t len);
void task_stats(void *arg, struct ttrpc_stream *, const void *msg, size_t len);

/* What it has used, as containerd's clients know it; its parts are in @a. -ERR_NOT_FOUND: it has no cgroup. */
int container_stats(const struct container *, struct arena *a, Google__Protobuf__Any *ret, struct err *err);
/* Its init is known: so is its cgroup, whose out-of-memory kills are told from now on. */
void container_in_cgroup(struct container *);
/* Its init has ended: nothing more is told of the cgroup but what has happened already. */
void container_left_cgroup(struct container *);
/* Nothing is started in it: it would not get anywhere, and neither would the engine. */
bool container_is_frozen(const struct container *);
/* Its init has ended or was sent SIGKILL: what is frozen runs again, since v1's freezer holds even those that are to end. */
void container_thaw(struct container *);
