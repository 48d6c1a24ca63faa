/* SIGINT, SIGTERM and SIGHUP as a cancel token; SIGPIPE is ignored. */
#pragma once
#include "ctx.h"

/* From now on a signal cancels; the third one ends the program at once. A signal that was ignored when we were started
 * (nohup, a shell's background job) stays ignored. */
const struct cancel *interrupt_catch(void);
/* For what waits while flags are parsed: cancelled by signals once they are caught, no deadline. */
struct ctx interrupt_ctx(void);
