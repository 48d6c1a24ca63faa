/* What the plugin knows while it runs: its options, the tasks, and what serves them. All of it is for the thread of the loop, but
 * for what says that it is for workers. */
#pragma once
#include "core.h"
#include "cpuset-share.h"
#include "dangling.h"
#include "driver-conf.h"
#include "endpoint.h"
#include "group-network.h"
#include "handle.h"
#include "loop.h"
#include "nomadbase.pb-c.h"
#include "plugin.h"
#include "task-events.h"
#include "task-images.h"
#include "task-stats.h"

struct clearings;
struct fingerprint;

struct desk {
	struct loop *loop;
	struct plugin *plugin;    /* desk_serve(); NULL: it does not serve yet */
	struct driver_conf *conf; /* what SetConfig gave last; the defaults before */
	struct list_node endpoints;
	struct core *core; /* of the endpoint that @conf names, on the loop, for what must not block; NULL until desk_serve() */
	struct handles handles;
	struct task_events *events;
	struct task_images *images;
	struct stats_compute compute; /* what the client has, where SetConfig has said so */
	struct dangling *dangling;
	struct clearings *clearings;
	struct cpuset_share *shares;     /* that tasks without cores of their own follow */
	struct fingerprint *fingerprint; /* NULL until desk_serve() */
	struct group_networks *networks;
	const char *run_dir, *data_dir, *host_root; /* of every core; tests have others */
	const char *netns_dir;                      /* tests have another */
	int64_t call_ms;                            /* for one step at containerd; likewise */
	int64_t again_ms;                           /* the first pause of a clearing; likewise */
};
struct desk *desk_new(struct loop *);
/* Once it serves: what the plugin does by itself begins. */
void desk_serve(struct desk *, struct plugin *);
/* The plugin is about to end. The tasks go on; what is executed in them is told to end. */
void desk_stop(struct desk *);
/* plugin_conf.busy: does something that is executed still run, after desk_stop()? @app is the desk. */
bool desk_busy(const void *app);
/* After plugin_drain(): what is executed and has not ended yet is left to another process to end (exec-heir.h). */
void desk_bequeath(struct desk *);
/* After plugin_free(): no worker runs. */
void desk_free(struct desk *);
DEFINE_CLEANUP(struct desk, desk_free)
/* The task has started, or was found again: its processors are those that it shares with others, now and when these change. */
void desk_share_cpus(struct desk *, const struct handle *);
/* SetConfig: takes the reference over. What is started from now on is so by it; tasks that are known stay where they are. */
void desk_configure(struct desk *, struct driver_conf *);
/* SetConfig's other half, which need not be there. */
void desk_learn_client(struct desk *, const Base__NomadConfig *);
static inline struct desk *desk_of(const struct plugin_call *call) { return plugin_app(call); }
/* -ERR_NOT_FOUND in Nomad's words. Borrowed. */
int desk_task(const struct desk *, const char *task_id, struct handle **ret, struct err *err);

/* Where the task is; once it serves. */
struct endpoint *desk_endpoint(struct desk *, const struct handle_kept *);

/* plugin_conf.begin and .end: the state of a worker, @app being the desk. */
void *desk_worker_begin(void *app);
void desk_worker_end(void *state);
/* In a worker, whose state this is: its core, connected to the containerd that @conf says. -ERR_UNAVAILABLE when it is away, or
 * does not answer, which is asked for where this worker's last work has taken long. The core is the worker's; a later call may give
 * another. */
int desk_core(void *state, struct driver_conf *conf, struct core **ret, struct err *err);
/* The same at the containerd that a task is in; @address NULL: at @conf's. */
int desk_core_at(void *state, struct driver_conf *conf, const char *address, struct core **ret, struct err *err);
