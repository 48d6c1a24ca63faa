/* Jobs that join a set while somebody looks at it: those whose tasks appear among all tasks, or, for who asks for all, whose
 * records are there. Each is told of once. */
#pragma once
#include "record.h"
#include "task.h"

struct set_joins;
struct set_joins *set_joins_new(const char *set); /* borrowed */
void set_joins_free(struct set_joins *);
/* The job of this id is not told of. */
void set_joins_know(struct set_joins *, const char *id);
/* @tasks NULL: by the records of all jobs of the namespace. @ret: those that have joined since. */
int set_joins_look(struct set_joins *, struct core *, const struct task_states *tasks, const struct ctx *, struct records *ret);
