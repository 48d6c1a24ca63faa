/* What a job leaves behind, and taking it away. Everything is found from the name and the id, so it works for a job that
 * ended, one that is being rolled back, and one whose davit was killed. Each part is done though another failed; the
 * first error is returned. Absent is success throughout. But nothing is taken away without proof that what uses it is over
 * (task.h, job-over.h), and nobody else in davit takes any of it away (tools/lint proofs). */
#pragma once
#include "job-over.h"
#include "record.h"

/* End the task if there is one, and delete it. */
int remains_task(struct core *, const char *id, const struct ctx *, struct err *err);
/* End @n tasks, those that there are, and delete them, side by side. @ret: the proof of each, NULL where there is none. The first
 * error. */
int remains_tasks(struct core *, const char *const *ids, size_t n, const struct ctx *, struct task_over **ret, struct err *err);
/* After a job's end, its lock held: remember the exits on the records, delete the tasks, release the network. The record stays.
 * 1: done; 0: nothing was, since it runs, or nobody knows. */
int remains_settle(struct core *, const struct record *, const struct ctx *, struct err *err);
/* Under the job's lock: 1, with the proof, when record @id is there and its tasks are over; those that were never started are
 * ended. What was seen before the lock was had may be past: somebody removed it (and made another of that name), or started it
 * again. */
int remains_is_over(struct core *, const char *id, const struct ctx *, struct job_over **ret, struct err *err);
/* The same by whoever notices the end first, or the removal of a --rm job; who comes later waits for it. A job of several tasks
 * that is between two lives is left alone. */
int remains_after_end(struct core *, const struct record *, const struct ctx *, struct err *err);
/* All of a job that is over: tasks, network, records, snapshots, folders, logs, the volumes that it made for itself when @volumes,
 * and the claim last. */
int remains_remove(struct core *, const char *name, const struct job_over *, bool volumes, const struct ctx *, struct err *err);
/* Only the claim is known: it came to no id. */
int remains_remove_claim(struct core *, const char *name, const struct ctx *, struct err *err);

/* One by one, for a rollback. CNI's DEL: */
int remains_remove_network(const struct core *, const struct job_over *, const struct ctx *, struct err *err);
int remains_remove_netns(const struct job_over *, struct err *err);
/* What a start makes; @logs: those of all its tasks too. */
void remains_remove_files(const struct core *, const struct job_over *, bool logs);
/* @path is a tmpfs with mounts in it: all go, and nothing of what they were made from, whatever the propagation of that. Absent:
 * fine. */
void remains_unmount(const char *path);
/* All that are in RUN/NS/ID (places_map() ...). */
void remains_unmount_all(const char *run_dir);
int remains_remove_snapshot(const struct core *, const struct task_over *, const char *snapshotter, const struct ctx *,
			    struct err *err);
int remains_remove_record(const struct core *, const struct task_over *, const struct ctx *, struct err *err);
