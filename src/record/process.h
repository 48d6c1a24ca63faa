/* A process as the kernel has it, by /proc: what ps(1) tells. Its names are its own to choose. */
#pragma once
#include "err.h"
#include <stdint.h>
#include <sys/types.h>

struct process {
	pid_t pid, parent, group, session, foreground; /* @foreground: the group that its terminal listens to */
	pid_t thread;                                  /* one of its threads is told of; 0: all of it */
	uid_t uid;                                     /* effective */
	char state;                                    /* 'R', 'S', 'D', 'T', 'Z' ... */
	char *name, *args;                             /* @args: with blanks between; "" of one that has none, as a kernel thread */
	int64_t started;                               /* by the wall clock, ns */
	int64_t time;                                  /* that it has used of its processors, ns */
	uint64_t size, resident;                       /* bytes */
	int64_t nice, threads;
	unsigned terminal; /* its device's number; 0: none */
};
void process_done(struct process *);
/* That of the folder /proc/PID, or of a thread's in it, opened as @dirfd. An error where it has ended. */
int process_read(int dirfd, pid_t, struct process *ret, struct err *err);
/* When it started, by the wall clock; 0 when it is not to be seen. */
int64_t process_started(pid_t);
