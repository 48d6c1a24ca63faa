/* The commands; each is defined in cmd-NAME.c, or in the file of its family. */
#pragma once
#include "command.h"

extern const struct command cmd_run, cmd_plan, cmd_create, cmd_start, cmd_restart, cmd_stop, cmd_kill, cmd_pause, cmd_unpause,
	cmd_rm, cmd_ps, cmd_logs, cmd_exec, cmd_cp, cmd_diff, cmd_export, cmd_wait, cmd_events, cmd_inspect, cmd_port, cmd_prune,
	cmd_pull, cmd_images, cmd_image, cmd_volume, cmd_network, cmd_system, cmd_engine, cmd_runtime, cmd_doctor, cmd_version,
	cmd_help, cmd_completion;
extern const struct command image_ls, image_pull, /* images and pull once more, in the group */
	image_tag_cmd, image_save_cmd, image_history_cmd, image_prune_cmd;
extern const struct command network_create_cmd, runtime_config_cmd;
