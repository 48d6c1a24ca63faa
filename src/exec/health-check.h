/* One health check underway: a command in a container, or a question to what listens in its network. On the loop of its core;
 * nothing of it waits, and it leaves nothing: what the command has forked ends with it, what is left in containerd is cleared away
 * by the sessions. */
#pragma once
#include "exec-session.h"
#include "job.h"

struct health_check;

enum { HEALTH_OUTPUT_MAX = 4096 }; /* what is kept of what it says; the rest is read and dropped */
#define HEALTH_EXEC "health-"      /* how the EXEC_ID of each begins */

struct health_result {
	enum {
		HEALTH_SAYS_NOTHING /* nobody could ask: the task is paused or ends, containerd is away */,
		HEALTH_SAYS_NO,
		HEALTH_SAYS_YES
	} said;
	int exit_code;        /* of the command; else 0 of YES, 1 of NO; -1: timed out, or not to be started */
	const char *output;   /* borrowed; what it wrote or answered, or what went wrong */
	int64_t began, ended; /* clock_wall() */
};

struct health_check_conf {
	struct core *core;
	struct exec_sessions *sessions;                         /* of that core */
	const char *id;                                         /* of the container */
	const struct healthcheck *how;                          /* borrowed, as @id is */
	void (*ended)(void *arg, const struct health_result *); /* once, in a turn to come; may free it */
	void *arg;
};
struct health_check *health_check_new(const struct health_check_conf *);
/* Of one that has not ended: it is killed, and not told of. */
void health_check_free(struct health_check *);
