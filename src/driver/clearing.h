/* What tasks that are gone, or starts that came to nothing, have left (record, snapshot, lease, network) is taken away: at once, or
 * where containerd is not there for that, once it is: then one of them is tried after pauses that grow from 1 s to 5 min, and all
 * follow the first that comes off. The log has a line of the first. What a plugin that ends has not come to is dangling for the
 * next one (dangling.h). */
#pragma once
#include "attr.h"
#include <stdbool.h>

struct desk;
struct clearings;

/* The desk outlives it. */
struct clearings *clearings_new(struct desk *);
/* No work of it is under way: behind plugin_free(). */
void clearings_free(struct clearings *);
/* What job @job has left, or, with @container, that container alone; once, however often it is asked for. */
void clearings_add(struct clearings *, const char *address, const char *ns, const char *container, const char *job);
/* A start of @job is about to begin, and takes away itself what is left of another: what waits for that is given up. True: there
 * was something, which is the start's to have cleared if it comes to nothing. */
bool clearings_leave(struct clearings *, const char *job);
/* What failed with @r for now may come off later. */
bool clearing_may_come(int r);
