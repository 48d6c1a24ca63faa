#include "job-checkpoint.h"
#include "child.h"
#include "file.h"
#include "job-name.h"
#include "mem.h"
#include "monitored.h"
#include "options.pb-c.h"
#include "pb.h"
#include "record.h"
#include "runtime.h"
#include "task.h"
#include "tasks.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPTIONS_TYPE "containerd.runc.v1.Options"
enum { ASK_MS = 20000, UNDO_MS = 30000, OUT_MAX = 65536 };

static char *checkpoint_program(const char *name)
{
	_cleanup_free_ char *all =
		mem_printf("%s:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", getenv("PATH") ? getenv("PATH") : "");

	return *name == '/' ? mem_strdup(name) : file_find(all, name);
}

/* Its exit status, and what it says. */
static int ask_program(struct core *c, const char *path, const char *word, const struct ctx *ctx, struct buf *said, struct err *err)
{
	_cleanup_(child_freep) struct child *child = NULL;
	const struct ctx limit = ctx_within(ctx, ASK_MS);
	char *words[] = { (char *)(uintptr_t)path, (char *)(uintptr_t)word, NULL };
	const struct child_spec spec = { .path = path, .argv = words, .out_max = OUT_MAX, .err_max = OUT_MAX, .group = true };
	int r = child_start(c->loop, &spec, &child, err);

	if (r >= 0)
		r = child_wait(child, &limit, err);
	if (r < 0)
		return r;
	buf_add(said, child_out(child)->data, child_out(child)->len);
	buf_add(said, child_err(child)->data, child_err(child)->len);
	return r;
}

static int checkpoint_check_kernel(struct err *err)
{
	if (access("/proc/sys/kernel/ns_last_pid", F_OK) == 0)
		return 0;
	return err_set(err, ERR_PRECONDITION, "this kernel has no CONFIG_CHECKPOINT_RESTORE");
}

/* CRIU knows best what it lacks: the first of its errors is the cause. */
static int checkpoint_check_criu(struct core *c, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ char *path = checkpoint_program("criu"), *cause = NULL;
	_cleanup_buf_ struct buf said = { 0 };
	const char *at;
	int r;

	if (!path)
		return err_hint(err, err_set(err, ERR_PRECONDITION, "there is no criu on this host"), "apt install criu");
	r = ask_program(c, path, "check", ctx, &said, err);
	if (r <= 0)
		return r;
	at = strstr(buf_str(&said), "Error (");
	at = at && strstr(at, "): ") ? strstr(at, "): ") + 3 : buf_str(&said);
	cause = mem_strndup(at, strcspn(at, "\n"));
	return err_hint(err,
			err_set(err, ERR_PRECONDITION, "criu cannot work on this host: %s", *cause ? cause : "it does not say why"),
			"criu check --all says more");
}

/* containerd takes a folder for no other. */
static int checkpoint_check_shim(const struct record *rec, struct err *err)
{
	if (!strncmp(rec->c.runtime, "io.containerd.runc.", 19))
		return 0;
	return err_hint(
		err,
		err_set(err, ERR_PRECONDITION, "containerd writes checkpoints of its own runtime alone, not of %s", rec->c.runtime),
		"run it with --runtime runc");
}

static int checkpoint_check_engine(struct core *c, const struct record *rec, const struct ctx *ctx, struct err *err)
{
	_cleanup_(runtime_done) struct runtime runtime = { 0 };
	_cleanup_free_ char *path = NULL;
	_cleanup_buf_ struct buf said = { 0 };
	const char *name = rec->job->runtime ? rec->job->runtime : c->conf.runtime;
	int r = runtime_resolve(name ? name : "runc", &rec->job->runtime_options, "", &runtime, err);

	if (r < 0)
		return r;
	if (runtime.vm)
		return err_set(err, ERR_PRECONDITION, "it is in a virtual machine");
	path = checkpoint_program(runtime.engine ? runtime.engine : "runc");
	if (!path || ask_program(c, path, "--version", ctx, &said, NULL) != 0)
		return 0; /* it has the last word itself */
	if (!strncmp(buf_str(&said), "crun ", 5) && !strstr(buf_str(&said), "+CRIU"))
		return err_hint(err, err_set(err, ERR_PRECONDITION, "%s was built without CRIU", path),
				"run it with --runtime runc");
	return 0;
}

static int checkpoint_check_job(struct core *c, const struct record *rec, const struct ctx *ctx, struct err *err)
{
	struct task_status t;
	int r;

	if (!rec->job)
		return err_set(err, ERR_DATA_LOSS, "its record is not davit's, or cannot be read");
	if (job_id_tasks(rec->c.id) > 1)
		return err_set(err, ERR_PRECONDITION, "it has several tasks, of which one cannot be frozen without the others");
	if (rec->job->tasks[0].tty)
		return err_set(err, ERR_PRECONDITION, "it has a terminal");
	r = task_look(c, rec->c.id, ctx, &t, err);
	if (r >= 0 && t.state != TASK_LIVE && t.state != TASK_PAUSED)
		return err_hint(err, err_set(err, ERR_PRECONDITION, "is not running"), "start it with: davit start %s", rec->name);
	return r;
}

/* It runs on, and is started again as before. Where it has ended all the same, or nobody says, the folder is what is left of it. */
static void checkpoint_undo(struct core *c, const struct record *rec, const struct job_checkpoint *how)
{
	const struct ctx limit = ctx_within(NULL, UNDO_MS); /* after an interrupt, too */
	const char *had = dict_get(&rec->c.labels, RECORD_STOPPED);
	_cleanup_dict_ struct dict labels = { 0 };
	struct task_status t;

	(void)core_reconnect(c, NULL);
	if (task_look(c, rec->c.id, &limit, &t, NULL) < 0 || task_is_over(&t)) {
		core_notice(c, "job %s: what was frozen of it is in %s", rec->name, how->folder);
		return;
	}
	(void)file_remove_tree(how->folder, NULL);
	if (how->leave_running)
		return;
	dict_set(&labels, RECORD_STOPPED, had ? had : "");
	if (containers_set_labels(c->ctrd, rec->c.id, &labels, &limit, NULL) >= 0)
		monitored_started(c, rec->job, rec->c.id);
}

static int checkpoint_make(struct core *c, const struct record *rec, const struct job_checkpoint *how, const struct ctx *ctx,
			   struct err *err)
{
	int r = mkdir(how->folder, 0700) < 0 ? err_sys(err, errno, "folder %s", how->folder) : 0;

	if (r < 0)
		return r;
	r = how->leave_running ? 0 : monitored_stop(c, rec, ctx, err); /* its end is wanted */
	if (r >= 0)
		r = tasks_checkpoint(c->ctrd, rec->c.id, how->folder, !how->leave_running, ctx, err);
	if (r < 0)
		checkpoint_undo(c, rec, how);
	return r;
}

int job_checkpoint(struct core *c, const char *name, const struct job_checkpoint *how, const struct ctx *ctx, struct err *err)
{
	_cleanup_(record_done) struct record rec = { 0 };
	int r = record_find(c, name, ctx, &rec, err);

	if (r < 0)
		return r;
	r = checkpoint_check_job(c, &rec, ctx, err);
	if (r >= 0 && rec.job->remove && !how->leave_running)
		r = err_hint(err, err_set(err, ERR_PRECONDITION, "it is removed with its files once it ends (--rm)"),
			     "run it without --rm, or: davit checkpoint --leave-running");
	if (r >= 0)
		r = checkpoint_check_shim(&rec, err);
	if (r >= 0)
		r = checkpoint_check_engine(c, &rec, ctx, err);
	if (r >= 0)
		r = checkpoint_check_kernel(err);
	if (r >= 0)
		r = checkpoint_check_criu(c, ctx, err);
	if (r >= 0)
		r = checkpoint_make(c, &rec, how, ctx, err);
	return r < 0 ? err_wrap(err, r, "checkpoint of job %s", rec.name) : 0;
}

/* Two messages one behind the other are one with the fields of both. */
int checkpoint_options(const struct ctrd_any *runtime, const char *folder, struct ctrd_any *ret, struct err *err)
{
	Containerd__Runc__V1__Options more = CONTAINERD__RUNC__V1__OPTIONS__INIT;
	_cleanup_(ctrd_any_done) struct ctrd_any any = { 0 };

	if (runtime->type_url && strcmp(runtime->type_url, OPTIONS_TYPE) != 0)
		return err_set(err, ERR_PRECONDITION, "checkpoint %s: the job's runtime starts from none", folder);
	if (access(folder, R_OK | X_OK) < 0)
		return err_sys(err, errno, "checkpoint %s", folder);
	any.type_url = mem_strdup(OPTIONS_TYPE);
	buf_add(&any.value, runtime->value.data, runtime->value.len);
	more.criu_image_path = (char *)(uintptr_t)folder;
	pb_pack(&more.base, &any.value);
	*ret = TAKE_STRUCT(any);
	return 0;
}
