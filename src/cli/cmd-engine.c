/* engine start, stop, status: the containerd of davit's own. */
#include "cli.h"
#include "commands.h"
#include "own.h"
#include "format.h"
#include "job-remove.h"
#include "mem.h"

static int engine_start_run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	_cleanup_free_ char *address = own_address(&cli->conf);
	int r = own_start(&cli->conf, &cli->ctx, err);

	(void)opts;
	(void)args;
	return r < 0 ? r : cli_outf(cli, err, "%s\n", address);
}

static const struct command engine_start_cmd = {
	.group = "engine",
	.name = "start",
	.usage = "",
	.summary = "Start it; one that runs stays",
	.examples = "  davit engine start",
	.run = engine_start_run,
};

struct stop_flags {
	bool force;
};
static const struct opt stop_opts[] = {
	{ "force", 'f', .help = "Though jobs run: they are killed", .topic = "Flags", .set = opt_bool,
	  .at = offsetof(struct stop_flags, force) },
	{ 0 },
};

static int engine_stop_run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	struct core core = { .conf = cli->conf }; /* no connection: one that says nothing is what containerd would wait for */

	(void)args;
	job_await_removals(&core, &cli->ctx);
	return own_stop(&cli->conf, ((struct stop_flags *)opts)->force, &cli->ctx, err);
}

static const struct command engine_stop_cmd = {
	.group = "engine",
	.name = "stop",
	.usage = "[FLAGS]",
	.summary = "Stop it, when no job runs",
	.opts = stop_opts,
	.examples = "  davit engine stop\n  davit engine stop --force",
	.size = sizeof(struct stop_flags),
	.run = engine_stop_run,
};

static int engine_print_json(struct cli *cli, const struct own_status *s, struct err *err)
{
	_cleanup_json_ json *o = json_new_object();

	json_put_bool(o, "running", s->running);
	json_put_str(o, "address", s->address);
	json_put_str(o, "config", s->config);
	if (s->running) {
		json_put_int(o, "pid", s->pid);
		json_put_str(o, "program", s->program);
		json_put_str(o, "version", s->version);
		json_put_int(o, "jobs", (int64_t)s->jobs);
	}
	return cli_out_json(cli, o, err);
}

static int status(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	_cleanup_(own_status_done) struct own_status s = { 0 };
	int r = own_get_status(&cli->conf, &cli->ctx, &s, err);

	(void)args;
	if (r < 0)
		return r;
	if (format_is_json(opts))
		return engine_print_json(cli, &s, err);
	if (!s.running)
		return cli_outf(cli, err, "not running; it would listen at %s\n", s.address);
	return cli_outf(cli, err, "running at %s\nprocess %d (%s), version %s, running jobs: %zu\nconfiguration %s\n", s.address,
			(int)s.pid, s.program, s.version ? s.version : "unknown", s.jobs, s.config);
}

static const struct command engine_status_cmd = {
	.group = "engine",
	.name = "status",
	.usage = "[FLAGS]",
	.summary = "Say whether it runs, and where",
	.examples = "  davit engine status\n  davit engine status --format json | jq -r .address",
	.opts = format_opts,
	.size = sizeof(struct format_flags),
	.init = format_init,
	.run = status,
};

static const struct command *const subs[] = { &engine_start_cmd, &engine_stop_cmd, &engine_status_cmd, NULL };
const struct command cmd_engine = {
	.name = "engine",
	.usage = "COMMAND",
	.summary = "A containerd of davit's own: start stop status",
	.text = "Where nothing listens at " CTRD_ADDRESS " and no address was given, the first command\n"
		"that needs containerd starts one, with root, state and socket of its own.",
	.examples = "  davit engine status\n  davit engine stop",
	.sub = subs,
};
