/* The job: what every face parses its input into and the core runs. Pure data; no containerd, no files.
 * A job is a name and one or more tasks that share a network namespace. Its JSON form (job_to_json, job_read_json) is
 * the native format: what `inspect` prints and the container record keeps in its extension "davit.job".
 * One table (job-table.c) drives both directions and the documentation. */
#pragma once
#include "dict.h"
#include "err.h"
#include "json.h"
#include "strv.h"
#include "tree.h"
#include <stdbool.h>
#include <stdint.h>

enum port_proto { PORT_TCP, PORT_UDP, PORT_SCTP };
struct port {
	char *host_ip;         /* NULL: every address */
	uint16_t host, inside; /* host 0: any free one, chosen when the job starts */
	uint16_t host_last;    /* not 0: the first free one of host to this is chosen */
	enum port_proto proto;
};
const char *port_proto_name(enum port_proto);
enum { JOB_PORTS_MAX = 4096 };

enum mount_kind { MOUNT_BIND, MOUNT_VOLUME, MOUNT_TMPFS };
struct mount {
	enum mount_kind kind;
	char *source; /* bind: absolute host path; volume: its name (NULL: anonymous); tmpfs: NULL */
	char *target; /* absolute path inside */
	bool read_only;
	struct strv options; /* further mount options: propagation (rslave ...), size=, mode= ... */
};

struct ulimit {
	char *name;
	uint64_t soft, hard;
}; /* name as in Docker: nofile, nproc ...; UINT64_MAX: unlimited */
struct device {
	char *host, *inside, *access;
}; /* access of "rwm" */

enum pull_policy { PULL_MISSING, PULL_ALWAYS, PULL_NEVER };
enum log_kind { JOB_LOG_FILE, JOB_LOG_NONE };

struct task {
	char *name;  /* "" for the only task of a job */
	char *image; /* as given; normalised by the image layer */
	enum pull_policy pull;
	char *platform; /* NULL: the host's */
	/* process */
	struct strv entrypoint; /* used when has_entrypoint: replaces the image's; an empty one clears it */
	bool has_entrypoint;
	struct strv args; /* the command; empty: the image's */
	struct strv env;  /* K=V over the image's; a bare K was resolved by the face */
	char *cwd, *user; /* NULL: the image's */
	struct strv group_add;
	bool tty, stdin_open;
	char *stop_signal;    /* NULL: the image's, else SIGTERM */
	int64_t stop_timeout; /* seconds; 10 by default */
	/* security */
	bool privileged, read_only, no_new_privileges /* default true */;
	struct strv cap_add, cap_drop; /* with or without CAP_, any case, "ALL" */
	char *seccomp;                 /* NULL: the default profile; "unconfined"; or a file */
	char *apparmor;                /* NULL: davit-default where the host has AppArmor; "unconfined"; or a loaded profile */
	struct strv selinux; /* "disable", "user:U", "role:R", "type:T", "level:L", "filetype:T": instead of the policy's */
	struct strv masked_paths_off; /* reserved for security-opt systempaths=unconfined: one entry "all" */
	/* resources; 0: none */
	int64_t memory;             /* bytes */
	int64_t memory_swap;        /* bytes of memory and swap together; -1 unlimited */
	int64_t memory_reservation; /* bytes that it keeps while others want memory */
	double cpus;                /* of the quota */
	int64_t cpu_shares;
	char *cpuset_cpus, *cpuset_mems;
	int64_t pids_limit; /* -1 unlimited */
	int64_t shm_size;   /* bytes; 64 MiB by default */
	int oom_score_adj;
	struct ulimit *ulimits;
	size_t n_ulimits;
	struct dict sysctl;
	struct mount *mounts;
	size_t n_mounts;
	struct device *devices;
	size_t n_devices;
	struct dict labels, annotations;
	/* logging */
	enum log_kind log;
	int64_t log_max_size;  /* bytes a file, 10 MiB by default */
	int64_t log_max_files; /* 5 by default */
};

struct job {
	char *name; /* NULL: the core makes one */
	struct task *tasks;
	size_t n_tasks;
	char *network; /* "none", "host", "container:JOB", or a conflist's name; NULL: the default network */
	struct port *ports;
	size_t n_ports;
	struct strv expose; /* "80/tcp", ranges too: ports that it serves beside those of its image */
	bool publish_all;   /* each of them gets a free port of the host */
	char *hostname;     /* NULL: the job's name */
	struct strv dns, dns_search, dns_options;
	struct strv extra_hosts; /* "name:ip" */
	char *runtime;           /* short or full name, or an absolute path; NULL: default */
	char *snapshotter;       /* NULL: the namespace's default */
	struct dict labels;
	bool remove; /* --rm: nothing stays after the exit */
};

/* Of "container:JOB": the job whose network it is in, borrowed; NULL otherwise. */
const char *job_joins(const struct job *);
const char *network_joins(const char *network);

struct job *job_new(void); /* with the defaults above and one task */
void job_free(struct job *);
DEFINE_CLEANUP(struct job, job_free)
struct task *job_add_task(struct job *);
void task_init(struct task *); /* the defaults */
void task_done(struct task *);
void port_done(struct port *);
void mount_done(struct mount *);
struct port *job_add_port(struct job *);
struct mount *task_add_mount(struct task *);
struct ulimit *task_add_ulimit(struct task *);
struct device *task_add_device(struct task *);

json *job_to_json(const struct job *); /* defaults are left out; the caller owns it */
/* Errors begin with FILE:LINE:COLUMN. Unknown keys, and keys given twice, are errors. The result passed job_check(). */
int job_read(const struct tree *, struct job **ret, struct err *err);
int job_read_json(const char *file, const char *data, size_t len, struct job **ret, struct err *err);
struct job *job_copy(const struct job *);
/* The gate: what can be said without the host: ranges, names, ports that clash, absolute paths, host network with ports ... */
int job_check(const struct job *, struct err *err);
