#include "exec-call.h"
#include "clock.h"
#include "desk.h"
#include "mem.h"
#include "nomaddriver.pb-c.h"
#include <string.h>

int exec_begin(struct plugin_call *call, const struct exec_wish *wish, const struct exec_session_told *told, void *arg,
	       struct exec_session **ret, struct err *err)
{
	struct desk *d = desk_of(call);
	const struct strv args = { .v = (char **)(uintptr_t)wish->command, .n = wish->n };
	struct handle *h;
	int r = desk_task(d, wish->task_id, &h, err);

	if (r < 0)
		return r;
	if (h->state != HANDLE_RUNNING)
		return err_set(err, ERR_PRECONDITION, "task %s: %s", wish->task_id,
			       h->state == HANDLE_STARTING ? "has not started yet" : "has ended");
	return exec_session_new(desk_endpoint(d, &h->kept)->execs,
				&(struct exec_session_conf){ .id = h->kept.container,
							     .ns = h->kept.ns,
							     .args = &args,
							     .tty = wish->tty,
							     .input = wish->input,
							     .told = told,
							     .arg = arg },
				ret, err);
}

/* ---- ExecTask */

/* The last bytes of an output. */
struct tail {
	size_t total;
	char kept[EXEC_KEPT];
};

struct exec_task {
	struct plugin_call *call;
	struct exec_session *session;
	struct timer timeout;
	int64_t ms;
	struct tail out[2];
};

static void tail_add(struct tail *t, const char *p, size_t n)
{
	const size_t skip = n > EXEC_KEPT ? n - EXEC_KEPT : 0;

	t->total += skip;
	for (p += skip, n -= skip; n;) {
		const size_t at = t->total % EXEC_KEPT, room = EXEC_KEPT - at, piece = n < room ? n : room;

		memcpy(t->kept + at, p, piece);
		t->total += piece;
		p += piece;
		n -= piece;
	}
}

/* In order, into @room of EXEC_KEPT bytes. */
static size_t tail_copy(const struct tail *t, char *room)
{
	const size_t at = t->total % EXEC_KEPT;

	if (t->total <= EXEC_KEPT) {
		memcpy(room, t->kept, t->total);
		return t->total;
	}
	memcpy(room, t->kept + at, EXEC_KEPT - at);
	memcpy(room + EXEC_KEPT - at, t->kept, at);
	return EXEC_KEPT;
}

static void exec_task_free(struct exec_task *e)
{
	timer_done(&e->timeout);
	free(e);
}

static void exec_task_output(void *arg, enum log_stream which, const char *p, size_t n)
{
	struct exec_task *e = arg;

	tail_add(&e->out[which], p, n);
}

static void exec_task_closed(void *arg, enum log_stream which)
{
	(void)arg;
	(void)which;
}

static void exec_task_answer(struct exec_task *e, int code)
{
	Driver__ExecTaskResponse reply = DRIVER__EXEC_TASK_RESPONSE__INIT;
	Driver__ExitResult result = DRIVER__EXIT_RESULT__INIT;
	char room[2][EXEC_KEPT];

	result.exit_code = code;
	reply.result = &result;
	reply.stdout = (ProtobufCBinaryData){ tail_copy(&e->out[LOG_STDOUT], room[0]), (uint8_t *)room[0] };
	reply.stderr = (ProtobufCBinaryData){ tail_copy(&e->out[LOG_STDERR], room[1]), (uint8_t *)room[1] };
	plugin_answer(e->call, &reply.base);
}

static void exec_task_ended(void *arg, int r, const struct ctrd_exit *exit, const struct err *err)
{
	struct exec_task *e = arg;

	if (r < 0)
		plugin_fail(e->call, err);
	else
		exec_task_answer(e, (int)exit->status);
	exec_task_free(e);
}

static const struct exec_session_told exec_task_told = { exec_task_output, exec_task_closed, NULL, exec_task_ended };

static void on_exec_timeout(void *arg)
{
	struct exec_task *e = arg;
	struct err err = ERR_INIT;

	(void)err_set(&err, ERR_DEADLINE, "timed out after %lld ms: killed", (long long)e->ms);
	exec_session_abandon(e->session);
	plugin_fail(e->call, &err);
	exec_task_free(e);
}

static void on_exec_task_gone(void *arg)
{
	struct exec_task *e = arg;

	exec_session_abandon(e->session);
	exec_task_free(e);
}

/* *ret 0: without a limit. */
static int exec_timeout(const Google__Protobuf__Duration *d, int64_t *ret, struct err *err)
{
	const int64_t day = 86400;

	*ret = 0;
	if (!d)
		return 0;
	if (d->seconds < 0 || d->nanos < 0 || d->nanos >= NSEC_PER_SEC)
		return err_set(err, ERR_INVALID, "the timeout is no time");
	*ret = d->seconds > 365 * day ? 0 : d->seconds * 1000 + (d->nanos + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC;
	return 0;
}

void exec_task_begin(struct plugin_call *call, const ProtobufCMessage *msg)
{
	const Driver__ExecTaskRequest *req = (const void *)msg;
	const struct exec_wish wish = { .task_id = req->task_id, .command = req->command, .n = req->n_command };
	struct exec_task *e = mem_new(struct exec_task);
	struct err err = ERR_INIT;
	int r;

	e->call = call;
	timer_init(&e->timeout, plugin_loop(call), on_exec_timeout, e);
	r = exec_timeout(req->timeout, &e->ms, &err);
	if (r >= 0)
		r = exec_begin(call, &wish, &exec_task_told, e, &e->session, &err);
	if (r < 0) {
		plugin_fail(call, &err);
		exec_task_free(e);
		return;
	}
	plugin_park(call, on_exec_task_gone, e);
	if (e->ms)
		timer_set(&e->timeout, clock_mono() + e->ms * NSEC_PER_MSEC);
}
