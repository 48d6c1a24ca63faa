/* Whether jobs are over for good: nothing of them runs, and neither their policy, their set's recovery nor who is at it just now
 * starts any of it again. For who shows what they say until then; each look serves all jobs, at their tasks alone where these are
 * few, and is made a few times a second at most. One that a person starts again is not over any more. */
#pragma once
#include "task.h"

enum { JOB_ENDS_LOOK_MS = 200 };

struct job_ends;
/* @ctx, of each call that it makes, is borrowed. */
struct job_ends *job_ends_new(struct core *, const struct ctx *);
void job_ends_free(struct job_ends *);
DEFINE_CLEANUP(struct job_ends, job_ends_free)
void job_ends_add(struct job_ends *, const char *id);
/* True: there was time for a look, and containerd has answered. */
bool job_ends_look(struct job_ends *);
/* All of them are, as of the last look; there was one since the last was added. */
bool job_ends_all(const struct job_ends *);
/* As the last look had them; borrowed. */
const struct task_states *job_ends_tasks(const struct job_ends *);
