/* StartTask: the task's config becomes a job on a worker, which runs it, detached. Where its image is not there (or is to be
 * fetched again, or loaded) the call is parked while task_images fetches it, once for all who want it, and no thread waits. A
 * handle stands in the set from the beginning, so that a second StartTask of the same id is refused; it leaves it where the start
 * fails, and then nothing is left of the job either.
 *
 * The job's name is made of the task's id, and so is the same when Nomad asks again because the plugin died: what a killed start
 * has left of it is taken away by job_run(), and one that had come to its end, whose answer was lost, is taken over as it is. */
#include "start.h"
#include "boot-id.h"
#include "beneath.h"
#include "claim.h"
#include "clearing.h"
#include "clock.h"
#include "desk.h"
#include "image.h"
#include "job-remove.h"
#include "job-run.h"
#include "labels.h"
#include "log.h"
#include "mem.h"
#include "nomad-labels.h"
#include "pb.h"
#include "record.h"
#include "ref.h"
#include "task-path.h"
#include "task-policy.h"
#include "task-limits.h"
#include "wait.h"
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct start {
	struct plugin_work work;
	struct image_wait fetch;
	struct image_hold hold;
	struct plugin_call *call; /* while its image is waited for; NULL: the client has gone */
	struct desk *desk;
	struct driver_conf *driver;
	struct stats_compute compute; /* the client's, for the worker */
	struct handle *handle;
	/* what is asked for */
	struct arena arena;
	const Driver__TaskConfig *task; /* in @arena */
	struct task_conf *conf;
	struct task_job made;
	char *image, *image_host; /* in full, and its registry */
	int load_fd;
	bool fetched;
	bool fetching; /* @call is parked, and @fetch waits */
	bool unwanted; /* DestroyTask has come meanwhile */
	/* what has come of it, by the worker */
	bool left; /* it came to nothing, and containerd may not have been there for its undo */
	char *container, *address;
	int64_t started_at;
};

static void start_free(struct start *s)
{
	if (s->handle)
		s->handle->give_up = NULL;
	image_hold_done(&s->hold);
	handle_unref(s->handle);
	task_job_done(&s->made);
	task_conf_free(s->conf);
	driver_conf_unref(s->driver);
	arena_done(&s->arena);
	if (s->load_fd > 0)
		(void)close(s->load_fd);
	free(s->image);
	free(s->image_host);
	free(s->container);
	free(s->address);
	free(s);
}
DEFINE_CLEANUP(struct start, start_free)

/* ---- on a worker */

static struct task_said start_said(const struct start *s)
{
	return (struct task_said){ .task = s->task, .conf = s->conf, .driver = s->driver };
}

static int open_archive(struct start *s, struct err *err)
{
	_cleanup_free_ char *path = NULL;
	bool host;
	int r = task_path(s->task->alloc_dir, s->task->name, s->conf->load, &path, &host, err);

	if (r >= 0 && host)
		r = err_hint(err, err_set(err, ERR_PERMISSION, "%s is not in the task's folder", path), "local/image.tar");
	if (r >= 0)
		r = task_path_read(s->task->alloc_dir, path, &s->load_fd, err);
	return r < 0 ? err_wrap(err, r, "option load") : 0;
}

static const char *start_host(const struct start *s) { return s->desk->host_root ? s->desk->host_root : ""; }

static int start_make(struct start *s, struct err *err)
{
	const struct task_said said = start_said(s);
	int r = task_job_make(&said, &s->made, err);

	if (r >= 0)
		r = task_limits_here(&said, &s->compute, start_host(s), &s->made.job->tasks[0], err);
	if (r >= 0)
		r = task_policy(&said, &s->made, err);
	if (r >= 0)
		r = job_check(s->made.job, err);
	if (r >= 0 && s->conf->load && *s->conf->load)
		r = open_archive(s, err);
	return r;
}

/* Is it that which was not found, or what it has for this platform? Only then is there something to be fetched. */
static bool lacks_image(struct start *s, struct core *core, const struct ctx *ctx)
{
	const struct ctx limit = ctx_within(ctx, s->desk->call_ms);
	const struct job *j = s->made.job;
	_cleanup_free_ char *snapshotter = mem_strdup(j->snapshotter);
	struct image_look *look;
	struct image found = { 0 };
	struct err unused = ERR_INIT;
	int r = snapshotter ? 0 : core_snapshotter(core, &limit, &snapshotter, &unused);

	if (r < 0)
		return false;
	look = image_look_begin(core->ctrd, s->image, &limit);
	do
		r = image_look_go_on(look, core->ctrd, j->tasks[0].platform, snapshotter, &limit, &found, &unused);
	while (r == 1);
	image_look_free(look);
	image_done(&found);
	return r == -ERR_NOT_FOUND;
}

/* Its name is taken: by itself, when Nomad asks again for what a plugin that died meanwhile had started. */
static int start_take_over(struct start *s, struct core *core, const struct ctx *ctx, struct err *err)
{
	_cleanup_(record_done) struct record rec = { 0 };
	struct err unused = ERR_INIT;
	const struct ctx limit = ctx_within(ctx, s->desk->call_ms);
	const char *id, *at;
	int r = record_find(core, s->made.job->name, &limit, &rec, &unused);

	if (claim_is_removing(core, s->made.job->name)) {
		err_clear(err);
		return err_set(err, ERR_ABORTED, "task %s: what there was of it is being removed", s->task->id);
	}
	id = r < 0 ? NULL : dict_get(&rec.c.labels, NOMAD_TASK_LABEL);
	if (!id || strcmp(id, s->task->id) != 0 || !dict_get(&rec.c.labels, RECORD_COMPLETE))
		return -ERR_EXISTS;
	err_clear(err);
	at = dict_get(&rec.c.labels, RECORD_STARTED);
	if (!at || clock_parse(at, &s->started_at, NULL) < 0)
		s->started_at = clock_wall();
	s->container = mem_strdup(rec.c.id);
	return 0;
}

/* Of a network of davit's own; Nomad has made the others, and knows. */
static void find_address(struct start *s, const struct core *core)
{
	struct cni_result res = { 0 };

	if (s->made.job->network || cni_first_result(&core->conf.cni, s->container, &res, NULL) < 0)
		return;
	if (res.n_ips)
		s->address = mem_strndup(res.ips[0].address, strcspn(res.ips[0].address, "/"));
	cni_result_done(&res);
}

static bool start_is_mute(const struct start *s)
{
	return (s->conf->logging ? s->conf->logging : s->driver->logging) == LOGGING_NONE;
}

/* Where a stream of the task goes. NULL: Nomad says nothing of it. */
static char *start_output(const struct start *s, const char *path)
{
	if (start_is_mute(s))
		return mem_strdup("/dev/null");
	return *path == '/' ? task_path_output(s->task->alloc_dir, path) : *path ? mem_strdup(path) : NULL;
}

static int start_job(struct start *s, struct core *core, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ char *out = start_output(s, s->task->stdout_path), *errs = start_output(s, s->task->stderr_path);
	const struct run_opts opts = {
		.mode = RUN_DETACHED, .quiet = true, .unwatched = true, .out = out, .err = errs, .unattended = true
	};
	struct run_result res = { 0 };
	int r = job_run(core, s->made.job, &opts, ctx, &res, err);

	if (r >= 0) {
		s->container = mem_strdup(res.id);
		s->started_at = clock_wall();
		s->left = false;
	} else if (r == -ERR_EXISTS) {
		r = start_take_over(s, core, ctx, err);
		s->left &= r < 0;
	} else {
		s->left |= clearing_may_come(r) || r == -ERR_CANCELLED || !ctrd_alive(core->ctrd);
	}
	if (r >= 0)
		find_address(s, core);
	run_result_done(&res);
	return r;
}

enum { START_FETCH = 1, UNDO_MS = 120000 };

static int starting_run(void *arg, void *state, const struct ctx *ctx, struct err *err)
{
	struct start *s = arg;
	const bool first = s->conf->force_pull || (s->conf->load && *s->conf->load);
	struct core *core;
	int r = s->made.job ? 0 : start_make(s, err);

	if (r >= 0 && first && !s->fetched)
		return START_FETCH;
	if (r >= 0)
		r = desk_core(state, s->driver, &core, err);
	if (r < 0)
		return r;
	r = start_job(s, core, ctx, err);
	if (r == -ERR_NOT_FOUND && !s->fetched && lacks_image(s, core, ctx)) {
		err_clear(err);
		return START_FETCH;
	}
	return r;
}

/* ---- on the loop: its end */

static void answer_ports(const struct start *s, struct arena *a, Driver__NetworkOverride *net)
{
	const struct task_conf *c = s->conf;

	net->port_map = arena_array(a, Driver__NetworkOverride__PortMapEntry *, c->ports.n);
	for (size_t i = 0; i < c->ports.n; i++) {
		Driver__NetworkOverride__PortMapEntry *e;
		Driver__PortMapping m;

		if (!task_port(s->task->resources, c->ports.v[i], &m))
			continue;
		e = arena_get(a, sizeof *e);
		driver__network_override__port_map_entry__init(e);
		e->key = c->ports.v[i];
		e->value = m.to ? m.to : m.value;
		net->port_map[net->n_port_map++] = e;
	}
}

static void start_answer(struct start *s, struct plugin_call *call)
{
	Driver__StartTaskResponse res = DRIVER__START_TASK_RESPONSE__INIT;
	Driver__TaskHandle handle = DRIVER__TASK_HANDLE__INIT;
	Driver__NetworkOverride net = DRIVER__NETWORK_OVERRIDE__INIT;
	_cleanup_buf_ struct buf state = { 0 };

	handle_kept_write(&s->handle->kept, &state);
	handle.version = 1;
	handle.config = (Driver__TaskConfig *)(uintptr_t)s->task;
	handle.state = DRIVER__TASK_STATE__RUNNING;
	handle.driver_state = (ProtobufCBinaryData){ .data = (uint8_t *)state.data, .len = state.len };
	res.handle = &handle;
	if (s->address) {
		net.addr = s->address;
		answer_ports(s, &s->arena, &net);
		res.network_override = &net;
	}
	plugin_answer(call, &res.base);
}

/* Nomad's logmon waits for somebody to write, and at the task's end for seconds: until now nobody has. Of a FIFO that is written to
 * already nothing changes. */
static void output_touch(const char *alloc_dir, const char *path)
{
	_cleanup_free_ char *real = *path == '/' ? task_path_output(alloc_dir, path) : NULL;
	_cleanup_close_ int place = real ? beneath_open_straight(AT_FDCWD, real, O_PATH | O_NOFOLLOW) : -1,
			    fd = place >= 0 && beneath_is_fifo(place) ? beneath_reopen(place, O_WRONLY | O_NONBLOCK) : -1;

	(void)fd;
}

static void outputs_touch(const Driver__TaskConfig *task)
{
	output_touch(task->alloc_dir, task->stdout_path);
	output_touch(task->alloc_dir, task->stderr_path);
}

/* Out of the set, and whoever waits for it hears why. */
static void start_forget(struct start *s, const char *why)
{
	struct handle_exit exit = { .at = clock_wall(), .err = mem_strdup(why) };

	handle_exited(s->handle, &exit);
	handles_remove(&s->desk->handles, s->handle);
}

static void start_clear(struct start *s)
{
	const struct handle_kept *k = &s->handle->kept;

	clearings_add(s->desk->clearings, k->address, k->ns, NULL, k->job);
}

static void start_fail(struct start *s, struct plugin_call *call, const struct err *err, bool recoverable)
{
	start_forget(s, err->msg);
	if (s->left)
		start_clear(s);
	outputs_touch(s->task);
	if (call)
		plugin_fail_recoverable(call, err, recoverable);
	start_free(s);
}

/* Nobody is there to hear of it, or somebody has destroyed it: as though it had not been. */

static int start_unwanted(const struct start *s, struct err *err)
{
	return err_set(err, ERR_CANCELLED, "task %s: was destroyed while it was being started", s->task->id);
}

static int starting_undo_run(void *arg, void *state, const struct ctx *ctx, struct err *err)
{
	const struct start *s = arg;
	const struct ctx limit = ctx_within(ctx, UNDO_MS);
	struct core *core;
	int r = desk_core(state, s->driver, &core, err);

	return r < 0 ? r : job_remove(core, s->made.job->name, true, true, &limit, err);
}

static void starting_undo_done(void *arg, struct plugin_call *call, int r, const struct err *err)
{
	struct start *s = arg;

	(void)call;
	if (clearing_may_come(r) || r == -ERR_CANCELLED)
		start_clear(s);
	else if (r < 0 && r != -ERR_NOT_FOUND)
		log_warn("task %s: started for a client that has gone, and left: %s", s->task->id, err->msg);
	start_forget(s, "the client has gone");
	start_free(s);
}

static void start_undo(struct start *s, struct plugin_call *call)
{
	struct err err = ERR_INIT;

	s->handle->give_up = NULL; /* it is on its way */
	if (call) {
		(void)start_unwanted(s, &err);
		plugin_fail_recoverable(call, &err, false);
	}
	s->work =
		(struct plugin_work){ .run = starting_undo_run, .done = starting_undo_done, .arg = s, .keep = true, .undo = true };
	plugin_background(s->desk->plugin, &s->work);
}

/* ---- its image */

static void start_closed(void *arg)
{
	struct start *s = arg;

	image_wait_end(&s->fetch);
	start_forget(s, "the client has gone");
	start_free(s);
}

static void fetch_done(void *arg, int r, const struct err *err)
{
	struct start *s = arg;

	s->fetching = false;
	plugin_park(s->call, NULL, NULL);
	if (r < 0) {
		start_fail(s, s->call, err, image_may_come(r));
		return;
	}
	s->fetched = true;
	plugin_submit(s->call, &s->work);
}

static void image_event(void *arg, const char *message, const struct dict *annotations)
{
	const struct start *s = arg;

	task_event_progress(s->desk->events, s->task->id, message, annotations);
}

/* Its own file is the one that was found in the task's folder, or is permitted. */
static void start_login(const struct start *s, struct image_want *want)
{
	const struct auth *checked = s->made.job->tasks[0].auth;
	struct conf_auth own = s->conf->auth;

	if (own.config)
		own.config = checked ? checked->file : NULL;
	image_want_login(want, s->image_host, &own, &s->driver->auth);
	want->auth_fd = want->auth_file && want->auth_file == own.config ? s->made.auth_fd : 0;
}

static void start_fetch(struct start *s, struct plugin_call *call)
{
	struct image_want want = {
		.conf = s->driver, /* where the task is, whatever the options say meanwhile */
		.name = s->image,
		.platform = s->made.job->tasks[0].platform,
		.snapshotter = s->made.job->snapshotter,
		.auth_soft_fail = s->conf->auth_soft_fail,
		.timeout_ns = s->conf->image_pull_timeout ? s->conf->image_pull_timeout : s->driver->image_pull_timeout,
		.load_fd = s->load_fd,
		.load_name = s->conf->load,
	};

	start_login(s, &want);
	s->call = call;
	s->fetching = true;
	s->fetch.done = fetch_done;
	s->fetch.event = image_event;
	s->fetch.arg = s;
	plugin_park(call, start_closed, s);
	task_images_want(s->desk->images, &want, &s->fetch);
}

/* ---- its begin and end */

/* By our own end: without an answer the client asks the plugin that comes next. */
static bool start_is_cut_off(const struct start *s, int r)
{
	return r == -ERR_CANCELLED && !s->unwanted && plugin_draining(s->desk->plugin);
}

static void start_done(void *arg, struct plugin_call *call, int r, const struct err *err)
{
	struct start *s = arg;

	if (r < 0)
		start_fail(s, start_is_cut_off(s, r) ? NULL : call, err, clearing_may_come(r));
	else if (!call || s->unwanted)
		start_undo(s, call);
	else if (r == START_FETCH)
		start_fetch(s, call);
	else {
		handle_started(s->handle, s->container, s->started_at);
		desk_share_cpus(s->desk, s->handle);
		wait_begin(s->handle, desk_endpoint(s->desk, &s->handle->kept)->core);
		if (start_is_mute(s))
			outputs_touch(s->task);
		start_answer(s, call);
		start_free(s);
	}
}

static void start_give_up(void *arg)
{
	struct start *s = arg;
	struct err err = ERR_INIT;

	s->unwanted = true;
	if (!s->fetching) {
		plugin_cancel(&s->work);
		return;
	}
	image_wait_end(&s->fetch);
	(void)start_unwanted(s, &err);
	start_fail(s, s->call, &err, false);
}

static void start_keep(struct start *s)
{
	_cleanup_(task_cgroup_done) struct task_cgroup cgroup = { 0 };
	struct handle_kept kept = { .task_id = mem_strdup(s->task->id),
				    .address = mem_strdup(s->driver->address),
				    .ns = mem_strdup(s->driver->ns),
				    .job = handle_job_name(s->task->id),
				    .image = mem_strdup(s->image),
				    .boot = boot_id(),
				    .stdout_path = mem_strdup(s->task->stdout_path),
				    .stderr_path = mem_strdup(s->task->stderr_path),
				    .tty = s->conf->tty };

	task_cgroup_find(s->task, start_host(s), &cgroup);
	kept.cgroup = TAKE_PTR(cgroup.path);
	kept.shared = TAKE_PTR(cgroup.shared);
	s->handle = handle_new(&kept, HANDLE_STARTING);
	wait_before(s->handle, start_host(s));
	s->handle->give_up = start_give_up;
	s->handle->give_up_arg = s;
}

static int start_name_image(struct start *s, struct err *err)
{
	_cleanup_(ref_done) struct ref ref = { 0 };
	int r = ref_parse(s->conf->image, &ref, err);

	if (r < 0)
		return err_wrap(err, r, "option image");
	s->image = TAKE_PTR(ref.name);
	s->image_host = TAKE_PTR(ref.host);
	return 0;
}

static int start_copy(struct start *s, const Driver__TaskConfig *task, struct err *err)
{
	_cleanup_buf_ struct buf packed = { 0 };
	const ProtobufCMessage *copy;
	int r;

	pb_pack(&task->base, &packed);
	r = pb_unpack(&driver__task_config__descriptor, packed.data, packed.len, &s->arena, &copy, err);
	if (r >= 0)
		s->task = (const Driver__TaskConfig *)copy;
	return r;
}

static int start_read(struct start *s, const Driver__StartTaskRequest *req, struct err *err)
{
	int r;

	if (!req->task || !*req->task->id)
		return err_set(err, ERR_INVALID, "StartTask without a task");
	if (s->driver->error)
		return err_set(err, ERR_PRECONDITION, "%s", s->driver->error);
	if (*req->task->alloc_dir != '/')
		return err_set(err, ERR_INVALID, "task %s: without the folder of its allocation", req->task->id);
	if (strchr(req->task->name, '/') || beneath_is_dots(req->task->name)) /* it names a folder */
		return err_set(err, ERR_INVALID, "task %s: \"%.80s\" is no name of a task", req->task->id, req->task->name);
	r = start_copy(s, req->task, err);
	if (r >= 0)
		r = task_conf_read(s->task->msgpack_driver_config.data, s->task->msgpack_driver_config.len, &s->conf, err);
	if (r >= 0)
		r = start_name_image(s, err);
	if (r < 0)
		return r;
	start_keep(s);
	dangling_learn(s->desk->dangling, s->task->node_id);
	group_networks_learn(s->desk->networks, s->task);
	r = handles_add(&s->desk->handles, s->handle, err);
	if (r < 0)
		return r;
	(void)dangling_spare(s->desk->dangling, s->handle->kept.task_id,
			     s->handle->kept.job); /* removed by now: the job waits for it */
	s->left = clearings_leave(s->desk->clearings, s->handle->kept.job);
	return 0;
}

void start_task_begin(struct plugin_call *call, const ProtobufCMessage *request)
{
	const Driver__StartTaskRequest *req = (const Driver__StartTaskRequest *)request;
	_cleanup_(start_freep) struct start *s = mem_new(struct start);
	struct err err = ERR_INIT;
	int r;

	s->desk = desk_of(call);
	s->driver = driver_conf_ref(s->desk->conf);
	s->compute = s->desk->compute;
	s->work = (struct plugin_work){ .run = starting_run, .done = start_done, .arg = s };
	r = start_read(s, req, &err);
	if (r < 0) {
		if (req->task && r != -ERR_EXISTS) /* of that one somebody will write */
			outputs_touch(req->task);
		plugin_fail_recoverable(call, &err, false);
		return;
	}
	task_images_hold(s->desk->images, s->image, &s->hold);
	plugin_submit(call, &TAKE_PTR(s)->work);
}
