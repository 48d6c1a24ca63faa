/* The runtimes of this machine: shims that containerd can start, engines that they call, and whether each can run here. */
#pragma once
#include "ctx.h"
#include "err.h"
#include <stdbool.h>

struct found_runtime {
	bool engine;        /* else a shim */
	char *name;         /* "io.containerd.runc.v2", "crun" */
	char *version;      /* NULL: it tells none */
	char *path;         /* below the root */
	char *why, *remedy; /* why it cannot run here, NULL: it can; and a command, or NULL */
};
struct found_runtimes {
	struct found_runtime *v;
	size_t n, cap;
};
void found_runtimes_done(struct found_runtimes *);

/* Engines by their names, runc and crun first, ended by NULL. */
extern const char *const runtime_engines[];
/* Of the containerd that listens at @address (NULL: none): the folders that it looks into, then those of davit and of PATH; all
 * below @root ("" for the host). Each program is asked for its version, for 3 s at most. */
void runtimes_find(const char *root, const char *address, const struct ctx *, struct found_runtimes *ret);
