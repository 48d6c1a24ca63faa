#include "desk.h"
#include "clearing.h"
#include "clock.h"
#include "file.h"
#include "fingerprint.h"
#include "log.h"
#include "mem.h"
#include "netns.h"
#include "version.h"
#include <string.h>

enum { CALL_MS = 60000, ANSWER_MS = 10000, AGAIN_MS = 1000 };

static void on_core_notice(void *arg, const char *line)
{
	(void)arg;
	log_info("%s", line);
}

static struct core_conf core_conf_of(const struct desk *d, const struct driver_conf *conf, const char *address)
{
	return (struct core_conf){
		.address = address,
		.ns = conf->ns,
		.snapshotter = conf->snapshotter,
		.runtime = conf->runtime,
		.cni = { .path = CNI_PATH_DEFAULT, .conf_dir = CNI_CONF_DIR, .cache_dir = CNI_CACHE_DIR },
		.run_dir = d->run_dir,
		.data_dir = d->data_dir,
		.host_root = d->host_root,
		.call_ms = d->call_ms,
		.notice = on_core_notice,
	};
}

/* Of options, which may go, none of its texts is kept. */
static struct endpoint *desk_endpoint_at(struct desk *d, const char *address)
{
	struct core_conf how = core_conf_of(d, d->conf, address);

	how.snapshotter = how.runtime = NULL;
	return endpoint_at(&d->endpoints, d->loop, address, &how, d->plugin ? plugin_workers(d->plugin) : NULL);
}

struct endpoint *desk_endpoint(struct desk *d, const struct handle_kept *k)
{
	return desk_endpoint_at(d, k->address ? k->address : d->conf->address);
}

struct desk *desk_new(struct loop *loop)
{
	struct desk *d = mem_new(struct desk);

	d->loop = loop;
	d->run_dir = CORE_RUN_DIR;
	d->data_dir = CORE_DATA_DIR;
	d->netns_dir = NETNS_DIR;
	d->networks = group_networks_new(d);
	d->call_ms = CALL_MS;
	d->again_ms = AGAIN_MS;
	list_init(&d->endpoints);
	d->conf = driver_conf_new();
	d->events = task_events_new(loop);
	d->images = task_images_new(loop, d->conf);
	d->dangling = dangling_new(d);
	d->clearings = clearings_new(d);
	return d;
}

/* the processors that tasks share */

static void share_with(const struct desk *d, const struct handle *h)
{
	_cleanup_free_ char *to =
		mem_printf("%s/sys/fs/cgroup/cpuset%s", d->host_root ? d->host_root : "", h->kept.cgroup ? h->kept.cgroup : "");

	if (h->state == HANDLE_RUNNING && h->kept.cgroup && !cpuset_share_copy(h->kept.shared, to) && file_exists(to))
		log_warn("task %s: its cpuset does not follow %s", h->kept.task_id, h->kept.shared);
}

struct share_change {
	const struct desk *desk;
	const char *folder;
};

static void on_share_of_handle(void *arg, struct handle *h)
{
	const struct share_change *c = arg;

	if (h->kept.shared && !strcmp(h->kept.shared, c->folder))
		share_with(c->desk, h);
}

static void on_share(void *arg, const char *folder)
{
	struct desk *d = arg;
	struct share_change c = { d, folder };

	handles_each(&d->handles, on_share_of_handle, &c);
}

void desk_share_cpus(struct desk *d, const struct handle *h)
{
	if (!h->kept.shared)
		return;
	if (!d->shares)
		d->shares = cpuset_share_new(d->loop, on_share, d);
	(void)cpuset_share_follow(d->shares, h->kept.shared);
	share_with(d, h);
}

void desk_free(struct desk *d)
{
	if (!d)
		return;
	cpuset_share_free(d->shares);
	fingerprint_free(d->fingerprint);
	dangling_free(d->dangling);
	clearings_free(d->clearings);
	group_networks_free(d->networks);
	handles_done(&d->handles);
	task_images_free(d->images);
	task_events_free(d->events);
	endpoints_done(&d->endpoints);
	driver_conf_unref(d->conf);
	free(d);
}

/* Nothing is collected before SetConfig has said whether. */
void desk_serve(struct desk *d, struct plugin *plugin)
{
	d->plugin = plugin;
	d->core = desk_endpoint_at(d, d->conf->address)->core;
	d->fingerprint = fingerprint_new(d);
}

void desk_stop(struct desk *d) { endpoints_stop(&d->endpoints); }

void desk_bequeath(struct desk *d) { endpoints_bequeath(&d->endpoints); }

bool desk_busy(const void *app) { return endpoints_busy(&((const struct desk *)app)->endpoints); }

void desk_configure(struct desk *d, struct driver_conf *conf)
{
	fingerprint_leave(d->fingerprint);
	driver_conf_unref(d->conf);
	d->conf = conf;
	task_images_configure(d->images, d->plugin, d->conf);
	dangling_set(d->dangling);
	d->core = desk_endpoint_at(d, conf->address)->core;
	fingerprint_look(d->fingerprint);
}

void desk_learn_client(struct desk *d, const Base__NomadConfig *n)
{
	if (n && n->driver && n->driver->topology)
		stats_compute_of(n->driver->topology, &d->compute);
}

int desk_task(const struct desk *d, const char *task_id, struct handle **ret, struct err *err)
{
	*ret = handles_find(&d->handles, task_id);
	return *ret ? 0 : err_set(err, ERR_NOT_FOUND, "task not found for given id");
}

/* workers */

struct desk_worker {
	struct desk *desk;
	struct driver_conf *conf; /* of @core, whose texts are borrowed of it */
	char *address;            /* likewise */
	struct core *core;
	int64_t used_at; /* when its last work began, clock_mono() */
};

void *desk_worker_begin(void *app)
{
	struct desk_worker *w = mem_new(struct desk_worker);

	w->desk = app;
	return w;
}

void desk_worker_end(void *state)
{
	struct desk_worker *w = state;

	core_free(w->core);
	driver_conf_unref(w->conf);
	free(w->address);
	free(w);
}

static int worker_open(struct desk_worker *w, struct driver_conf *conf, const char *address, struct err *err)
{
	struct core_conf how;

	core_free(TAKE_PTR(w->core));
	driver_conf_unref(w->conf);
	free(w->address);
	w->conf = driver_conf_ref(conf);
	w->address = mem_strdup(address);
	how = core_conf_of(w->desk, w->conf, w->address);
	core_own_folders(&how);
	return core_open(&how, &w->core, err);
}

/* One that hangs takes connections all the same; where it has kept a work waiting, the next ones need not wait as long for it. */
static int worker_ask(struct desk_worker *w, struct err *err)
{
	const int64_t ms = w->desk->call_ms < ANSWER_MS ? w->desk->call_ms : ANSWER_MS, now = clock_mono();
	const struct ctx limit = ctx_within(NULL, ms);
	const bool long_ago = w->used_at && now - w->used_at > ms * NSEC_PER_MSEC;
	struct ctrd_version version = { 0 };
	int r;

	w->used_at = now;
	if (!long_ago)
		return 0;
	r = version_get(w->core->ctrd, &limit, &version, err);
	ctrd_version_done(&version);
	if (r != -ERR_DEADLINE)
		return r;
	w->used_at = 1;
	err_clear(err);
	return err_set(err, ERR_UNAVAILABLE, "containerd at %s: does not answer", w->address);
}

int desk_core_at(void *state, struct driver_conf *conf, const char *address, struct core **ret, struct err *err)
{
	struct desk_worker *w = state;
	int r = 0;

	address = address ? address : conf->address;
	if (w->core)
		loop_poll(w->core->loop); /* a containerd that went while there was nothing to do */
	if (!w->core || w->conf != conf || strcmp(w->address, address) != 0)
		r = worker_open(w, conf, address, err);
	else if (!ctrd_alive(w->core->ctrd))
		r = core_reconnect(w->core, err);
	if (r >= 0)
		r = worker_ask(w, err);
	if (r == -ERR_NOT_FOUND) { /* the socket: not to be taken for a task that is gone */
		r = -ERR_UNAVAILABLE;
		if (err)
			err->code = ERR_UNAVAILABLE;
	}
	if (r < 0)
		return err_hint(err, r, "is containerd running? The plugin's option containerd_addr says where");
	*ret = w->core;
	return 0;
}

int desk_core(void *state, struct driver_conf *conf, struct core **ret, struct err *err)
{
	return desk_core_at(state, conf, NULL, ret, err);
}
