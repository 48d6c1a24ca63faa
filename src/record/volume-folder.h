/* Volumes as they lie on the disk: the folder DATA/volumes/NS/NAME (places.h) with _data and volume.json (created, labels). Finding
 * them and throwing them away; who uses them is volume-users.h, making them volume.h. */
#pragma once
#include "core.h"
#include "task.h"

struct volume {
	char *name, *path;
	int64_t created_at;
	struct dict labels;
	bool anonymous;
};
struct volumes {
	struct volume *v;
	size_t n;
};
void volume_done(struct volume *);
void volumes_done(struct volumes *);

int volume_check_name(const char *name, struct err *err);
int volume_get(const struct core *, const char *name, struct volume *ret, struct err *err);
int volume_list(const struct core *, struct volumes *ret, struct err *err);
/* The lock under which volumes of the namespace come and go: its descriptor. Nobody holds it for long. */
int volume_lock_all(const struct core *, const struct ctx *, struct err *err);
/* Did the task of @over make it for itself? */
bool volume_is_of(const struct volume *, const struct task_over *);
/* Away with one that is. -ERR_PRECONDITION when it is not: then others may use it. Absent is success. */
int volume_drop_own(const struct core *, const char *name, const struct task_over *, const struct ctx *, struct err *err);
/* Its own lock, by LOCK_SH or LOCK_EX: 1: held, until *ret_fd is closed; 0: by others. Whoever makes a job has it shared until a
 * record says that the job uses the volume. -ERR_NOT_FOUND: the volume has gone. */
int volume_lock(const struct core *, const char *name, int how, int *ret_fd, struct err *err);
/* Away with any. @lock is its own, by LOCK_EX: no job is being made with it, and who holds that has asked since whether a record
 * names it. -ERR_PRECONDITION when @lock is another's. */
int volume_drop(const struct core *, const char *name, int lock, const struct ctx *, struct err *err);
