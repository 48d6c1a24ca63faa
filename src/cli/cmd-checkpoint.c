/* checkpoint: a job's processes into a folder. */
#include "cli.h"
#include "commands.h"
#include "job-checkpoint.h"
#include "mem.h"
#include "path.h"
#include <unistd.h>

struct checkpoint_flags {
	bool leave_running;
};
static const struct opt checkpoint_opts[] = {
	{ "leave-running", .help = "The job runs on; else it ends", .topic = "Flags", .set = opt_bool,
	  .at = offsetof(struct checkpoint_flags, leave_running), .meant = "keep-running" },
	{ 0 },
};

static int checkpoint_run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	_cleanup_free_ char *here = getcwd(NULL, 0), *folder = path_clean(args->v[1], here);
	const struct job_checkpoint how = { folder, ((struct checkpoint_flags *)opts)->leave_running };
	int r = cli_core(cli, err);

	if (r >= 0)
		r = job_checkpoint(cli->core, args->v[0], &how, &cli->ctx, err);
	return r < 0 ? r : cli_outf(cli, err, "%s\n", folder);
}

const struct command cmd_checkpoint = {
	.name = "checkpoint",
	.usage = "[FLAGS] JOB FOLDER",
	.summary = "Freeze what a job runs into a folder, by CRIU",
	.text = "davit start --checkpoint FOLDER JOB lets it go on from there. The job's files are not in it: they stay the "
		"job's.\n"
		"Where the kernel, CRIU or the engine cannot, an error says which of them, and why.",
	.opts = checkpoint_opts,
	.examples = "  davit checkpoint web /srv/web.frozen\n  davit start --checkpoint /srv/web.frozen web",
	.words = COMPLETE_JOB,
	.min = 2,
	.max = 2,
	.size = sizeof(struct checkpoint_flags),
	.run = checkpoint_run,
};
