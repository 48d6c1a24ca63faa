/* Jobs that join a set while somebody looks at it: those whose records are there, whether or not they still run. Each is told of
 * once. */
#pragma once
#include "record.h"

struct set_joins;
struct set_joins *set_joins_new(const char *set); /* borrowed */
void set_joins_free(struct set_joins *);
/* The job of this id is not told of. */
void set_joins_know(struct set_joins *, const char *id);
/* @ret: those that have joined since. containerd picks the set's out of all records. On a failure, too, @ret has those that were
 * read before it, which are known from then on: the others are told of when it is asked again. */
int set_joins_look(struct set_joins *, struct core *, const struct ctx *, struct records *ret);
