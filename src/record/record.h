/* A job as containerd remembers it: the container record with our labels and the job's JSON in an extension. */
#pragma once
#include "claim.h"
#include "containers.h"
#include "places.h"
#include "tasks.h"

struct record {
	struct ctrd_container c;
	char *name;      /* the job's; of record_find_task() the task's, JOB.TASK, where that was named */
	struct job *job; /* NULL when the extension is missing or unreadable */
	size_t task;     /* whose record it is; 0 is the job's own */
};
void record_done(struct record *);

struct records {
	struct record *v;
	size_t n;
};
void records_done(struct records *);

/* By the job's name, the container's id, or a unique beginning of the id. -ERR_NOT_FOUND suggests the nearest name; -ERR_INVALID
 * says of a task's name, JOB.TASK, that the whole job is asked for. */
int record_find(struct core *, const char *what, const struct ctx *, struct record *ret, struct err *err);
/* Of the container that has just this id: -ERR_NOT_FOUND when there is none, whatever names begin like it. */
int record_get(struct core *, const char *id, const struct ctx *, struct record *ret, struct err *err);
/* Which task of a job is meant: "JOB.TASK", or the id of its container. JOB alone is the task that speaks for the job
 * (job_main_task()), and *ret_all says whether it has others. The record is the task's. */
int record_find_task(struct core *, const char *what, const struct ctx *, struct record *ret, bool *ret_all, struct err *err);
/* The lock of the job whose record has this id (claim_lock()), by the name that it has now: @name is what it was called when
 * somebody looked, and is replaced where that is past. One whose record is gone is locked by the name that it had. */
int record_lock(struct core *, const char *id, char **name, bool wait, const struct ctx *, int *ret_fd, struct err *err);
/* The records of all tasks of the job @job is the record of, in their order; one that is missing has no id. */
int record_tasks(struct core *, const struct record *job, const struct ctx *, struct records *ret, struct err *err);
/* The id of its job. */
const char *record_job_id(const struct record *);
/* "JOB.TASK", or JOB where it has one task; the caller frees. */
char *record_task_name(const struct record *, size_t task);
/* Every job of the connection's namespace. */
struct ctrd_call *record_list_begin(struct core *, const struct ctx *);
int record_list_end(struct ctrd_call *, const struct ctx *, struct records *ret, struct err *err);
/* The same, with nothing of their specs but the process: what a list shows. */
int record_list_end_brief(struct ctrd_call *, const struct ctx *, struct records *ret, struct err *err);
int record_list(struct core *, const struct ctx *, struct records *ret, struct err *err);

/* The exit that RECORD_EXIT remembers: true when there is one. */
bool record_exit(const struct record *, int *ret_code, int64_t *ret_at);
/* Likewise RECORD_TASK_EXIT, of the task whose record it is. */
bool record_task_exit(const struct record *, struct ctrd_exit *ret);
