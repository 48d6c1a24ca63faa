/* Every command, in the order of the help. */
#include "command.h"
#include "commands.h"

/* one a line, so that two who add one do not meet */
/* clang-format off */
const struct command *const commands[] = {
	&cmd_run,
	&cmd_plan,
	&cmd_create,
	&cmd_start,
	&cmd_restart,
	&cmd_stop,
	&cmd_kill,
	&cmd_pause,
	&cmd_unpause,
	&cmd_update,
	&cmd_rm,
	&cmd_ps,
	&cmd_logs,
	&cmd_attach,
	&cmd_exec,
	&cmd_commit,
	&cmd_cp,
	&cmd_diff,
	&cmd_export,
	&cmd_wait,
	&cmd_events,
	&cmd_inspect,
	&cmd_stats,
	&cmd_top,
	&cmd_port,
	&cmd_prune,
	&cmd_reconcile,
	&cmd_pull,
	&cmd_images,
	&cmd_image,
	&cmd_volume,
	&cmd_network,
	&cmd_system,
	&cmd_engine,
	&cmd_runtime,
	&cmd_doctor,
	&cmd_version,
	&cmd_help,
	&cmd_completion,
	NULL,
};
/* clang-format on */
