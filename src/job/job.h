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
	char *name;            /* by which environment and other files call it; NULL: none */
	char *host_ip;         /* NULL: every address */
	uint16_t host, inside; /* host 0: any free one, chosen when the job starts */
	uint16_t host_last;    /* not 0: the first free one of host to this is chosen */
	enum port_proto proto;
};
const char *port_proto_name(enum port_proto);
enum { JOB_PORTS_MAX = 4096, JOB_NETWORKS_MAX = 32 };

enum mount_kind { MOUNT_BIND, MOUNT_VOLUME, MOUNT_TMPFS, MOUNT_JOB };
struct mount {
	enum mount_kind kind;
	/* bind: absolute host path; volume: its name (NULL: anonymous); tmpfs: NULL; job: the name of a folder that is the job's
	 * own: its tasks share it, anybody may write, and it goes with the job */
	char *source;
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

enum { DURATION_MAX = 10 * 365 * 86400 }; /* seconds, of any time in a job */

enum pull_policy { PULL_MISSING, PULL_ALWAYS, PULL_NEVER };
enum log_kind { JOB_LOG_FILE, JOB_LOG_NONE, JOB_LOG_JOURNALD };
#define JOB_DNS_NONE "none" /* as podman has it: no resolv.conf is put over the image's */

/* Of the registry: at most one of the two ways. It is never kept in a record. */
struct auth {
	char *username, *password;
	char *file; /* of the form of Docker's config.json; absolute */
};

/* A block device and how much of it. */
struct blkio {
	char *path;   /* absolute, of the host */
	int64_t rate; /* bytes or operations a second, or a weight */
};
struct hugepages {
	char *size; /* "2MB", as in the controller's file names */
	int64_t limit;
};
/* A small file with its content, mounted where it shall be. */
struct job_file {
	char *target; /* absolute path inside */
	char *data;
	char *mode; /* octal digits; NULL: 0644 */
};

/* When a task runs within its job. */
enum lifecycle { LIFE_MAIN, LIFE_PRESTART, LIFE_POSTSTART, LIFE_POSTSTOP };
enum depend_when { DEPEND_STARTED, DEPEND_COMPLETED, DEPEND_HEALTHY };
struct depend {
	char *name; /* a task of the same job, or a job of the same set */
	enum depend_when when;
};

enum restart_policy { RESTART_NO, RESTART_ON_FAILURE, RESTART_ALWAYS, RESTART_UNLESS_STOPPED };
enum restart_mode { RESTART_FAIL, RESTART_DELAY };
struct restart {
	enum restart_policy policy;
	int64_t attempts;        /* within @interval; 0: without a limit */
	int64_t interval, delay; /* seconds; an interval of 0 is the whole life */
	enum restart_mode mode;  /* once the attempts of an interval are used up */
};

enum health_kind { HEALTH_COMMAND, HEALTH_HTTP, HEALTH_TCP, HEALTH_NONE };
struct healthcheck {
	enum health_kind kind; /* HEALTH_NONE: not the image's either */
	struct strv exec;      /* of a command; empty: the image's */
	char *url;             /* of http: URL or path; of tcp: PORT or ADDRESS:PORT */
	char *expect;          /* what the command's output or the answer's body is; NULL: only that it succeeds */
	int64_t interval, timeout, start_period; /* seconds */
	int64_t start_interval;                  /* instead of @interval, within the start period until it is healthy */
	int64_t retries;
};

enum failure_recovery { FAILURE_STAY_DOWN, FAILURE_ONE_FOR_ONE, FAILURE_ONE_FOR_ALL, FAILURE_REST_FOR_ONE };

/* A further network of a job. */
struct attachment {
	char *name;
	struct strv ips; /* at most one of each family */
	char *mac;
	struct strv aliases;
};

struct task {
	char *name;   /* "" for the only task of a job */
	char *image;  /* as given; normalised by the image layer */
	char *bundle; /* folder with a config.json to run instead of an image; absolute */
	enum pull_policy pull;
	int64_t pull_timeout; /* seconds; 0: none */
	struct auth *auth;    /* NULL: what davit-image finds */
	char *platform;       /* NULL: the host's */
	/* process */
	struct strv entrypoint; /* used when has_entrypoint: replaces the image's; an empty one clears it */
	bool has_entrypoint;
	struct strv args;      /* the command; empty: the image's */
	struct strv env;       /* K=V over the image's; a bare K was resolved by the face */
	struct strv env_files; /* of K=V lines; who reads a job's file puts them into @env */
	char *cwd, *user;      /* NULL: the image's */
	struct strv group_add;
	bool tty, stdin_open;
	bool init;             /* davit-init is process 1 */
	struct strv provision; /* absolute paths of scripts, run in this order before the command */
	char *stop_signal;     /* NULL: the image's, else SIGTERM */
	int64_t stop_timeout;  /* seconds; 10 by default */
	/* its place in the job */
	enum lifecycle lifecycle;
	bool sidecar, leader;
	bool sandbox; /* of a pod (job-pod.h): it has neither image nor bundle */
	struct depend *depends_on;
	size_t n_depends_on;
	struct restart *restart;         /* NULL: never again */
	struct healthcheck *healthcheck; /* NULL: the image's */
	/* security */
	char *userns, *pid, *ipc, *uts, *cgroupns; /* NULL: the default; "host", "private", "task:NAME" */
	bool privileged, read_only, no_new_privileges /* default true */;
	struct strv cap_add, cap_drop; /* with or without CAP_, any case, "ALL" */
	char *seccomp;                 /* NULL: the default profile; "unconfined"; a file; or a profile's text, "{...}" */
	char *apparmor;                /* NULL: davit-default where the host has AppArmor; "unconfined"; or a loaded profile */
	struct strv selinux; /* "disable", "user:U", "role:R", "type:T", "level:L", "filetype:T": instead of the policy's */
	struct strv masked_paths, readonly_paths; /* used when has_...: instead of the usual ones */
	bool has_masked_paths, has_readonly_paths;
	/* resources; 0: none */
	int64_t memory;             /* bytes */
	int64_t memory_swap;        /* bytes of memory and swap together; -1 unlimited */
	int64_t memory_reservation; /* bytes that it keeps while others want memory */
	int memory_swappiness;      /* -1: the host's */
	double cpus;                /* of the quota */
	int64_t cpu_shares;
	int64_t cpu_quota, cpu_period; /* microseconds; instead of @cpus */
	int64_t blkio_weight;
	struct blkio *blkio_weights, *read_bps, *write_bps, *read_iops, *write_iops;
	size_t n_blkio_weights, n_read_bps, n_write_bps, n_read_iops, n_write_iops;
	struct hugepages *hugepages;
	size_t n_hugepages;
	char *cpuset_cpus, *cpuset_mems;
	char *cgroup; /* that somebody else has made, and may kill, freeze and change: "/a/b" in each hierarchy; NULL: davit's */
	int64_t pids_limit; /* -1 unlimited */
	int64_t shm_size;   /* bytes; 64 MiB by default */
	int oom_score_adj;
	struct ulimit *ulimits;
	size_t n_ulimits;
	struct dict sysctl;
	struct mount *mounts;
	size_t n_mounts;
	struct job_file *files;
	size_t n_files;
	struct device *devices;
	size_t n_devices;
	struct strv device_rules; /* "c 1:3 rwm" of the device cgroup */
	struct strv cdi_devices;  /* "vendor.com/class=name" */
	struct dict labels, annotations;
	/* logging */
	enum log_kind log;
	int64_t log_max_size;  /* bytes a file, 10 MiB by default */
	int64_t log_max_files; /* 5 by default */
	int64_t log_retention; /* seconds that the log stays when the job is removed */
};

struct job {
	char *name; /* NULL: the core makes one */
	struct task *tasks;
	size_t n_tasks;
	char *network;   /* "none", "host", "container:JOB", "ns:PATH", or a conflist's name; NULL: the default network */
	struct strv ips; /* of the network: at most one of each family */
	char *mac;
	struct strv aliases;         /* further names on the network */
	struct attachment *networks; /* further networks */
	size_t n_networks;
	struct port *ports;
	size_t n_ports;
	struct strv expose;                       /* "80/tcp", ranges too: ports that it serves beside those of its image */
	bool publish_all;                         /* each of them gets a free port of the host */
	char *hostname;                           /* NULL: the job's name */
	struct strv dns, dns_search, dns_options; /* dns may be JOB_DNS_NONE alone */
	bool host_dns;                            /* the host's resolv.conf as it stands */
	struct strv extra_hosts;                  /* "name:ip" */
	char *runtime;                            /* short or full name, or an absolute path; NULL: default */
	struct dict runtime_options;              /* of the runtime's own options */
	char *snapshotter;                        /* NULL: the namespace's default */
	struct dict labels;
	bool remove;               /* --rm: nothing stays after the exit */
	char *results;             /* folder that gets what its tasks write (results.h); NULL: none */
	struct depend *depends_on; /* jobs of the same set */
	size_t n_depends_on;
	enum failure_recovery failure_recovery; /* of a set: which jobs start again when this one fails */
};

/* Of "container:JOB": the job whose network it is in, borrowed; NULL otherwise. */
const char *job_joins(const struct job *);
bool job_keeps_dns(const struct job *); /* dns is JOB_DNS_NONE */
const char *network_joins(const char *network);
/* Of "ns:PATH": the network namespace that somebody else has made and keeps, borrowed; NULL otherwise. */
const char *job_foreign_netns(const struct job *);
const char *network_foreign_netns(const char *network);

struct job *job_new(void); /* with the defaults above and one task */
void job_free(struct job *);
DEFINE_CLEANUP(struct job, job_free)
struct task *job_add_task(struct job *);
void task_init(struct task *); /* the defaults */
void task_done(struct task *);
void port_done(struct port *);
void mount_done(struct mount *);
struct port *job_add_port(struct job *);
struct attachment *job_add_network(struct job *);
struct mount *task_add_mount(struct task *);
struct ulimit *task_add_ulimit(struct task *);
struct device *task_add_device(struct task *);
struct restart *task_make_restart(struct task *); /* the one it has, or a new one */
struct healthcheck *task_make_healthcheck(struct task *);
/* Once it is known what the image says: is there anything to be asked? */
bool task_is_checked(const struct task *);
bool job_is_checked(const struct job *); /* any of its tasks */

/* Without credentials: what is kept and shown. */
json *job_to_json_kept(const struct job *);
json *job_to_json(const struct job *); /* defaults are left out; the caller owns it */
/* Errors begin with FILE:LINE:COLUMN. Unknown keys, and keys given twice, are errors. The result passed job_check(). */
int job_read(const struct tree *, struct job **ret, struct err *err);
int job_read_json(const char *file, const char *data, size_t len, struct job **ret, struct err *err);
struct job *job_copy(const struct job *);
/* The gate: what can be said without the host: ranges, names, ports that clash, absolute paths, host network with ports ... */
int job_check(const struct job *, struct err *err);
