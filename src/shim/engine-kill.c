#include "engine-kill.h"
#include "mem.h"
#include "task-call.h"
#include <string.h>

struct engine_kill {
	struct list_node node;
	struct engine_call call;
	struct ttrpc_stream *asked; /* NULL: it has gone */
};

int engine_kill_call(struct engine_call *call, const struct container *c, bool all, int sig, struct err *err)
{
	_cleanup_strv_ struct strv words = { 0 };

	strv_push(&words, "kill");
	if (all)
		strv_push(&words, "--all");
	strv_push(&words, c->id);
	strv_pushf(&words, "%d", sig);
	return engine_begin(call, &c->engine, c->shim->loop, c->bundle, &words, NULL, err);
}

static void engine_kill_free(struct engine_kill *k)
{
	if (k->asked)
		ttrpc_stream_set(k->asked, NULL);
	list_unlink(&k->node);
	engine_call_done(&k->call);
	free(k);
}

static int engine_kill_error(const struct engine_call *call, int status, struct err *err)
{
	static const char *const gone[] = { "process already finished", "container not running", "no such process",
					    "does not exist",           "No such process",       "is not running" };
	int r = engine_error(call, "OCI runtime kill failed", status, err);

	for (size_t i = 0; i < sizeof gone / sizeof *gone; i++)
		if (strstr(err->msg, gone[i]))
			return err_set(err, ERR_NOT_FOUND, "process already finished");
	return r;
}

static void on_killed(void *arg, int status)
{
	struct engine_kill *k = arg;
	struct ttrpc_stream *asked = k->asked;
	struct err err = ERR_INIT;
	int r = status ? engine_kill_error(&k->call, status, &err) : 0;

	engine_kill_free(k);
	if (asked)
		task_answer_end(asked, r, &err);
}

void engine_kill(struct container *c, bool all, int sig, struct ttrpc_stream *asked)
{
	struct engine_kill *k = mem_new(struct engine_kill);
	struct err err = ERR_INIT;
	int r;

	*k = (struct engine_kill){ .call = { .ended = on_killed, .arg = k }, .asked = asked };
	ttrpc_stream_set(asked, k);
	list_push(&c->kills, &k->node);
	r = engine_kill_call(&k->call, c, all, sig, &err);
	if (r >= 0)
		return;
	engine_kill_free(k);
	task_answer_end(asked, r, &err);
}

void engine_kill_closed(void *arg, struct ttrpc_stream *asked)
{
	struct engine_kill *k = ttrpc_stream_state(asked);

	(void)arg;
	if (k)
		k->asked = NULL;
}

void engine_kill_end(struct container *c)
{
	while (!list_empty(&c->kills)) {
		struct engine_kill *k = container_of(c->kills.next, struct engine_kill, node);
		struct ttrpc_stream *asked = k->asked;
		const struct err err = { .msg = "container was deleted" };

		engine_kill_free(k);
		if (asked)
			task_answer_end(asked, -ERR_NOT_FOUND, &err);
	}
}

void engine_kill_abandon(struct container *c)
{
	list_for_each(it, &c->kills)
		engine_call_done(&container_of(it, struct engine_kill, node)->call);
}
