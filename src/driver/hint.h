/* Remedies of the core, which are worded for a command line, for who reads them in Nomad. A flag becomes the task's option of that
 * meaning, by the tables of both (job-table.h, task-conf.h): "--userns host" is `userns_mode = "host"`. Without a remedy is better
 * than with one that nobody can follow: with a flag that no option stands for there is none, and a part that is a command of
 * davit's is left out. */
#pragma once
#include "plugin-status.h"

/* Returns @out, or NULL. */
plugin_hint_fn hint_for_nomad;
