/* The commands; each is defined in cmd-NAME.c, or in the file of its family. */
#pragma once
#include "command.h"

extern const struct command cmd_run;
extern const struct command cmd_plan;
extern const struct command cmd_create;
extern const struct command cmd_start;
extern const struct command cmd_restart;
extern const struct command cmd_stop;
extern const struct command cmd_kill;
extern const struct command cmd_pause;
extern const struct command cmd_unpause;
extern const struct command cmd_update;
extern const struct command cmd_rm;
extern const struct command cmd_rename;
extern const struct command cmd_ps;
extern const struct command cmd_logs;
extern const struct command cmd_attach;
extern const struct command cmd_exec;
extern const struct command cmd_checkpoint;
extern const struct command cmd_commit;
extern const struct command cmd_cp;
extern const struct command cmd_diff;
extern const struct command cmd_export;
extern const struct command cmd_wait;
extern const struct command cmd_events;
extern const struct command cmd_inspect;
extern const struct command cmd_stats;
extern const struct command cmd_top;
extern const struct command cmd_port;
extern const struct command cmd_prune;
extern const struct command cmd_reconcile;
extern const struct command cmd_pull;
extern const struct command cmd_push;
extern const struct command cmd_login;
extern const struct command cmd_logout;
extern const struct command cmd_images;
extern const struct command cmd_image;
extern const struct command cmd_volume;
extern const struct command cmd_network;
extern const struct command cmd_system;
extern const struct command cmd_engine;
extern const struct command cmd_runtime;
extern const struct command cmd_doctor;
extern const struct command cmd_version;
extern const struct command cmd_help;
extern const struct command cmd_completion;
/* those of groups; images and pull are there once more */
extern const struct command image_ls;
extern const struct command image_pull;
extern const struct command image_push;
extern const struct command image_tag_cmd;
extern const struct command image_save_cmd;
extern const struct command image_history_cmd;
extern const struct command image_prune_cmd;
extern const struct command network_create_cmd;
extern const struct command runtime_config_cmd;
