/* What containerd writes to the standard input of this program, when it does: for `start` from 2.3 on its parameters, before that a
 * runtime's options, which Create gets as well; for `-info` those options. Source: reference containerd.md 0.4, C.1. */
#pragma once
#include "buf.h"
#include "err.h"

/* All of it up to its end. Nothing of a terminal, nor of a pipe whose end has not come after SHIM_STDIN_MS: those are no
 * containerd's. */
void shim_stdin_read(struct buf *ret);
enum { SHIM_STDIN_MS = 500 };
