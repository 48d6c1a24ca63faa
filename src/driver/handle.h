/* A task of Nomad's that we know: from its StartTask or RecoverTask on until its DestroyTask. Handles and their set are for the
 * thread of the plugin's loop alone. A worker's procedure is given what it needs of one before it begins; or it is given the
 * handle, under a reference that the loop took for it, and reads of one that is not STARTING the names of struct handle_kept, which
 * do not change any more. */
#pragma once
#include "buf.h"
#include "err.h"
#include "list.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum handle_state {
	HANDLE_STARTING, /* its StartTask is under way: there is no container yet */
	HANDLE_RUNNING,  /* it runs, as far as we know */
	HANDLE_EXITED,   /* it has ended, and handle->exit says how */
};

/* How a task ended. */
struct handle_exit {
	int64_t at; /* wall time, ns; 0: not known */
	int code;   /* of the process; 128+n where signal @signal = n ended it */
	int signal;
	bool oom;
	char *err; /* how it ended cannot be told, and why; NULL: it can. Owned */
};

/* What outlives agent and plugin, as the driver_state that Nomad keeps for us: all that recovery needs, since a restarted agent has
 * not the task's config any more. */
struct handle_kept {
	char *task_id; /* Nomad's: "ALLOC/TASK/8 hex digits" */
	char *address; /* of containerd's socket; NULL: of a plugin that did not say it */
	char *ns;
	char *job; /* davit's name of it: handle_job_name() */
	char *container;
	char *image;  /* as containerd calls it; NULL: none, or not known */
	char *boot;   /* of the host, in which it was started (boot-id.h) */
	char *cgroup; /* Nomad's that the task is in, its path in each hierarchy (task-limits.h); NULL: davit's own */
	char *shared; /* folder of the cpuset that it follows (cpuset-share.h); NULL: none */
	char *stdout_path, *stderr_path;
	int64_t started_at; /* wall time, ns */
	bool tty;
};
void handle_kept_done(struct handle_kept *);
/* driver_state: MessagePack, {"v": 1, ...}. Appends to @out. */
void handle_kept_write(const struct handle_kept *, struct buf *out);
/* -ERR_INVALID for what this is not, -ERR_UNIMPLEMENTED for a version that we do not know; Roblox's driver's state is the latter.
 */
int handle_kept_read(const void *data, size_t len, struct handle_kept *ret, struct err *err);

struct handle;
/* Whoever wants to know of its end. Inside its owner; exited() is called once, on the loop, after the watch has left the list. */
struct handle_watch {
	struct list_node node;
	void (*exited)(void *arg, struct handle *);
	void *arg;
};

struct handle {
	struct handle_kept kept;
	enum handle_state state;
	struct handle_exit exit; /* of an EXITED one */
	bool destroyed;          /* no longer in the set; who still holds it finds it so */
	struct list_node watches;
	uint64_t oom_before;                  /* out-of-memory kills in its cgroup before it began: wait_before() */
	void *waiting;                        /* wait.c's: what waits for its end in containerd; NULL: nothing does */
	void (*waiting_end)(struct handle *); /* called when the last reference goes, or it is destroyed; NULL: nothing to end */
	/* start.c's, of a STARTING one: its start ends soon, and then it has EXITED; NULL: none is under way */
	void (*give_up)(void *arg);
	void *give_up_arg;
	/* the set's */
	unsigned refs;
	struct handle *next;
};

/* One reference is the caller's. @kept is taken over. */
struct handle *handle_new(struct handle_kept *kept, enum handle_state);
struct handle *handle_ref(struct handle *);
void handle_unref(struct handle *);
DEFINE_CLEANUP(struct handle, handle_unref)

/* STARTING becomes RUNNING: @container is copied. */
void handle_started(struct handle *, const char *container, int64_t at);
/* Becomes EXITED and tells the watches; a second end is not heard. @exit is taken over. */
void handle_exited(struct handle *, struct handle_exit *exit);
/* Of one that has EXITED already, the watch is told at once, within the call. */
void handle_watch(struct handle *, struct handle_watch *);
void handle_unwatch(struct handle_watch *);

/* All of them, by Nomad's id. A zeroed set is an empty one. */
struct handles {
	struct handle **slots;
	size_t n, cap;
};
void handles_done(struct handles *);                                      /* its references go */
struct handle *handles_find(const struct handles *, const char *task_id); /* borrowed; NULL: there is none */
/* The set takes a reference of its own. -ERR_EXISTS: there is one of this id. */
int handles_add(struct handles *, struct handle *, struct err *err);
/* Out of the set, whose reference goes; it is destroyed. Nothing where it is not in it. */
void handles_remove(struct handles *, struct handle *);
/* Each of them, in no order; @each may remove the one that it is given. */
void handles_each(struct handles *, void (*each)(void *arg, struct handle *), void *arg);

/* davit's name of the job of Nomad's task: of "ALLOC/TASK/INVOCATION" it is "TASK-ALLOC-INVOCATION", TASK being cut and cleaned of
 * what a job's name cannot have; of any other id its beginning and a sum of all of it. The same whenever it is asked for, at most
 * NAME_JOB_MAX long. The caller frees. */
char *handle_job_name(const char *task_id);
/* Has it the form of that of an "ALLOC/TASK/INVOCATION"? */
bool handle_is_job_name(const char *name);
/* Is @id Nomad's of an allocation, and so a name of a file as well? */
bool handle_is_alloc_id(const char *id);
/* The task's own name in "ALLOC/TASK/INVOCATION"; "" where it is none such. The caller frees. */
char *handle_task_name(const char *task_id);
