#include "shim-streams.h"
#include "mem.h"
#include "runtime-options.h"
#include "self.h"
#include <unistd.h>

/* Of a start that decides nothing any more (poststop.c) its record knows. */
static const char *type_of_task(const struct run_task *t)
{
	return t->run->runtime.type ? t->run->runtime.type : t->record ? t->record->c.runtime : "";
}

bool shim_writes_log(const struct run_task *t) { return runtime_is_davit(type_of_task(t)) && t->task->log != JOB_LOG_JOURNALD; }

bool shim_is_heir(const struct run *run) { return run->n_tasks == 1 && !run->set && shim_writes_log(&run->tasks[0]); }

/* The shim has another folder than we. */
static char *absolute(char *path)
{
	_cleanup_free_ char *from = path, *here = *path == '/' ? NULL : getcwd(NULL, 0);

	return here ? mem_printf("%s/%s", here, from) : TAKE_PTR(from);
}

static void push_flag(struct strv *words, const char *flag, const char *value)
{
	if (!value)
		return;
	strv_push(words, flag);
	strv_push(words, value);
}

/* davit rm -v ID, with where we are: whatever this davit was told, that one is. */
static void removal(const struct run *run, struct strv *out)
{
	const struct core_conf *conf = &run->core->conf;
	_cleanup_free_ char *davit = NULL, *address = absolute(mem_strdup(run->core->address)),
			    *run_dir = absolute(mem_strdup(conf->run_dir)), *data_dir = absolute(mem_strdup(conf->data_dir));

	if (self_find("davit", &davit, NULL) < 0)
		return;
	strv_push(out, davit);
	push_flag(out, "--address", address);
	push_flag(out, "--namespace", conf->ns);
	push_flag(out, "--cni-path", conf->cni.path);
	push_flag(out, "--cni-conf-dir", conf->cni.conf_dir);
	push_flag(out, "--run-dir", run_dir);
	push_flag(out, "--data-dir", data_dir);
	strv_push(out, "--no-engine");
	strv_push(out, "rm");
	strv_push(out, "-v");
	strv_push(out, run->id);
}

/* That of a --rm job in the foreground is for who comes later: it has one only once nobody sees its output, unless it is kept. */
static bool logs_unread(const struct run_task *t)
{
	return t->run->opts->mode == RUN_FOREGROUND && t->run->job->remove && !t->task->log_retention;
}

void shim_streams_uri(const struct run_task *t, struct log_uri *ret)
{
	_cleanup_free_ char *number = mem_printf("%zu", t->index);

	*ret = (struct log_uri){ .size = t->task->log_max_size,
				 .files = t->task->log_max_files,
				 .unread = logs_unread(t),
				 .attach = absolute(places_attach(t->core, t->run->id, number)) };
	if (t->task->log == JOB_LOG_FILE)
		ret->path = absolute(places_log(t->core, t->id));
	if (t->run->job->remove && shim_is_heir(t->run))
		removal(t->run, &ret->after);
}

void shim_streams_exec(const struct core *c, const char *job_id, const char *exec_id, struct log_uri *ret)
{
	*ret = (struct log_uri){ .attach = absolute(places_attach(c, job_id, exec_id)) };
}
