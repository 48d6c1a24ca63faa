/* One run of a job under way: what its steps (job-steps.h) share. Internal to run. */
#pragma once
#include "image.h"
#include "job-over.h"
#include "job-run.h"
#include "netns.h"
#include "prefixes.h"
#include "record.h"
#include "runtime.h"
#include "selinux.h"
#include "spec.h"
#include "streams.h"
#include "task-wait.h"
#include "graph.h"
#include "user.h"
#include "volume.h"
#include <limits.h>

/* The steps of a job's start, in the order of its plan. */
enum step {
	S_NONE,
	S_SETTINGS,
	S_CLAIM,
	S_IMAGE,
	S_NETNS,
	S_PORTS,
	S_FILES,
	S_ROOTFS,
	S_SNAPSHOT,
	S_CONTAINER,
	S_IO,
	S_FREED,
	S_TASK,
	S_NETWORK,
	S_HOSTS,
	S_HEIR,
	S_START,
	S_DONE,
	S_HEALTHY,
	S_COMPLETE,
	N_STEPS,
};

#define HOST_RESOLV_CONF "/etc/resolv.conf"
enum { JOB_CALL_MS = 60000, JOB_UNDO_MS = 30000 };
static inline int64_t run_undo_ms(const struct core *c) { return c->conf.undo_ms ? c->conf.undo_ms : JOB_UNDO_MS; }

/* One task's part. */
struct run_task {
	struct run *run;
	struct core *core; /* the run's */
	struct task *task;
	size_t index;
	char *whose;                     /* in errors: its name where the job has several, else "" */
	char *id;                        /* of its container (job-name.h) */
	const struct record *record;     /* of one that is started again; NULL for a new one */
	struct ctrd_call *call[N_STEPS]; /* what a step has begun and not ended, by step */
	char *image_name; /* normalised; of an ID, and of a digest that is here under a tag: the record's, once found */
	enum image_part { IMAGE_LOOK, IMAGE_UNPACK, IMAGE_PULL, IMAGE_AWAIT, IMAGE_AGAIN } image_part; /* step-image.c */
	struct image_look *look;
	struct run_task *image_by; /* who looks for it: the first that wants the same */
	struct child *helper;      /* davit-image at work */
	bool fetches, pulls;       /* also once it has */
	struct timer pull_timer;   /* its pull-timeout */
	bool pull_late;
	json *bundle; /* its spec, of one that runs a bundle and is new; else NULL */
	struct image found;
	const struct image *image; /* its own, or that of whoever looked for it */
	bool has_image;
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
	char *init;                /* davit-init, where the task has it */
	struct strv scripts;       /* paths inside of those that it runs first */
	struct cdi_edits cdi;      /* what its CDI devices want (injected.h) */
	struct strv mapped;        /* its binds' sources in a user namespace (mapped.h) */
	bool held, held_binds;     /* held.h: there is such a place; and the binds are in it */
	int *volume_holds;
	size_t n_volume_holds;   /* until the record says that the job uses them */
	struct filling *filling; /* step-rootfs.c: volumes that are being filled */
	struct logfile *log;
	struct results_made results_made;
	struct results *results; /* in the foreground, where we copy them; NULL: none */
	struct ledger *ledger;   /* of both; NULL: none */
	struct streams *streams;
	char *log_uri, *err_uri; /* err_uri NULL: that of stdout */
	char *in_uri;            /* detached; NULL: input is at its end at once */
	int logger_starter;      /* task-logger.h: open while a logger of ours waits for the task's start; 0: none */
	int fifos[2];            /* run_opts.out and err, open while the shim takes them over; 0: not */
	pid_t pid;
	struct ctrd_call *wait;    /* opened before the start */
	bool awaited;              /* others start after its end */
	struct task_wait *waiting; /* step-done.c: for that */
	struct retry *retry;       /* of one that has failed meanwhile; NULL: it has not */
	bool health_awaited;       /* others start once its health check says that it is well */
	bool health_awaited_here;  /* others of its own job do */
	bool joined_by;            /* others of its own job may be in its namespaces */
	struct health_gate *gate;  /* step-healthy.c: for that */
	bool joined, gone;         /* crew.c: its streams have begun, and are over */
	struct ctrd_exit exit;     /* time 0: not known */
	bool asked;                /* containerd, to make it */
	struct task_over *over;    /* by a rollback: the proof that nothing of it runs; run_task_over() */
	bool broken;               /* a rollback had to break its create off */
	bool left;                 /* a rollback could not end it, and does not try again */
};

/* One network of the job; job-network.c makes them. */
struct run_net {
	const char *name, *mac; /* borrowed of the job */
	const struct strv *ips;
	struct strv names; /* the job's, and its aliases on this network */
	char ifname[16];
	struct cni_net *net; /* NULL: of a plan, or of a job that is only created */
	bool forwards;       /* the job's ports */
	struct cni_op *op;
	struct cni_result result;
};

/* The job's part: what its tasks share. */
struct run {
	struct run_set *set; /* set-state.h: the others that start beside it; NULL: there are none */
	char *whose;         /* in errors: which job of the set; NULL: the only one */
	struct core *core;
	const struct run_opts *opts;
	struct job *job; /* a copy with name and host ports decided */
	struct run_task *tasks;
	size_t n_tasks;
	struct record *records; /* of a job that exists and is started again, one a task; NULL for a new one */
	char *id, *lease, *snapshotter;
	struct ctrd *ctrd; /* under the lease, from the claim to its end; NULL: run_ctrd() is the core's */
	struct runtime runtime;
	bool others_stopped;      /* what ends with others has been told to (crew.h) */
	bool stopping;            /* the others have ended, and tasks of LIFE_POSTSTOP start */
	struct run_task *only;    /* it alone is started again, while the others go on; NULL: all are */
	bool host_net;            /* no namespace of its own */
	bool host_dns, image_dns; /* its own wish, or that of the job whose network it is in */
	struct {
		char *id, *name, *hostname;
	} joins;       /* container:JOB, once it is looked up */
	bool net_kept; /* by others, while we did not run: it is ours again */
	bool cgroup2;
	enum {
		CLAIM_UNCLEAR,
		CLAIM_OURS,
		CLAIM_TAKEN
	} claim; /* whose the lease of the name is: ours alone is deleted by a rollback */
	bool netns_made, files_made;
	bool network_left;        /* by a rollback: claim, namespace and cached result stay */
	bool probed, unreachable; /* a rollback has asked whether containerd answers; it does not */
	struct job_over *over;    /* by a rollback: the proof of all tasks; run_over() */
	struct run_users *users;  /* the user namespace of those that want one; NULL: none does (mapped.h) */

	int lock;
	struct ctrd_call *call[N_STEPS]; /* as a task's */
	char *netns;
	struct run_net *nets;         /* in the order of their interfaces; none: of no CNI network */
	size_t n_nets, net_now;       /* the one that is being added */
	struct claim_clashes clashes; /* other jobs' claims on our ports */
	bool freed;                   /* they are gone */
	bool pulls_stopped;           /* by a rollback: each was told to end */
	bool net_held;                /* the plugins that forward ports wait for that */
	unsigned char *picked;        /* by port: was it chosen for this run? */
	bool lost_pick;               /* somebody else was faster with such a one */
	bool lent;                    /* lend.h: its lock is not ours, while others wait for its health */
	struct prefixes prefixes;     /* crew.c */
	struct outlet_turn turns[2];
	struct heir *heir; /* who goes on when we end; NULL: nobody */
};

/* The graph of a job's start, for @run. */
struct graph *job_start_graph(struct run *run);
/* The same in a graph of several jobs. */
struct job_nodes {
	size_t first[N_STEPS], n_tasks;
};
void job_start_nodes(struct graph *, struct run *run, struct job_nodes *ret);
/* The start of those of its tasks, whose containers are there, that start now (task_starts()): of LIFE_POSTSTOP when @run is
 * stopping, or run.only. */
void job_later_nodes(struct graph *, struct run *run);
/* The node of a job with which begins what must wait for another job. */
size_t job_nodes_waiting(const struct job_nodes *);
/* @node begins after the job of @of was started. */
void job_nodes_need_start_of(struct graph *, size_t node, const struct job_nodes *of);
/* And once each of its tasks that has a health check is well, @run being the other. */
void job_nodes_need_health_of(struct graph *, size_t node, const struct job_nodes *of, struct run *run);
/* Takes back what the decisions of a run own; makes no call. */
void run_done(struct run *run);
/* One part for each task of the job. */
void run_add_tasks(struct run *run);

/* step-image.c: the present image into its image */
int run_image(struct run_task *, const struct ctx *, struct err *err);
/* step-task.c: for a rollback, which ends what runs: the proof that nothing of the task, of any task, does. NULL: there is none.
 * What is taken back takes it, so that all stays that a task may still use. Borrowed. */
const struct task_over *run_task_over(struct run_task *, const struct ctx *);
const struct job_over *run_over(struct run *, const struct ctx *);
/* step-files.c: the host name in the container */
const char *run_hostname(const struct run *, char host[HOST_NAME_MAX + 1]);

#define RUN_DEFAULT_NETWORK "davit"
/* job-network.c: which network it gets; @ctx NULL: without asking containerd */
int run_network(struct run *, const struct ctx *, struct err *err);
/* Can the network that forwards its ports do so? */
int run_check_ports(const struct run *, struct err *err);
/* What the networks are called, with commas between; the caller frees. */
char *run_networks_text(const struct run *);
/* What the name's owner is told to do. */
int run_name_in_use(const char *name, struct err *err);
/* job-names.c: something has the claim of the name: a job, -ERR_EXISTS; or what a killed davit left, which goes, 1. */
int run_name_taken(struct core *, const char *name, const struct ctx *, struct err *err);
/* Is no other job called as one of its tasks, JOB.TASK, and no task of another as it is? -ERR_EXISTS. */
int run_check_names(const struct run *, const struct ctx *, struct err *err);
/* The same of two that start together: is @other called as a task of @run? */
int run_check_names_of(const struct run *run, const struct run *other, struct err *err);
/* Host port number @port is that of claim @lease in namespace @ns. */
int run_port_taken(struct run *, size_t port, const struct ctrd_lease *lease, const char *ns, struct err *err);

/* job-ports.c: chooses host ports that are left open; @ctx NULL: without asking other jobs' claims */
int run_pick_ports(struct run *, const struct ctx *, struct err *err);
/* Has the image still to say which ports? Then, once it is here: one for each that it or the job exposes and nothing publishes
 * yet. */
bool run_publishes_image(const struct run *);
int run_publish_exposed(struct run *, const struct ctx *, struct err *err);

/* job-volumes.c */
const char *run_user(const struct run_task *);             /* as asked for, or the image's; NULL: none */
bool run_has_volumes(const struct run_task *);             /* its own or its image's: the image is mounted for what is in it */
int run_image_volumes(struct run_task *, struct err *err); /* those that the image declares */
int run_binds(struct run_task *, const struct ctx *, struct err *err); /* into its binds; makes volumes */
char *run_file_name(const struct run_task *, size_t i); /* of its i-th file of its own, in places_files(); the caller frees */
void run_binds_dry(struct run_task *);                  /* makes none */
int run_fill_volumes(struct run_task *, int rootfd, const struct ctx *, struct err *err);
void run_release_volumes(struct run_task *);

/* job-identity.c: its user and cwd, from the image and what is mounted over it. @rootfd: the mounted image, -1: none
 * needed one yet. */
int run_identity(struct run_task *, int rootfd, struct err *err);
/* The same as far as it can be done before the snapshot is there: where the image's folders are known and nothing is mounted
 * over them. */
void run_look_early(struct run_task *);
/* A job that is started again is who it was; but its files are what it has made of them. */
int run_look_again(struct run_task *, struct err *err);

/* confine.c: the AppArmor profile, loaded when it is davit's own and the first job of this boot needs it; and SELinux labels, which
 * files and volumes of the job get */
int run_confine(struct run_task *, const struct ctx *, struct err *err);
int run_confine_dry(struct run_task *, struct err *err); /* loads nothing */
void run_label_root(struct run_task *);                  /* its mounts, what the container's root is mounted from */
int run_confine_again(struct run_task *, const struct ctx *, struct err *err); /* of a record: the host may have booted since */

/* step-io.c: they are the shim's, or nobody's */
void run_close_fifos(struct run_task *);

/* job-spec.c: the spec once image, user and binds are known; and the one that the run would have, its image being
 * present, which makes nothing that stays. */
int run_spec(struct run_task *, struct buf *out, struct err *err);
int run_spec_dry(struct run_task *, const struct ctx *, struct buf *out, struct err *err);

void run_report_timing(const struct graph *, struct timing *, int64_t origin);
/* job-run.c: the start of what is decided, and for one in the foreground its end. */
int run_execute(struct run *, const struct ctx *, struct run_result *ret, struct err *err);
