#include "cli-console.h"
#include "cli.h"
#include "commands.h"
#include "job-attach.h"
#include <string.h>
#include <unistd.h>

struct attach_flags {
	bool no_stdin, sig_proxy, logs;
	int64_t tail;
	const char *detach_keys;
};
#define AT(f) .at = offsetof(struct attach_flags, f)

static int set_attach_tail(const struct opt *o, const char *value, void *into, struct err *err)
{
	struct attach_flags *f = into;

	if (!*value || !strcmp(value, "all") || !strcmp(value, "-1")) {
		f->tail = -1;
		return 0;
	}
	return opt_to_number(o, value, 0, INT64_C(1000000000), &f->tail, err);
}

static const struct opt attach_table[] = {
	{ "no-stdin", .help = "Give it no input", .topic = "Flags", .set = opt_bool, AT(no_stdin) },
	{ "sig-proxy", .help = "Hand signals on to the process (true)", .set = opt_bool, AT(sig_proxy) },
	{ "detach-keys", .arg = "KEYS", .help = "Keys that detach (ctrl-p,ctrl-q)", .set = opt_keys, AT(detach_keys) },
	{ "logs", .help = "First all that it has printed so far", .set = opt_bool, AT(logs) },
	{ "tail", 'n', .arg = "N", .help = "First the last N lines that it has printed", .set = set_attach_tail },
	{ 0 },
};

static void attach_init(void *opts) { ((struct attach_flags *)opts)->sig_proxy = true; }

static int attach_run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	const struct attach_flags *f = opts;
	const struct attach_opts o = { .detach_keys = f->detach_keys,
				       .no_stdin = f->no_stdin,
				       .sig_proxy = f->sig_proxy,
				       .tail = f->tail   ? f->tail
					       : f->logs ? -1
							 : 0,
				       .console = &cli_console };
	struct run_result res = { 0 };
	int r = cli_core_existing(cli, err);

	if (r >= 0)
		r = job_attach(cli->core, args->v[0], &o, &cli->ctx, &res, err);
	if (r == -ERR_CANCELLED && !f->sig_proxy && cli->ctx.cancel->on) /* Ctrl-C is how one leaves then */
		return err_clear(err), 128 + cli->ctx.cancel->on;
	if (r >= 0)
		r = cli_end_run(cli, &res);
	run_result_done(&res);
	return r;
}

const struct command cmd_attach = {
	.name = "attach",
	.usage = "[FLAGS] JOB[.TASK]",
	.summary = "Come back to a job that runs: its output from now on, its input, its terminal",
	.text = "Ends with the job's exit status. Of a job on a terminal, ctrl-p ctrl-q detaches, and it goes on; its input\n"
		"is for those that were made with -i, and stays open when ours ends. Several may be attached at once. Who\n"
		"does not keep up with a job's output misses some of it here, never in the log, and holds nobody up.",
	.opts = attach_table,
	.words = COMPLETE_JOB,
	.min = 1,
	.max = 1,
	.examples = "  davit run -d -it --name sh busybox sh; davit attach sh\n  davit attach --tail 20 web",
	.size = sizeof(struct attach_flags),
	.init = attach_init,
	.run = attach_run,
};
