/* The cgroups that an engine made for a job: /NS/ID in every hierarchy, or the scope that systemd made, as our specs ask for
 * (cgroup-path.h), whatever the version. */
#pragma once
#include "cgroup-of.h"
#include "cgroup-pids.h"
#include "ctx.h"
#include "strv.h"

struct cgroup_name {
	const char *ns, *id; /* @id NULL: it has none yet */
	const char *foreign; /* the path of one that somebody else has made for it, in each hierarchy; NULL: there is none */
};

/* Ids that have one. @root: where the hierarchies are mounted, "/sys/fs/cgroup" outside of tests. */
void cgroup_ids(const char *root, const char *ns, struct strv *ids);
bool cgroup_exists(const char *root, const struct cgroup_name *);
/* The processes in it and below, in order, each once; those of another pid namespace are 0. A failure is never "none": @ret then
 * has those that could be read. */
int cgroup_pids(const char *root, const struct cgroup_name *, struct cgroup_pids *ret, struct err *err);
/* SIGKILL to whatever is in it until nothing is, paused or not: success is the kernel's word that it is empty (or was never
 * there). Blocks, at most for @ctx; its folders stay. -ERR_DEADLINE when a process does not end. */
int cgroup_kill(const char *root, const struct cgroup_name *, const struct ctx *ctx, struct err *err);
/* SIGKILL to whatever is in it until it is empty, then its folders go. Blocks, at most for @ctx. Absent is fine. */
int cgroup_end(const char *root, const struct cgroup_name *, const struct ctx *ctx, struct err *err);
/* Where what it has used is read: the folders of the one that somebody else has made, else of its own. Zeroed: there are none. */
void cgroup_of_name(const char *root, const struct cgroup_name *, struct cgroup_of *ret);
