/* What tasks that are gone have left (record, snapshot, lease, network) is taken away: at once, or where containerd is not there
 * for that, once it is. What a plugin that ends has not come to is dangling for the next one (dangling.h). */
#pragma once
#include "attr.h"

struct desk;
struct clearings;
struct handle_kept;

/* The desk outlives it. */
struct clearings *clearings_new(struct desk *);
/* No work of it is under way: behind plugin_free(). */
void clearings_free(struct clearings *);
/* Of the task of this handle. */
void clearings_add(struct clearings *, const struct handle_kept *);
