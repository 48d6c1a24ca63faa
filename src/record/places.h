/* Where davit keeps what: every path below RUN (core_conf.run_dir, gone after a boot) and DATA (core_conf.data_dir) is made here.
 * docs/security.md has their owners and modes. Each text is the caller's to free; nothing is made or looked at. */
#pragma once
#include "core.h"

#define PLACES_MAP "map."
/* Of a job, by the id of its container. "" gives the folder that those of all jobs are in. */
char *places_run(const struct core *, const char *id);               /* RUN/NS/ID: FIFOs */
char *places_map(const struct core *, const char *id, size_t task);  /* RUN/NS/ID/map.N: mounts, while a task is created */
char *places_held(const struct core *, const char *id, size_t task); /* RUN/NS/ID/map.held.N: the same of what is held (held.h) */
char *places_shm(const struct core *, const char *id, size_t task);  /* RUN/NS/ID/map.shm.N: what tasks share, while they run */
char *places_files(const struct core *, const char *id);             /* DATA/files/NS/ID: resolv.conf, hosts, hostname */
char *places_folders(const struct core *, const char *id); /* DATA/folders/NS/ID: folders that the job mounts as its own */
char *places_logs(const struct core *, const char *id);    /* DATA/logs/NS/ID */
char *places_log(const struct core *, const char *id);     /* DATA/logs/NS/ID/log */
char *places_kept(const struct core *, const char *id);    /* DATA/kept/NS/ID: logs of a removed job (kept-logs.h) */
char *places_netns(const char *id);                        /* NETNS_DIR/ID */
char *places_cgroup(const struct core *, const char *id);  /* RUN/NS/ID/cgroup: the path of somebody else's (job-cgroup.h) */
/* RUN/NS/ID/attach.WHAT: the socket of davit's own shim that others attach to (attach.h); WHAT is a task's number, or an exec. */
char *places_attach(const struct core *, const char *id, const char *what);
/* RUN/NS/ID.net: whose network it is in (netshare.h); NS need not be the core's. */
#define PLACES_SHARE_END ".net"
char *places_share(const struct core *, const char *ns, const char *id);
char *places_shares(const struct core *, const char *ns); /* RUN/NS, which those are in */

/* RUN/NS/ID.monitor: held by the davit-monitor that looks after it (monitored.h). */
char *places_monitor(const struct core *, const char *id);
/* RUN/NS/ID.health, of a task's container: its last health checks (health-log.h). */
#define PLACES_HEALTH_END ".health"
char *places_health(const struct core *, const char *id);
/* RUN/NS/ID.lost, of a task's container: why its results lack something (results.h). */
#define PLACES_LOST_END ".lost"
char *places_lost(const struct core *, const char *id);
/* The id of the task whose one of these two an entry of places_run(c, "") is, or is on its way to be; NULL: it is neither. */
char *places_note_id(const char *entry);

/* RUN/NS/NAME.lock: held by who works on the job of that name (claim.h). */
#define PLACES_LOCK_END ".lock"
char *places_lock(const struct core *, const char *name);
/* RUN/NS/.hosts: held while hosts files are kept current (peers.h). No job is called so. */
char *places_hosts_lock(const struct core *);
/* RUN/NS/.recovery: held while jobs of a set are started again for the failure of one (run/recover.h). */
char *places_recovery_lock(const struct core *);
/* RUN/NS/HEX.scratch: held while what is made for a moment is there (scratch.h). */
#define PLACES_SCRATCH_END ".scratch"
char *places_scratch(const struct core *, const char *name);
/* The name whose lock an entry of places_run(c, "") is; NULL: none. */
char *places_lock_name(const char *entry);

/* DATA/volumes/NS/NAME; "" gives the folder of all. */
char *places_volume(const struct core *, const char *name);

/* RUN/.networks/ALLOC: what containerd-driver notes of a network namespace that it has made (driver/group-mark.h). No namespace of
 * containerd's begins with a dot. "" gives the folder. */
char *places_networks(const char *run_dir, const char *alloc);

/* The containerd of our own (own.h): RUN/engine/NAME and DATA/engine/NAME, "" for the folders themselves. In RUN it stands beside
 * the folders of namespaces, so none of ours is called that. */
#define PLACES_OWN "engine"
char *places_own_run(const struct core_conf *, const char *name);
char *places_own_data(const struct core_conf *, const char *name);
