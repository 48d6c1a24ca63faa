/* --help and davit(1), from the tables of commands and flags. */
#pragma once
#include "command.h"
#include "buf.h"

void help_overview(struct buf *out);                        /* davit --help */
void help_command(const struct command *, struct buf *out); /* davit help run; of a group: its commands */
void help_man(struct buf *out);                             /* davit(1) in the man(7) macros */
