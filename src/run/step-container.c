/* The steps "container" and "complete": the record in containerd. */
#include "job-steps.h"
#include "clock.h"
#include "mem.h"
#include <string.h>

#define SPEC_TYPE "types.containerd.io/opencontainers/runtime-spec/1/Spec"

/* container */

static void record_labels(const struct run *run, struct dict *out)
{
	dict_add(out, &run->job->labels);
	dict_add(out, &run->task->labels);
	dict_set(out, CLAIM_JOB, run->job->name);
	if (run->labels.mount)
		dict_set(out, RECORD_MOUNT_LABEL, run->labels.mount);
	if (run->job->remove)
		dict_set(out, RECORD_REMOVE, "1");
	if (run->image.config.stop_signal)
		dict_set(out, "io.containerd.image.config.stop-signal", run->image.config.stop_signal);
}

int container_begin(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;
	_cleanup_(ctrd_container_done) struct ctrd_container c = { 0 };
	_cleanup_json_ json *j = NULL;
	_cleanup_buf_ struct buf text = { 0 };
	int r = run_confine(run, ctx, err);

	if (r >= 0)
		r = run_spec(run, &c.spec.value, err);
	if (r < 0)
		return r;
	c.spec.type_url = mem_strdup(SPEC_TYPE);
	c.id = mem_strdup(run->id);
	c.image = mem_strdup(run->image.name);
	c.runtime = mem_strdup(run->runtime.type);
	if (run->runtime.options.type_url) {
		c.runtime_options.type_url = mem_strdup(run->runtime.options.type_url);
		buf_add(&c.runtime_options.value, run->runtime.options.value.data, run->runtime.options.value.len);
	}
	c.snapshotter = mem_strdup(run->snapshotter);
	c.snapshot_key = mem_strdup(run->id);
	record_labels(run, &c.labels);
	j = job_to_json(run->job);
	json_write(j, &text);
	ctrd_container_extend(&c, RECORD_JOB, RECORD_JOB_TYPE, text.data, text.len);
	run->call[S_CONTAINER] = containers_create_begin(run_ctrd(run), &c, ctx);
	return 0;
}

int container_end(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;
	int r = run_await(run, S_CONTAINER, ctx, err);

	if (r >= 0)
		r = containers_create_end(TAKE_PTR(run->call[S_CONTAINER]), ctx, err);

	if (r >= 0)
		run_release_volumes(run);
	return r;
}

void container_undo(void *state, const struct ctx *ctx)
{
	struct run *run = state;
	struct err err = ERR_INIT, unused = ERR_INIT;
	struct ctx half = half_of(ctx);

	if (run_undo_connected(run) && run->call[S_CONTAINER])
		(void)containers_create_end(TAKE_PTR(run->call[S_CONTAINER]), &half, &unused);
	if (run_undo_connected(run) && containers_delete(run_ctrd(run), run->id, ctx, &err) < 0)
		run_undo_failed(run, &err);
}

void container_plan(const void *state, struct strv *out)
{
	const struct run *run = state;

	strv_pushf(out, "container: record %s, runtime %s%s%s", run->id, run->runtime.type, run->runtime.engine ? " with " : "",
		   run->runtime.engine ? run->runtime.engine : "");
}

/* complete: from here on the record stands for itself */

static bool starts_to_remove(const struct run *run) { return run->job->remove && run_starts(run); }

bool complete_wanted(const void *state) { return !starts_to_remove(state) || !run_is_new(state); }

/* Beside the start; but a --rm job that was created is prey without its label, so it keeps that until it runs. */
unsigned complete_needs(const void *state) { return starts_to_remove(state) ? STEP(S_START) : 0; }

int complete_begin(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;
	_cleanup_dict_ struct dict labels = { 0 };
	char now[CLOCK_TEXT];

	(void)err;
	(void)clock_rfc3339(clock_wall(), now);
	dict_set(&labels, RECORD_COMPLETE, starts_to_remove(run) ? "" : now);
	if (run_starts(run))
		dict_set(&labels, RECORD_STARTED, now);
	if (run->record)
		dict_set(&labels, RECORD_EXIT, "");
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
