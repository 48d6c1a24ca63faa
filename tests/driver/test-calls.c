/* What the driver answers of tasks that it knows, or is told of: WaitTask, InspectTask, TaskStats, TaskEvents, RecoverTask. The
 * plugin is served on the test's own loop, before a fake containerd and folders that look like cgroups. */
#include "test.h"
#include "claim.h"
#include "clock.h"
#include "containers.h"
#include "desk.h"
#include "fake.h"
#include "file.h"
#include "host-methods.h"
#include "labels.h"
#include "log.h"
#include "mem.h"
#include "nomad-labels.h"
#include "plugin-host.h"
#include "recover.h"
#include "leases.h"
#include "start.h"
#include "stop.h"
#include "tasks.h"
#include "wait-call.h"
#include "wait.h"
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define ID "web-00000001"
#define TASK "0a1b2c3d-0000-0000-0000-000000000000/web/deadbeef"
#define DRIVER "/hashicorp.nomad.plugins.drivers.proto.Driver/"

enum { STARTS = 6 };

struct rig {
	struct loop *loop;
	struct fake *fake;
	struct desk *desk;
	struct plugin *plugin;
	struct grpc *grpc;
	struct core *core; /* the test's own */
	char *dir, *socket, *run, *data;
	struct arena a;
};

static void must(int r, const struct err *err)
{
	if (r < 0)
		fail_msg("%s", err->msg);
}

static void make_container(struct rig *rig)
{
	struct ctrd_container rec = { .id = (char[]){ ID },
				      .image = (char[]){ "x" },
				      .snapshotter = (char[]){ "overlayfs" },
				      .snapshot_key = (char[]){ ID },
				      .runtime = (char[]){ "io.containerd.runc.v2" } };
	struct err err = ERR_INIT;

	rec.spec.type_url = (char[]){ "spec" };
	dict_set(&rec.labels, CLAIM_JOB, "web");
	dict_set(&rec.labels, CLAIM_ID, ID);
	must(containers_create(rig->core->ctrd, &rec, NULL, &err), &err);
	dict_done(&rec.labels);
}

static void make_task(struct rig *rig, bool start)
{
	struct err err = ERR_INIT;
	pid_t pid;

	make_container(rig);
	must(tasks_create(rig->core->ctrd, ID, NULL, NULL, NULL, NULL, &pid, &err), &err);
	if (start)
		must(tasks_start(rig->core->ctrd, ID, NULL, NULL, &pid, &err), &err);
}

static struct handle_kept kept_of(const char *task)
{
	return (struct handle_kept){ .task_id = mem_strdup(task),
				     .ns = mem_strdup(FAKE_NS),
				     .job = mem_strdup("web"),
				     .container = mem_strdup(ID),
				     .image = mem_strdup("docker.io/library/x:latest"),
				     .started_at = 1700000000 * NSEC_PER_SEC };
}

/* As StartTask leaves it. */
static struct handle *know(struct rig *rig)
{
	struct handle_kept kept = kept_of(TASK);
	struct handle *h = handle_new(&kept, HANDLE_RUNNING);

	must(handles_add(&rig->desk->handles, h, NULL), NULL);
	wait_begin(h, rig->desk->core);
	handle_unref(h); /* the set's */
	return h;
}

static struct grpc_call *begin(struct rig *rig, const char *method, const ProtobufCMessage *req, int64_t ms)
{
	const struct ctx limit = ctx_within(NULL, ms);
	_cleanup_free_ char *path = mem_printf(DRIVER "%s", method);
	_cleanup_buf_ struct buf wire = { 0 };
	struct grpc_call *call = grpc_start(rig->grpc, path, NULL, &limit);

	pb_pack(req, &wire);
	grpc_send(call, wire.data, wire.len, true);
	return call;
}

static struct grpc_call *begin_wait(struct rig *rig, const char *task)
{
	Driver__WaitTaskRequest req = DRIVER__WAIT_TASK_REQUEST__INIT;

	req.task_id = (char *)(uintptr_t)task;
	return begin(rig, "WaitTask", &req.base, 20000);
}

/* The next message of type @type, in the rig's arena; NULL: the stream has ended well. */
static const void *next(struct rig *rig, struct grpc_call *call, const ProtobufCMessageDescriptor *type)
{
	_cleanup_buf_ struct buf wire = { 0 };
	const ProtobufCMessage *m = NULL;
	struct err err = ERR_INIT;
	int r = grpc_recv(call, NULL, &wire, &err);

	must(r, &err);
	if (r > 0)
		must(pb_unpack(type, wire.data, wire.len, &rig->a, &m, &err), &err);
	return m;
}

static const Driver__WaitTaskResponse *waited(struct rig *rig, struct grpc_call *call)
{
	const Driver__WaitTaskResponse *m = next(rig, call, &driver__wait_task_response__descriptor);

	assert_non_null(m);
	assert_null(next(rig, call, &driver__wait_task_response__descriptor));
	grpc_call_free(call);
	return m;
}

static bool answered_within(struct rig *rig, struct grpc_call *call, int64_t ms)
{
	const struct ctx limit = ctx_within(NULL, ms);

	while (!grpc_ready(call))
		if (loop_turn(rig->loop, &limit, NULL) < 0)
			return false;
	return true;
}

static void fails(struct rig *rig, struct grpc_call *call, int want, const char *text)
{
	_cleanup_buf_ struct buf wire = { 0 };
	struct err err = ERR_INIT;

	(void)rig;
	assert_int_equal(grpc_recv(call, NULL, &wire, &err), want);
	if (!strstr(err.msg, text))
		fail_msg("%s", err.msg);
	grpc_call_free(call);
}

static void exits(struct rig *rig, unsigned status)
{
	struct err err = ERR_INIT;

	must(fake_exit(rig->fake, FAKE_NS, ID, NULL, status, &err), &err);
}

static void put(const struct rig *rig, const char *path, const char *text)
{
	_cleanup_free_ char *file = mem_printf("%s%s", rig->dir, path),
			    *folder = mem_strndup(file, (size_t)(strrchr(file, '/') - file));

	assert_int_equal(file_mkdirs(folder, 0700, NULL), 0);
	assert_int_equal(file_write(file, text, strlen(text), 0600, NULL), 0);
}

static void a_wait(void **state)
{
	struct rig *rig = *state;
	struct grpc_call *first, *second, *gone;

	make_task(rig, true);
	(void)know(rig);
	first = begin_wait(rig, TASK);
	second = begin_wait(rig, TASK);
	gone = begin_wait(rig, TASK);
	assert_false(answered_within(rig, first, 200));
	grpc_call_free(gone);
	assert_false(answered_within(rig, first, 50));
	exits(rig, 7);
	assert_int_equal(waited(rig, first)->result->exit_code, 7);
	assert_int_equal(waited(rig, second)->result->exit_code, 7);
	assert_int_equal(waited(rig, begin_wait(rig, TASK))->result->exit_code, 7); /* of one that has ended */
}

static void an_unknown_task(void **state)
{
	struct rig *rig = *state;
	struct grpc_call *call = begin_wait(rig, "x/y/z");
	Driver__TaskStatsRequest req = DRIVER__TASK_STATS_REQUEST__INIT;
	Driver__InspectTaskRequest inspect = DRIVER__INSPECT_TASK_REQUEST__INIT;
	_cleanup_buf_ struct buf wire = { 0 };
	struct err err = ERR_INIT;
	bool recoverable = true;

	fails(rig, call, -ERR_PRECONDITION, "task not found for given id");
	fails(rig, begin(rig, "InspectTask", &inspect.base, 20000), -ERR_PRECONDITION, "task not found for given id");
	call = begin(rig, "TaskStats", &req.base, 20000);
	assert_int_equal(grpc_recv(call, NULL, &wire, &err), -ERR_PRECONDITION);
	assert_int_equal(host_recoverable(call, &recoverable), 1);
	assert_false(recoverable);
	grpc_call_free(call);
}

static const Driver__InspectTaskResponse *inspect(struct rig *rig)
{
	Driver__InspectTaskRequest req = DRIVER__INSPECT_TASK_REQUEST__INIT;
	struct grpc_call *call;
	const Driver__InspectTaskResponse *m;

	req.task_id = (char[]){ TASK };
	call = begin(rig, "InspectTask", &req.base, 20000);
	m = next(rig, call, &driver__inspect_task_response__descriptor);
	assert_non_null(m);
	grpc_call_free(call);
	return m;
}

static void inspecting(void **state)
{
	struct rig *rig = *state;
	const Driver__InspectTaskResponse *m;

	make_task(rig, true);
	(void)know(rig);
	m = inspect(rig);
	assert_string_equal(m->task->id, TASK);
	assert_string_equal(m->task->name, "web");
	assert_int_equal(m->task->state, DRIVER__TASK_STATE__RUNNING);
	assert_int_equal(m->task->started_at->seconds, 1700000000);
	assert_int_equal(m->task->completed_at->seconds, INT64_C(-62135596800));
	assert_non_null(m->task->result);
	assert_int_equal(m->driver->n_attributes, 4);
	exits(rig, 137);
	(void)waited(rig, begin_wait(rig, TASK));
	m = inspect(rig);
	assert_int_equal(m->task->state, DRIVER__TASK_STATE__EXITED);
	assert_true(m->task->completed_at->seconds > 1700000000);
	assert_int_equal(m->task->result->exit_code, 137);
	assert_int_equal(m->task->result->signal, 9);
}

/* Every so often, with numbers; then it ends as the task does, and can be had no more. */
static void statistics(void **state)
{
	struct rig *rig = *state;
	Google__Protobuf__Duration interval = GOOGLE__PROTOBUF__DURATION__INIT;
	Driver__TaskStatsRequest req = DRIVER__TASK_STATS_REQUEST__INIT;
	const Driver__TaskStatsResponse *m;
	struct grpc_call *call;
	int64_t begun;

	make_task(rig, true);
	(void)know(rig);
	put(rig, "/sys/fs/cgroup/pids/" FAKE_NS "/" ID "/pids.current", "1\n");
	put(rig, "/sys/fs/cgroup/cpuacct/" FAKE_NS "/" ID "/cpuacct.usage", "1000\n");
	put(rig, "/sys/fs/cgroup/memory/" FAKE_NS "/" ID "/memory.usage_in_bytes", "4096\n");
	interval.nanos = 150000000;
	req.task_id = (char[]){ TASK };
	req.collection_interval = &interval;
	begun = clock_mono();
	call = begin(rig, "TaskStats", &req.base, 60000);
	m = next(rig, call, &driver__task_stats_response__descriptor);
	assert_non_null(m->stats->timestamp);
	assert_int_equal(m->stats->agg_resource_usage->memory->usage, 4096);
	m = next(rig, call, &driver__task_stats_response__descriptor);
	assert_true(clock_mono() - begun >= 300 * NSEC_PER_MSEC);
	assert_string_equal(m->stats->id, TASK);
	exits(rig, 0);
	while (next(rig, call, &driver__task_stats_response__descriptor))
		;
	grpc_call_free(call);
	fails(rig, begin(rig, "TaskStats", &req.base, 20000), -ERR_PRECONDITION, "has ended");
}

static void events(void **state)
{
	struct rig *rig = *state;
	Driver__TaskEventsRequest req = DRIVER__TASK_EVENTS_REQUEST__INIT;
	struct grpc_call *call;
	const Driver__DriverTaskEvent *m;

	task_event(rig->desk->events, TASK, "before", NULL);
	call = begin(rig, "TaskEvents", &req.base, 20000);
	m = next(rig, call, &driver__driver_task_event__descriptor);
	assert_string_equal(m->message, "before");
	task_event(rig->desk->events, TASK, "now", NULL);
	m = next(rig, call, &driver__driver_task_event__descriptor);
	assert_string_equal(m->message, "now");
	assert_string_equal(m->task_name, "web");
	assert_false(answered_within(rig, call, 100));
	grpc_call_free(call);
	assert_int_equal(loop_pause(rig->loop, 100, NULL, NULL), 0);
	task_event(rig->desk->events, TASK, "nobody hears it", NULL);
	assert_int_equal(loop_pause(rig->loop, 20, NULL, NULL), 0);
}

/* recovery */

static struct grpc_call *begin_recover(struct rig *rig, const char *id, const struct handle_kept *kept)
{
	Driver__RecoverTaskRequest req = DRIVER__RECOVER_TASK_REQUEST__INIT;
	Driver__TaskHandle handle = DRIVER__TASK_HANDLE__INIT;
	Driver__TaskConfig config = DRIVER__TASK_CONFIG__INIT;
	_cleanup_buf_ struct buf kept_bytes = { 0 };

	handle_kept_write(kept, &kept_bytes);
	config.id = (char *)(uintptr_t)id;
	handle.config = &config;
	handle.version = 1;
	handle.driver_state.data = (void *)kept_bytes.data;
	handle.driver_state.len = kept_bytes.len;
	req.handle = &handle;
	return begin(rig, "RecoverTask", &req.base, 20000);
}

static void recovers(struct rig *rig)
{
	_cleanup_(handle_kept_done) struct handle_kept kept = kept_of(TASK);
	struct grpc_call *call = begin_recover(rig, TASK, &kept);

	assert_non_null(next(rig, call, &driver__recover_task_response__descriptor));
	grpc_call_free(call);
	assert_non_null(handles_find(&rig->desk->handles, TASK));
}

static void recovers_not(struct rig *rig, const char *boot, int want, const char *text)
{
	_cleanup_(handle_kept_done) struct handle_kept kept = kept_of(TASK);

	kept.boot = mem_strdup(boot);
	fails(rig, begin_recover(rig, TASK, &kept), want, text);
	assert_null(handles_find(&rig->desk->handles, TASK));
}

/* In a worker, while the answer is there already. */
static void is_cleared(struct rig *rig)
{
	struct ctrd_container rec = { 0 };
	int r = 0;

	for (int i = 0; r >= 0 && i < 500; i++) {
		assert_int_equal(loop_pause(rig->loop, 20, NULL, NULL), 0);
		r = containers_get(rig->core->ctrd, ID, NULL, &rec, NULL);
		ctrd_container_done(&rec);
	}
	assert_int_equal(r, -ERR_NOT_FOUND);
}

static void recover_one_that_runs(void **state)
{
	struct rig *rig = *state;
	struct grpc_call *call;

	make_task(rig, true);
	recovers(rig);
	recovers(rig); /* once more is fine */
	assert_int_equal(rig->desk->handles.n, 1);
	call = begin_wait(rig, TASK);
	assert_false(answered_within(rig, call, 100));
	exits(rig, 5);
	assert_int_equal(waited(rig, call)->result->exit_code, 5);
	recovers(rig);
}

static void recover_one_that_has_ended(void **state)
{
	struct rig *rig = *state;

	make_task(rig, true);
	exits(rig, 6);
	recovers(rig);
	assert_int_equal(waited(rig, begin_wait(rig, TASK))->result->exit_code, 6);
}

/* Its task is gone, and the record says how it ended. */
static void recover_one_that_is_settled(void **state)
{
	struct rig *rig = *state;
	_cleanup_dict_ struct dict labels = { 0 };
	struct err err = ERR_INIT;

	make_container(rig);
	dict_set(&labels, RECORD_EXIT, "3 2026-01-02T03:04:05Z");
	must(containers_set_labels(rig->core->ctrd, ID, &labels, NULL, &err), &err);
	recovers(rig);
	assert_int_equal(waited(rig, begin_wait(rig, TASK))->result->exit_code, 3);
}

/* As after a reboot: there is a record, and no task; or not even that. */
static void recover_one_that_is_gone(void **state)
{
	struct rig *rig = *state;

	recovers_not(rig, NULL, -ERR_NOT_FOUND, "its container is gone");
	make_container(rig);
	recovers_not(rig, NULL, -ERR_NOT_FOUND, "how it ended is not known");
	is_cleared(rig);
}

static void recover_one_that_was_never_started(void **state)
{
	struct rig *rig = *state;

	make_task(rig, false);
	recovers_not(rig, NULL, -ERR_NOT_FOUND, "never started");
	is_cleared(rig);
}

static void hide(const struct rig *rig, bool hidden)
{
	_cleanup_free_ char *away = mem_printf("%s.away", fake_address(rig->fake));

	assert_int_equal(hidden ? rename(fake_address(rig->fake), away) : rename(away, fake_address(rig->fake)), 0);
}

/* containerd is no part of it yet: the task is taken for one that runs, and ends as it did. */
static void recover_while_containerd_is_away(void **state)
{
	struct rig *rig = *state;
	struct grpc_call *call;

	make_task(rig, true);
	hide(rig, true);
	recovers(rig);
	call = begin_wait(rig, TASK);
	assert_false(answered_within(rig, call, 300));
	hide(rig, false);
	exits(rig, 8);
	assert_int_equal(waited(rig, call)->result->exit_code, 8);
}

static void recover_after_a_boot_without_containerd(void **state)
{
	struct rig *rig = *state;

	make_container(rig);
	hide(rig, true);
	recovers_not(rig, "another", -ERR_NOT_FOUND, "the host has booted");
	hide(rig, false);
	is_cleared(rig);
}

/* What is not cleared by then stays for the next one. */
static void a_plugin_that_ends_before_it_can_clear(void **state)
{
	struct rig *rig = *state;

	hide(rig, true);
	recovers_not(rig, "another", -ERR_NOT_FOUND, "the host has booted");
	assert_int_equal(loop_pause(rig->loop, 100, NULL, NULL), 0);
	hide(rig, false);
}

static void recover_nonsense(void **state)
{
	struct rig *rig = *state;
	_cleanup_(handle_kept_done) struct handle_kept kept = kept_of(TASK);
	Driver__RecoverTaskRequest none = DRIVER__RECOVER_TASK_REQUEST__INIT;

	fails(rig, begin(rig, "RecoverTask", &none.base, 20000), -ERR_INVALID, "no handle");
	fails(rig, begin_recover(rig, "a/b/c", &kept), -ERR_INVALID, "its state is of task");
	assert_int_equal(rig->desk->handles.n, 0);
}

/* stops */

static unsigned calls_of(struct rig *rig, const char *method)
{
	_cleanup_buf_ struct buf calls = { 0 };
	struct err err = ERR_INIT;
	unsigned n = 0;

	must(fake_calls(rig->fake, &calls, &err), &err);
	for (const char *s = buf_str(&calls); (s = strstr(s, method)); s++)
		n++;
	return n;
}

static struct grpc_call *begin_stop(struct rig *rig, int64_t seconds)
{
	Driver__StopTaskRequest req = DRIVER__STOP_TASK_REQUEST__INIT;
	Google__Protobuf__Duration timeout = GOOGLE__PROTOBUF__DURATION__INIT;

	timeout.seconds = seconds;
	req.task_id = (char[]){ TASK };
	req.timeout = &timeout;
	return begin(rig, "StopTask", &req.base, 20000);
}

static void is_answered(struct grpc_call *call)
{
	_cleanup_buf_ struct buf answer = { 0 };
	struct err err = ERR_INIT;

	must(grpc_recv(call, NULL, &answer, &err), &err);
	grpc_call_free(call);
}

/* Without a time for it, the signal and SIGKILL; each once, also where the end is not known at once. */
static void stop_without_time(void **state)
{
	struct rig *rig = *state;
	struct err err = ERR_INIT;
	struct grpc_call *call, *stop;
	int64_t killed_at;
	unsigned kills;
	bool soon;

	must(fake_program(rig->fake, "*", "deaf", NULL, &err), &err);
	make_task(rig, true);
	(void)know(rig);
	call = begin_wait(rig, TASK);
	stop = begin_stop(rig, 0);
	do
		killed_at = clock_mono(); /* of the last look that did not see it */
	while (calls_of(rig, "Tasks/Kill") < 2 && loop_pause(rig->loop, 20, NULL, NULL) >= 0);
	assert_int_equal(loop_pause(rig->loop, 400, NULL, NULL), 0);
	kills = calls_of(rig, "Tasks/Kill");
	soon = clock_mono() - killed_at < NSEC_PER_SEC; /* else it may have been taken for one that hangs */
	exits(rig, 128 + SIGKILL);
	is_answered(stop);
	assert_int_equal(waited(rig, call)->result->signal, SIGKILL);
	assert_true(kills == 2 || !soon);
}

static char *kill_number(struct rig *rig)
{
	_cleanup_buf_ struct buf calls = { 0 };
	struct err err = ERR_INIT;
	char *end;

	must(fake_calls(rig->fake, &calls, &err), &err);
	end = strstr(buf_str(&calls), "Tasks/Kill");
	assert_non_null(end);
	while (end > buf_str(&calls) && end[-1] != '\n')
		end--;
	return mem_strndup(end, strspn(end, "0123456789"));
}

/* By the engine: SIGKILL is sent all the same. The first time tells which call the signal is. */
static void stop_whose_signal_is_refused(void **state)
{
	struct rig *rig = *state;
	_cleanup_free_ char *number = NULL;
	struct err err = ERR_INIT;

	for (int refused = 0; refused < 2; refused++) {
		struct grpc_call *call;

		make_task(rig, true);
		(void)know(rig);
		call = begin_wait(rig, TASK);
		assert_false(answered_within(rig, call, 100));
		must(fake_reset(rig->fake, &err), &err);
		if (refused)
			must(fake_fault(rig->fake, &err, "%s:fail=2", number), &err);
		is_answered(begin_stop(rig, 1));
		assert_int_equal(waited(rig, call)->result->signal, refused ? SIGKILL : SIGTERM);
		assert_int_equal(calls_of(rig, "Tasks/Kill"), 1 + refused);
		if (!refused)
			number = kill_number(rig);
		must(fake_clear(rig->fake, &err), &err);
		handles_remove(&rig->desk->handles, handles_find(&rig->desk->handles, TASK));
	}
}

/* a containerd that hangs */

static void make_alloc(const struct rig *rig)
{
	static const char *const folders[] = { "alloc/logs", "web/local", "web/secrets" };

	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
		_cleanup_free_ char *path = mem_printf("%s/%s", rig->dir, folders[i]);

		assert_int_equal(file_mkdirs(path, 0700, NULL), 0);
	}
}

static struct grpc_call *begin_start(struct rig *rig, unsigned n)
{
	static const char options[] = "\x82\xa5image\xa1x\xachost_network\xc3";
	_cleanup_free_ char *id = mem_printf("0a1b2c3d-0000-0000-0000-000000000000/web/%08x", n);
	Driver__StartTaskRequest req = DRIVER__START_TASK_REQUEST__INIT;
	Driver__TaskConfig task = DRIVER__TASK_CONFIG__INIT;

	task.id = id;
	task.name = (char[]){ "web" };
	task.alloc_dir = rig->dir;
	task.msgpack_driver_config = (ProtobufCBinaryData){ sizeof options - 1, (uint8_t *)(uintptr_t)options };
	req.task = &task;
	return begin(rig, "StartTask", &req.base, 60000);
}

static bool may_come(struct grpc_call *call, struct err *err)
{
	_cleanup_buf_ struct buf wire = { 0 };
	bool recoverable = false;

	assert_true(grpc_recv(call, NULL, &wire, err) < 0);
	if (host_recoverable(call, &recoverable) != 1 || !recoverable)
		fail_msg("%s", err->msg);
	grpc_call_free(call);
	return recoverable;
}

/* More than there are workers; the later ones know by then, and need not wait as long. What waits goes on. */
static void containerd_hangs(void **state)
{
	struct rig *rig = *state;
	struct grpc_call *starts[STARTS], *stop, *wait, *signal;
	Driver__SignalTaskRequest req = DRIVER__SIGNAL_TASK_REQUEST__INIT;
	_cleanup_buf_ struct buf wire = { 0 };
	const int64_t usual = rig->desk->call_ms;
	unsigned silent = 0;

	make_task(rig, true);
	(void)know(rig);
	wait = begin_wait(rig, TASK);
	assert_false(answered_within(rig, wait, 200));
	rig->desk->call_ms = 1000;
	make_alloc(rig);
	fake_hang(rig->fake, true);
	for (unsigned i = 0; i < STARTS; i++)
		starts[i] = begin_start(rig, i);
	stop = begin_stop(rig, 20);
	req.task_id = (char[]){ TASK };
	req.signal = (char[]){ "HUP" };
	signal = begin(rig, "SignalTask", &req.base, 60000);
	for (unsigned i = 0; i < STARTS; i++) {
		struct err err = ERR_INIT;

		assert_true(may_come(starts[i], &err));
		silent += strstr(err.msg, "does not answer") != NULL;
	}
	assert_true(silent > 0);
	assert_true(grpc_recv(stop, NULL, &wire, NULL) < 0);
	grpc_call_free(stop);
	assert_true(grpc_recv(signal, NULL, &wire, NULL) < 0);
	grpc_call_free(signal);
	assert_false(answered_within(rig, wait, 100));
	fake_hang(rig->fake, false);
	rig->desk->call_ms = usual;
	is_answered(begin_stop(rig, 20));
	assert_int_equal(waited(rig, wait)->result->signal, SIGTERM);
}

/* With all workers in its calls. */
static void an_end_while_containerd_hangs(void **state)
{
	struct rig *rig = *state;
	struct grpc_call *starts[STARTS], *wait;
	int64_t began;
	bool idle;

	make_task(rig, true);
	(void)know(rig);
	wait = begin_wait(rig, TASK);
	make_alloc(rig);
	fake_hang(rig->fake, true);
	for (unsigned i = 0; i < STARTS; i++)
		starts[i] = begin_start(rig, i);
	assert_false(answered_within(rig, starts[0], 300));
	began = clock_mono();
	idle = plugin_drain(rig->plugin, 1000);
	assert_true(clock_mono() - began < 20 * NSEC_PER_SEC);
	fake_hang(rig->fake, false);
	assert_true(idle || clock_mono() - began >= NSEC_PER_SEC);
	for (unsigned i = 0; i < STARTS; i++) {
		assert_false(grpc_ready(starts[i])); /* the connection's end makes the client ask the next plugin */
		grpc_call_free(starts[i]);
	}
	grpc_call_free(wait);
}

/* another containerd than the options name */

/* SetConfig: another containerd, where nothing is; @error: one that is guessed, since an option is wrong. */
static void configure_elsewhere(struct rig *rig, struct fake **ret, const char *error)
{
	struct driver_conf *conf = driver_conf_new();
	struct err err = ERR_INIT;

	must(fake_start(rig->loop, ret, &err), &err);
	free(conf->address);
	conf->address = mem_strdup(fake_address(*ret));
	conf->error = mem_strdup(error);
	desk_configure(rig->desk, conf);
}

static struct grpc_call *begin_recover_at(struct rig *rig)
{
	_cleanup_(handle_kept_done) struct handle_kept kept = kept_of(TASK);

	kept.address = mem_strdup(fake_address(rig->fake));
	return begin_recover(rig, TASK, &kept);
}

/* A wrong option, and the plugin begins anew: its tasks are where they were started, and can be had there. */
static void recover_with_wrong_options(void **state)
{
	struct rig *rig = *state;
	_cleanup_(fake_freep) struct fake *elsewhere = NULL;
	struct grpc_call *call;

	make_task(rig, true);
	configure_elsewhere(rig, &elsewhere, "option stats_interval: sometimes");
	is_answered(begin_recover_at(rig));
	call = begin_wait(rig, TASK);
	assert_false(answered_within(rig, call, 200));
	is_answered(begin_stop(rig, 20));
	assert_int_equal(waited(rig, call)->result->signal, SIGTERM);
}

/* Nothing is destroyed by guessing where it is. */
static bool is_there(struct rig *rig)
{
	struct ctrd_container rec = { 0 };
	int r = containers_get(rig->core->ctrd, ID, NULL, &rec, NULL);

	ctrd_container_done(&rec);
	return r >= 0;
}

/* Nomad does not ask again: it is done as soon as containerd is there. */
static void destroy_while_containerd_is_away(void **state)
{
	struct rig *rig = *state;
	const struct ctx limit = ctx_within(NULL, 30000);
	Driver__DestroyTaskRequest req = DRIVER__DESTROY_TASK_REQUEST__INIT;
	_cleanup_buf_ struct buf wire = { 0 };
	struct err err = ERR_INIT;
	struct grpc_call *call;

	make_task(rig, true);
	(void)know(rig);
	must(fake_fault(rig->fake, &err, "Containers/Get:fail=14"), &err);
	req.task_id = (char[]){ TASK };
	req.force = true;
	call = begin(rig, "DestroyTask", &req.base, 20000);
	assert_true(grpc_recv(call, NULL, &wire, NULL) < 0);
	grpc_call_free(call);
	assert_null(handles_find(&rig->desk->handles, TASK));
	must(fake_reset(rig->fake, &err), &err);
	while (is_there(rig)) {
		must(ctx_check(&limit, &err), &err);
		(void)loop_turn(rig->loop, &(struct ctx){ .deadline = clock_mono() + 20 * NSEC_PER_MSEC }, NULL);
	}
}

static void until_as_before(struct rig *rig, const struct buf *before)
{
	const struct ctx limit = ctx_within(NULL, 60000);

	for (;;) {
		_cleanup_buf_ struct buf now = { 0 };
		struct err err = ERR_INIT;

		must(fake_dump(rig->fake, &now, &err), &err);
		if (!strcmp(buf_str(&now), buf_str(before)))
			return;
		must(loop_pause(rig->loop, 20, &limit, &err), &err);
	}
}

static bool was_called(struct rig *rig, const char *method)
{
	_cleanup_buf_ struct buf calls = { 0 };
	struct err err = ERR_INIT;

	must(fake_calls(rig->fake, &calls, &err), &err);
	return strstr(buf_str(&calls), method);
}

static void lose_all_removals(struct rig *rig)
{
	static const char *const faults[] = { "Containers/Delete:fail=14", "Snapshots/Remove:fail=14", "Leases/Delete:fail=14",
					      "Tasks/Delete:fail=14", "Tasks/Kill:fail=14" };
	struct err err = ERR_INIT;

	must(fake_reset(rig->fake, &err), &err);
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
		must(fake_fault(rig->fake, &err, "%s", faults[i]), &err);
}

/* What such a start leaves, since its undo fails as well, goes as soon as containerd is back: neither is a task known, nor
 * does Nomad ask for it. */
static void a_start_while_containerd_goes(void **state)
{
	struct rig *rig = *state;
	_cleanup_buf_ struct buf before = { 0 }, after = { 0 };
	const struct ctx limit = ctx_within(NULL, 60000);
	struct err err = ERR_INIT;
	struct grpc_call *call;

	make_alloc(rig);
	must(fake_seed_image(rig->fake, FAKE_NS, "docker.io/library/x:latest", &err), &err);
	must(fake_dump(rig->fake, &before, &err), &err);
	lose_all_removals(rig);
	must(fake_fault(rig->fake, &err, "Tasks/Start:fail=14"), &err);
	assert_true(may_come(begin_start(rig, 1), &err));
	assert_int_equal(rig->desk->handles.n, 0);
	must(fake_dump(rig->fake, &after, &err), &err);
	assert_string_not_equal(buf_str(&after), buf_str(&before));
	must(fake_reset(rig->fake, &err), &err);
	until_as_before(rig, &before);

	lose_all_removals(rig);
	must(fake_fault(rig->fake, &err, "Tasks/Start:hang"), &err);
	call = begin_start(rig, 2);
	while (!was_called(rig, "Tasks/Start"))
		must(loop_pause(rig->loop, 20, &limit, &err), &err);
	grpc_call_free(call); /* its client goes */
	while (rig->desk->handles.n)
		must(loop_pause(rig->loop, 20, &limit, &err), &err);
	must(fake_reset(rig->fake, &err), &err);
	until_as_before(rig, &before);
}

/* What is said while it waits: to a file, and back. */
static int lines_begin(const struct rig *rig)
{
	_cleanup_free_ char *path = mem_printf("%s/log", rig->dir);
	_cleanup_close_ int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
	int before = dup(STDERR_FILENO);

	assert_true(fd >= 0 && before >= 0 && dup2(fd, STDERR_FILENO) >= 0);
	log_init(LOG_WARN, LOG_TEXT);
	return before;
}

static unsigned lines_end(const struct rig *rig, int before)
{
	_cleanup_free_ char *path = mem_printf("%s/log", rig->dir);
	_cleanup_buf_ struct buf text = { 0 };
	unsigned n = 0;

	assert_true(dup2(before, STDERR_FILENO) >= 0);
	assert_int_equal(close(before), 0);
	log_init(LOG_ERROR, LOG_TEXT);
	assert_int_equal(file_read(path, 1 << 20, &text, NULL), 0);
	for (const char *s = buf_str(&text); (s = strchr(s, '\n')); s++)
		n++;
	return n;
}

static unsigned destroys_in_vain(struct rig *rig, const char *task)
{
	Driver__DestroyTaskRequest req = DRIVER__DESTROY_TASK_REQUEST__INIT;
	_cleanup_buf_ struct buf wire = { 0 };
	struct grpc_call *call;
	int r;

	req.task_id = (char *)(uintptr_t)task;
	req.force = true;
	call = begin(rig, "DestroyTask", &req.base, 60000);
	r = grpc_recv(call, NULL, &wire, NULL);
	grpc_call_free(call);
	assert_true(r < 0);
	return calls_of(rig, "Containers/");
}

/* Ten tasks, and each is asked for twice: it is asked for one of them at a time, less and less often, with one line of it. */
static void destroy_while_containerd_stays_away(void **state)
{
	enum { TASKS = 10, SOME_MS = 3000 };
	struct rig *rig = *state;
	const struct ctx limit = ctx_within(NULL, 60000);
	unsigned before = 0, tries;
	struct err err = ERR_INIT;
	int err_fd;

	make_task(rig, true);
	(void)know(rig);
	rig->desk->again_ms = 200;
	must(fake_fault(rig->fake, &err, "Containers/Get:fail=14"), &err);
	must(fake_fault(rig->fake, &err, "Containers/ListStream:fail=14"), &err);
	err_fd = lines_begin(rig);
	for (unsigned i = 0; i < 2 * TASKS; i++) {
		_cleanup_free_ char *task =
			i ? mem_printf("0a1b2c3d-0000-0000-0000-000000000000/web/%08x", i % TASKS) : mem_strdup(TASK);

		before = destroys_in_vain(rig, task);
	}
	assert_int_equal(loop_pause(rig->loop, SOME_MS, NULL, NULL), 0);
	tries = calls_of(rig, "Containers/") - before;
	if (tries < 1 || tries > 6) /* after 0.2, 0.6, 1.4, 3 s, and the one that was at work */
		fail_msg("%u tries", tries);
	assert_int_equal(lines_end(rig, err_fd), 1);
	must(fake_reset(rig->fake, &err), &err);
	while (is_there(rig)) {
		must(ctx_check(&limit, &err), &err);
		assert_int_equal(loop_pause(rig->loop, 20, NULL, NULL), 0);
	}
}

/* By davit rm -f, or a look at what is dangling: Nomad may ask again. */
static void a_start_of_what_is_being_removed(void **state)
{
	struct rig *rig = *state;
	_cleanup_free_ char *name = handle_job_name("0a1b2c3d-0000-0000-0000-000000000000/web/00000001");
	struct err err = ERR_INIT;
	int lock = -1;

	make_alloc(rig);
	must(fake_seed_image(rig->fake, FAKE_NS, "docker.io/library/x:latest", &err), &err);
	must(claim_lock(rig->core, name, false, NULL, &lock, &err), &err);
	claim_lock_removing(lock);
	assert_true(may_come(begin_start(rig, 1), &err));
	assert_non_null(strstr(err.msg, "being removed"));
	claim_unlock(rig->core, name, lock);
}

static void destroy_with_wrong_options(void **state)
{
	struct rig *rig = *state;
	_cleanup_(fake_freep) struct fake *elsewhere = NULL;
	Driver__DestroyTaskRequest req = DRIVER__DESTROY_TASK_REQUEST__INIT;

	configure_elsewhere(rig, &elsewhere, "option stats_interval: sometimes");
	req.task_id = (char[]){ TASK };
	req.force = true;
	fails(rig, begin(rig, "DestroyTask", &req.base, 20000), -ERR_PRECONDITION, "stats_interval");
}

static void options_change_under_a_task(void **state)
{
	struct rig *rig = *state;
	_cleanup_(fake_freep) struct fake *elsewhere = NULL;
	struct grpc_call *call;

	make_task(rig, true);
	is_answered(begin_recover_at(rig));
	call = begin_wait(rig, TASK);
	configure_elsewhere(rig, &elsewhere, NULL);
	assert_false(answered_within(rig, call, 200));
	is_answered(begin_stop(rig, 20));
	assert_int_equal(waited(rig, call)->result->signal, SIGTERM);
}

/* It is found there, if it is the same one; another has nothing to say of it. */
static void containerd_has_another_socket(void **state)
{
	struct rig *rig = *state;
	_cleanup_(handle_kept_done) struct handle_kept kept = kept_of(TASK);
	_cleanup_(fake_freep) struct fake *elsewhere = NULL;
	struct grpc_call *call;

	make_task(rig, true);
	kept.address = mem_printf("%s/former.sock", rig->dir);
	is_answered(begin_recover(rig, TASK, &kept));
	call = begin_wait(rig, TASK);
	assert_false(answered_within(rig, call, 100));
	exits(rig, 9);
	assert_int_equal(waited(rig, call)->result->exit_code, 9);
	handles_remove(&rig->desk->handles, handles_find(&rig->desk->handles, TASK));
	configure_elsewhere(rig, &elsewhere, NULL);
	is_answered(begin_recover(rig, TASK, &kept));
	call = begin_wait(rig, TASK);
	assert_false(answered_within(rig, call, 300));
	grpc_call_free(call);
}

static void options_change_during_a_recovery(void **state)
{
	struct rig *rig = *state;
	_cleanup_(fake_freep) struct fake *elsewhere = NULL;
	struct err err = ERR_INIT;
	struct grpc_call *call;

	make_task(rig, true);
	must(fake_fault(rig->fake, &err, "Tasks/Get:delay=1000"), &err);
	call = begin_recover_at(rig);
	assert_false(answered_within(rig, call, 100));
	configure_elsewhere(rig, &elsewhere, NULL);
	is_answered(call);
	exits(rig, 9);
	assert_int_equal(waited(rig, begin_wait(rig, TASK))->result->exit_code, 9);
}

/* dangling containers */

static void reap_every(struct rig *rig, int64_t period_ms, int64_t grace_ms, bool dry_run)
{
	struct driver_conf *conf = rig->desk->conf;

	conf->gc.dangling.enabled = true;
	conf->gc.dangling.period = period_ms * NSEC_PER_MSEC;
	conf->gc.dangling.creation_grace = grace_ms * NSEC_PER_MSEC;
	conf->gc.dangling.dry_run = dry_run;
	dangling_set(rig->desk->dangling);
}

static void label_task(struct rig *rig, const char *node)
{
	_cleanup_dict_ struct dict labels = { 0 };
	struct err err = ERR_INIT;

	dict_set(&labels, NOMAD_TASK_LABEL, TASK);
	if (node)
		dict_set(&labels, NOMAD_NODE_LABEL, node);
	must(containers_set_labels(rig->core->ctrd, ID, &labels, NULL, &err), &err);
}

static void stays(struct rig *rig)
{
	assert_int_equal(loop_pause(rig->loop, 300, NULL, NULL), 0);
	assert_true(is_there(rig));
}

static void dangling_ones_go(void **state)
{
	struct rig *rig = *state;

	make_task(rig, true);
	label_task(rig, "n1");
	rig->desk->conf->gc.container = true;
	reap_every(rig, 20, 0, false);
	stays(rig); /* nobody has said which client this is */
	dangling_learn(rig->desk->dangling, "");
	stays(rig);
	dangling_learn(rig->desk->dangling, "n2");
	stays(rig); /* another's */
	reap_every(rig, 20, 60000, false);
	dangling_learn(rig->desk->dangling, "n1");
	stays(rig); /* young */
	reap_every(rig, 20, 0, true);
	stays(rig);
	rig->desk->conf->gc.dangling.enabled = false;
	dangling_set(rig->desk->dangling);
	stays(rig);
	reap_every(rig, 20, 0, false);
	is_cleared(rig);
}

/* While a look is under way, too. */
static void dangling_learns_meanwhile(void **state)
{
	struct rig *rig = *state;
	struct err err = ERR_INIT;

	make_task(rig, true);
	label_task(rig, "n1");
	rig->desk->conf->gc.container = true;
	dangling_learn(rig->desk->dangling, "n2");
	must(fake_fault(rig->fake, &err, "Tasks/List:delay=400"), &err);
	reap_every(rig, 20, 0, false);
	assert_int_equal(loop_pause(rig->loop, 200, NULL, NULL), 0);
	dangling_learn(rig->desk->dangling, "n1");
	is_cleared(rig);
}

static void dangling_ones_that_are_known(void **state)
{
	struct rig *rig = *state;
	struct handle *h;

	make_task(rig, true);
	label_task(rig, "n1");
	rig->desk->conf->gc.container = true;
	dangling_learn(rig->desk->dangling, "n1");
	h = know(rig);
	reap_every(rig, 20, 0, false);
	stays(rig);
	handles_remove(&rig->desk->handles, h);
	is_cleared(rig);
}

static void label_complete(struct rig *rig)
{
	_cleanup_dict_ struct dict labels = { 0 };
	struct err err = ERR_INIT;

	dict_set(&labels, RECORD_COMPLETE, "2026-01-01T00:00:00Z");
	must(containers_set_labels(rig->core->ctrd, ID, &labels, NULL, &err), &err);
}

/* gc.container: what has ended is kept for looking at, and what runs is not. */
static void dangling_ones_that_have_ended(void **state)
{
	struct rig *rig = *state;

	make_task(rig, true);
	label_task(rig, "n1");
	label_complete(rig);
	rig->desk->conf->gc.container = false;
	dangling_learn(rig->desk->dangling, "n1");
	exits(rig, 1);
	reap_every(rig, 20, 0, false);
	stays(rig);
	rig->desk->conf->gc.container = true;
	is_cleared(rig);
}

/* Nor what could not be asked for: it is not taken for the rest of a start. */
static void kept_while_it_cannot_be_asked_for(void **state)
{
	struct rig *rig = *state;
	struct driver_conf *conf = rig->desk->conf;
	const struct ctx limit = ctx_within(NULL, 60000);
	struct err err = ERR_INIT;

	make_task(rig, true);
	label_complete(rig);
	conf->gc.container = false;
	must(fake_reset(rig->fake, &err), &err);
	must(fake_fault(rig->fake, &err, "1:fail=14"), &err);
	assert_int_equal(stop_remove(rig->core, conf, NULL, "web", &limit, &err), -ERR_UNAVAILABLE);
	assert_true(is_there(rig));
	must(fake_reset(rig->fake, &err), &err);
	err_clear(&err);
	must(stop_remove(rig->core, conf, NULL, "web", &limit, &err), &err);
	assert_true(is_there(rig)); /* without its task */
	assert_int_equal(tasks_start(rig->core->ctrd, ID, NULL, NULL, &(pid_t){ 0 }, NULL), -ERR_NOT_FOUND);
}

/* Nor is what was never started. */
static void dangling_ones_that_are_no_tasks_yet(void **state)
{
	struct rig *rig = *state;

	make_task(rig, false);
	label_task(rig, "n1");
	rig->desk->conf->gc.container = false;
	dangling_learn(rig->desk->dangling, "n1");
	exits(rig, 1);
	reap_every(rig, 20, 0, false);
	is_cleared(rig);
}

/* How many descriptors of ours are on the lock of the job. */
static unsigned lock_holders(const char *path)
{
	_cleanup_(closedirp) DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	for (struct dirent *e; d && (e = readdir(d));) {
		char at[PATH_MAX] = "";

		n += readlinkat(dirfd(d), e->d_name, at, sizeof at - 1) > 0 && !strcmp(at, path);
	}
	return n;
}

static void dangling_stage(struct rig *rig)
{
	make_task(rig, true);
	label_task(rig, "n1");
	rig->desk->conf->gc.container = true;
	dangling_learn(rig->desk->dangling, "n1");
}

/* A start has the job's lock, and when its removal gets it the container is a task's. */
static void dangling_ones_that_become_known(void **state)
{
	struct rig *rig = *state;
	const struct ctx limit = ctx_within(NULL, 60000);
	_cleanup_free_ char *path = mem_printf("%s/" FAKE_NS "/web.lock", rig->run);
	struct err err = ERR_INIT;
	int lock = -1;

	dangling_stage(rig);
	must(claim_lock(rig->core, "web", false, NULL, &lock, &err), &err);
	reap_every(rig, 20, 0, false);
	while (lock_holders(path) < 2)
		must(loop_pause(rig->loop, 10, &limit, &err), &err);
	recovers(rig);
	claim_unlock(rig->core, "web", lock);
	while (lock_holders(path))
		must(loop_pause(rig->loop, 10, &limit, &err), &err);
	stays(rig);
}

/* It has begun by then. */
static void dangling_ones_that_are_recovered_too_late(void **state)
{
	struct rig *rig = *state;
	const struct ctx limit = ctx_within(NULL, 60000);
	struct err err = ERR_INIT;

	dangling_stage(rig);
	must(fake_fault(rig->fake, &err, "Tasks/Kill:delay=3000"), &err);
	reap_every(rig, 20, 0, false);
	while (!claim_is_removing(rig->core, "web"))
		must(loop_pause(rig->loop, 10, &limit, &err), &err);
	recovers_not(rig, NULL, -ERR_NOT_FOUND, "it is being removed");
	is_cleared(rig);
}

static bool claim_is_there(struct rig *rig, const char *job)
{
	_cleanup_free_ char *filter = mem_printf("id==davit-job-%s", job);
	struct ctrd_leases found = { 0 };
	struct err err = ERR_INIT;
	size_t n;

	must(leases_list(rig->core->ctrd, filter, NULL, &found, &err), &err);
	n = found.n;
	ctrd_leases_done(&found);
	return n > 0;
}

static void make_claim(struct rig *rig, const char *job)
{
	_cleanup_free_ char *lease = mem_printf("davit-job-%s", job), *id = mem_printf("%s-00000001", job);
	_cleanup_dict_ struct dict labels = { 0 };
	struct err err = ERR_INIT;

	dict_set(&labels, CLAIM_JOB, job);
	dict_set(&labels, CLAIM_ID, id);
	must(leases_create(rig->core->ctrd, lease, &labels, NULL, &err), &err);
}

/* Killed before there was a container. Claims of others than this driver stay, and one of a start that is under way. */
static void dangling_claims_go(void **state)
{
	static const char job[] = "web-0a1b2c3d-0000-0000-0000-000000000000-deadbeef", others[] = "web-of-others";
	struct rig *rig = *state;
	struct handle_kept kept = kept_of(TASK);
	struct handle *h;

	make_claim(rig, job);
	make_claim(rig, others);
	dangling_learn(rig->desk->dangling, "n1");
	reap_every(rig, 20, 60000, false);
	assert_int_equal(loop_pause(rig->loop, 300, NULL, NULL), 0);
	assert_true(claim_is_there(rig, job)); /* young */
	free(kept.job);
	kept.job = mem_strdup(job);
	h = handle_new(&kept, HANDLE_STARTING);
	must(handles_add(&rig->desk->handles, h, NULL), NULL);
	reap_every(rig, 20, 0, false);
	assert_int_equal(loop_pause(rig->loop, 300, NULL, NULL), 0);
	assert_true(claim_is_there(rig, job)); /* known */
	handles_remove(&rig->desk->handles, h);
	handle_unref(h);
	for (unsigned i = 0; i < 200 && claim_is_there(rig, job); i++)
		assert_int_equal(loop_pause(rig->loop, 50, NULL, NULL), 0);
	assert_false(claim_is_there(rig, job));
	assert_true(claim_is_there(rig, others));
}

/* A job of somebody else's may be called as a task's container is. */
static void stop_by_the_id(void **state)
{
	struct rig *rig = *state;
	struct ctrd_container rec = { .id = (char[]){ "other-00000002" },
				      .image = (char[]){ "x" },
				      .snapshotter = (char[]){ "overlayfs" },
				      .snapshot_key = (char[]){ "other" },
				      .runtime = (char[]){ "io.containerd.runc.v2" } };
	Driver__StopTaskRequest req = DRIVER__STOP_TASK_REQUEST__INIT;
	Google__Protobuf__Duration timeout = GOOGLE__PROTOBUF__DURATION__INIT;
	_cleanup_buf_ struct buf answer = { 0 };
	struct err err = ERR_INIT;
	struct grpc_call *call;
	struct handle *h;

	rec.spec.type_url = (char[]){ "spec" };
	dict_set(&rec.labels, CLAIM_JOB, ID);
	dict_set(&rec.labels, CLAIM_ID, rec.id);
	must(containers_create(rig->core->ctrd, &rec, NULL, &err), &err);
	dict_done(&rec.labels);
	make_task(rig, true);
	h = handle_ref(know(rig));
	timeout.seconds = 3;
	req.task_id = (char[]){ TASK };
	req.timeout = &timeout;
	call = begin(rig, "StopTask", &req.base, 20000);
	must(grpc_recv(call, NULL, &answer, &err), &err);
	grpc_call_free(call);
	assert_int_equal(h->state, HANDLE_EXITED);
	assert_int_equal(h->exit.signal, SIGTERM);
	handle_unref(h);
}

static void dangling_ones_without_a_list(void **state)
{
	struct rig *rig = *state;
	struct err err = ERR_INIT;

	make_task(rig, true);
	label_task(rig, "n1");
	rig->desk->conf->gc.container = true;
	dangling_learn(rig->desk->dangling, "n1");
	must(fake_fault(rig->fake, &err, "Tasks/List:fail"), &err);
	reap_every(rig, 20, 0, false);
	stays(rig);
	must(fake_reset(rig->fake, &err), &err);
	is_cleared(rig);
}

/* the stage */

static const struct plugin_method methods[] = {
	{ .path = DRIVER "WaitTask", .request = &driver__wait_task_request__descriptor, .begin = wait_task_begin },
	{ .path = DRIVER "InspectTask", .request = &driver__inspect_task_request__descriptor, .begin = inspect_task_begin },
	{ .path = DRIVER "TaskStats", .request = &driver__task_stats_request__descriptor, .begin = task_stats_begin },
	{ .path = DRIVER "TaskEvents", .request = &driver__task_events_request__descriptor, .begin = task_events_begin },
	{ .path = DRIVER "StopTask", .request = &driver__stop_task_request__descriptor, .begin = stop_task_begin },
	{ .path = DRIVER "StartTask", .request = &driver__start_task_request__descriptor, .begin = start_task_begin },
	{ .path = DRIVER "SignalTask", .request = &driver__signal_task_request__descriptor, .begin = signal_task_begin },
	{ .path = DRIVER "DestroyTask", .request = &driver__destroy_task_request__descriptor, .begin = destroy_task_begin },
	{ .path = DRIVER "RecoverTask", .request = &driver__recover_task_request__descriptor, .begin = recover_task_begin },
	{ 0 },
};

static int set_up(void **state)
{
	static const struct plugin_method *const tables[] = { methods, NULL };
	static struct rig rig;
	struct plugin_conf pc = { .tables = tables, .threads = 2, .begin = desk_worker_begin, .end = desk_worker_end };
	struct core_conf cc = { .ns = FAKE_NS };
	struct driver_conf *conf = driver_conf_new();
	struct err err = ERR_INIT;

	log_init(LOG_ERROR, LOG_TEXT);
	rig = (struct rig){ .loop = loop_new(), .dir = mem_strdup("/tmp/davit-test-calls-XXXXXX") };
	assert_non_null(mkdtemp(rig.dir));
	must(fake_start(rig.loop, &rig.fake, &err), &err);
	rig.socket = mem_printf("%s/plugin", rig.dir);
	rig.run = mem_printf("%s/run", rig.dir);
	rig.data = mem_printf("%s/data", rig.dir);
	free(conf->address);
	free(conf->ns);
	conf->address = mem_strdup(fake_address(rig.fake));
	conf->ns = mem_strdup(FAKE_NS);
	rig.desk = desk_new(rig.loop);
	rig.desk->run_dir = rig.run;
	rig.desk->data_dir = rig.data;
	rig.desk->host_root = rig.dir;
	desk_configure(rig.desk, conf);
	pc.path = rig.socket;
	pc.app = rig.desk;
	must(plugin_new(rig.loop, &pc, &rig.plugin, &err), &err);
	rig.desk->plugin = rig.plugin;
	cc.address = conf->address;
	cc.run_dir = rig.run;
	cc.data_dir = rig.data;
	must(core_open_on(rig.loop, &cc, &rig.core, &err), &err);
	must(core_reconnect(rig.core, &err), &err);
	must(grpc_open(rig.loop, rig.socket, &rig.grpc, &err), &err);
	*state = &rig;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *rig = *state;

	grpc_free(rig->grpc);
	(void)plugin_drain(rig->plugin, 20000);
	plugin_free(rig->plugin);
	desk_free(rig->desk);
	core_free(rig->core);
	fake_free(rig->fake);
	loop_free(rig->loop);
	(void)file_remove_tree(rig->dir, NULL);
	free(rig->dir);
	free(rig->socket);
	free(rig->run);
	free(rig->data);
	arena_done(&rig->a);
	return 0;
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
RUN_TESTS("calls", T(a_wait), T(an_unknown_task), T(inspecting), T(statistics), T(events), T(recover_one_that_runs),
	  T(recover_one_that_has_ended), T(recover_one_that_is_settled), T(recover_one_that_is_gone),
	  T(recover_one_that_was_never_started), T(recover_while_containerd_is_away), T(recover_after_a_boot_without_containerd),
	  T(a_plugin_that_ends_before_it_can_clear), T(recover_nonsense), T(dangling_ones_go), T(dangling_learns_meanwhile),
	  T(dangling_ones_that_are_known), T(dangling_ones_that_become_known), T(dangling_ones_that_are_recovered_too_late),
	  T(dangling_ones_that_have_ended), T(kept_while_it_cannot_be_asked_for), T(dangling_ones_that_are_no_tasks_yet),
	  T(dangling_ones_without_a_list), T(dangling_claims_go), T(stop_by_the_id), T(stop_without_time),
	  T(stop_whose_signal_is_refused), T(containerd_hangs), T(an_end_while_containerd_hangs), T(recover_with_wrong_options),
	  T(destroy_with_wrong_options), T(destroy_while_containerd_is_away), T(destroy_while_containerd_stays_away),
	  T(a_start_while_containerd_goes), T(a_start_of_what_is_being_removed), T(options_change_under_a_task),
	  T(containerd_has_another_socket), T(options_change_during_a_recovery))
