/* The core: a connection to containerd with davit's settings. One per thread. Every face opens one, by own.h, and calls the
 * procedures of job-*.h, volume.h and doctor.h; none talks to containerd itself. */
#pragma once
#include "cni.h"
#include "ctrd.h"
#include "loop.h"
#include "reaper.h"

struct core_conf {
	const char *address;     /* NULL: CTRD_ADDRESS */
	const char *ns;          /* containerd namespace */
	const char *snapshotter; /* NULL: the namespace's default, else overlayfs */
	const char *runtime;     /* of jobs that name none; NULL: davit's own, else io.containerd.runc.v2 */
	struct cni_conf cni;
	const char *run_dir;   /* "/run/davit" */
	const char *data_dir;  /* "/var/lib/davit" */
	int64_t call_ms;       /* time for one call of containerd; 0: 60 s */
	int64_t undo_ms;       /* time for a whole rollback; 0: 30 s */
	int64_t return_ms;     /* who waits for a task's end bears a containerd that is away so long; 0: without limit */
	const char *host_root; /* for tests: where the host's /sys and /etc are looked for; NULL: below / */
	bool debug;
	void (*notice)(void *arg,
		       const char *line); /* one line for people: a containerd was started, a file skipped; may be NULL */
	void *notice_arg;
};
#define CORE_NAMESPACE "davit"
#define CORE_RUN_DIR "/run/davit"
#define CORE_DATA_DIR "/var/lib/davit"

struct core {
	struct core_conf conf; /* strings borrowed from the caller */
	struct loop *loop;
	struct loop *own;      /* the same, where the core has made it */
	struct reaper *reaper; /* of heirs */
	struct ctrd *ctrd;     /* in conf.ns, without a lease */
	char *address;         /* in use */
};

/* Connects to the containerd at conf.address, and to no other: own.h finds one, or starts it. -ERR_INVALID for a namespace that
 * cannot be; -ERR_NOT_FOUND and -ERR_UNAVAILABLE when nobody listens there. */
int core_open(const struct core_conf *, struct core **ret, struct err *err);
/* On a loop of the caller's, which outlives it, and whether or not a containerd is there: until core_reconnect() finds one, calls
 * end with -ERR_UNAVAILABLE. So a server has it for what must not block: task_wait_new(), X_begin(). -ERR_INVALID as above. */
int core_open_on(struct loop *, const struct core_conf *, struct core **ret, struct err *err);
/* The -ERR_INVALID of it. */
int core_check_namespace(const struct core_conf *, struct err *err);
/* Before anything is made in them: data_dir 0700, run_dir 0711, narrowed when they are wider (docs/security.md has every path
 * below them). Where that is not allowed what only looks goes on; what makes something says so itself. */
void core_own_folders(const struct core_conf *);
void core_free(struct core *);
DEFINE_CLEANUP(struct core, core_free)
void core_notice(const struct core *, const char *fmt, ...) _printf_(2, 3);

/* The same core in another namespace, on the same connection, for as long as @ns and the core are there; core_leave() ends it. */
struct core core_in(const struct core *, const char *ns);
void core_leave(struct core *there);

/* A fresh connection when the old one broke: for rollback, and for waits that survive a restart of containerd. -ERR_UNAVAILABLE
 * when nobody listens, never -ERR_NOT_FOUND: an absent socket says nothing about a job. */
int core_reconnect(struct core *, struct err *err);

/* The namespace's labels decide when the conf does not; the caller frees. */
int core_snapshotter(struct core *, const struct ctx *, char **ret, struct err *err);
