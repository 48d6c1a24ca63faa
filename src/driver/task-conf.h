/* A task's options: what stands in the job's `task { driver = "containerd-driver" config { ... } }`, of Roblox's driver, and of
 * Nomad's for docker and podman where they make sense here. docs/nomad.md lists them, from the table in task-conf.c. Names which
 * several of them have for one thing (cwd, work_dir, working_dir) are one field here. What is wrong by itself was refused while it
 * was read; what the operator permits, and what depends on the task, is not looked at. */
#pragma once
#include "driver-conf.h"

enum conf_mount_type { CONF_MOUNT_BIND, CONF_MOUNT_VOLUME, CONF_MOUNT_TMPFS };
/* A `mount`, one of `mounts`. */
struct conf_mount {
	enum conf_mount_type type;
	char *source;        /* bind: as the job says it (task-path.h); volume: its name, NULL: a nameless one; tmpfs: NULL */
	char *target;        /* absolute */
	bool readonly;       /* "ro" of @options is it too */
	struct strv options; /* others: "rbind", "noexec", propagation ("rslave"), nocopy of a volume; size=, mode= of a tmpfs */
};
struct conf_device {
	char *host, *inside, *access; /* of "rwm"; never NULL */
};

/* What is 0 or NULL was not said, unless it says otherwise. */
struct task_conf {
	/* image */
	char *image; /* never NULL */
	char *load;  /* a tar file in the task's folder that has it */
	bool force_pull;
	int64_t image_pull_timeout; /* ns; 0: the driver's */
	struct conf_auth auth;
	bool auth_soft_fail;
	char *os, *arch, *variant;

	/* process */
	struct strv entrypoint; /* used when has_entrypoint; an empty one clears the image's */
	bool has_entrypoint;
	char *command;    /* stands for the image's CMD, before @args */
	struct strv args; /* without a command they stand for the image's CMD */
	char *cwd;        /* cwd, work_dir, working_dir */
	struct strv group_add;
	bool tty, interactive, init;
	bool no_healthcheck; /* healthchecks { disable = true } */

	/* what it runs in */
	char *runtime, *snapshotter; /* NULL: the driver's */
	char *hostname;
	char *pid_mode, *ipc_mode, *uts_mode, *userns_mode, *cgroupns; /* "host" or "private" */
	bool host_network;                                             /* host_network, or network_mode "host" */
	bool no_network;                                               /* network_mode "none" */
	struct strv ports;                                             /* labels of the group's */
	struct strv dns_servers, dns_search_domains, dns_options;
	bool image_dns;          /* host_dns = false: the image's resolv.conf, where nothing else says name servers */
	struct strv extra_hosts; /* "name:ip" */

	/* security */
	bool privileged, readonly_rootfs;
	struct strv cap_add, cap_drop; /* "CAP_NET_ADMIN" or "ALL": upper case, with CAP_ */
	bool no_seccomp;               /* seccomp = false was said, or security_opt "seccomp=unconfined" */
	char *seccomp_profile;         /* a file; also of security_opt */
	char *apparmor;                /* a profile or "unconfined"; also of security_opt */
	struct strv selinux;           /* "disable", "type:T" ..., of security_opt label=, and selinux_opts */
	bool new_privileges;           /* security_opt "no-new-privileges=false" */
	bool no_new_privileges;        /* security_opt "no-new-privileges", which is the default but for a privileged task */
	bool unmask_paths;             /* security_opt "systempaths=unconfined" */

	/* files */
	struct conf_mount *mounts; /* `mounts`, `mount`, in the order that they stand, then `volumes` and `tmpfs` */
	size_t n_mounts;
	int64_t shm_size; /* bytes; 0: 64 MiB */
	struct conf_device *devices;
	size_t n_devices;
	struct strv cdi_devices; /* "nvidia.com/gpu=all", among `devices` */

	/* resources */
	bool cpu_hard_limit;
	int64_t cpu_cfs_period;     /* us; 100000 */
	int64_t memory_hard_limit;  /* bytes, where the option says MB */
	int64_t memory_reservation; /* bytes */
	int64_t memory_swap;        /* bytes of memory and swap; -1: unlimited */
	int memory_swappiness;      /* -1: not said */
	int64_t pids_limit;         /* 0: the driver's; -1: unlimited */
	bool has_oom_score_adj;
	int oom_score_adj;
	struct dict ulimit; /* "nofile" -> "1024:2048" or "1024" */
	struct dict sysctl;

	struct dict labels;
	enum conf_logging logging; /* UNSAID: the driver's */
};

void task_conf_free(struct task_conf *);
DEFINE_CLEANUP(struct task_conf, task_conf_free)

/* Of TaskConfig's msgpack_driver_config. -ERR_INVALID: an option is wrong, which the error names; nothing that a retry mends. */
int task_conf_read(const void *data, size_t len, struct task_conf **ret, struct err *err);
/* The option of that name at the config's top, where it is not refused; else NULL. */
const struct option *task_conf_option(const char *name);
/* The answer of TaskConfigSchema, packed: appends a driver.TaskConfigSchemaResponse. */
void task_conf_schema(struct buf *out);
/* The table of docs/nomad.md. */
void task_conf_table(struct buf *out);
