/* The tables of containerd's CRI plugin for the handlers that a RuntimeClass of Kubernetes names: what davit knows of each runtime.
 */
#pragma once
#include "buf.h"
#include "err.h"
#include "strv.h"
#include <stdbool.h>

struct handler;
/* One of davit, runc, crun, runsc and kata; -ERR_NOT_FOUND names them. */
int handler_find(const char *name, const struct handler **ret, struct err *err);
/* The @i-th; NULL behind the last. */
const struct handler *handler_at(size_t i);
const char *handler_name(const struct handler *);
/* Has it a kernel of its own, or one between the host's and the container: may what nobody trusts run on it? */
bool handler_isolates(const struct handler *);

struct handler_wish {
	const char *as;      /* the handler's name in the file; NULL: its own */
	unsigned version;    /* of the file, 1 to 4 */
	bool systemd;        /* systemd makes the cgroups, as kubelet's cgroupDriver says it */
	const char *folders; /* where containerd looks for programs: ':' between them */
	const char *root;    /* below which files are looked for: "" for the host */
};
/* Where its tables stand: plugins, the CRI plugin, containerd, runtimes, NAME. -ERR_UNIMPLEMENTED: no such version. */
int handler_path(const struct handler *, const struct handler_wish *, struct strv *ret, struct err *err);
/* The tables, as TOML. @ret_missing: what they name that is not here ("its shim, containerd-shim-kata-v2"), or NULL; the caller
 * frees. */
int handler_tables(const struct handler *, const struct handler_wish *, struct buf *ret, char **ret_missing, struct err *err);
