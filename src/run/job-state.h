/* One run of a job under way: what its steps (job-steps.h) share. Internal to exec. */
#pragma once
#include "image.h"
#include "job-run.h"
#include "netns.h"
#include "record.h"
#include "runtime.h"
#include "selinux.h"
#include "spec.h"
#include "streams.h"
#include "step.h"
#include "user.h"
#include "volume.h"
#include <limits.h>

enum { JOB_CALL_MS = 60000, JOB_UNDO_MS = 30000 };
static inline int64_t run_undo_ms(const struct core *c) { return c->conf.undo_ms ? c->conf.undo_ms : JOB_UNDO_MS; }

struct run {
	struct core *core;
	const struct run_opts *opts;
	struct job *job;             /* a copy with name and host ports decided */
	struct task *task;           /* its first */
	const struct record *record; /* of a job that exists and is started again; NULL for a new one */
	char *id, *lease, *snapshotter;
	struct ctrd *ctrd; /* under the lease, from the claim to its end; NULL: run_ctrd() is the core's */
	struct runtime runtime;
	bool host_net, cni; /* no namespace of its own; a conflist is attached */
	struct {
		char *id, *name, *hostname;
	} joins;       /* container:JOB, once it is looked up */
	bool net_kept; /* by others, while we did not run: it is ours again */
	bool cgroup2;
	char *image_name; /* normalised; of an ID, and of a digest that is here under a tag: the record's, once found */
	enum {
		CLAIM_UNCLEAR,
		CLAIM_OURS,
		CLAIM_TAKEN
	} claim; /* whose the lease of the name is: ours alone is deleted by a rollback */
	bool netns_made, files_made;
	bool network_left;          /* by a rollback: claim, namespace and cached result stay */
	bool probed, unreachable;   /* a rollback has asked whether containerd answers; it does not */
	bool task_ended, task_left; /* by a rollback: proof that nothing of it runs; none, so that all stays */

	int lock;
	struct ctrd_call *call[STEPS_MAX]; /* what a step has begun and not ended, by step */
	struct image image;
	char *netns;
	struct cni_net *net;
	struct cni_op *op;
	struct cni_result result;
	struct claim_clashes clashes; /* other jobs' claims on our ports */
	bool freed;                   /* they are gone */
	unsigned char *picked;        /* by port: was it chosen for this run? */
	bool lost_pick;               /* somebody else was faster with such a one */
	struct ctrd_mounts mounts;
	struct user_files files; /* the image's, where it could be looked at before the snapshot is there */
	bool files_known;
	struct user user;
	const char *apparmor; /* profile; NULL: none */
	char *cwd;            /* of a working folder behind a dangling link; NULL: as asked for */
	struct selinux_labels labels;
	struct spec_mount *binds;
	size_t n_binds;
	struct strv bind_sources;  /* owns the paths in binds */
	struct strv fresh_volumes; /* made by this run: removed when it is rolled back */
	int *volume_holds;
	size_t n_volume_holds; /* until the record says that the job uses them */
	struct logfile *log;
	struct streams *streams;
	struct heir *heir; /* who goes on when we end; NULL: nobody */
	char *log_uri;
	pid_t pid;
	struct ctrd_call *wait; /* opened before the start */
};

/* The table of a job's start, for @run. */
struct step_run job_steps(struct run *run);
/* Takes back what the decisions of a run own; makes no call. */
void run_done(struct run *run);

/* step-image.c: the present image into run->image */
int run_image(struct run *, const struct ctx *, struct err *err);
/* step-files.c: the host name in the container */
const char *run_hostname(const struct run *, char host[HOST_NAME_MAX + 1]);

/* job-network.c: which network it gets; @ctx NULL: without asking containerd */
int run_network(struct run *, const struct ctx *, struct err *err);
/* job-ports.c: chooses host ports that are left open; @ctx NULL: without asking other jobs' claims */
int run_pick_ports(struct run *, const struct ctx *, struct err *err);
/* Has the image still to say which ports? Then, once it is here: one for each that it or the job exposes and nothing publishes
 * yet. */
bool run_publishes_image(const struct run *);
int run_publish_exposed(struct run *, const struct ctx *, struct err *err);

/* job-volumes.c */
const char *run_user(const struct run *);             /* as asked for, or the image's; NULL: none */
bool run_has_volumes(const struct run *);             /* its own or its image's: the image is mounted for what is in it */
int run_image_volumes(struct run *, struct err *err); /* those that the image declares */
int run_binds(struct run *, const struct ctx *, struct err *err); /* into run->binds; makes volumes */
void run_binds_dry(struct run *);                                 /* makes none */
int run_fill_volumes(struct run *, int rootfd, const struct ctx *, struct err *err);
void run_release_volumes(struct run *);

/* job-identity.c: run->user and run->cwd, from the image and what is mounted over it. @rootfd: the mounted image, -1: none
 * needed one yet. */
int run_identity(struct run *, int rootfd, struct err *err);
/* The same as far as it can be done before the snapshot is there: where the image's folders are known and nothing is mounted
 * over them. */
void run_look_early(struct run *);
/* A job that is started again is who it was; but its files are what it has made of them. */
int run_look_again(struct run *, struct err *err);

/* confine.c: the AppArmor profile, loaded when it is davit's own and the first job of this boot needs it; and SELinux labels, which
 * files and volumes of the job get */
int run_confine(struct run *, const struct ctx *, struct err *err);
int run_confine_dry(struct run *, struct err *err); /* loads nothing */
void run_label_root(struct run *);                  /* run->mounts, what the container's root is mounted from */
int run_confine_again(struct run *, const struct ctx *, struct err *err); /* of a record: the host may have booted since */

/* job-spec.c: the spec once image, user and binds are known; and the one that the run would have, its image being
 * present, which makes nothing that stays. */
int run_spec(struct run *, struct buf *out, struct err *err);
int run_spec_dry(struct run *, const struct ctx *, struct buf *out, struct err *err);

/* job-run.c: an engine's message about the command becomes an error with the exit code 126 or 127; others stay. Returns
 * the code. */
int exec_error(const char *command, const char *where, int r, struct err *err);
