#include "task-resources.h"
#include "cgroup-dir.h"
#include "cgroup-pids.h"
#include "events.pb-c.h"
#include "file.h"
#include "mem.h"
#include "options.pb-c.h"
#include "stats.h"
#include "task-call.h"
#include <string.h>
#include <unistd.h>

static void tell_named(const struct process *init, const char *topic, const char *name)
{
	Events__TaskNamed e = EVENTS__TASK_NAMED__INIT;

	e.container_id = init->of->id;
	task_tell(init, topic, name, &e.base);
}

/* the cgroup */

static void on_oom_kill(void *arg)
{
	const struct container *c = arg;

	tell_named(&c->init, "/tasks/oom", "TaskOOM");
}

void container_in_cgroup(struct container *c)
{
	cgroup_of_done(&c->cgroup);
	if (cgroup_of("", c->init.pid, &c->cgroup, NULL) >= 0)
		oom_init(&c->oom, c->shim->loop, &c->cgroup, on_oom_kill, c);
}

void container_left_cgroup(struct container *c)
{
	oom_poll(&c->oom);
	oom_done(&c->oom);
}

static void thaw_cgroup(const struct container *c)
{
	const char *path = c->cgroup.v2 ? c->cgroup.v2 : c->cgroup.v1[CGROUP_FREEZER];

	if (path)
		cgroup_thaw(path);
}

bool container_is_frozen(const struct container *c) { return c->init.state == PROCESS_PAUSING || c->init.state == PROCESS_PAUSED; }

void container_thaw(struct container *c)
{
	if (!container_is_frozen(c))
		return;
	c->init.state = PROCESS_RUNNING;
	thaw_cgroup(c);
}

/* Pause and Resume */

static void call_engine(struct process *init, const char *word, const char *failure, struct ttrpc_stream *s,
			void (*done)(struct process *), enum process_state meanwhile)
{
	const enum process_state before = init->state;
	_cleanup_strv_ struct strv words = { 0 };
	struct err err = ERR_INIT;
	int r;

	strv_push(&words, word);
	strv_push(&words, init->of->id);
	init->state = meanwhile;
	r = process_engine(init, &words, false, failure, s, done, &err);
	if (r >= 0)
		return;
	init->state = before;
	task_refuse(s, r, &err);
}

static void on_paused(struct process *init)
{
	struct ttrpc_stream *s = take_asked(init);
	const bool meant = init->state == PROCESS_PAUSING;

	if (init->failed) {
		init->state = meant ? PROCESS_RUNNING : init->state;
		return;
	}
	if (!meant) { /* it was killed while the engine froze it */
		thaw_cgroup(init->of);
		if (s)
			refuse_as(s, ERR_PRECONDITION, "container was killed meanwhile");
		return;
	}
	init->state = PROCESS_PAUSED;
	tell_named(init, "/tasks/paused", "TaskPaused");
	if (s)
		task_answer(s, NULL);
}

void task_pause(void *arg, struct ttrpc_stream *s, const void *msg, size_t len)
{
	_cleanup_arena_ struct arena a = { 0 };
	const Shim__ProcessRequest *q = task_request(s, &shim__process_request__descriptor, msg, len, &a);
	struct process *init = q ? idle_process(arg, s, q->id, "", msg, len) : NULL;

	if (!init)
		return;
	if (init->state != PROCESS_RUNNING)
		refuse_as(s, ERR_PRECONDITION, "cannot pause a container that is not running");
	else
		call_engine(init, "pause", "OCI runtime pause failed", s, on_paused, PROCESS_PAUSING);
}

static void on_resumed(struct process *init)
{
	struct ttrpc_stream *s = take_asked(init);

	if (init->failed)
		return;
	if (init->state == PROCESS_PAUSED) { /* or its end has been told */
		init->state = PROCESS_RUNNING;
		tell_named(init, "/tasks/resumed", "TaskResumed");
	}
	if (s)
		task_answer(s, NULL);
}

void task_resume(void *arg, struct ttrpc_stream *s, const void *msg, size_t len)
{
	_cleanup_arena_ struct arena a = { 0 };
	const Shim__ProcessRequest *q = task_request(s, &shim__process_request__descriptor, msg, len, &a);
	struct process *init = q ? idle_process(arg, s, q->id, "", msg, len) : NULL;

	if (!init)
		return;
	if (init->state != PROCESS_PAUSED)
		refuse_as(s, ERR_PRECONDITION, "cannot resume a container that is not paused");
	else
		call_engine(init, "resume", "OCI runtime resume failed", s, on_resumed, PROCESS_PAUSED);
}

/* Update */

static char *update_file(const struct process *init) { return mem_printf("%s/update.json", init->of->bundle); }

static void on_updated(struct process *init)
{
	_cleanup_free_ char *file = update_file(init);
	struct ttrpc_stream *s = take_asked(init);

	(void)unlink(file);
	if (s)
		task_answer(s, NULL);
}

static int update_begin(struct process *init, const Google__Protobuf__Any *resources, struct ttrpc_stream *s, struct err *err)
{
	_cleanup_free_ char *file = update_file(init);
	_cleanup_strv_ struct strv words = { 0 };
	int r = file_write(file, resources->value.data, resources->value.len, 0600, err);

	strv_push(&words, "update");
	strv_push(&words, "--resources");
	strv_push(&words, file);
	strv_push(&words, init->of->id);
	if (r >= 0)
		r = process_engine(init, &words, false, "OCI runtime update failed", s, on_updated, err);
	if (r < 0)
		(void)unlink(file);
	return r;
}

void task_update(void *arg, struct ttrpc_stream *s, const void *msg, size_t len)
{
	_cleanup_arena_ struct arena a = { 0 };
	const Shim__UpdateRequest *q = task_request(s, &shim__update_request__descriptor, msg, len, &a);
	struct process *init = q ? idle_process(arg, s, q->id, "", msg, len) : NULL;
	struct err err = ERR_INIT;
	int r;

	if (!init)
		return;
	if (init->state == PROCESS_STOPPED)
		r = err_set(&err, ERR_PRECONDITION, "cannot update a container that has ended");
	else if (!q->resources)
		r = err_set(&err, ERR_INVALID, "update without resources");
	else
		r = update_begin(init, q->resources, s, &err);
	if (r < 0)
		task_refuse(s, r, &err);
}

/* Pids */

static const struct process *exec_with_pid(const struct container *c, pid_t pid)
{
	list_for_each(it, &c->execs) {
		const struct process *p = container_of(it, struct process, node);

		if (p->pid == pid && p->state == PROCESS_RUNNING)
			return p;
	}
	return NULL;
}

static Types__ProcessInfo *info_of(const struct process *exec, pid_t pid, struct arena *a)
{
	Types__ProcessInfo *info = arena_array(a, Types__ProcessInfo, 1);
	Containerd__Runc__V1__ProcessDetails details = CONTAINERD__RUNC__V1__PROCESS_DETAILS__INIT;

	types__process_info__init(info);
	info->pid = (uint32_t)pid;
	if (!exec)
		return info;
	details.exec_id = exec->exec_id;
	info->info = arena_array(a, Google__Protobuf__Any, 1);
	google__protobuf__any__init(info->info);
	info->info->type_url = (char *)(uintptr_t) "containerd.runc.v1.ProcessDetails";
	info->info->value.len = protobuf_c_message_get_packed_size(&details.base);
	info->info->value.data = arena_get(a, info->info->value.len);
	(void)protobuf_c_message_pack(&details.base, info->info->value.data);
	return info;
}

static bool init_has_ended(const struct process *p) { return p->state == PROCESS_STOPPED; }

/* Without a cgroup those that are known. The init is listed until it is deleted, as a zombie is: a containerd that returns takes a
 * shim without processes for one that leaked, and with it goes the exit status that nobody has asked for yet. */
static int pids_of(const struct container *c, struct cgroup_pids *ret, struct err *err)
{
	const char *path = cgroup_of_any(&c->cgroup);

	if (path && !init_has_ended(&c->init))
		return cgroup_pids_below(path, ret, err);
	cgroup_pids_add(ret, c->init.pid);
	list_for_each(it, &c->execs) {
		const struct process *p = container_of(it, struct process, node);

		if (p->state == PROCESS_RUNNING)
			cgroup_pids_add(ret, p->pid);
	}
	return 0;
}

static void answer_pids(struct ttrpc_stream *s, const struct container *c, struct cgroup_pids *pids, struct arena *a)
{
	Shim__PidsResponse r = SHIM__PIDS_RESPONSE__INIT;

	cgroup_pids_sort(pids);
	r.processes = arena_array(a, Types__ProcessInfo *, pids->n);
	for (size_t i = 0; i < pids->n; i++)
		if (pids->v[i] > 0) /* of a PID namespace that is not below ours */
			r.processes[r.n_processes++] = info_of(exec_with_pid(c, pids->v[i]), pids->v[i], a);
	task_answer(s, &r.base);
}

void task_pids(void *arg, struct ttrpc_stream *s, const void *msg, size_t len)
{
	_cleanup_arena_ struct arena a = { 0 };
	const Shim__ProcessRequest *q = task_request(s, &shim__process_request__descriptor, msg, len, &a);
	const struct container *c = q ? the_container(arg, s, q->id) : NULL;
	_cleanup_(cgroup_pids_done) struct cgroup_pids pids = { 0 };
	struct err err = ERR_INIT;
	int r;

	if (!c)
		return;
	r = pids_of(c, &pids, &err);
	if (r < 0)
		task_refuse(s, r, &err);
	else
		answer_pids(s, c, &pids, &a);
}

/* Stats */

int container_stats(const struct container *c, struct arena *a, Google__Protobuf__Any *ret, struct err *err)
{
	_cleanup_buf_ struct buf value = { 0 };
	const char *type = NULL;
	int r = stats_take("", &c->cgroup, &value, &type, err);

	if (r < 0)
		return r;
	ret->type_url = (char *)(uintptr_t)type;
	ret->value.len = value.len;
	ret->value.data = arena_get(a, value.len);
	if (value.len)
		memcpy(ret->value.data, value.data, value.len);
	return 0;
}

void task_stats(void *arg, struct ttrpc_stream *s, const void *msg, size_t len)
{
	_cleanup_arena_ struct arena a = { 0 };
	const Shim__ProcessRequest *q = task_request(s, &shim__process_request__descriptor, msg, len, &a);
	const struct container *c = q ? the_container(arg, s, q->id) : NULL;
	Shim__StatsResponse answer = SHIM__STATS_RESPONSE__INIT;
	Google__Protobuf__Any any = GOOGLE__PROTOBUF__ANY__INIT;
	struct err err = ERR_INIT;
	int r = c ? container_stats(c, &a, &any, &err) : 0;

	answer.stats = &any;
	if (r < 0)
		task_refuse(s, r, &err);
	else if (c)
		task_answer(s, &answer.base);
}
