/* What all of the shim knows: where it is, and the words of its files. */
#pragma once
#include "attr.h"
#include "err.h"
#include <stdbool.h>

#define SHIM_NAME "containerd-shim-davit-v2"
/* In the bundle: what `delete` has to know (engine.h), and that there is nothing left for an engine to delete. */
#define SHIM_STATE "davit-shim.json"
#define SHIM_DELETED "davit-deleted"
#define SHIM_SPEC "davit-config.json" /* with what makes the engine quicker (seccomp-kept.h) */
/* What one container leaves for the next. */
#define SHIM_SECCOMP "/run/davit-shim/seccomp"

/* The command line, in Go's flag syntax (reference C.1). Texts are borrowed from it. */
struct shim_args {
	const char *ns, *id, *address, *bundle, *publish;
	const char *action; /* start, delete, or none: serve */
	bool debug, info, version;
};
int shim_args_parse(int argc, char **argv, struct shim_args *ret, struct err *err);

/* Print the address of the server of this container's group, which is started when it does not run. Below 5 ms. The plain address,
 * which every containerd takes; a BootstrapResult for one that has sent BootstrapParams. */
int shim_start(const struct shim_args *, struct err *err);
/* Print what this runtime is, and what its engine can do, as a RuntimeInfo. */
int shim_info(struct err *err);
/* Behind a shim that has ended: what it has left goes, and a DeleteResponse is printed. */
int shim_delete(const struct shim_args *, struct err *err);
/* Serve on the listening socket @fd until Shutdown. Never returns. */
_Noreturn void shim_serve(const struct shim_args *, int fd);
