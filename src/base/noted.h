/* Processes that are noted in a file, so that whoever reads it knows when they have ended, and what they have left behind (a
 * daemon, which has each descriptor that its parent had) does not count. A note is a line "PID START", since numbers are given
 * again. */
#pragma once
#include "ctx.h"
#include <stdbool.h>
#include <sys/types.h>

/* At the end of the file. Nothing where that cannot be: whoever waits for it sees to that the process does nothing before. */
void noted_add(int fd, pid_t);
/* Is none of them there any more? 0, or the error of @ctx once it is over. Lines that are no notes are passed over. */
int noted_await(int fd, const struct ctx *, struct err *err);
/* The same without waiting: is one of them there? */
bool noted_lives(int fd);
