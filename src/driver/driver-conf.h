/* The plugin's options: what stands in the agent's `plugin "containerd-driver" { config { ... } }`. docs/nomad.md lists them, from
 * the table in driver-conf.c. One that was read does not change any more, so that a worker may hold it while the agent sets
 * another: references are counted, by any thread. */
#pragma once
#include "buf.h"
#include "dict.h"
#include "err.h"
#include "strv.h"
#include <stdbool.h>
#include <stdint.h>

/* Of a registry, by name and password or by what knows them; all NULL: none was given. */
struct conf_auth {
	char *username, *password;
	char *server; /* whose they are: another registry does not get them; NULL: the image's */
	char *config; /* a file of the form of Docker's config.json */
	char *helper; /* "ecr-login" of docker-credential-ecr-login */
};

/* Where a task's output goes. */
enum conf_logging { LOGGING_UNSAID, LOGGING_NOMAD, LOGGING_NONE };

struct driver_conf {
	/* What is wrong with the configuration, by the option's name; then all else has its default, but that nothing is removed by
	 * itself, and the driver is unhealthy with this as its reason. NULL: nothing is. */
	char *error;

	bool enabled;           /* false: the driver is undetected */
	char *runtime;          /* containerd_runtime: short or full name; "io.containerd.runc.v2" by default */
	char *address;          /* containerd_addr: path of its socket; never NULL */
	char *ns;               /* containerd_namespace: "nomad" */
	char *snapshotter;      /* NULL: the namespace's default */
	int64_t stats_interval; /* ns; 0: as the client asks */
	bool create_network;    /* the driver makes the network namespaces of groups, not Nomad */
	bool disable_log_collection;
	enum conf_logging logging; /* of a task that says nothing; UNSAID: Nomad has them */

	/* what tasks may do */
	bool allow_privileged;   /* true, as in Roblox's driver */
	bool allow_all_caps;     /* by default; else cap_add and what a container has by default are within @allow_caps */
	struct strv allow_caps;  /* "CAP_NET_ADMIN": upper case, with CAP_ */
	bool allow_all_runtimes; /* by default; else a task's runtime is @runtime or one of @allow_runtimes */
	struct strv allow_runtimes;
	struct {
		struct strv pid, ipc, userns, uts, network, cgroup; /* modes beyond the task's own, such as "host"; "*": each */
	} allowed_modes;
	struct {
		bool enabled;       /* true: folders of the host outside of the allocation's may be mounted */
		char *selinuxlabel; /* "z" or "Z" on such binds; NULL: none */
	} volumes;
	int64_t pids_limit; /* of a task that says none, and the most that one may say; 0: none */
	int oom_score_adj;  /* of a task that says none */

	/* images */
	struct conf_auth auth;
	int64_t image_pull_timeout;    /* ns; 5 minutes */
	int64_t pull_activity_timeout; /* ns without a byte; 2 minutes, at least one */

	/* what is left over */
	struct {
		bool image;          /* an image that no task uses any more is removed ... */
		int64_t image_delay; /* ... so long (ns) after the last one; 3 minutes */
		bool container;      /* true: a task's container goes with the task; false: it stays, for looking at */
		struct {
			bool enabled;           /* containers of tasks that Nomad knows nothing of are removed */
			int64_t period;         /* ns between looks; 5 minutes */
			int64_t creation_grace; /* ns that one may be unknown; 5 minutes, at least one */
			bool dry_run;           /* only log them */
		} dangling;
	} gc;

	struct strv extra_labels; /* globs of job_name job_id parent_job_id task_group_name task_name namespace node_name node_id */
	struct strv dns_servers;  /* of a task that has none, where Nomad gives none */

	_Atomic unsigned refs;
};

struct driver_conf *driver_conf_new(void); /* the defaults; one reference is the caller's */
struct driver_conf *driver_conf_ref(struct driver_conf *);
void driver_conf_unref(struct driver_conf *);
DEFINE_CLEANUP(struct driver_conf, driver_conf_unref)

/* Of SetConfig's msgpack_config; nothing (0 bytes) gives the defaults. It never fails: a wrong option is in @error, since an error
 * of SetConfig would stop the whole agent. */
struct driver_conf *driver_conf_read(const void *data, size_t len);
/* Does the driver permit @mode of one of allowed_modes' lists? */
bool driver_conf_permits(const struct strv *modes, const char *mode);
/* The answer of ConfigSchema, packed: appends a base.ConfigSchemaResponse. */
void driver_conf_schema(struct buf *out);
/* The table of docs/nomad.md. */
void driver_conf_table(struct buf *out);
