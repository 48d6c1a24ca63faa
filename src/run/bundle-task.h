/* A task that runs a bundle (bundle.h) instead of an image: it has no image, no snapshot and nothing of davit's in its spec but
 * what it takes to be a job. */
#pragma once
#include "job-state.h"

/* Reads it. */
int run_decide_bundle(struct run_task *, struct err *err);
/* Once the network is known; of a task with an image or a record nothing. */
int run_check_bundle(const struct run_task *, struct err *err);
int run_bundle_spec(struct run_task *, struct buf *out, struct err *err);
