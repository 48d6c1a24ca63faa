/* The containers of a shim, one or those of a pod, and their processes: what each is, what is being done to it, who waits for it.
 * An operation that an engine works on parks its call; a process has one at a time. */
#pragma once
#include "attach-soon.h"
#include "cgroup-of.h"
#include "engine.h"
#include "exec-fifo.h"
#include "exits.h"
#include "publisher.h"
#include "list.h"
#include "oom.h"
#include "process-io.h"
#include "pty.h"
#include "seccomp-kept.h"
#include "ttrpc-server.h"

struct shim {
	struct loop *loop;
	struct ttrpc_server *server;
	struct publisher *publisher;
	const char *ns;
	struct list_node containers;
	struct watch signals;
	struct post orphans;     /* collect.h */
	struct list_node parked; /* parked.h */
	struct post unpark;
	struct attach_soon attach;
	bool over;             /* Shutdown was asked for, or a signal came */
	struct container *pod; /* of the sandbox API; among them; NULL: none */
};

enum process_state { PROCESS_CREATING, PROCESS_CREATED, PROCESS_RUNNING, PROCESS_PAUSING, PROCESS_PAUSED, PROCESS_STOPPED };

struct container;
struct process {
	struct list_node node; /* among the execs; the init is in its container */
	struct container *of;
	char *exec_id; /* "" of the init */
	enum process_state state;
	bool terminal, starting, exit_held;
	bool failed; /* what the engine was called for last: its error has been told */
	char *in, *out, *err;
	struct process_io io;
	struct pty *pty;
	void (*drained)(struct process *); /* who waits for the last of its terminal */
	pid_t pid;
	struct reap reap;
	uint32_t status;
	int64_t exited_at; /* wall ns */
	struct engine_call call;
	struct strv words; /* for an engine that waits for a logger */
	bool words_io;
	struct exec_fifo fifo;      /* of an init that starts without the engine */
	struct ttrpc_stream *asked; /* who waits for the engine; NULL: nobody any more */
	const char *failure;        /* what stands before the engine's error */
	void (*done)(struct process *);
	struct list_node waits; /* parked calls of Wait */
};

struct container {
	struct list_node node;
	struct shim *shim;
	char *id, *bundle;
	char *checkpoint; /* the folder that it is restored from when it is started; NULL: none */
	struct engine engine;
	struct seccomp_kept seccomp;
	bool start_hooks; /* or it cannot be told: the engine calls them at `start` */
	struct process init;
	struct list_node execs;
	struct exits exits;
	struct list_node kills;  /* engine-kill.h */
	bool silent, deleted;    /* a pod of the sandbox API: nobody hears of it; its engine has */
	int64_t created_at;      /* the same; wall ns */
	struct cgroup_of cgroup; /* the init's, task-resources.h */
	struct oom oom;
};

struct container *container_find(const struct shim *, const char *id);
/* @exec_id "": the init. NULL: there is none. */
struct process *process_find(struct container *, const char *exec_id);
struct container *container_new(struct shim *, const char *id, const char *bundle);
void container_free(struct container *);
/* The shim ends, the container does not: engines that are at work on it are killed, and nobody is answered. */
void container_abandon(struct container *);
struct process *process_new_exec(struct container *, const char *exec_id);
void process_free_exec(struct process *);

/* The engine is called with @words for @p, whose call @asked is parked; then @done. On failure the call is answered with the
 * engine's error behind @failure, and @done is called with the state unchanged: process.asked is NULL then. */
int process_engine(struct process *, const struct strv *words, bool io, const char *failure, struct ttrpc_stream *asked,
		   void (*done)(struct process *), struct err *err);
/* Does an engine work on it, or is its start under way? */
bool process_busy(const struct process *);
/* Read the pid file that the engine wrote: from now on its end is known. */
int process_adopt(struct process *, const char *pid_file, struct err *err);
/* Its start is over: an end that came meanwhile is told now. */
void process_started(struct process *);
