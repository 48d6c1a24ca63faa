#include "shim-streams.h"
#include "core-words.h"
#include "mem.h"
#include "runtime-options.h"
#include "self.h"

/* Of a start that decides nothing any more (poststop.c) its record knows. */
static const char *type_of_task(const struct run_task *t)
{
	return t->run->runtime.type ? t->run->runtime.type : t->record ? t->record->c.runtime : "";
}

char *task_results(const struct run_task *t)
{
	const struct job *job = t->run->job;

	if (!job->results || t->task->sandbox)
		return NULL;
	return job->n_tasks > 1 ? mem_printf("%s/%s", job->results, t->task->name) : mem_strdup(job->results);
}

bool shim_reuses_disk(const struct run_task *t) { return runtime_is_davit(type_of_task(t)); }

bool shim_writes_log(const struct run_task *t) { return runtime_is_davit(type_of_task(t)) && t->task->log != JOB_LOG_JOURNALD; }

bool shim_is_heir(const struct run *run) { return run->n_tasks == 1 && !run->set && shim_writes_log(&run->tasks[0]); }

/* davit rm -v ID */
static void removal(const struct run *run, struct strv *out)
{
	_cleanup_free_ char *davit = NULL;

	if (self_find("davit", &davit, NULL) < 0)
		return;
	core_words(run->core, davit, out);
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
				 .results = task_results(t),
				 .attach = core_absolute(places_attach(t->core, t->run->id, number)) };
	if (ret->results)
		ret->lost = core_absolute(places_lost(t->core, t->id));
	if (t->task->log == JOB_LOG_FILE)
		ret->path = core_absolute(places_log(t->core, t->id));
	if (t->run->job->remove && shim_is_heir(t->run))
		removal(t->run, &ret->after);
}

void shim_streams_exec(const struct core *c, const char *job_id, const char *exec_id, struct log_uri *ret)
{
	*ret = (struct log_uri){ .attach = core_absolute(places_attach(c, job_id, exec_id)) };
}
