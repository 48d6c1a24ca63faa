/* A further process goes from containerd's memory, whatever has become of it: whether or not it was made or started, whether it
 * runs, and whether containerd is there just now. On the loop of its core, which nothing here keeps waiting. */
#pragma once
#include "core.h"
#include "strv.h"
#include "workers.h"

struct exec_clear;

enum exec_clear_how {
	EXEC_CLEAR_ENDED, /* it has ended, or was not started */
	EXEC_CLEAR_KILL,  /* it may run: it gets SIGKILL */
};
/* The core outlives it. @id and @exec_id are copied. @fn(@arg, gone) is called once in a turn to come, when it is gone, or @ms have
 * passed, and may free it. An engine that hangs with it is ended, which one of @workers does (NULL: the loop): it looks at
 * processes of the host, any of which the kernel may keep it waiting for. */
struct exec_clear *exec_clear_new(struct core *, struct workers *, const char *id, const char *exec_id, enum exec_clear_how,
				  int64_t ms, void (*fn)(void *arg, bool gone), void *arg);
void exec_clear_free(struct exec_clear *); /* no more is done */
DEFINE_CLEANUP(struct exec_clear, exec_clear_free)
const char *exec_clear_id(const struct exec_clear *); /* "ID/EXEC_ID", for a log */
/* For another process that is to do it: appends its namespace, ID and EXEC_ID. */
void exec_clear_names(const struct exec_clear *, struct strv *ret);

/* All of it, for who may wait. */
void exec_clear(struct core *, const char *id, const char *exec_id, enum exec_clear_how, int64_t ms);
