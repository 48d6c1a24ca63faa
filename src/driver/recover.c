/* Theory of operation: what driver_state says is looked for at containerd, without a thread, and within a few seconds. Only its
 * clear word that there is no such task is a failure, upon which the agent starts the task again, as after a reboot; a containerd
 * that is away or silent is none: the task is taken for one that runs, and its wait (wait.h) finds out. One that has ended
 * meanwhile is known by its wait as well, at once. What a task that is gone has left (record, snapshot, lease, network namespace)
 * is cleared away (clearing.h). */
#include "recover.h"
#include "boot-id.h"
#include "clearing.h"
#include "containers.h"
#include "dangling.h"
#include "desk.h"
#include "log.h"
#include "mem.h"
#include "record.h"
#include "task.h"
#include "wait.h"
#include <string.h>

enum { RECOVER_LOOK_MS = 4000 };

struct recovery {
	struct plugin_call *call; /* NULL: the client has gone */
	struct desk *desk;
	struct core core; /* in the task's namespace */
	struct handle_kept kept;
	struct ctrd_call *look, *record;
	char *moved; /* where else its containerd may be by now, while it is asked */
};

static void recovery_free(struct recovery *v)
{
	ctrd_call_free(v->look);
	ctrd_call_free(v->record);
	core_leave(&v->core);
	handle_kept_done(&v->kept);
	free(v->moved);
	free(v);
}

static void on_recovery_closed(void *arg) { recovery_free(arg); }

/* what has become of it */

static void recover_fail(struct recovery *v, const char *why)
{
	struct err err = ERR_INIT;

	(void)err_set(&err, ERR_NOT_FOUND, "task %s: %s", v->kept.task_id, why);
	clearings_add(v->desk->clearings, v->kept.address, v->kept.ns, NULL, v->kept.job);
	plugin_fail(TAKE_PTR(v->call), &err);
	recovery_free(v);
}

/* Nobody had asked for it for so long that it was taken for a dangling one. */
static bool recover_spare(const struct recovery *v) { return dangling_spare(v->desk->dangling, v->kept.task_id, v->kept.job); }

static void recover_too_late(struct recovery *v) { recover_fail(v, "no task had it, and it is being removed"); }

static void recover_as(struct recovery *v, struct handle_exit *exit)
{
	static const Driver__RecoverTaskResponse reply = DRIVER__RECOVER_TASK_RESPONSE__INIT;
	_cleanup_(handle_unrefp) struct handle *h = NULL;

	if (!exit && !recover_spare(v)) {
		recover_too_late(v);
		return;
	}
	if (!handles_find(&v->desk->handles, v->kept.task_id)) { /* asked for twice at once */
		h = handle_new(&v->kept, HANDLE_RUNNING);
		(void)handles_add(&v->desk->handles, h, NULL);
		if (exit)
			handle_exited(h, exit);
		else {
			desk_share_cpus(v->desk, h);
			wait_begin(h, desk_endpoint(v->desk, &h->kept)->core);
		}
	}
	plugin_answer(TAKE_PTR(v->call), &reply.base);
	recovery_free(v);
}

static void on_recovery_record(void *arg)
{
	struct recovery *v = arg;
	_cleanup_(ctrd_containers_done) struct ctrd_containers found = { 0 };
	int code, r = containers_list_end(TAKE_PTR(v->record), NULL, &found, NULL);
	struct handle_exit exit;
	int64_t at;

	if (r < 0) {
		recover_as(v, NULL);
		return;
	}
	if (found.n) {
		const struct record rec = { .c = found.v[0] };

		if (record_exit(&rec, &code, &at)) {
			exit = wait_exit((unsigned)code, at, false);
			recover_as(v, &exit);
			return;
		}
	}
	recover_fail(v, found.n ? "it does not run any more, and how it ended is not known: the host has booted since, or its shim "
				  "was killed"
				: "its container is gone");
}

static void recover_ask_record(struct recovery *v, void (*told)(void *arg))
{
	const struct ctx within = ctx_within(NULL, RECOVER_LOOK_MS);
	_cleanup_free_ char *filter = mem_printf("id==%s", v->kept.container);

	v->record = containers_list_begin(v->core.ctrd, filter, &within);
	ctrd_call_notify(v->record, told, v);
}

static void on_recovery_looked(void *arg)
{
	struct recovery *v = arg;
	struct task_status t = { 0 };
	int r = task_look_end(TAKE_PTR(v->look), NULL, &t, NULL);

	if (r < 0)
		recover_as(v, NULL);
	else if (t.state == TASK_ABSENT)
		recover_ask_record(v, on_recovery_record);
	else if (t.state == TASK_CREATED)
		recover_fail(v, "it was never started");
	else
		recover_as(v, NULL);
}

/* What was started before this boot does not run, whether or not containerd can be asked. */
static bool recover_booted(const struct recovery *v)
{
	_cleanup_free_ char *now = boot_id();

	return now && v->kept.boot && strcmp(now, v->kept.boot) != 0;
}

static void recover_ask_task(struct recovery *v)
{
	const struct ctx within = ctx_within(NULL, RECOVER_LOOK_MS);

	v->look = task_look_begin(&v->core, v->kept.container, NULL, &within);
	ctrd_call_notify(v->look, on_recovery_looked, v);
}

static void recover_blindly(struct recovery *v)
{
	log_info("task %s: containerd is away: taken for one that runs", v->kept.task_id);
	recover_as(v, NULL);
}

/* One that does not know it is another containerd, which says nothing of it. */
static void on_recovery_moved(void *arg)
{
	struct recovery *v = arg;
	_cleanup_(ctrd_containers_done) struct ctrd_containers found = { 0 };
	int r = containers_list_end(TAKE_PTR(v->record), NULL, &found, NULL);

	if (r < 0 || !found.n) {
		recover_blindly(v);
		return;
	}
	free(v->kept.address);
	v->kept.address = TAKE_PTR(v->moved);
	recover_ask_task(v);
}

/* Nobody listens where it was started. Has its containerd another socket since, which the options name? */
static bool recover_elsewhere(struct recovery *v)
{
	const struct driver_conf *conf = v->desk->conf;

	if (conf->error || !v->kept.address || !strcmp(v->kept.address, conf->address))
		return false;
	v->moved = mem_strdup(conf->address);
	core_leave(&v->core);
	v->core = core_in(v->desk->core, v->kept.ns);
	if (core_reconnect(&v->core, NULL) < 0 || !ctrd_alive(v->core.ctrd))
		return false;
	recover_ask_record(v, on_recovery_moved);
	return true;
}

static void recover_look(struct recovery *v)
{
	if (core_reconnect(&v->core, NULL) < 0 && recover_booted(v))
		recover_fail(v, "the host has booted since it ran");
	else if (ctrd_alive(v->core.ctrd))
		recover_ask_task(v);
	else if (!recover_elsewhere(v))
		recover_blindly(v);
}

/* The kept state of the handle, which names the task that the agent means. */
static int recover_read(struct desk *desk, const Driver__RecoverTaskRequest *req, struct handle_kept *ret, struct err *err)
{
	const Driver__TaskHandle *h = req->handle;
	int r;

	if (!h || !h->config || !*h->config->id)
		return err_set(err, ERR_INVALID, "RecoverTask: no handle, or none of a task");
	dangling_learn(desk->dangling, h->config->node_id);
	group_networks_learn(desk->networks, h->config);
	r = handle_kept_read(h->driver_state.data, h->driver_state.len, ret, err);
	if (r >= 0 && strcmp(ret->task_id, h->config->id) != 0)
		r = err_set(err, ERR_INVALID, "its state is of task %s", ret->task_id);
	return r < 0 ? err_wrap(err, r, "task %s", h->config->id) : 0;
}

void recover_task_begin(struct plugin_call *call, const ProtobufCMessage *msg)
{
	static const Driver__RecoverTaskResponse known = DRIVER__RECOVER_TASK_RESPONSE__INIT;
	_cleanup_(handle_kept_done) struct handle_kept kept = { 0 };
	struct desk *desk = plugin_app(call);
	struct err err = ERR_INIT;
	struct recovery *v;
	int r = desk->core ? recover_read(desk, (const void *)msg, &kept, &err)
			   : err_set(&err, ERR_PRECONDITION, "RecoverTask: the plugin has no options that it can use");

	if (r < 0) {
		plugin_fail(call, &err);
		return;
	}
	if (handles_find(&desk->handles, kept.task_id)) {
		plugin_answer(call, &known.base);
		return;
	}
	v = mem_new(struct recovery);
	*v = (struct recovery){ .call = call, .desk = desk, .kept = TAKE_STRUCT(kept) };
	v->core = core_in(desk_endpoint(desk, &v->kept)->core, v->kept.ns);
	plugin_park(call, on_recovery_closed, v);
	if (recover_spare(v))
		recover_look(v);
	else
		recover_too_late(v);
}
