#include "sandbox-service.h"
#include "clock.h"
#include "file.h"
#include "mem.h"
#include "parked.h"
#include "sandbox-pod.h"
#include "runtime-shim.h"
#include "task-call.h"
#include "task-resources.h"
#include "task-service.h"
#include <string.h>
#include <sys/utsname.h>

static const Sandbox__Request *sandbox_request(struct ttrpc_stream *s, const void *msg, size_t len, struct arena *a)
{
	return task_request(s, &sandbox__request__descriptor, msg, len, a);
}

/* The pod that a call names; NULL: another, or there is none, and the call is refused. */
static struct container *the_pod(struct shim *shim, struct ttrpc_stream *s, const void *msg, size_t len)
{
	_cleanup_arena_ struct arena a = { 0 };
	const Sandbox__Request *q = sandbox_request(s, msg, len, &a);

	if (q && (!shim->pod || strcmp(shim->pod->id, q->sandbox_id))) {
		refuse_as(s, ERR_NOT_FOUND, "sandbox not created");
		return NULL;
	}
	return q ? shim->pod : NULL;
}

static struct container *idle_pod(struct shim *shim, struct ttrpc_stream *s, const void *msg, size_t len)
{
	struct container *pod = the_pod(shim, s, msg, len);

	if (!pod || !process_busy(&pod->init))
		return pod;
	parked_add(shim, s, msg, len);
	return NULL;
}

static void pod_forget(struct container *pod)
{
	pod->shim->pod = NULL;
	pod_drop(pod->bundle);
	container_free(pod);
}

/* Create */

static void on_pod_created(struct process *p)
{
	_cleanup_free_ char *pid_file = mem_printf("%s/init.pid", p->of->bundle);
	struct ttrpc_stream *s = take_asked(p);
	struct err err = ERR_INIT;
	int r = p->failed ? -ERR_UNKNOWN : process_adopt(p, pid_file, &err);

	if (r < 0) {
		if (s)
			task_refuse(s, r, &err);
		pod_forget(p->of);
		return;
	}
	container_in_cgroup(p->of);
	if (p->state != PROCESS_STOPPED)
		p->state = PROCESS_CREATED;
	if (s)
		task_answer(s, NULL);
}

static int pod_create(struct container *pod, const Sandbox__CreateRequest *q, struct ttrpc_stream *s, struct err *err)
{
	_cleanup_strv_ struct strv words = { 0 };
	_cleanup_arena_ struct arena a = { 0 };
	const Sandbox__PodConfig *config;
	int r = pod_config(q->options, &a, &config, err);

	if (r >= 0)
		r = engine_choose(pod->shim->ns, &(struct shim_options){ 0 }, &pod->engine, err);
	if (r < 0)
		return r;
	pod->engine.systemd = pod_by_systemd(config);
	r = engine_store(&pod->engine, pod->bundle, err);
	if (r >= 0)
		r = pod_make(pod->bundle, pod->shim->ns, pod->id, q->netns_path, config, err);
	strv_push(&words, "create");
	strv_push(&words, "--bundle");
	strv_push(&words, pod->bundle);
	strv_push(&words, "--pid-file");
	strv_pushf(&words, "%s/init.pid", pod->bundle);
	strv_push(&words, pod->id);
	return r < 0 ? r : process_engine(&pod->init, &words, false, "pod sandbox create failed", s, on_pod_created, err);
}

static void sandbox_create(void *arg, struct ttrpc_stream *s, const void *msg, size_t len)
{
	_cleanup_arena_ struct arena a = { 0 };
	const Sandbox__CreateRequest *q = task_request(s, &sandbox__create_request__descriptor, msg, len, &a);
	struct err err = ERR_INIT;
	struct shim *shim = arg;
	int r;

	if (!q)
		return;
	if (shim->pod || container_find(shim, q->sandbox_id)) {
		refuse_as(s, ERR_EXISTS, "sandbox exists already");
		return;
	}
	shim->pod = container_new(shim, q->sandbox_id, q->bundle_path);
	shim->pod->silent = true;
	shim->pod->created_at = clock_wall();
	r = pod_create(shim->pod, q, s, &err);
	if (r >= 0)
		return;
	task_refuse(s, r, &err);
	pod_forget(shim->pod);
}

/* Start */

static void on_pod_started(struct process *p)
{
	Sandbox__StartResponse r = SANDBOX__START_RESPONSE__INIT;
	Google__Protobuf__Timestamp at = task_time(p->of->created_at);
	struct ttrpc_stream *s = take_asked(p);

	if (!p->failed && p->state != PROCESS_STOPPED)
		p->state = PROCESS_RUNNING;
	if (!p->failed && s) {
		r.pid = (uint32_t)p->pid;
		r.created_at = &at;
		task_answer(s, &r.base);
	}
	process_started(p);
}

static void sandbox_start(void *arg, struct ttrpc_stream *s, const void *msg, size_t len)
{
	struct container *pod = idle_pod(arg, s, msg, len);
	_cleanup_strv_ struct strv words = { 0 };
	struct err err = ERR_INIT;
	int r;

	if (!pod)
		return;
	if (pod->init.state != PROCESS_CREATED) {
		refuse_as(s, ERR_PRECONDITION, "cannot start a sandbox that is not created");
		return;
	}
	strv_push(&words, "start");
	strv_push(&words, pod->id);
	pod->init.starting = true;
	r = process_engine(&pod->init, &words, false, "pod sandbox start failed", s, on_pod_started, &err);
	if (r >= 0)
		return;
	task_refuse(s, r, &err);
	process_started(&pod->init);
}

/* its end */

static int pod_delete(struct container *pod, struct ttrpc_stream *s, void (*done)(struct process *), struct err *err)
{
	_cleanup_strv_ struct strv words = { 0 };

	strv_push(&words, "delete");
	strv_push(&words, "--force");
	strv_push(&words, pod->id);
	return process_engine(&pod->init, &words, false, "pod sandbox stop failed", s, done, err);
}

static void pod_deleted(struct process *p)
{
	_cleanup_free_ char *marker = mem_printf("%s/" SHIM_DELETED, p->of->bundle);

	p->of->deleted = true;
	pod_drop(p->of->bundle);
	(void)file_write(marker, "", 0, 0600, NULL);
}

static void on_pod_stopped(struct process *p)
{
	struct ttrpc_stream *s = take_asked(p);

	if (p->failed)
		return;
	pod_deleted(p);
	if (s)
		task_answer(s, NULL);
}

static void sandbox_stop(void *arg, struct ttrpc_stream *s, const void *msg, size_t len)
{
	struct container *pod = idle_pod(arg, s, msg, len);
	struct err err = ERR_INIT;

	if (!pod)
		return;
	if (pod->deleted)
		task_answer(s, NULL);
	else if (pod_delete(pod, s, on_pod_stopped, &err) < 0)
		task_refuse(s, -ERR_UNKNOWN, &err);
}

static void shut_down(struct shim *shim, struct ttrpc_stream *s)
{
	if (shim->pod)
		pod_forget(shim->pod);
	if (s)
		task_answer(s, NULL);
	shim->over = list_empty(&shim->containers);
}

static void on_pod_shut_down(struct process *p)
{
	struct ttrpc_stream *s = take_asked(p);

	if (p->failed)
		return;
	pod_deleted(p);
	shut_down(p->of->shim, s);
}

/* Also asked for where Create has failed, or did not come: the shim is to go. */
static void sandbox_shutdown(void *arg, struct ttrpc_stream *s, const void *msg, size_t len)
{
	struct shim *shim = arg;
	struct err err = ERR_INIT;

	if (!shim->pod)
		shut_down(shim, s);
	else if (!idle_pod(shim, s, msg, len))
		return;
	else if (shim->pod->deleted)
		shut_down(shim, s);
	else if (pod_delete(shim->pod, s, on_pod_shut_down, &err) < 0)
		task_refuse(s, -ERR_UNKNOWN, &err);
}

/* what the shim knows by itself */

static void sandbox_wait(void *arg, struct ttrpc_stream *s, const void *msg, size_t len)
{
	struct container *pod = the_pod(arg, s, msg, len);

	if (!pod)
		return;
	list_push(&pod->init.waits, ttrpc_stream_link(s)); /* its answer is that of a task's Wait */
	if (pod->init.state == PROCESS_STOPPED && !pod->init.exit_held)
		task_answer_waits(&pod->init);
}

static void sandbox_status(void *arg, struct ttrpc_stream *s, const void *msg, size_t len)
{
	struct container *pod = the_pod(arg, s, msg, len);
	Sandbox__StatusResponse r = SANDBOX__STATUS_RESPONSE__INIT;
	char ready[] = "SANDBOX_READY", not_ready[] = "SANDBOX_NOTREADY";
	Google__Protobuf__Timestamp created, exited;

	if (!pod)
		return;
	created = task_time(pod->created_at);
	exited = task_time(pod->init.exited_at);
	r.sandbox_id = pod->id;
	r.pid = (uint32_t)pod->init.pid;
	r.state = pod->init.state == PROCESS_RUNNING ? ready : not_ready;
	r.created_at = &created;
	r.exited_at = pod->init.exited_at ? &exited : NULL;
	task_answer(s, &r.base);
}

static void sandbox_ping(void *arg, struct ttrpc_stream *s, const void *msg, size_t len)
{
	if (the_pod(arg, s, msg, len))
		task_answer(s, NULL);
}

/* As Go calls architectures; those that it calls otherwise than Linux does. */
static const char *go_architecture(const char *machine)
{
	static const char *const rows[][2] = {
		{ "x86_64", "amd64" }, { "aarch64", "arm64" }, { "i686", "386" }, { "armv7l", "arm" }
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (!strcmp(machine, rows[i][0]))
			return rows[i][1];
	return machine;
}

static void sandbox_platform(void *arg, struct ttrpc_stream *s, const void *msg, size_t len)
{
	Sandbox__PlatformResponse r = SANDBOX__PLATFORM_RESPONSE__INIT;
	Sandbox__Platform p = SANDBOX__PLATFORM__INIT;
	struct utsname u;
	char os[] = "linux";

	if (!the_pod(arg, s, msg, len))
		return;
	(void)uname(&u);
	p.os = os;
	p.architecture = (char *)go_architecture(u.machine);
	r.platform = &p;
	task_answer(s, &r.base);
}

static void sandbox_metrics(void *arg, struct ttrpc_stream *s, const void *msg, size_t len)
{
	const struct container *pod = the_pod(arg, s, msg, len);
	Sandbox__MetricsResponse answer = SANDBOX__METRICS_RESPONSE__INIT;
	Google__Protobuf__Timestamp now = task_time(clock_wall());
	Google__Protobuf__Any any = GOOGLE__PROTOBUF__ANY__INIT;
	Types__Metric metric = TYPES__METRIC__INIT;
	_cleanup_arena_ struct arena a = { 0 };
	struct err err = ERR_INIT;
	int r = pod ? container_stats(pod, &a, &any, &err) : 0;

	if (r < 0)
		task_refuse(s, r, &err);
	if (!pod || r < 0)
		return;
	metric.timestamp = &now;
	metric.id = pod->id;
	metric.data = &any;
	answer.metrics = &metric;
	task_answer(s, &answer.base);
}

const struct ttrpc_method sandbox_methods[] = {
	{ .name = "CreateSandbox", .message = sandbox_create, .closed = task_closed },
	{ .name = "StartSandbox", .message = sandbox_start, .closed = task_closed },
	{ .name = "StopSandbox", .message = sandbox_stop, .closed = task_closed },
	{ .name = "ShutdownSandbox", .message = sandbox_shutdown, .closed = task_closed },
	{ .name = "WaitSandbox", .message = sandbox_wait },
	{ .name = "SandboxStatus", .message = sandbox_status },
	{ .name = "PingSandbox", .message = sandbox_ping },
	{ .name = "Platform", .message = sandbox_platform },
	{ .name = "SandboxMetrics", .message = sandbox_metrics },
	{ 0 },
};
