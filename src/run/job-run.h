/* Running a job: the graph of its steps (job-steps.c) and what stands around it. */
#pragma once
#include "console.h"
#include "core.h"
#include "heir-fork.h"
#include "job.h"
#include "timing.h"

enum run_mode { RUN_FOREGROUND, RUN_DETACHED, RUN_CREATE /* everything but the task */ };

/* Who wants the start; but for START_ASKED it is made only where the job's record still says so once its lock is had. */
enum start_why {
	START_ASKED, /* a person: counts begin anew */
	START_AGAIN, /* its monitor: when it is due (monitored.h) */
	START_BOOT,  /* job-boot.h: it has not been started in this boot */
};

struct run_opts {
	enum run_mode mode;
	const char *detach_keys;       /* NULL: ctrl-p,ctrl-q */
	bool quiet;                    /* no progress of a pull */
	bool sig_proxy;                /* foreground without a terminal: signals go to the job */
	heir_fork *heir;               /* makes a child that removes a --rm job after the answer, and does what is left to be done
					  when we end before the job; NULL: there is none, as in a process with threads */
	const struct console *console; /* foreground: the process's signals and terminal; NULL: they stay as they are */
	const char *cidfile;           /* NULL: none */
	/* Detached, of one task whose log is JOB_LOG_NONE: FIFOs that are there, or /dev/null, of somebody else who reads them, and
	 * may leave and return. The shim has them open itself, so that our end stops nothing; what nobody reads waits in them, up
	 * to 1 MiB, and then slows the job down. NULL: nowhere. -ERR_INVALID: something else, a link among that. */
	const char *out, *err;
	bool unwatched;       /* no davit-monitor looks after it, and the image's health check is left alone: the caller does */
	bool unattended;      /* detached: nobody attaches to it by davit */
	enum start_why why;   /* of job_start() */
	const char *recovery; /* of job_start(): only for the failure of the job of this id (recover.h); NULL: whatever it is for */
	const char *checkpoint; /* job_start(): from this folder (job-checkpoint.h), absolute; NULL: from its beginning */
	const char *set;        /* of which set the job is; NULL: of none */
	struct timing *timing;  /* filled when not NULL */
	void (*started)(void *arg, const char *name, const char *id); /* may be NULL */
	void *started_arg;
};

struct run_result {
	char *name, *id;
	bool exited, detached; /* foreground: exited, or detached by keys; neither: whoever read the output has gone, or
				  our terminal, and the job goes on */
	pid_t pid;             /* of its first process; 0: none was started */
	int exit_code;         /* of the container, 128+n by signal; STREAMS_LOST for a success whose output was lost; 128+n
				  for what ended us when neither exited nor detached */
};
void run_result_done(struct run_result *);

/* Foreground: returns when the job has exited (its removal, with job->remove, may go on in a child) or was detached from.
 * A failure at any step rolls everything back. Codes a face branches on: see engine-words.h. */
int job_run(struct core *, const struct job *, const struct run_opts *, const struct ctx *, struct run_result *ret,
	    struct err *err);
/* A job that was created or has exited. One that runs is a success for RUN_DETACHED. */
int job_start(struct core *, const char *name, const struct run_opts *, const struct ctx *, struct run_result *ret,
	      struct err *err);

/* What would be done: one line a step into @out. Changes nothing and needs no containerd. */
int job_plan(const struct core_conf *, const struct job *, enum run_mode, struct strv *out, struct err *err);
/* The OCI spec it would have; changes nothing. The image must be present. */
int job_spec(struct core *, const struct job *, const struct ctx *, struct buf *out, struct err *err);
