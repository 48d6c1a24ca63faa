#include "tasks.h"
#include "call.h"
#include "mem.h"
#include "options.pb-c.h"
#include "tasks.pb-c.h"

#define SERVICE "/containerd.services.tasks.v1.Tasks/"
#define RESOURCES_TYPE "types.containerd.io/opencontainers/runtime-spec/1/LinuxResources"
static const struct method create = { SERVICE "Create", &tasks__create_response__descriptor, "task" },
			   start = { SERVICE "Start", &tasks__start_response__descriptor, "task" },
			   wait_ = { SERVICE "Wait", &tasks__wait_response__descriptor, "task" },
			   delete_task = { SERVICE "Delete", &tasks__delete_response__descriptor, "task" },
			   delete_exec = { SERVICE "DeleteProcess", &tasks__delete_response__descriptor, "task" },
			   kill_ = { SERVICE "Kill", NULL, "task" },
			   get = { SERVICE "Get", &tasks__get_response__descriptor, "task" },
			   list = { SERVICE "List", &tasks__list_response__descriptor, NULL },
			   exec = { SERVICE "Exec", NULL, "task" }, resize = { SERVICE "ResizePty", NULL, "task" },
			   close_io = { SERVICE "CloseIO", NULL, "task" },
			   list_pids = { SERVICE "ListPids", &tasks__list_pids_response__descriptor, "task" },
			   pause_ = { SERVICE "Pause", NULL, "task" }, resume = { SERVICE "Resume", NULL, "task" },
			   checkpoint = { SERVICE "Checkpoint", NULL, "task" }, update = { SERVICE "Update", NULL, "task" },
			   metrics = { SERVICE "Metrics", &tasks__metrics_response__descriptor, "task" };

void ctrd_process_done(struct ctrd_process *p)
{
	free(p->id);
	free(p->stdin_);
	free(p->stdout_);
	free(p->stderr_);
	*p = (struct ctrd_process){ 0 };
}

void ctrd_processes_done(struct ctrd_processes *all)
{
	for (size_t i = 0; i < all->n; i++)
		ctrd_process_done(&all->v[i]);
	free(all->v);
	*all = (struct ctrd_processes){ 0 };
}

/* Most calls say nothing but which process. */
static struct ctrd_call *process_begin(struct ctrd *c, const struct method *m, const char *id, const char *exec_id,
				       const struct ctx *ctx)
{
	Tasks__ProcessRequest req = TASKS__PROCESS_REQUEST__INIT;

	req.container_id = borrow(id);
	req.exec_id = borrow(exec_id);
	return call_begin(c, m, id, &req.base, ctx);
}

struct ctrd_call *tasks_create_begin(struct ctrd *c, const char *id, const struct ctrd_mounts *rootfs, const struct ctrd_io *io,
				     const struct ctrd_any *options, const struct ctx *ctx)
{
	static const struct ctrd_mounts no_mounts;
	static const struct ctrd_io no_io;
	_cleanup_arena_ struct arena a = { 0 };
	Tasks__CreateRequest req = TASKS__CREATE_REQUEST__INIT;

	if (!rootfs)
		rootfs = &no_mounts;
	if (!io)
		io = &no_io;
	req.container_id = borrow(id);
	req.n_rootfs = rootfs->n;
	req.rootfs = mounts_pack(&a, rootfs);
	req.stdin = borrow(io->stdin_);
	req.stdout = borrow(io->stdout_);
	req.stderr = borrow(io->stderr_);
	req.terminal = io->terminal;
	req.options = any_pack(&a, options);
	return call_begin(c, &create, id, &req.base, ctx);
}

int tasks_create_end(struct ctrd_call *call, const struct ctx *ctx, pid_t *ret_pid, struct err *err)
{
	_cleanup_reply_ struct reply reply = { 0 };
	int r = call_end(call, ctx, &reply, err);

	if (r == 0 && ret_pid)
		*ret_pid = pid_unpack(((const Tasks__CreateResponse *)(const void *)reply.msg)->pid);
	return r;
}

int tasks_create(struct ctrd *c, const char *id, const struct ctrd_mounts *rootfs, const struct ctrd_io *io,
		 const struct ctrd_any *options, const struct ctx *ctx, pid_t *ret_pid, struct err *err)
{
	return tasks_create_end(tasks_create_begin(c, id, rootfs, io, options, ctx), ctx, ret_pid, err);
}

struct ctrd_call *tasks_start_begin(struct ctrd *c, const char *id, const char *exec_id, const struct ctx *ctx)
{
	return process_begin(c, &start, id, exec_id, ctx);
}

int tasks_start_end(struct ctrd_call *call, const struct ctx *ctx, pid_t *ret_pid, struct err *err)
{
	_cleanup_reply_ struct reply reply = { 0 };
	int r = call_end(call, ctx, &reply, err);

	if (r == 0 && ret_pid)
		*ret_pid = pid_unpack(((const Tasks__StartResponse *)(const void *)reply.msg)->pid);
	return r;
}

int tasks_start(struct ctrd *c, const char *id, const char *exec_id, const struct ctx *ctx, pid_t *ret_pid, struct err *err)
{
	return tasks_start_end(tasks_start_begin(c, id, exec_id, ctx), ctx, ret_pid, err);
}

struct ctrd_call *tasks_wait_begin(struct ctrd *c, const char *id, const char *exec_id, const struct ctx *ctx)
{
	const struct ctx endless = ctx_endless(ctx);

	return process_begin(c, &wait_, id, exec_id, &endless);
}

int tasks_wait_end(struct ctrd_call *call, const struct ctx *ctx, struct ctrd_exit *ret, struct err *err)
{
	_cleanup_reply_ struct reply reply = { 0 };
	const Tasks__WaitResponse *m;
	int r = call_end(call, ctx, &reply, err);

	if (r < 0)
		return r;
	m = (const void *)reply.msg;
	if (ret)
		*ret = (struct ctrd_exit){ status_unpack(m->exit_status), time_unpack(m->exited_at) };
	return 0;
}

int tasks_wait(struct ctrd *c, const char *id, const char *exec_id, const struct ctx *ctx, struct ctrd_exit *ret, struct err *err)
{
	return tasks_wait_end(tasks_wait_begin(c, id, exec_id, ctx), ctx, ret, err);
}

struct ctrd_call *tasks_delete_begin(struct ctrd *c, const char *id, const char *exec_id, const struct ctx *ctx)
{
	return process_begin(c, exec_id ? &delete_exec : &delete_task, id, exec_id, ctx);
}

int tasks_delete_end(struct ctrd_call *call, const struct ctx *ctx, struct ctrd_exit *ret, struct err *err)
{
	_cleanup_reply_ struct reply reply = { 0 };
	const Tasks__DeleteResponse *m;
	int r = call_end(call, ctx, &reply, err);

	if (r < 0)
		return r;
	m = (const void *)reply.msg;
	if (ret)
		*ret = (struct ctrd_exit){ status_unpack(m->exit_status), time_unpack(m->exited_at) };
	return 0;
}

int tasks_delete(struct ctrd *c, const char *id, const char *exec_id, const struct ctx *ctx, struct ctrd_exit *ret, struct err *err)
{
	return tasks_delete_end(tasks_delete_begin(c, id, exec_id, ctx), ctx, ret, err);
}

struct ctrd_call *tasks_kill_begin(struct ctrd *c, const char *id, const char *exec_id, int signal, bool all, const struct ctx *ctx)
{
	Tasks__KillRequest req = TASKS__KILL_REQUEST__INIT;

	req.container_id = borrow(id);
	req.exec_id = borrow(exec_id);
	req.signal = (uint32_t)signal;
	req.all = all;
	return call_begin(c, &kill_, id, &req.base, ctx);
}

int tasks_kill_end(struct ctrd_call *call, const struct ctx *ctx, struct err *err) { return call_end_empty(call, ctx, err); }

int tasks_kill(struct ctrd *c, const char *id, const char *exec_id, int signal, bool all, const struct ctx *ctx, struct err *err)
{
	return tasks_kill_end(tasks_kill_begin(c, id, exec_id, signal, all, ctx), ctx, err);
}

static void process_unpack(const Types__Process *m, struct ctrd_process *ret)
{
	*ret = (struct ctrd_process){
		.id = mem_strdup(m->id),
		.pid = pid_unpack(m->pid),
		.status = m->status <= TYPES__STATUS__PAUSING ? (enum ctrd_status)m->status : CTRD_UNKNOWN,
		.stdin_ = text_unpack(m->stdin),
		.stdout_ = text_unpack(m->stdout),
		.stderr_ = text_unpack(m->stderr),
		.terminal = m->terminal,
		.exit_status = status_unpack(m->exit_status),
		.exited_at = time_unpack(m->exited_at),
	};
}

struct ctrd_call *tasks_get_begin(struct ctrd *c, const char *id, const char *exec_id, const struct ctx *ctx)
{
	return process_begin(c, &get, id, exec_id, ctx);
}

int tasks_get_end(struct ctrd_call *call, const struct ctx *ctx, struct ctrd_process *ret, struct err *err)
{
	_cleanup_reply_ struct reply reply = { 0 };
	const Tasks__GetResponse *m;
	int r = call_end(call, ctx, &reply, err);

	if (r < 0)
		return r;
	m = (const void *)reply.msg;
	if (!m->process)
		return err_set(err, ERR_DATA_LOSS, "task: containerd sent no process");
	process_unpack(m->process, ret);
	return 0;
}

int tasks_get(struct ctrd *c, const char *id, const char *exec_id, const struct ctx *ctx, struct ctrd_process *ret, struct err *err)
{
	return tasks_get_end(tasks_get_begin(c, id, exec_id, ctx), ctx, ret, err);
}

struct ctrd_call *tasks_list_begin(struct ctrd *c, const struct ctx *ctx)
{
	Tasks__ListRequest req = TASKS__LIST_REQUEST__INIT;

	return call_begin(c, &list, NULL, &req.base, ctx);
}

int tasks_list_end(struct ctrd_call *call, const struct ctx *ctx, struct ctrd_processes *ret, struct err *err)
{
	_cleanup_reply_ struct reply reply = { 0 };
	const Tasks__ListResponse *m;
	int r = call_end(call, ctx, &reply, err);

	if (r < 0)
		return r;
	m = (const void *)reply.msg;
	ret->v = mem_array(struct ctrd_process, m->n_tasks);
	ret->n = m->n_tasks;
	for (size_t i = 0; i < ret->n; i++)
		process_unpack(m->tasks[i], &ret->v[i]);
	return 0;
}

int tasks_list(struct ctrd *c, const struct ctx *ctx, struct ctrd_processes *ret, struct err *err)
{
	return tasks_list_end(tasks_list_begin(c, ctx), ctx, ret, err);
}

struct ctrd_call *tasks_exec_begin(struct ctrd *c, const char *id, const char *exec_id, const struct ctrd_io *io,
				   const struct ctrd_any *spec, const struct ctx *ctx)
{
	_cleanup_arena_ struct arena a = { 0 };
	Tasks__ExecRequest req = TASKS__EXEC_REQUEST__INIT;

	req.container_id = borrow(id);
	req.exec_id = borrow(exec_id);
	req.stdin = borrow(io->stdin_);
	req.stdout = borrow(io->stdout_);
	req.stderr = borrow(io->stderr_);
	req.terminal = io->terminal;
	req.spec = any_pack(&a, spec);
	return call_begin(c, &exec, id, &req.base, ctx);
}

int tasks_exec_end(struct ctrd_call *call, const struct ctx *ctx, struct err *err) { return call_end_empty(call, ctx, err); }

int tasks_exec(struct ctrd *c, const char *id, const char *exec_id, const struct ctrd_io *io, const struct ctrd_any *spec,
	       const struct ctx *ctx, struct err *err)
{
	return tasks_exec_end(tasks_exec_begin(c, id, exec_id, io, spec, ctx), ctx, err);
}

struct ctrd_call *tasks_resize_begin(struct ctrd *c, const char *id, const char *exec_id, unsigned width, unsigned height,
				     const struct ctx *ctx)
{
	Tasks__ResizeRequest req = TASKS__RESIZE_REQUEST__INIT;

	req.container_id = borrow(id);
	req.exec_id = borrow(exec_id);
	req.width = width;
	req.height = height;
	return call_begin(c, &resize, id, &req.base, ctx);
}

int tasks_resize_end(struct ctrd_call *call, const struct ctx *ctx, struct err *err) { return call_end_empty(call, ctx, err); }

int tasks_resize(struct ctrd *c, const char *id, const char *exec_id, unsigned width, unsigned height, const struct ctx *ctx,
		 struct err *err)
{
	return tasks_resize_end(tasks_resize_begin(c, id, exec_id, width, height, ctx), ctx, err);
}

struct ctrd_call *tasks_close_stdin_begin(struct ctrd *c, const char *id, const char *exec_id, const struct ctx *ctx)
{
	Tasks__CloseIoRequest req = TASKS__CLOSE_IO_REQUEST__INIT;

	req.container_id = borrow(id);
	req.exec_id = borrow(exec_id);
	req.stdin = true;
	return call_begin(c, &close_io, id, &req.base, ctx);
}

int tasks_close_stdin_end(struct ctrd_call *call, const struct ctx *ctx, struct err *err) { return call_end_empty(call, ctx, err); }

int tasks_close_stdin(struct ctrd *c, const char *id, const char *exec_id, const struct ctx *ctx, struct err *err)
{
	return tasks_close_stdin_end(tasks_close_stdin_begin(c, id, exec_id, ctx), ctx, err);
}

int tasks_pids(struct ctrd *c, const char *id, const struct ctx *ctx, pid_t **ret_pids, size_t *ret_n, struct err *err)
{
	_cleanup_reply_ struct reply reply = { 0 };
	const Tasks__ListPidsResponse *m;
	int r = call_end(process_begin(c, &list_pids, id, NULL, ctx), ctx, &reply, err);

	if (r < 0)
		return r;
	m = (const void *)reply.msg;
	*ret_pids = mem_array(pid_t, m->n_processes);
	*ret_n = m->n_processes;
	for (size_t i = 0; i < m->n_processes; i++)
		(*ret_pids)[i] = pid_unpack(m->processes[i]->pid);
	return 0;
}

int tasks_pause(struct ctrd *c, const char *id, const struct ctx *ctx, struct err *err)
{
	return call_end_empty(process_begin(c, &pause_, id, NULL, ctx), ctx, err);
}

int tasks_resume(struct ctrd *c, const char *id, const struct ctx *ctx, struct err *err)
{
	return call_end_empty(process_begin(c, &resume, id, NULL, ctx), ctx, err);
}

int tasks_update(struct ctrd *c, const char *id, const void *resources, size_t n, const struct ctx *ctx, struct err *err)
{
	_cleanup_arena_ struct arena a = { 0 };
	_cleanup_(ctrd_any_done) struct ctrd_any any = { .type_url = mem_strdup(RESOURCES_TYPE) };
	Tasks__UpdateRequest req = TASKS__UPDATE_REQUEST__INIT;

	buf_add(&any.value, resources, n);
	req.container_id = borrow(id);
	req.resources = any_pack(&a, &any);
	return call_end_empty(call_begin(c, &update, id, &req.base, ctx), ctx, err);
}

int tasks_checkpoint(struct ctrd *c, const char *id, const char *folder, bool ends, const struct ctx *ctx, struct err *err)
{
	_cleanup_arena_ struct arena a = { 0 };
	_cleanup_(ctrd_any_done) struct ctrd_any any = { .type_url = mem_strdup("containerd.runc.v1.CheckpointOptions") };
	Containerd__Runc__V1__CheckpointOptions options = CONTAINERD__RUNC__V1__CHECKPOINT_OPTIONS__INIT;
	Tasks__CheckpointRequest req = TASKS__CHECKPOINT_REQUEST__INIT;
	const struct ctx endless = ctx_endless(ctx);

	options.exit = ends;
	options.image_path = borrow(folder);
	pb_pack(&options.base, &any.value);
	req.container_id = borrow(id);
	req.options = any_pack(&a, &any);
	return call_end_empty(call_begin(c, &checkpoint, id, &req.base, &endless), ctx, err);
}

struct ctrd_call *tasks_metrics_begin(struct ctrd *c, const char *id, const struct ctx *ctx)
{
	_cleanup_free_ char *filter = mem_printf("id==%s", id);
	Tasks__MetricsRequest req = TASKS__METRICS_REQUEST__INIT;

	req.n_filters = 1;
	req.filters = &filter;
	return call_begin(c, &metrics, id, &req.base, ctx);
}

int tasks_metrics_end(struct ctrd_call *call, const struct ctx *ctx, struct ctrd_any *ret, struct err *err)
{
	_cleanup_reply_ struct reply reply = { 0 };
	const Tasks__MetricsResponse *m;
	int r = call_end(call, ctx, &reply, err);

	if (r < 0)
		return r;
	m = (const void *)reply.msg;
	if (!m->n_metrics || !m->metrics[0]->data) /* a task that cannot be measured is left out without an error */
		return err_set(err, ERR_NOT_FOUND, "the task has no metrics");
	*ret = (struct ctrd_any){ 0 };
	any_unpack(m->metrics[0]->data, ret);
	return 0;
}

int tasks_metrics(struct ctrd *c, const char *id, const struct ctx *ctx, struct ctrd_any *ret, struct err *err)
{
	return tasks_metrics_end(tasks_metrics_begin(c, id, ctx), ctx, ret, err);
}
