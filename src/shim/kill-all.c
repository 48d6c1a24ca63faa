#include "kill-all.h"
#include "mem.h"
#include "task-call.h"
#include <string.h>

struct kill_all {
	struct list_node node;
	struct engine_call call;
	struct ttrpc_stream *asked; /* NULL: it has gone */
};

int kill_all_call(struct engine_call *call, const struct container *c, int sig, struct err *err)
{
	_cleanup_strv_ struct strv words = { 0 };

	strv_push(&words, "kill");
	strv_push(&words, "--all");
	strv_push(&words, c->id);
	strv_pushf(&words, "%d", sig);
	return engine_begin(call, &c->engine, c->shim->loop, c->bundle, &words, NULL, err);
}

static void kill_all_free(struct kill_all *k)
{
	if (k->asked)
		ttrpc_stream_set(k->asked, NULL);
	list_unlink(&k->node);
	engine_call_done(&k->call);
	free(k);
}

static int kill_all_error(const struct engine_call *call, int status, struct err *err)
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
	struct kill_all *k = arg;
	struct ttrpc_stream *asked = k->asked;
	struct err err = ERR_INIT;
	int r = status ? kill_all_error(&k->call, status, &err) : 0;

	kill_all_free(k);
	if (asked)
		task_answer_end(asked, r, &err);
}

void kill_all(struct container *c, int sig, struct ttrpc_stream *asked)
{
	struct kill_all *k = mem_new(struct kill_all);
	struct err err = ERR_INIT;
	int r;

	*k = (struct kill_all){ .call = { .ended = on_killed, .arg = k }, .asked = asked };
	ttrpc_stream_set(asked, k);
	list_push(&c->kills, &k->node);
	r = kill_all_call(&k->call, c, sig, &err);
	if (r >= 0)
		return;
	kill_all_free(k);
	task_answer_end(asked, r, &err);
}

void kill_all_closed(void *arg, struct ttrpc_stream *asked)
{
	struct kill_all *k = ttrpc_stream_state(asked);

	(void)arg;
	if (k)
		k->asked = NULL;
}

void kill_all_end(struct container *c)
{
	while (!list_empty(&c->kills)) {
		struct kill_all *k = container_of(c->kills.next, struct kill_all, node);
		struct ttrpc_stream *asked = k->asked;
		const struct err err = { .msg = "container was deleted" };

		kill_all_free(k);
		if (asked)
			task_answer_end(asked, -ERR_NOT_FOUND, &err);
	}
}

void kill_all_abandon(struct container *c)
{
	list_for_each(it, &c->kills)
		engine_call_done(&container_of(it, struct kill_all, node)->call);
}
