/* Theory of operation: a list of jobs, of which up to AT_ONCE have a child at work: `davit start --boot ID`, which takes the job's
 * lock, looks whether the start is still wanted, and makes it as any other. So a job that hangs or fails is a child that does. */
#include "job-boot.h"
#include "boot-id.h"
#include "child.h"
#include "clock.h"
#include "core-words.h"
#include "job-name.h"
#include "mem.h"
#include "monitored.h"
#include "namespaces.h"
#include "self.h"
#include <signal.h>
#include <string.h>

enum { AT_ONCE = 8, SAID_MAX = 4096 };

enum boot_state { BOOT_WAITS, BOOT_RUNS, BOOT_DONE };
struct boot_job {
	char *ns;
	struct record rec; /* what is asked of it when it has been read already: only its names */
	struct strv after; /* names of jobs of its namespace */
	bool addressed;    /* it asked for an address */
	enum boot_state state;
	struct child *child;
};

struct boot {
	struct core *core;
	const struct ctx *ctx;
	struct mends *out;
	struct boot_job *v;
	size_t n, cap, running;
};

static void boot_done(struct boot *b)
{
	for (size_t i = 0; i < b->n; i++) {
		child_free(b->v[i].child);
		record_done(&b->v[i].rec);
		strv_done(&b->v[i].after);
		free(b->v[i].ns);
	}
	free(b->v);
}

/* which jobs */

static void boot_add(struct boot *b, const char *ns, struct record *rec)
{
	const struct job *j = rec->job;
	struct boot_job *new;

	b->v = mem_grow(b->v, &b->cap, b->n + 1, sizeof *b->v);
	new = &b->v[b->n++];
	*new = (struct boot_job){ .ns = mem_strdup(ns), .addressed = j->ips.n > 0 };
	for (size_t i = 0; i < j->n_networks; i++)
		new->addressed |= j->networks[i].ips.n > 0;
	for (size_t i = 0; i < j->n_depends_on; i++)
		strv_push(&new->after, j->depends_on[i].name);
	if (job_joins(j))
		strv_push(&new->after, job_joins(j));
	new->rec = TAKE_STRUCT(*rec);
}

static bool boot_is_wanted(const struct record *rec, const struct task_states *states, const char *boot)
{
	const size_t n = job_id_tasks(rec->c.id);
	_cleanup_free_ struct task_status *tasks = mem_array(struct task_status, n);

	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *id = job_id_task(rec->c.id, i);
		const struct task_status *t = task_states_find(states, id);

		tasks[i] = t ? *t : (struct task_status){ .state = TASK_ABSENT };
	}
	return monitored_at_boot(rec, tasks, n, boot);
}

static int boot_find(struct boot *b, struct core *there, const char *boot, struct err *err)
{
	_cleanup_(records_done) struct records recs = { 0 };
	_cleanup_(task_states_done) struct task_states states = { 0 };
	int r = record_list(there, b->ctx, &recs, err);

	if (r >= 0)
		r = task_list(there, b->ctx, &states, err);
	for (size_t i = 0; r >= 0 && i < recs.n; i++)
		if (boot_is_wanted(&recs.v[i], &states, boot))
			boot_add(b, there->conf.ns, &recs.v[i]);
	return r < 0 ? r : 0;
}

/* their order */

/* Another job of its namespace that is still to be started. */
static bool boot_is_pending(const struct boot *b, const struct boot_job *j, const char *name)
{
	for (size_t i = 0; i < b->n; i++)
		if (&b->v[i] != j && b->v[i].state != BOOT_DONE && !strcmp(b->v[i].ns, j->ns) && !strcmp(b->v[i].rec.name, name))
			return true;
	return false;
}

static bool has_its_jobs(const struct boot *b, const struct boot_job *j)
{
	for (size_t i = 0; i < j->after.n; i++)
		if (boot_is_pending(b, j, j->after.v[i]))
			return false;
	return true;
}

static bool has_its_address(const struct boot *b, const struct boot_job *j)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->v[i].addressed && b->v[i].state != BOOT_DONE)
			return j->addressed;
	return true;
}

/* NULL: one that runs has to end first. Where none does, no wish is worth a wait without end. */
static struct boot_job *boot_next(const struct boot *b)
{
	for (int wish = 2; wish >= 0; wish--) {
		for (size_t i = 0; i < b->n; i++) {
			struct boot_job *j = &b->v[i];

			if (j->state == BOOT_WAITS && (wish < 1 || has_its_jobs(b, j)) && (wish < 2 || has_its_address(b, j)))
				return j;
		}
		if (b->running)
			return NULL;
	}
	return NULL;
}

/* their start */

static void boot_failed(struct boot *b, struct boot_job *j, const struct err *why)
{
	struct core there = core_in(b->core, j->ns);

	mends_fail(b->out, MEND_START, &there, &j->rec, why);
	core_leave(&there);
	j->state = BOOT_DONE;
}

static void boot_begin(struct boot *b, struct boot_job *j)
{
	_cleanup_free_ char *davit = NULL;
	_cleanup_strv_ struct strv words = { 0 };
	struct child_spec spec = { .err_max = SAID_MAX, .out_max = SAID_MAX };
	struct core there = core_in(b->core, j->ns);
	struct err why = ERR_INIT;
	int r = self_find("davit", &davit, &why);

	if (r >= 0)
		core_words(&there, davit, &words);
	core_leave(&there);
	strv_push(&words, "--no-engine");
	strv_push(&words, "start");
	strv_push(&words, "--boot");
	strv_push(&words, j->rec.c.id);
	spec.path = davit;
	spec.argv = words.v;
	if (r >= 0)
		r = child_start(b->core->loop, &spec, &j->child, &why);
	if (r < 0) {
		boot_failed(b, j, &why);
		return;
	}
	j->state = BOOT_RUNS;
	b->running++;
}

/* Its last line, without our own name before it. */
static void boot_said(struct child *child, struct err *why)
{
	_cleanup_strv_ struct strv lines = { 0 };
	const char *line, *mine = "davit: ";
	char text[64];

	strv_split(&lines, buf_str(child_err(child)), "\n");
	while (lines.n > 1 && !*lines.v[lines.n - 1])
		lines.n--;
	line = lines.n ? lines.v[lines.n - 1] : "";
	if (!strncmp(line, mine, strlen(mine)))
		line += strlen(mine);
	(void)err_set(why, ERR_UNKNOWN, "%s", *line ? line : child_describe(child_status(child), text));
}

/* One that says nothing had nothing to do: somebody else has started it. */
static void boot_end(struct boot *b, struct boot_job *j)
{
	struct core there = core_in(b->core, j->ns);
	struct err why = ERR_INIT;

	b->running--;
	j->state = BOOT_DONE;
	if (child_status(j->child) != 0) {
		boot_said(j->child, &why);
		mends_fail(b->out, MEND_START, &there, &j->rec, &why);
	} else if (child_out(j->child)->len) {
		mends_add(b->out, MEND_START, &there, &j->rec, "started, as its policy has it after a boot");
	}
	core_leave(&there);
	child_free(TAKE_PTR(j->child));
}

static void boot_collect(struct boot *b)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->v[i].state == BOOT_RUNS && child_ended(b->v[i].child))
			boot_end(b, &b->v[i]);
}

/* Each takes back what it has begun. */
static void boot_break_off(struct boot *b)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->v[i].state == BOOT_RUNS)
			child_kill(b->v[i].child, SIGTERM);
	while (b->running && loop_turn(b->core->loop, NULL, NULL) >= 0)
		boot_collect(b);
}

static int boot_start_all(struct boot *b, struct err *err)
{
	int r = 0;

	for (;;) {
		struct boot_job *j = b->running < AT_ONCE ? boot_next(b) : NULL;

		if (j) {
			boot_begin(b, j);
			continue;
		}
		if (!b->running)
			return 0;
		r = loop_turn(b->core->loop, b->ctx, err);
		if (r < 0) {
			boot_break_off(b);
			return r;
		}
		boot_collect(b);
	}
}

/* all of it */

typedef int boot_each_fn(struct boot *, struct core *there, const struct mend_how *, const char *boot, struct err *err);

static int boot_mend(struct boot *b, struct core *there, const struct mend_how *how, const char *boot, struct err *err)
{
	int r = mend_jobs(there, how, b->ctx, b->out, err);

	return r < 0 ? r : boot_find(b, there, boot, err);
}

static int boot_monitors(struct boot *b, struct core *there, const struct mend_how *how, const char *boot, struct err *err)
{
	(void)boot;
	return mend_monitors(there, how, b->ctx, b->out, err);
}

static int boot_each(struct boot *b, const struct strv *spaces, bool dry_run, const char *boot, boot_each_fn *fn, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < spaces->n; i++) {
		const struct mend_how how = { .dry_run = dry_run,
					      .asking_only = strcmp(spaces->v[i], b->core->conf.ns) != 0,
					      .no_monitors = true };
		struct core there = core_in(b->core, spaces->v[i]);

		r = fn(b, &there, &how, boot, err);
		core_leave(&there);
	}
	return r;
}

static int boot_spaces(struct core *c, bool every, const struct ctx *ctx, struct strv *out, struct err *err)
{
	_cleanup_(ctrd_namespaces_done) struct ctrd_namespaces all = { 0 };
	int r = every ? namespaces_list(c->ctrd, ctx, &all, err) : 0;

	strv_push(out, c->conf.ns);
	for (size_t i = 0; r >= 0 && i < all.n; i++)
		if (!strv_has(out, all.v[i].name))
			strv_push(out, all.v[i].name);
	return r;
}

int job_boot(struct core *c, const struct boot_how *how, const struct ctx *ctx, struct mends *ret, struct err *err)
{
	_cleanup_(boot_done) struct boot b = { .core = c, .ctx = ctx, .out = ret };
	_cleanup_strv_ struct strv spaces = { 0 };
	_cleanup_free_ char *boot = boot_id();
	int r = boot ? boot_spaces(c, how->every_namespace, ctx, &spaces, err)
		     : err_set(err, ERR_UNIMPLEMENTED, "boot: this kernel does not say which boot it is");

	if (r >= 0)
		r = boot_each(&b, &spaces, how->dry_run, boot, boot_mend, err);
	for (size_t i = 0; r >= 0 && how->dry_run && i < b.n; i++) {
		struct core there = core_in(c, b.v[i].ns);

		mends_add(ret, MEND_START, &there, &b.v[i].rec, "started, as its policy has it after a boot");
		core_leave(&there);
	}
	if (r >= 0 && !how->dry_run)
		r = boot_start_all(&b, err);
	return r < 0 ? r : boot_each(&b, &spaces, how->dry_run, boot, boot_monitors, err);
}
