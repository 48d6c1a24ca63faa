#include "task-wait.h"
#include <time.h>

enum { RETURN_MS = 30000 };

static int reconnect(struct core *c, const struct ctx *ctx, struct err *err)
{
	const struct timespec pause = { .tv_nsec = 100 * 1000 * 1000 };
	struct ctx limit = ctx_within(ctx, RETURN_MS);

	for (;;) {
		int r = core_reconnect(c, err);

		if (r >= 0 || ctx_check(&limit, NULL) < 0)
			return r;
		err_clear(err);
		(void)nanosleep(&pause, NULL); /* there is no event for a daemon that comes back */
	}
}

/* 1: it has ended, with *ret; 0: it has not. */
static int look(struct core *c, const char *id, const char *exec_id, const struct ctx *ctx, struct ctrd_exit *ret, struct err *err)
{
	struct ctrd_process p = { 0 };
	int r = tasks_get(c->ctrd, id, exec_id, ctx, &p, err);

	if (r >= 0 && p.status == CTRD_STOPPED) {
		*ret = (struct ctrd_exit){ p.exit_status, p.exited_at };
		r = 1;
	}
	ctrd_process_done(&p);
	return r;
}

int task_wait_again(struct core *c, const char *id, const char *exec_id, int r, const struct ctx *ctx, struct ctrd_call **ret_call,
		    struct ctrd_exit *ret, struct err *err)
{
	if (r == -ERR_CANCELLED || r == -ERR_DEADLINE)
		return r;
	err_clear(err);
	r = reconnect(c, ctx, err);
	if (r >= 0)
		r = look(c, id, exec_id, ctx, ret, err);
	if (r == 0)
		*ret_call = tasks_wait_begin(c->ctrd, id, exec_id, ctx);
	return r;
}

int task_wait(struct core *c, const char *id, const char *exec_id, const struct ctx *ctx, struct ctrd_exit *ret, struct err *err)
{
	struct ctrd_call *call = tasks_wait_begin(c->ctrd, id, exec_id, ctx);
	int r;

	do {
		r = tasks_wait_end(call, ctx, ret, err);
		if (r >= 0)
			return 0;
		r = task_wait_again(c, id, exec_id, r, ctx, &call, ret, err);
	} while (r == 0);
	return r < 0 ? r : 0;
}
