/* The containerds that tasks are in: the one that the plugin's options name, and those of tasks that were started while the options
 * named another, which their handles tell. Each has one connection on the plugin's loop, for what must not block, and what is
 * executed in its tasks. One that was asked for stays until the end. For the loop's thread alone. */
#pragma once
#include "core.h"
#include "exec-session.h"
#include "list.h"

struct endpoint {
	struct list_node node;
	char *address;
	struct core_conf how; /* of @core, in no namespace of anybody's: core_in() */
	struct core *core;    /* containerd may be away */
	struct exec_sessions *execs;
};

/* In the list, which is searched first. @how's address and namespace do not count. */
struct endpoint *endpoint_at(struct list_node *all, struct loop *, const char *address, const struct core_conf *how,
			     struct workers *);
/* What is executed in tasks is to end, of all of them, and nothing is executed any more. */
void endpoints_stop(struct list_node *all);
/* Is there something of it still to be ended, or cleared away? */
bool endpoints_busy(const struct list_node *all);
/* The process ends, whether or not: another one goes on with it, and nothing of it is ours any more. */
void endpoints_bequeath(struct list_node *all);
void endpoints_done(struct list_node *all);
