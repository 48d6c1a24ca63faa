/* What runs in our own containerd: tasks that have not ended, in every namespace, whoever made them. */
#pragma once
#include "core.h"

struct own_tasks {
	struct own_task {
		char *ns, *id;
	} * v;
	size_t n, cap;
};
void own_tasks_done(struct own_tasks *);
/* Those of the containerd that @c is connected to. */
int own_tasks_list(struct core *, const struct ctx *, struct own_tasks *ret, struct err *err);
/* Ended and deleted (remains_task()), one after another, each within its time; one that does not end keeps none of the others
 * from it. The first error is returned; only -ERR_CANCELLED comes at once. */
int own_tasks_end(struct core *, const struct own_tasks *, const struct ctx *, struct err *err);
