#include "each-job.h"
#include "set-jobs.h"

static int check_names_or_set(const struct command *cmd, const char *set, const struct strv *names, struct err *err)
{
	struct command needs_one = *cmd;

	needs_one.min = set ? 0 : 1;
	if (set && names->n)
		return err_set(err, ERR_INVALID, "%s: --set %s and job %s: name the one or the other", cmd->name, set, names->v[0]);
	return command_check_args(&needs_one, names, err);
}

int cli_each_job(struct cli *cli, const struct command *cmd, const char *set, const struct strv *names, cli_each_fn *one, void *arg,
		 struct err *err)
{
	_cleanup_strv_ struct strv of_set = { 0 };
	int r = check_names_or_set(cmd, set, names, err);

	if (r >= 0)
		r = cli_core(cli, err);
	if (r >= 0 && set)
		r = set_jobs(cli->core, set, &cli->ctx, &of_set, err);
	return r < 0 ? r : cli_each(cli, set ? &of_set : names, one, arg, false, err);
}
