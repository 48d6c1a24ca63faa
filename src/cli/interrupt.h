/* SIGINT, SIGTERM and SIGHUP as a cancel token; SIGPIPE is ignored. */
#pragma once
#include "ctx.h"

/* From now on a signal cancels; the second one ends the program at once, whatever it waits for (what it was undoing is found by
 * the next davit). Two within a fifth of a second are one: who signals a process and its group means it once. A signal that was
 * ignored when we were started (nohup, a shell's background job) stays ignored. */
const struct cancel *interrupt_catch(void);
/* For what waits while flags are parsed: cancelled by signals once they are caught, no deadline. */
struct ctx interrupt_ctx(void);
