#include "collect.h"
#include "container.h"
#include <signal.h>
#include <sys/wait.h>

static bool process_comes(const struct process *p) { return p->state == PROCESS_CREATING || (p->starting && *p->exec_id); }

/* It may have ended, too, before its number is read. */
static bool any_process_comes(const struct shim *s)
{
	list_for_each(it, &s->containers) {
		const struct container *c = container_of(it, struct container, node);

		if (process_comes(&c->init))
			return true;
		list_for_each(exec, &c->execs)
			if (process_comes(container_of(exec, struct process, node)))
				return true;
	}
	return false;
}

/* The first child that has ended; 0: none. */
static pid_t first_ended(void)
{
	siginfo_t si = { 0 };

	return waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) < 0 ? 0 : si.si_pid;
}

/* The kernel names the first alone: one that is known is in the way of the rest until its own turn, which is this one or the next.
 */
static void collect_now(void *arg)
{
	struct shim *s = arg;
	pid_t pid;

	if (any_process_comes(s))
		return;
	while ((pid = first_ended()) > 0) {
		if (reap_knows(s->loop, pid)) {
			collect_orphans(s);
			return;
		}
		(void)waitpid(pid, NULL, WNOHANG);
	}
}

void collect_orphans(struct shim *s) { loop_post(s->loop, &s->orphans); }
void collect_init(struct shim *s) { post_init(&s->orphans, collect_now, s); }
