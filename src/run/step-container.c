/* The steps "container" and "complete": the record in containerd. */
#include "job-steps.h"
#include "boot-id.h"
#include "clock.h"
#include "held.h"
#include "job-order.h"
#include "mem.h"
#include "monitored.h"
#include "remains.h"
#include "set-state.h"
#include <string.h>

#define SPEC_TYPE "types.containerd.io/opencontainers/runtime-spec/1/Spec"

/* container */

static void record_place(const struct run_task *t, struct dict *out)
{
	dict_set(out, RECORD_SET, t->run->opts->set);
	if (t->run->set)
		dict_setf(out, RECORD_PLACE, "%zu", (size_t)(t->run - t->run->set->runs));
}

static void record_labels(const struct run_task *t, struct dict *out)
{
	dict_add(out, &t->run->job->labels);
	dict_add(out, &t->task->labels);
	dict_set(out, t->index ? RECORD_OF : CLAIM_JOB, t->index ? t->run->id : t->run->job->name);
	if (t->run->opts->set)
		record_place(t, out);
	if (t->labels.mount)
		dict_set(out, RECORD_MOUNT_LABEL, t->labels.mount);
	if (t->run->job->remove && !t->index)
		dict_set(out, RECORD_REMOVE, "1");
	if (t->image->config.stop_signal)
		dict_set(out, "io.containerd.image.config.stop-signal", t->image->config.stop_signal);
}

int container_begin(void *state, const struct ctx *ctx, struct err *err)
{
	struct run_task *t = state;
	_cleanup_(ctrd_container_done) struct ctrd_container c = { 0 };
	_cleanup_json_ json *j = NULL;
	_cleanup_buf_ struct buf text = { 0 };
	int r = task_has_image(t->task) ? run_confine(t, ctx, err) : 0;

	if (r >= 0)
		r = run_spec(t, &c.spec.value, err);
	if (r < 0)
		return r;
	c.spec.type_url = mem_strdup(SPEC_TYPE);
	c.id = mem_strdup(t->id);
	c.image = mem_strdup(t->image->name);
	c.runtime = mem_strdup(t->run->runtime.type);
	if (t->run->runtime.options.type_url) {
		c.runtime_options.type_url = mem_strdup(t->run->runtime.options.type_url);
		buf_add(&c.runtime_options.value, t->run->runtime.options.value.data, t->run->runtime.options.value.len);
	}
	c.snapshotter = mem_strdup(t->run->snapshotter);
	c.snapshot_key = task_has_image(t->task) ? mem_strdup(t->id) : NULL;
	record_labels(t, &c.labels);
	j = job_to_json_kept(t->run->job);
	json_write(j, &text);
	ctrd_container_extend(&c, RECORD_JOB, RECORD_JOB_TYPE, text.data, text.len);
	t->call[S_CONTAINER] = containers_create_begin(run_ctrd(t->run), &c, ctx);
	return 0;
}

int container_end(void *state, const struct ctx *ctx, struct err *err)
{
	struct run_task *t = state;
	int r = task_await(t, S_CONTAINER, ctx, err);

	if (r >= 0)
		r = containers_create_end(TAKE_PTR(t->call[S_CONTAINER]), ctx, err);
	if (!task_starts(t))
		held_drop(t);
	for (size_t i = 0; r >= 0 && t->index == 0 && i < t->run->n_tasks; i++) /* the job's record says so for all */
		run_release_volumes(&t->run->tasks[i]);
	return r;
}

void container_undo(void *state, const struct ctx *ctx)
{
	struct run_task *t = state;
	struct err err = ERR_INIT, unused = ERR_INIT;
	struct ctx half = half_of(ctx);
	const struct task_over *over;

	if (run_undo_connected(t->run) && t->call[S_CONTAINER])
		(void)containers_create_end(TAKE_PTR(t->call[S_CONTAINER]), &half, &unused);
	over = t->index || run_over(t->run, ctx) ? run_task_over(t, ctx) : NULL; /* the first's is the job's */
	if (over && run_undo_connected(t->run) && remains_remove_record(t->core, over, ctx, &err) < 0)
		run_undo_failed(t->run, &err);
}

void container_plan(const void *state, struct strv *out)
{
	const struct run_task *t = state;

	strv_pushf(out, "container: record %s, runtime %s%s%s%s%s", t->id, t->run->runtime.type,
		   t->run->runtime.engine ? " with " : "", t->run->runtime.engine ? t->run->runtime.engine : "",
		   t->task->bundle ? ", bundle " : "", t->task->bundle ? t->task->bundle : "");
}

/* complete: from here on the record stands for itself */

static bool starts_to_remove(const struct run *run) { return run->job->remove && run_starts(run); }

/* One that is removed at its end needs it for its monitor, or where it was created. */
bool complete_wanted(const void *state)
{
	const struct run *run = state;

	return !starts_to_remove(run) || !run_is_new(run) || monitored_asks(run->job);
}

static bool waits_for_health(const struct run *run)
{
	for (size_t i = 0; i < run->n_tasks; i++)
		if (run->tasks[i].health_awaited_here)
			return true;
	return false;
}

/* Beside the start; but a --rm job that was created is prey without its label, so it keeps that until it runs. */
bool complete_needs_start(const void *state)
{
	const struct run *run = state;

	return starts_to_remove(run) && !run_is_new(run) && !waits_for_health(run);
}

/* All of it, as its monitor wants it; or as it was, for a boot is no end of the job's own. */
static void count_again(const struct run *run, struct dict *labels)
{
	const struct dict *old = &run->records[0].c.labels;
	const bool boot = run->opts->why == START_BOOT;
	char text[RESTARTS_TEXT], name[MONITORED_LABEL];

	for (size_t i = 0; i < run->n_tasks; i++) {
		struct restarts s = { 0 };

		(void)restarts_parse(dict_get(old, monitored_label(RECORD_RESTARTS, i, name)), &s, NULL);
		if (!boot && (s.at || run->n_tasks == 1))
			restart_begun(&s);
		s.at = 0;
		dict_set(labels, monitored_label(RECORD_RESTARTS, i, name), restarts_text(&s, text));
	}
}

/* What a person starts begins to count anew. */
static void run_count_start(const struct run *run, struct dict *labels)
{
	const struct dict *had = &run->records[0].c.labels;
	const char *recovery = dict_get(had, RECORD_RECOVERY);

	if (recovery && strcmp(recovery, run->id) != 0)
		dict_set(labels, RECORD_RECOVERY, "");
	if (dict_get(had, RECORD_STOPPED) && run->opts->why == START_ASKED && !run->opts->recovery)
		dict_set(labels, RECORD_STOPPED, "");
	if (!monitored_asks(run->job))
		return;
	monitored_forget_lives(&run->records[0].c.labels, run->n_tasks, labels);
	if (run->opts->why != START_ASKED)
		count_again(run, labels);
	if (run->opts->recovery)
		return;
	if (run->opts->why == START_ASKED) /* else who has stopped it since this start was begun has stopped it */
		dict_set(labels, RECORD_STOPPED, "");
}

int complete_begin(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;
	_cleanup_dict_ struct dict labels = { 0 };
	_cleanup_free_ char *boot = run_starts(run) ? boot_id() : NULL;
	char now[CLOCK_TEXT];

	(void)err;
	(void)clock_rfc3339(clock_wall(), now);
	dict_set(&labels, RECORD_COMPLETE, starts_to_remove(run) ? "" : now);
	if (run_starts(run)) {
		dict_set(&labels, RECORD_STARTED, now);
		dict_set(&labels, RECORD_BOOT, boot ? boot : "");
	}
	if (run->records) {
		dict_set(&labels, RECORD_EXIT, "");
		run_count_start(run, &labels);
	}
	run->call[S_COMPLETE] = containers_set_labels_begin(run_ctrd(run), run->id, &labels, ctx);
	return 0;
}

int complete_end(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;

	return containers_set_labels_end(TAKE_PTR(run->call[S_COMPLETE]), ctx, err);
}

void complete_undo(void *state, const struct ctx *ctx)
{
	(void)ctx;
	run_give_up(state, S_COMPLETE);
}
