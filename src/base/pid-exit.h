/* How a process that is no child of ours ended, by the kernel's own word: Linux 6.15 and later keep it for whoever has held a pidfd
 * of it since before its end. For where its parent is gone as well, and with it what wait(2) had said. */
#pragma once
#include "err.h"
#include <sys/types.h>

/* A pidfd of @pid, or -1 where there is no such process. A pid may have passed to another by the time that it is asked for: the
 * caller then looks whether it is still the one that is meant. */
int pid_exit_open(pid_t);
/* 0 with its wait(2) status; -ERR_PRECONDITION: it runs, or its parent has not collected it yet; -ERR_UNIMPLEMENTED: this kernel
 * keeps none. */
int pid_exit_status(int pidfd, int *ret_status, struct err *err);
