/* Making an image of a job: what davit-image is to be told of it, whatever its snapshotter. */
#pragma once
#include "core.h"
#include "scratch.h"
#include "strv.h"

#define JOB_COMMIT_INIT ((struct job_commit){ .scratch = SCRATCH_INIT, .lock = -1 })
struct job_commit {
	char *name, *id;        /* the task's */
	struct strv words;      /* of davit-image commit: base, key, snapshotter */
	struct scratch scratch; /* its lease is davit-image's, which inherits its lock as image_helper.out_fd */
	bool pauses;            /* it runs: davit-image is to freeze @id meanwhile, whose first process is @pid */
	pid_t pid;
	struct core *core;
	char *job; /* whose lock is held: its disk is a file, and nobody is to mount it meanwhile */
	int lock;  /* or -1 */
};
void job_commit_done(struct job_commit *);
/* @name: JOB, JOB.TASK, whether it runs or not. */
int job_commit(struct core *, const char *name, const struct ctx *, struct job_commit *ret, struct err *err);
/* davit-image has failed, and may have been killed: nothing of it stays, and what it froze goes on. */
void job_commit_undo(struct core *, struct job_commit *);
