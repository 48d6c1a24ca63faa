#include "checkpoint.h"
#include "engine-kind.h"
#include "file.h"
#include "mem.h"
#include "options.pb-c.h"
#include "task-call.h"
#include <string.h>

typedef Containerd__Runc__V1__CheckpointOptions checkpoint_options;

static bool engine_is_crun(const struct engine *e) { return engine_kind(e->program) == ENGINE_CRUN; }

static char *work_folder(const struct container *c) { return mem_printf("%s/criu-work", c->bundle); }

static void on_checkpointed(struct process *init)
{
	_cleanup_free_ char *folder = work_folder(init->of);
	struct ttrpc_stream *s = take_asked(init);

	if (init->failed)
		return; /* its error was told; the log of CRIU stays there */
	(void)file_remove_tree(folder, NULL);
	if (s)
		task_answer(s, NULL);
}

static void push_pair(struct strv *words, const char *flag, const char *value)
{
	strv_push(words, flag);
	strv_push(words, value);
}

static void push_options(const checkpoint_options *o, struct strv *words)
{
	const struct {
		bool on;
		const char *flag;
	} rows[] = {
		{ !o->exit, "--leave-running" },
		{ o->open_tcp, "--tcp-established" },
		{ o->external_unix_sockets, "--ext-unix-sk" },
		{ o->terminal, "--shell-job" },
		{ o->file_locks, "--file-locks" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (rows[i].on)
			strv_push(words, rows[i].flag);
	for (size_t i = 0; i < o->n_empty_namespaces; i++)
		push_pair(words, "--empty-ns", o->empty_namespaces[i]);
	if (*o->cgroups_mode)
		push_pair(words, "--manage-cgroups-mode", o->cgroups_mode);
}

static int checkpoint_begin(struct process *init, const Shim__CheckpointRequest *q, const checkpoint_options *o,
			    struct ttrpc_stream *s, struct err *err)
{
	_cleanup_free_ char *folder = work_folder(init->of);
	_cleanup_strv_ struct strv words = { 0 };
	const char *image = *q->path ? q->path : o->image_path;
	int r = *o->work_path ? 0 : file_mkdirs(folder, 0700, err);

	if (r < 0)
		return r;
	if (!*image)
		return err_set(err, ERR_INVALID, "checkpoint without a path");
	strv_push(&words, "checkpoint");
	push_pair(&words, "--image-path", image);
	push_pair(&words, "--work-path", *o->work_path ? o->work_path : folder);
	push_options(o, &words);
	strv_push(&words, init->of->id);
	return process_engine(init, &words, false,
			      engine_is_crun(&init->of->engine)
				      ? "OCI runtime checkpoint failed (a crun without CRIU has none; runc has)"
				      : "OCI runtime checkpoint failed",
			      s, on_checkpointed, err);
}

static int unpack_options(const Google__Protobuf__Any *any, struct arena *a, const checkpoint_options **ret, struct err *err)
{
	static const checkpoint_options none = CONTAINERD__RUNC__V1__CHECKPOINT_OPTIONS__INIT;
	const ProtobufCMessage *msg = &none.base;
	int r = 0;

	if (any && *any->type_url)
		r = pb_unpack(&containerd__runc__v1__checkpoint_options__descriptor, any->value.data, any->value.len, a, &msg, err);
	*ret = (const void *)msg;
	return r < 0 ? err_wrap(err, r, "checkpoint options") : 0;
}

void task_checkpoint(void *arg, struct ttrpc_stream *s, const void *msg, size_t len)
{
	_cleanup_arena_ struct arena a = { 0 };
	const Shim__CheckpointRequest *q = task_request(s, &shim__checkpoint_request__descriptor, msg, len, &a);
	struct process *init = q ? idle_process(arg, s, q->id, "", msg, len) : NULL;
	const checkpoint_options *o = NULL;
	struct err err = ERR_INIT;
	int r;

	if (!init)
		return;
	if (init->state == PROCESS_RUNNING || init->state == PROCESS_PAUSED)
		r = unpack_options(q->options, &a, &o, &err);
	else
		r = err_set(&err, ERR_PRECONDITION, "cannot checkpoint a container that is not running");
	if (r >= 0)
		r = checkpoint_begin(init, q, o, s, &err);
	if (r < 0)
		task_refuse(s, r, &err);
}

void checkpoint_restore_words(const struct container *c, struct strv *words)
{
	_cleanup_free_ char *folder = work_folder(c), *pid_file = mem_printf("%s/init.pid", c->bundle);

	strv_push(words, "restore");
	push_pair(words, "--image-path", c->checkpoint);
	push_pair(words, "--work-path", c->engine.criu_work_path ? c->engine.criu_work_path : folder);
	push_pair(words, "--bundle", c->bundle);
	push_pair(words, "--pid-file", pid_file);
	strv_push(words, "--detach");
	strv_push(words, "--no-subreaper");
	if (c->engine.no_pivot)
		strv_push(words, "--no-pivot");
}

const char *checkpoint_restore_failure(const struct container *c)
{
	return engine_is_crun(&c->engine) ? "OCI runtime restore failed (a crun without CRIU has none; runc has)"
					  : "OCI runtime restore failed";
}
