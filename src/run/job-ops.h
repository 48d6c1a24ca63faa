/* What is done with jobs that exist. A job is named by its name, its id, or an id's beginning; -ERR_NOT_FOUND names the
 * nearest. */
#pragma once
#include "core.h"
#include "job-run.h"

enum job_state { JOB_CREATED, JOB_RUNNING, JOB_PAUSED, JOB_EXITED, JOB_UNKNOWN };
const char *job_state_name(enum job_state);

enum { EXIT_LOST = 255 }; /* what is told of an exit that nobody saw, as containerd tells it */

struct job_row {
	char *ns, *name, *id, *image, *command, *runtime, *network, *ip;
	enum job_state state;
	pid_t pid;
	int exit_code;
	int64_t created_at, started_at, exited_at; /* 0 unknown */
	char *ports;                               /* "0.0.0.0:18080->8080/tcp, ..." */
	char *mounts;                              /* volumes and host paths, with commas between */
	int64_t size;                              /* bytes of the writable layer; -1: not asked for, or not known */
	struct dict labels;
};
struct job_rows {
	struct job_row *v;
	size_t n;
	size_t left; /* what davits that were killed left in the core's namespace, for job_prune() */
};
void job_rows_done(struct job_rows *);

struct job_filter {
	bool all; /* exited and created ones too */
	bool all_namespaces;
	bool sizes;                 /* ask for them: containerd looks at every file of the layer */
	size_t last;                /* only the newest so many, in whatever state; 0: all */
	const struct strv *filters; /* name=REGEX, id=, status=, label=K[=V], ancestor=IMAGE, network=, exited=N (as in Docker) */
};
int job_list(struct core *, const struct job_filter *, const struct ctx *, struct job_rows *ret, struct err *err);
/* Number of jobs in other namespaces, and the first such namespace (caller frees, may be NULL). */
int job_count_elsewhere(struct core *, const struct ctx *, size_t *ret_n, char **ret_ns, struct err *err);
/* Everything of one job as JSON: the job's native form under "job", and its state. */
int job_inspect(struct core *, const char *name, const struct ctx *, json **ret, struct err *err);

/* The stop signal, then SIGKILL after @timeout seconds (-1: the job's own). Already stopped is success. */
int job_stop(struct core *, const char *name, int timeout, const struct ctx *, struct err *err);
int job_restart(struct core *, const char *name, int timeout, const struct ctx *, struct err *err);
int job_kill(struct core *, const char *name, int signal, const struct ctx *, struct err *err);
/* @force: a running one is killed. @volumes: its anonymous volumes too. Also removes what a killed run left of the name. */
int job_remove(struct core *, const char *name, bool force, bool volumes, const struct ctx *, struct err *err);
/* Waits for the exit; also of one that exited before. Survives a restart of containerd. */
int job_wait(struct core *, const char *name, const struct ctx *, int *ret_code, struct err *err);
/* Removals that go on behind `run --rm` are waited for: before asking what its image or volumes are used for. */
void job_await_removals(struct core *, const struct ctx *);
/* Removes what killed runs left, and every exited job when @exited. Adds a line for each removed thing. */
int job_prune(struct core *, bool exited, bool volumes, bool dry_run, const struct ctx *, struct strv *removed, struct err *err);

struct exec_opts {
	const struct strv *args, *env;
	const char *cwd, *user, *detach_keys;
	bool tty, interactive, detach, privileged;
	bool heir; /* as in struct run_opts */
};
/* Runs a process in a running job; the exit code in *ret_code, as in struct run_result (0 when detached). */
int job_exec(struct core *, const char *name, const struct exec_opts *, const struct ctx *, int *ret_code, struct err *err);

/* What the job has as its root file system, without what is mounted in it: a folder to read, whether the job runs or not. The
 * caller closes it. What is in it is the job's: nothing in it is followed, and it may change meanwhile. */
int job_export_root(struct core *, const char *name, const struct ctx *, int *ret_fd, struct err *err);

struct logs_opts {
	bool follow, timestamps;
	int64_t tail;         /* lines; -1: all */
	int64_t since, until; /* wall ns; 0: none */
	int out_fd, err_fd;
};
/* 1: nobody reads any more. */
int job_logs(struct core *, const char *name, const struct logs_opts *, const struct ctx *, struct err *err);
