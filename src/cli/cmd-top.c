#include "cli.h"
#include "clock.h"
#include "commands.h"
#include "job-top.h"
#include "process-columns.h"
#include <string.h>

/* The last column is cut where the terminal ends, unless it is a number. */
static void top_print(const struct task_processes *all, const struct process_columns *c, struct table *t)
{
	const int64_t now = clock_wall();

	for (size_t i = 0; i < all->n; i++) {
		if (all->several)
			table_cell(t, all->v[i].task);
		process_columns_row(c, &all->v[i].p, now, t);
	}
}

static int top_run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	const struct strv options = { .v = args->v + 1, .n = args->n - 1 };
	_cleanup_(process_columns_done) struct process_columns c = { 0 };
	_cleanup_(task_processes_done) struct task_processes all = { 0 };
	struct column columns[PROCESS_COLUMNS_MAX + 1] = { { .title = "TASK" } };
	_cleanup_(table_done) struct table t = { .columns = columns + 1 };
	int r = process_columns_parse(&options, &c, err);

	(void)opts;
	if (r >= 0)
		r = cli_core(cli, err);
	if (r >= 0)
		r = job_top(cli->core, args->v[0], c.threads, &cli->ctx, &all, err);
	if (r < 0)
		return r;
	memcpy(columns + 1, c.columns, c.n * sizeof *columns);
	if (!columns[c.n].right)
		columns[c.n].min = 10;
	t.columns -= all.several;
	t.n_columns = c.n + all.several;
	top_print(&all, &c, &t);
	return cli_out_table(cli, &t, false, err);
}

const struct command cmd_top = {
	.name = "top",
	.usage = "JOB[.TASK] [PS OPTIONS]",
	.summary = "List the processes of a job",
	.text = "Those in its cgroup, with their numbers on the host, in the columns that ps's options ask for: -ef without, aux,\n"
		"or -o with a list; with -T, -L or H each of their threads. Of a job of several tasks each with its task. But for "
		"root users are numbers:\n"
		"the host's names are none of a container's.",
	.examples = "  davit top web\n  davit top web aux\n  davit top web -o pid,user,etime,args\n  davit top web -eLf",
	.words = COMPLETE_JOB,
	.min = 1,
	.max = ARGS_ANY,
	.stop_at_first = true,
	.run = top_run,
};
