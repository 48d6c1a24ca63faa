#include "unheeded.h"
#include "mem.h"
#include "monitored.h"

struct unheeded {
	bool removed, poststop, sidecar;
};

/* Its monitor, where a job has one, sees its end. */
static void unheeded_look(const struct job *j, struct unheeded *u)
{
	const bool monitored = monitored_to_the_end(j);

	u->removed |= j->remove && monitored_would_restart(j);
	for (size_t i = 0; i < j->n_tasks; i++) {
		const struct task *t = &j->tasks[i];

		u->poststop |= !monitored && t->lifecycle == LIFE_POSTSTOP;
		u->sidecar |= !monitored && j->n_tasks > 1 && (t->sidecar || t->leader);
	}
}

void unheeded_say(const struct core *c, const struct job *jobs, size_t n, bool waits)
{
	_cleanup_strv_ struct strv what = { 0 };
	_cleanup_free_ char *all = NULL;
	struct unheeded u = { 0 };

	for (size_t i = 0; i < n; i++)
		unheeded_look(&jobs[i], &u);
	if (u.removed)
		strv_push(&what, "restart policies and failure recovery of jobs that are removed at their end");
	if (u.poststop && !waits)
		strv_push(&what, "poststop tasks (but after davit stop)");
	if (u.sidecar && !waits)
		strv_push(&what, "the end of sidecars with their main task (but by davit stop)");
	if (!what.n)
		return;
	all = strv_join(&what, ", ");
	core_notice(c, "kept, and not acted on by this version: %s", all);
}
