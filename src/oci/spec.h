/* The runtime spec (config.json, ociVersion 1.0.2) from an image's configuration and a task. */
#pragma once
#include "cdi.h"
#include "idmap.h"
#include "image-config.h"
#include "job.h"
#include "user.h"

struct spec_mount {
	const char *source, *target;
	bool read_only;
	const struct strv *options; /* propagation ...; "nocopy", "z", "Z" are passed over */
	const char *type;           /* NULL: bind */
	bool folder;                /* something may be mounted below it: a file that is to be read-only needs no more */
};

/* A terminal's size from its first moment on; the engines make it so. 0: not known. */
struct spec_console {
	unsigned rows, cols;
};

/* A task in a user namespace. Each bind gets a source below @dir instead of its own, which goes to @sources with SPEC_MAP_WHOLE or
 * SPEC_MAP_PART (without what is mounted below it) before it: whoever creates the task mounts them there, with owners mapped,
 * the N-th as @dir/N, and the namespace as @dir/SPEC_MAP_USERNS. */
#define SPEC_MAP_USERNS "userns"
enum { SPEC_MAP_WHOLE = 'r', SPEC_MAP_PART = 'b' };
struct spec_map {
	struct idmap ids;
	const char *dir;
	struct strv *sources;
};

struct spec_in {
	const struct job *job;
	const struct task *task;
	const struct image_config *image;
	const struct user *user;
	const char *id;  /* container id */
	const char *ns;  /* containerd namespace, for the cgroup path /NS/ID */
	const char *cwd; /* NULL: as the task or the image has it */
	const char *hostname;
	const char *netns;                               /* path; NULL: host network */
	bool joined;                                     /* that is another job's: what it has set there stays */
	const char *resolv_conf, *hosts, *hostname_file; /* host paths to bind; NULL: not bound */
	bool resolv_read_only;                           /* it is not the job's own */
	const struct spec_mount *mounts;
	size_t n_mounts;                             /* the task's bind mounts and volumes, resolved to host paths */
	uint64_t bounding;                           /* capabilities that davit itself has (bit n = capability n) */
	uint64_t nofile_max;                         /* davit's own hard limit of open files */
	bool vm;                                     /* VM runtime: no host devices */
	bool systemd;                                /* systemd makes the cgroup */
	bool recursive_ro;                           /* kernel and engine can make a mount read-only with all below it */
	const char *host_root;                       /* for tests: where the host's /proc and /sys are looked for; NULL: below / */
	bool cgroup2;                                /* the host has a pure v2 hierarchy: a private cgroup namespace */
	const char *selinux_process, *selinux_mount; /* labels of the process and of what is mounted for it; NULL: none */
	const char *apparmor;                        /* profile, of apparmor_choose(); NULL: none */
	struct spec_console console;                 /* with a terminal */
	const char *init;                            /* host path of davit-init; NULL: the command is run by itself (init.h) */
	bool reap;                                   /* it stays the first process */
	const struct spec_map *map;                  /* NULL: the host's users */
	const struct dict *annotations;              /* davit's own, over the task's; NULL: none */
	const struct cdi_edits *cdi;                 /* what its CDI devices want but mounts, which are in @mounts; NULL: none */
	struct {
		const char *pid, *ipc, *uts;
	} paths;             /* of namespaces that another task has made; NULL: its own */
	const char *shm;     /* folder that tasks of one IPC namespace have as /dev/shm; NULL: its own memory */
	struct strv scripts; /* paths inside, which it runs before the command; borrowed */
};
/* Appends the JSON text to @out. Errors: a capability that the bounding set lacks, an unknown one, an empty command, an unknown
 * seccomp file, a controller that is not there ... */
int spec_build(const struct spec_in *, struct buf *out, struct err *err);

/* The limits alone, as the spec's linux.resources has them: of @in only the task and what is said of the host count. */
int spec_limits(const struct spec_in *, struct buf *out, struct err *err);

/* What the image and the task say is run: entrypoint and command joined as Docker does. */
void spec_args(const struct task *, const struct image_config *, struct strv *out);
/* The process of an exec: the container's own process (from its spec) with these changes. */
struct exec_process {
	const struct strv *args, *env; /* env: over the container's */
	const char *cwd;               /* NULL: the container's */
	const struct user *user;       /* NULL: the container's; its home takes the place of one that nobody gave */
	bool tty, privileged;
	struct spec_console console; /* with a tty */
	uint64_t bounding;
};
int spec_exec_process(const char *spec_json, size_t len, const struct exec_process *, struct buf *out, struct err *err);
