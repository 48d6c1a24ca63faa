/* A program that ends with us, whatever ends us: the kernel kills it then. For the engine, which nobody could ask for anything
 * any more, and whose hanging would outlive the container. */
#pragma once
#include <sys/types.h>

struct spawn {
	const char *path; /* absolute */
	char *const *argv;
	char *const *envp; /* NULL: our own environment */
	const char *dir;
	int fds[3]; /* for its 0, 1 and 2: above those; -1: /dev/null */
};
/* 0, or -errno. The caller has one thread; signals are as new in the program, and no other descriptor is there. */
int spawn_dying(const struct spawn *, pid_t *ret_pid);
