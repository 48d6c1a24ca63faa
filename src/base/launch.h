/* A program is started: by posix_spawn(3), so that threads do no harm, with signals as new. child.h feeds and collects one; who
 * starts a program that outlives us waits for nothing but its start. Every descriptor that is not named is close-on-exec, or
 * closed. */
#pragma once
#include "attr.h"
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct launch_fd {
	int ours; /* -1: /dev/null, for reading */
	int theirs;
};

struct launch {
	const char *path; /* absolute: no PATH look-up */
	char *const *argv;
	char *const *envp; /* NULL: our own environment */
	const struct launch_fd *fds;
	size_t n_fds;    /* at most LAUNCH_FDS; in any order, whatever their numbers */
	bool group;      /* a process group of its own */
	bool session;    /* a session of its own: it goes on when we, our terminal or our process group end */
	int close_from;  /* > 0: closes what is above, whoever opened it */
	const char *dir; /* NULL: ours */
	mode_t umask;    /* 0: ours */
};
enum { LAUNCH_FDS = 8 };

/* 0, or -errno. */
int launch(const struct launch *, pid_t *ret_pid);
