/* containerd.services.tasks.v1.Tasks */
#pragma once
#include "ctrd.h"
#include <sys/types.h>

enum ctrd_status { CTRD_UNKNOWN, CTRD_CREATED, CTRD_RUNNING, CTRD_STOPPED, CTRD_PAUSED, CTRD_PAUSING }; /* wire values */

struct ctrd_process {
	char *id;
	pid_t pid;
	enum ctrd_status status;
	char *stdin_, *stdout_, *stderr_;
	bool terminal;
	uint32_t exit_status;
	int64_t exited_at;
};
struct ctrd_processes {
	struct ctrd_process *v;
	size_t n;
};
void ctrd_process_done(struct ctrd_process *);
void ctrd_processes_done(struct ctrd_processes *);

struct ctrd_io {
	const char *stdin_, *stdout_, *stderr_;
	bool terminal;
}; /* NULL: none */
struct ctrd_exit {
	uint32_t status;
	int64_t at;
};

/* Of all that follow: -ERR_NOT_FOUND when there is no such process. @exec_id NULL: the task itself. */

/* -ERR_EXISTS: it has one already. */
struct ctrd_call *tasks_create_begin(struct ctrd *, const char *id, const struct ctrd_mounts *rootfs, const struct ctrd_io *,
				     const struct ctrd_any *options, const struct ctx *);
int tasks_create_end(struct ctrd_call *, const struct ctx *, pid_t *ret_pid, struct err *err);
int tasks_create(struct ctrd *, const char *id, const struct ctrd_mounts *rootfs, const struct ctrd_io *,
		 const struct ctrd_any *options, const struct ctx *, pid_t *ret_pid, struct err *err);
struct ctrd_call *tasks_start_begin(struct ctrd *, const char *id, const char *exec_id, const struct ctx *);
int tasks_start_end(struct ctrd_call *, const struct ctx *, pid_t *ret_pid, struct err *err);
int tasks_start(struct ctrd *, const char *id, const char *exec_id, const struct ctx *, pid_t *ret_pid, struct err *err);
/* For as long as it takes, where @ctx has no deadline. */
struct ctrd_call *tasks_wait_begin(struct ctrd *, const char *id, const char *exec_id, const struct ctx *);
int tasks_wait_end(struct ctrd_call *, const struct ctx *, struct ctrd_exit *ret, struct err *err);
int tasks_wait(struct ctrd *, const char *id, const char *exec_id, const struct ctx *, struct ctrd_exit *ret, struct err *err);
/* -ERR_PRECONDITION: it has not ended. */
struct ctrd_call *tasks_delete_begin(struct ctrd *, const char *id, const char *exec_id, const struct ctx *);
int tasks_delete_end(struct ctrd_call *, const struct ctx *, struct ctrd_exit *ret, struct err *err);
int tasks_delete(struct ctrd *, const char *id, const char *exec_id, const struct ctx *, struct ctrd_exit *ret, struct err *err);
/* -ERR_NOT_FOUND also for a process that has ended. An answer that nobody asks for is dropped with the call. */
int tasks_kill_end(struct ctrd_call *, const struct ctx *, struct err *err);
struct ctrd_call *tasks_kill_begin(struct ctrd *, const char *id, const char *exec_id, int signal, bool all, const struct ctx *);
int tasks_kill(struct ctrd *, const char *id, const char *exec_id, int signal, bool all, const struct ctx *, struct err *err);
struct ctrd_call *tasks_get_begin(struct ctrd *, const char *id, const char *exec_id, const struct ctx *);
int tasks_get_end(struct ctrd_call *, const struct ctx *, struct ctrd_process *ret, struct err *err);
int tasks_get(struct ctrd *, const char *id, const char *exec_id, const struct ctx *, struct ctrd_process *ret, struct err *err);
struct ctrd_call *tasks_list_begin(struct ctrd *, const struct ctx *);
int tasks_list_end(struct ctrd_call *, const struct ctx *, struct ctrd_processes *ret, struct err *err);
int tasks_list(struct ctrd *, const struct ctx *, struct ctrd_processes *ret, struct err *err);
struct ctrd_call *tasks_exec_begin(struct ctrd *, const char *id, const char *exec_id, const struct ctrd_io *,
				   const struct ctrd_any *spec, const struct ctx *);
int tasks_exec_end(struct ctrd_call *, const struct ctx *, struct err *err);
int tasks_exec(struct ctrd *, const char *id, const char *exec_id, const struct ctrd_io *, const struct ctrd_any *spec,
	       const struct ctx *, struct err *err);
struct ctrd_call *tasks_resize_begin(struct ctrd *, const char *id, const char *exec_id, unsigned width, unsigned height,
				     const struct ctx *);
int tasks_resize_end(struct ctrd_call *, const struct ctx *, struct err *err);
int tasks_resize(struct ctrd *, const char *id, const char *exec_id, unsigned width, unsigned height, const struct ctx *,
		 struct err *err);
struct ctrd_call *tasks_close_stdin_begin(struct ctrd *, const char *id, const char *exec_id, const struct ctx *);
int tasks_close_stdin_end(struct ctrd_call *, const struct ctx *, struct err *err);
int tasks_close_stdin(struct ctrd *, const char *id, const char *exec_id, const struct ctx *, struct err *err);
int tasks_pids(struct ctrd *, const char *id, const struct ctx *, pid_t **ret_pids, size_t *ret_n, struct err *err);
int tasks_pause(struct ctrd *, const char *id, const struct ctx *, struct err *err);
int tasks_resume(struct ctrd *, const char *id, const struct ctx *, struct err *err);
/* Other limits while it runs: the JSON of the spec's linux.resources, where what it does not name stays. */
int tasks_update(struct ctrd *, const char *id, const void *resources, size_t n, const struct ctx *, struct err *err);
/* The runtime writes what it runs into @folder, which is there, and ends it where @ends; of io.containerd.runc.v2 only. As long as
 * it takes. */
int tasks_checkpoint(struct ctrd *, const char *id, const char *folder, bool ends, const struct ctx *, struct err *err);
/* The raw metric Any (io.containerd.cgroups.v1.Metrics or v2). */
struct ctrd_call *tasks_metrics_begin(struct ctrd *, const char *id, const struct ctx *);
int tasks_metrics_end(struct ctrd_call *, const struct ctx *, struct ctrd_any *ret, struct err *err);
int tasks_metrics(struct ctrd *, const char *id, const struct ctx *, struct ctrd_any *ret, struct err *err);
