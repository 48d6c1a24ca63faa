/* What a monitor of jobs needs, and nothing else: it links the record alone (record-only.py looks at that), and looks at a job,
 * waits for it, stops it and removes it. For test-record-only.c:  record-only ADDRESS NS FOLDER look|wait|stop|remove [NAME] */
#include "job-remove.h"
#include "job-stop.h"
#include "job-wait.h"
#include "mem.h"
#include "task.h"
#include "record.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>

static const char *const states[] = {
	[TASK_UNKNOWN] = "unknown", [TASK_ABSENT] = "absent", [TASK_CREATED] = "created",
	[TASK_LIVE] = "live",       [TASK_PAUSED] = "paused", [TASK_STOPPED] = "stopped",
};

/* All jobs, a line for each: "web live". */
static int look(struct core *c, const char *name, const struct ctx *ctx, struct err *err)
{
	_cleanup_(records_done) struct records all = { 0 };
	int r = record_list(c, ctx, &all, err);

	(void)name;
	for (size_t i = 0; r >= 0 && i < all.n; i++) {
		struct task_status t;

		r = task_look(c, all.v[i].c.id, ctx, &t, err);
		if (r >= 0)
			(void)printf("%s %s\n", all.v[i].name, states[t.state]);
	}
	return r;
}

static int wait_for(struct core *c, const char *name, const struct ctx *ctx, struct err *err)
{
	int code, r = job_wait(c, name, ctx, &code, err);

	if (r >= 0)
		(void)printf("%s ended with %d\n", name, code);
	return r;
}

static int stop(struct core *c, const char *name, const struct ctx *ctx, struct err *err)
{
	return job_stop(c, name, 5, NULL, ctx, err);
}

static int take_away(struct core *c, const char *name, const struct ctx *ctx, struct err *err)
{
	return job_remove(c, name, false, true, ctx, err);
}

static const struct {
	const char *name;
	int (*run)(struct core *, const char *name, const struct ctx *, struct err *err);
} verbs[] = { { "look", look }, { "wait", wait_for }, { "stop", stop }, { "remove", take_away } };

static int run(char **argv, struct err *err)
{
	_cleanup_free_ char *run_dir = mem_printf("%s/run", argv[3]), *data_dir = mem_printf("%s/data", argv[3]),
			    *cache = mem_printf("%s/cni", argv[3]);
	const struct core_conf conf = { .address = argv[1],
					.ns = argv[2],
					.run_dir = run_dir,
					.data_dir = data_dir,
					.cni = { .path = cache, .conf_dir = cache, .cache_dir = cache } };
	_cleanup_(core_freep) struct core *core = NULL;
	const struct ctx ctx = ctx_within(NULL, 20000);
	int r = core_open(&conf, &core, err);

	for (size_t i = 0; r >= 0 && i < sizeof verbs / sizeof *verbs; i++)
		if (!strcmp(verbs[i].name, argv[4]))
			return verbs[i].run(core, argv[5], &ctx, err);
	return r < 0 ? r : err_set(err, ERR_INVALID, "no verb %s", argv[4]);
}

int main(int argc, char **argv)
{
	struct err err = ERR_INIT;

	(void)signal(SIGPIPE, SIG_IGN);
	if (argc < 5)
		return 2;
	if (run(argv, &err) >= 0)
		return 0;
	(void)fprintf(stderr, "%s\n", err.msg);
	return 1;
}
