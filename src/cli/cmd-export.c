/* export: the root file system of a job as a tar. */
#include "commands.h"
#include "helper.h"
#include "job-export.h"
#include <errno.h>
#include <fcntl.h>

struct export_flags {
	const char *output;
};
static const struct opt opts_table[] = {
	HELPER_OUTPUT_OPT(struct export_flags),
	{ 0 },
};

/* Where davit-image gets it is below: the descriptor must be above. */
static int open_root(struct cli *cli, const char *name, struct strv *words, int *ret_fd, struct err *err)
{
	_cleanup_close_ int fd = -1;
	struct idmap ids = { 0 };
	int r = cli_core(cli, err);

	if (r >= 0)
		r = job_export_root(cli->core, name, &cli->ctx, &fd, &ids, err);
	if (r < 0)
		return r;
	if (ids.n)
		strv_pushf(words, "--ids=%u:%u:%u", ids.uid, ids.gid, ids.n);
	*ret_fd = fcntl(fd, F_DUPFD_CLOEXEC, 5);
	return *ret_fd < 0 ? err_sys(err, errno, "job %s", name) : 0;
}

static int export(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	const struct export_flags *f = opts;
	_cleanup_strv_ struct strv words = { 0 };
	_cleanup_close_ int out = -1, root = -1;
	int r = helper_output("export", f->output, &words, &out, err);

	if (r >= 0)
		r = open_root(cli, args->v[0], &words, &root, err);
	return r < 0 ? r : helper_run_output(cli, "export", NULL, true, &words, out, root, err);
}

const struct command cmd_export = {
	.name = "export",
	.usage = "[FLAGS] JOB",
	.summary = "Write the root file system of a job as a tar",
	.text = "Of a job that runs as it is meanwhile. What is mounted in it is not in the archive: volumes are empty folders\n"
		"there. A file appears when it is whole.",
	.opts = opts_table,
	.examples = "  davit export web | davit image import --cmd sh - web:frozen\n  davit export -o web.tar web",
	.words = COMPLETE_JOB,
	.min = 1,
	.max = 1,
	.size = sizeof(struct export_flags),
	.run = export,
};
