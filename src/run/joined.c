#include "joined.h"
#include "containers.h"
#include "job-order.h"
#include "job-steps.h"
#include "mem.h"
#include <string.h>

static char *joined_path(const struct run_task *t, const char *mode, const char *ns)
{
	const char *name = namespace_of_task(mode);
	const size_t other = name ? job_find_task(t->run->job, name) : t->run->n_tasks;

	if (other >= t->run->n_tasks || !t->run->tasks[other].pid)
		return NULL;
	return mem_printf("/proc/%d/ns/%s", (int)t->run->tasks[other].pid, ns);
}

void joined_paths(const struct run_task *t, struct joined *ret)
{
	*ret = (struct joined){ joined_path(t, t->task->pid, "pid"), joined_path(t, t->task->ipc, "ipc"),
				joined_path(t, t->task->uts, "uts") };
}

void joined_done(struct joined *j)
{
	free(j->pid);
	free(j->ipc);
	free(j->uts);
	*j = (struct joined){ 0 };
}

/* The spec's entry of that type. */
static void joined_set_path(json *namespaces, const char *type, const char *path)
{
	for (size_t i = 0; path && i < json_len(namespaces); i++) {
		json *ns = json_at(namespaces, i);
		const char *its = json_get_str(ns, "type");

		if (its && !strcmp(its, type))
			json_put_str(ns, "path", path);
	}
}

int joined_again(struct run_task *t, const struct ctx *ctx, struct err *err)
{
	const struct ctrd_any *old = &t->record->c.spec;
	_cleanup_(joined_done) struct joined joined = { 0 };
	_cleanup_(ctrd_any_done) struct ctrd_any spec = { 0 };
	_cleanup_json_ json *j = NULL;
	json *namespaces;
	int r;

	if (!task_joins(t->task))
		return 0;
	r = json_parse(buf_str(&old->value), old->value.len, &j, err);
	if (r < 0)
		return err_wrap(err, r, "spec of its record");
	namespaces = json_get_array(json_get_object(j, "linux"), "namespaces");
	joined_paths(t, &joined);
	joined_set_path(namespaces, "pid", joined.pid);
	joined_set_path(namespaces, "ipc", joined.ipc);
	joined_set_path(namespaces, "uts", joined.uts);
	spec.type_url = mem_strdup(old->type_url);
	json_write(j, &spec.value);
	return containers_set_spec(run_ctrd(t->run), t->id, &spec, ctx, err);
}
