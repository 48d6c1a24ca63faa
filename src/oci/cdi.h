/* Devices by the Container Device Interface (CDI 0.1.0 to 1.1.0, cncf-tags/container-device-interface, SPEC.md): files in
 * /etc/cdi and /var/run/cdi say of a device such as "nvidia.com/gpu=0" what a container that gets it needs: device nodes, mounts,
 * environment, hooks, groups, Intel RDT. Of two files that know a device the one in the later folder counts; two of one folder
 * are an error for whoever asks for that device. A file that is wrong is no harm to who asks for what other files have. */
#pragma once
#include "err.h"
#include "strv.h"
#include <stdbool.h>
#include <stdint.h>

struct cdi_node {
	char *path, *host;          /* inside, and of the host (NULL: the same) */
	char *type;                 /* "b", "c", "u" or "p"; NULL: as the host has it */
	int64_t major, minor, mode; /* -1: as the host has it; mode: the engine's */
	int64_t uid, gid;           /* -1: the process's */
	char *access;               /* some of "rwm"; NULL: all */
};
struct cdi_mount {
	char *host, *inside, *type; /* type NULL: a bind */
	struct strv options;
};
struct cdi_hook {
	char *when; /* as OCI calls it: createRuntime ... */
	char *path;
	struct strv args, env;
	int64_t timeout; /* seconds; 0: none */
};
struct cdi_net {
	char *host, *inside;
};
struct cdi_rdt {
	char *clos, *l3, *bandwidth;
	bool cmt, mbm, monitoring;
	struct strv schemata;
};
struct cdi_edits {
	struct strv env;
	struct cdi_node *nodes;
	size_t n_nodes;
	struct cdi_mount *mounts;
	size_t n_mounts;
	struct cdi_hook *hooks;
	size_t n_hooks;
	struct strv groups; /* numbers as texts */
	struct cdi_net *nets;
	size_t n_nets;
	struct cdi_rdt *rdt; /* NULL: none */
};
void cdi_edits_done(struct cdi_edits *);

extern const char *const cdi_folders[]; /* ends with NULL; the later counts more */
/* Adds what the devices @names need, in their order; what is a whole file's once. Reads @folders anew, each file at most 4 MiB
 * and all 16 MiB.
 * -ERR_NOT_FOUND: an unknown one; the hint says which there are, or which file is wrong. -ERR_INVALID: no name of a device, or two
 * files have it. */
int cdi_find(const char *const *folders, const struct strv *names, struct cdi_edits *out, struct err *err);
