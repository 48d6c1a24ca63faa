/* Containers that the driver has made and that no task of Nomad's has any more: those of a StartTask whose plugin was killed (or
 * its claim, where it had not come to a container), or of a client that was wiped. They are removed at every period
 * (gc.dangling_containers), with care: what is younger than the grace, what a handle knows, and what was made for another client
 * than ours (its node's id is on the container) is left alone; so is everything as long as no task has told us which client that
 * is, or containerd's lists did not come. What has ended stays where gc.container says that such containers are kept for looking
 * at. */
#pragma once
#include "containers.h"
#include <stdbool.h>

struct desk;
struct dangling;

/* Looks for the first time after a period, when the agent has had its time to ask for its tasks again. The desk outlives it. */
struct dangling *dangling_new(struct desk *);
/* No work of it is under way: behind plugin_drain(). */
void dangling_free(struct dangling *);
DEFINE_CLEANUP(struct dangling, dangling_free)
/* The options may have changed. */
void dangling_set(struct dangling *);
/* A task of the agent's says whose client this is. Nothing where it does not. */
void dangling_learn(struct dangling *, const char *node_id);
/* The task is somebody's from now on: what a look has found of it stays, also when its removal waits for the job's lock already, as
 * it does behind a start. False: it is being removed. */
bool dangling_spare(struct dangling *, const char *task_id, const char *job);

/* Is @c a container of the driver's for client @node, made before @before (wall time, ns)? Then its task's id, borrowed; else
 * NULL. */
const char *dangling_task(const struct ctrd_container *c, const char *node, int64_t before);
