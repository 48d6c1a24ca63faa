/* Theory of operation: the table at the end is the start of a job. The claim comes first of all that changes something; what
 * only reads (settings, image) is begun beside it. The network's plugins take longest, so they are begun as early as can be
 * and waited for last, just before the start (before the create for VM runtimes, whose shim looks at the network then). */
#include "job-state.h"
#include "clock.h"
#include "etc.h"
#include "file.h"
#include "job-name.h"
#include "log.h"
#include "mem.h"
#include "namespaces.h"
#include "platform.h"
#include "ports.h"
#include "reconcile.h"
#include "ref.h"
#include "remains.h"
#include "rootfs.h"
#include "self.h"
#include "snapshots.h"
#include "spec.h"
#include "tasks.h"
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

enum {
	S_SETTINGS, S_CLAIM, S_IMAGE, S_NETNS, S_PORTS, S_FILES, S_ROOTFS, S_SNAPSHOT, S_CONTAINER, S_IO, S_FREED, S_TASK,
	S_NETWORK, S_HOSTS, S_START, S_COMPLETE, N_STEPS,
};

#define SPEC_TYPE "types.containerd.io/opencontainers/runtime-spec/1/Spec"

static struct ctrd *ctrd_of(const struct run *run)
{
	return run->core->ctrd;
}

/* A call that has changed nothing is given up. */
static void give_up(struct run *run, int step)
{
	ctrd_call_free(TAKE_PTR(run->call[step]));
}

/* A call that makes something must have come to its end before that can be taken back: else it is made after we looked. It
 * gets half of the time that is left. */
static struct ctx half_of(const struct ctx *ctx)
{
	return ctx_within(ctx, ctx_left(ctx) / NSEC_PER_MSEC / 2);
}

/* A call that makes something is not broken off by an interrupt: containerd 1.x loses the shim of a create that is. The
 * interrupt counts once it has answered. */
static struct ctx answer_of(const struct ctx *ctx)
{
	return ctx_uncancelled(ctx);
}

/* Rollback goes on over a new connection where the old one broke. Pending calls of the old one are given up. */
static bool undo_connected(struct run *run)
{
	struct err err = ERR_INIT;

	if (ctrd_alive(ctrd_of(run)))
		return true;
	for (int i = 0; i < N_STEPS; i++)
		give_up(run, i);
	ctrd_call_free(TAKE_PTR(run->wait));
	if (core_reconnect(run->core, &err) >= 0)
		return true;
	log_warn("rollback of %s: %s; what is left goes with: davit prune", run->job->name, err.msg);
	return false;
}

static void undo_failed(const struct run *run, const struct err *err)
{
	log_warn("rollback of %s: %s; what is left goes with: davit prune", run->job->name, err->msg);
}

/* settings: the namespace's default snapshotter */

static bool settings_wanted(const void *state)
{
	const struct run *run = state;

	return !run->snapshotter;
}

static int settings_begin(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;

	(void)err;
	run->call[S_SETTINGS] = namespaces_get_begin(ctrd_of(run), run->core->conf.ns, ctx);
	return 0;
}

static int settings_end(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;
	_cleanup_dict_ struct dict labels = { 0 };
	const char *name;
	int r = namespaces_get_end(TAKE_PTR(run->call[S_SETTINGS]), ctx, &labels, err);

	if (r == -ERR_NOT_FOUND) /* comes into being with the first write */
		err_clear(err);
	else if (r < 0)
		return r;
	name = dict_get(&labels, "containerd.io/defaults/snapshotter");
	run->snapshotter = mem_strdup(name ? name : "overlayfs");
	return 0;
}

static void settings_undo(void *state, const struct ctx *ctx)
{
	(void)ctx;
	give_up(state, S_SETTINGS);
}

/* claim */

static void claim_labels(const struct run *run, struct dict *out)
{
	_cleanup_free_ char *ports = claim_ports_text(run->job->ports, run->job->n_ports);

	dict_set(out, CLAIM_JOB, run->job->name);
	dict_set(out, CLAIM_ID, run->id);
	if (run->cni)
		dict_set(out, CLAIM_NETWORK, run->job->network);
	if (run->netns)
		dict_set(out, CLAIM_NETNS, run->netns);
	if (run->job->n_ports)
		dict_set(out, CLAIM_PORTS, ports);
}

static void claim_call(struct run *run, const struct ctx *ctx)
{
	_cleanup_dict_ struct dict labels = { 0 };

	claim_labels(run, &labels);
	run->call[S_CLAIM] = leases_create_begin(ctrd_of(run), run->lease, &labels, ctx);
}

static bool is_new(const void *state)
{
	const struct run *run = state;

	return !run->record;
}

static int claim_begin(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;
	int r = 0;

	if (run->lock < 0) /* job_start() holds it already */
		r = claim_lock(run->core, run->job->name, false, ctx, &run->lock, err);
	if (r >= 0 && is_new(run))
		claim_call(run, ctx);
	return r;
}

/* The name is taken, and we hold its lock: by a job, or by what a killed davit left. */
static int claim_taken(struct run *run, const struct ctx *ctx, struct err *err)
{
	int r;

	err_clear(err);
	r = reconcile_name(run->core, run->job->name, ctx, err);
	if (r < 0)
		return r;
	if (r == 0)
		return err_hint(err, err_set(err, ERR_EXISTS, "name %s is in use by a job", run->job->name),
				"remove it with: davit rm -f %s, or choose another name", run->job->name);
	claim_call(run, ctx);
	return leases_create_end(TAKE_PTR(run->call[S_CLAIM]), ctx, err);
}

static int claim_end(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;
	int r = 0;

	if (is_new(run)) {
		r = leases_create_end(TAKE_PTR(run->call[S_CLAIM]), ctx, err);
		if (r == -ERR_EXISTS)
			r = claim_taken(run, ctx, err);
		if (r < 0)
			run->lease_taken = r == -ERR_EXISTS;
	}
	if (r >= 0)
		ctrd_set_lease(ctrd_of(run), run->lease);
	return r;
}

static void claim_undo(void *state, const struct ctx *ctx)
{
	struct run *run = state;
	struct err err = ERR_INIT, unused = ERR_INIT;
	struct ctx half = half_of(ctx);

	if (run->call[S_CLAIM])
		run->lease_taken = leases_create_end(TAKE_PTR(run->call[S_CLAIM]), &half, &unused) == -ERR_EXISTS;
	ctrd_set_lease(ctrd_of(run), NULL);
	if (is_new(run) && run->lock >= 0 && !run->lease_taken && !run->network_left && undo_connected(run) &&
	    leases_delete(ctrd_of(run), run->lease, false, ctx, &err) < 0)
		undo_failed(run, &err);
	claim_unlock(run->core, run->job->name, TAKE_FD(run->lock));
}

static void claim_plan(const void *state, struct strv *out)
{
	const struct run *run = state;

	strv_pushf(out, "claim: lease %s for the name %s", run->lease, run->job->name);
}

/* image */

static int image_begin(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;

	(void)err;
	if (run->task->pull != PULL_ALWAYS)
		run->call[S_IMAGE] = image_get_begin(ctrd_of(run), run->image_name, ctx);
	return 0;
}

int run_image(struct run *run, const struct ctx *ctx, struct err *err)
{
	struct ctrd_call *call = run->call[S_IMAGE] ? TAKE_PTR(run->call[S_IMAGE]) :
		image_get_begin(ctrd_of(run), run->image_name, ctx);

	return image_get_end(run->core->ctrd, call, run->image_name, run->task->platform, run->snapshotter, ctx, &run->image, err);
}

static int image_help(struct run *run, const char *verb, const struct ctx *ctx, struct err *err)
{
	_cleanup_strv_ struct strv args = { 0 };
	_cleanup_json_ json *result = NULL;
	const struct image_helper how = {
		.address = run->core->address, .ns = run->core->conf.ns, .snapshotter = run->snapshotter,
		.platform = run->task->platform, .quiet = run->opts->quiet, .debug = run->core->conf.debug,
	};

	strv_push(&args, run->image_name);
	return image_helper_run(run->core->loop, &how, verb, &args, ctx, &result, err);
}

/* Here but not unpacked, or not here at all. */
static int image_fetch(struct run *run, const struct ctx *ctx, struct err *err)
{
	struct ctx waits = { .cancel = ctx->cancel }; /* a pull takes what it takes; davit-image watches over its progress */
	struct ctrd_image present = { 0 };
	int r = run->task->pull == PULL_ALWAYS ? -ERR_NOT_FOUND : images_get(ctrd_of(run), run->image_name, ctx, &present, err);

	ctrd_image_done(&present);
	if (r >= 0) {
		r = image_help(run, "unpack", &waits, err);
		if (r != -ERR_NOT_FOUND || run->task->pull == PULL_NEVER)
			return r;
	}
	if (r != -ERR_NOT_FOUND)
		return r;
	err_clear(err);
	if (run->task->pull == PULL_NEVER)
		return err_hint(err, err_set(err, ERR_NOT_FOUND, "image %s: not present, and --pull is never", run->task->image),
				"davit pull %s", run->task->image);
	return image_help(run, "pull", &waits, err);
}

/* What is here under the name may have been made for another platform than the one asked for. */
static int image_check_platform(const struct run *run, struct err *err)
{
	struct platform want, have;
	char text[PLATFORM_TEXT];
	int r = platform_parse(run->task->platform, &want, err);

	if (r < 0)
		return r;
	platform_set(&have, run->image.config.os, run->image.config.architecture, run->image.config.variant);
	if (!run->task->platform || platform_match(&want, &have) >= 0)
		return 0;
	r = err_set(err, ERR_NOT_FOUND, "image %s: is of platform %s, not %s", run->task->image, platform_text(&have, text),
		    run->task->platform);
	return err_hint(err, r, "davit run --pull always --platform %s", run->task->platform);
}

static int image_end(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;
	int r = -ERR_NOT_FOUND;

	if (run->task->pull != PULL_ALWAYS)
		r = run_image(run, ctx, err);
	if (r == -ERR_NOT_FOUND) {
		err_clear(err);
		r = image_fetch(run, ctx, err);
		if (r >= 0)
			r = run_image(run, ctx, err);
	}
	return r < 0 ? r : image_check_platform(run, err);
}

static void image_undo(void *state, const struct ctx *ctx)
{
	(void)ctx;
	give_up(state, S_IMAGE);
}

static void image_plan(const void *state, struct strv *out)
{
	const struct run *run = state;
	static const char *const when[] = { "pulled when missing", "pulled always", "never pulled" };

	strv_pushf(out, "image: %s, %s", run->image_name, when[run->task->pull]);
}

/* netns */

static bool starts(const struct run *run)
{
	return run->opts->mode != RUN_CREATE;
}

static bool netns_wanted(const void *state)
{
	const struct run *run = state;

	return starts(run) && run->netns;
}

static int netns_begin(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;
	_cleanup_free_ char *path = NULL;
	int r = netns_new(NETNS_DIR, run->id, &path, err);

	(void)ctx;
	if (r < 0)
		return r;
	run->netns_made = true;
	return 0;
}

static void netns_undo(void *state, const struct ctx *ctx)
{
	struct run *run = state;
	struct err err = ERR_INIT;

	(void)ctx;
	run->network_left = cni_is_cached(&run->core->conf.cni, run->id);
	if (run->network_left)
		log_warn("rollback of %s: a plugin has not deleted what it added; davit prune asks it again", run->job->name);
	else if (run->netns_made && netns_remove(run->netns, &err) < 0)
		undo_failed(run, &err);
}

static void netns_plan(const void *state, struct strv *out)
{
	const struct run *run = state;

	strv_pushf(out, "netns: %s with lo up", run->netns);
}

/* ports: is each host port free, and nobody else's claim? */

static bool ports_wanted(const void *state)
{
	const struct run *run = state;

	return starts(run) && run->job->n_ports;
}

static int port_taken(const struct port *p, const struct ctrd_lease *lease, const char *ns, const struct run *run, struct err *err)
{
	const char *name = dict_get(&lease->labels, CLAIM_JOB);
	bool own = !strcmp(ns, run->core->conf.ns);
	int r = err_set(err, ERR_EXISTS, "port %u/%s is used by job %s%s%s", p->host, port_proto_name(p->proto),
			name ? name : lease->id, own ? "" : " of namespace ", own ? "" : ns);

	return err_hint(err, r, "stop it with: davit %s%s%sstop %s, or publish another port", own ? "" : "-n ", own ? "" : ns,
			own ? "" : " ", name ? name : lease->id);
}

/* Claims on our ports: those of jobs that run are in the way; the others are for the step "freed". */
static int ports_claims(struct run *run, const struct ctx *ctx, struct err *err)
{
	const struct port *p = run->job->ports;
	int r = claim_find_clashes(run->core, run->lease, is_new(run), p, run->job->n_ports, ctx, &run->clashes, err);

	for (size_t i = 0; r >= 0 && i < run->clashes.n; i++) {
		const struct claim_clash *c = &run->clashes.v[i];

		r = reconcile_runs(run->core, c->ns, &c->lease, ctx, err);
		if (r > 0)
			return port_taken(&p[c->port], &c->lease, c->ns, run, err);
	}
	return r;
}

static int ports_end(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;
	int r = ports_claims(run, ctx, err);

	for (size_t i = 0; r >= 0 && i < run->job->n_ports; i++)
		r = port_check(&run->job->ports[i], err);
	return r == -ERR_EXISTS ? err_hint(err, r, "stop it, or publish another port") : r;
}

static void ports_plan(const void *state, struct strv *out)
{
	const struct run *run = state;
	_cleanup_free_ char *text = claim_ports_text(run->job->ports, run->job->n_ports);

	strv_pushf(out, "ports: %s must be free", text);
}

/* freed: the ports of jobs that have ended, and are being removed or were not settled yet, which we do now. The table waits
 * for it after the task was begun: only the plugins that forward ports need it. */

static bool freed_wanted(const void *state)
{
	const struct run *run = state;

	return run->clashes.n;
}

static int freed_end(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;

	for (size_t i = 0; i < run->clashes.n; i++) {
		const struct claim_clash *c = &run->clashes.v[i];
		int r = reconcile_port(run->core, c->ns, &c->lease, ctx, err);

		if (r < 0)
			return r;
		if (r == 0)
			return port_taken(&run->job->ports[c->port], &c->lease, c->ns, run, err);
	}
	run->freed = true;
	if (run->op)
		cni_add_go(run->op);
	return 0;
}

/* files: resolv.conf, hosts, hostname, bound into the container */

static int put(const struct run *run, const char *name, const struct buf *text, struct err *err)
{
	_cleanup_free_ char *dir = record_run_dir(run->core, run->id), *path = mem_printf("%s/%s", dir, name);

	return file_write(path, buf_str(text), text->len, 0644, err);
}

const char *run_hostname(const struct run *run, char host[HOST_NAME_MAX + 1])
{
	if (run->job->hostname)
		return run->job->hostname;
	if (run->host_net && gethostname(host, HOST_NAME_MAX + 1) == 0)
		return host;
	return run->job->name;
}

static int write_hosts(const struct run *run, const char *ip, const char *gateway, struct err *err)
{
	_cleanup_buf_ struct buf b = { 0 };
	char host[HOST_NAME_MAX + 1];

	if (run->host_net && file_read("/etc/hosts", 1 << 20, &b, NULL) < 0)
		buf_reset(&b);
	if (!ip && !run->host_net) /* no address yet, or none ever: the own name must resolve all the same */
		ip = "127.0.1.1";
	etc_hosts(&b, ip, run_hostname(run, host), run->job->name, &run->job->extra_hosts, gateway);
	return put(run, "hosts", &b, err);
}

static int files_begin(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;
	_cleanup_free_ char *dir = record_run_dir(run->core, run->id);
	_cleanup_buf_ struct buf resolv = { 0 }, name = { 0 };
	char host[HOST_NAME_MAX + 1];
	int r = file_mkdirs(dir, 0711, err);

	(void)ctx;
	if (r < 0)
		return r;
	run->files_made = true;
	etc_resolv_conf(&resolv, "/etc/resolv.conf", &run->job->dns, &run->job->dns_search, &run->job->dns_options, run->host_net);
	buf_addf(&name, "%s\n", run_hostname(run, host));
	r = put(run, "resolv.conf", &resolv, err);
	if (r >= 0)
		r = put(run, "hostname", &name, err);
	return r < 0 ? r : write_hosts(run, NULL, NULL, err);
}

static void files_undo(void *state, const struct ctx *ctx)
{
	struct run *run = state;
	_cleanup_free_ char *dir = record_run_dir(run->core, run->id), *logs = record_log_dir(run->core, run->id);

	(void)ctx;
	if (!run->files_made)
		return;
	(void)file_remove_tree(dir, NULL);
	if (is_new(run))
		(void)file_remove_tree(logs, NULL);
}

static void files_plan(const void *state, struct strv *out)
{
	const struct run *run = state;
	_cleanup_free_ char *dir = record_run_dir(run->core, run->id);

	strv_pushf(out, "files: resolv.conf, hosts and hostname in %s", dir);
}

/* snapshot */

static int snapshot_begin(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;

	(void)err;
	if (is_new(run))
		run->call[S_SNAPSHOT] = snapshots_prepare_begin(ctrd_of(run), run->snapshotter, run->id, run->image.chain_id,
								NULL, ctx);
	return 0;
}

static int snapshot_end(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;
	struct ctx answer = answer_of(ctx);

	if (is_new(run))
		return snapshots_prepare_end(TAKE_PTR(run->call[S_SNAPSHOT]), &answer, &run->mounts, err);
	return snapshots_mounts(ctrd_of(run), run->record->c.snapshotter, run->record->c.snapshot_key, ctx, &run->mounts, err);
}

static void snapshot_undo(void *state, const struct ctx *ctx)
{
	struct run *run = state;
	struct err err = ERR_INIT, unused = ERR_INIT;
	struct ctx half = half_of(ctx);

	if (run->call[S_SNAPSHOT])
		(void)snapshots_prepare_end(TAKE_PTR(run->call[S_SNAPSHOT]), &half, &run->mounts, &unused);
	if (is_new(run) && undo_connected(run) && snapshots_remove(ctrd_of(run), run->snapshotter, run->id, ctx, &err) < 0)
		undo_failed(run, &err);
}

static void snapshot_plan(const void *state, struct strv *out)
{
	const struct run *run = state;

	strv_pushf(out, "snapshot: %s of the image, in %s", run->id,
		   run->snapshotter ? run->snapshotter : "the namespace's snapshotter");
}

/* rootfs: volumes, and the user, who may stand in the image's own files */

static int rootfs_end(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;
	_cleanup_free_ char *dir = record_run_dir(run->core, run->id);
	_cleanup_close_ int root = -1;
	const char *user = run_user(run);
	int r;

	(void)ctx;
	run_image_volumes(run);
	r = run_binds(run, err);
	if (r >= 0 && run_needs_rootfs(run))
		r = rootfs_open(&run->mounts, dir, &root, err);
	if (r >= 0)
		r = user_lookup(root, user ? user : "", strv_argv(&run->task->group_add), &run->user, err);
	if (r >= 0)
		r = run_fill_volumes(run, root, err);
	return r;
}

static void rootfs_undo(void *state, const struct ctx *ctx)
{
	struct run *run = state;

	(void)ctx;
	for (size_t i = 0; i < run->fresh_volumes.n; i++)
		(void)volume_drop(run->core, run->fresh_volumes.v[i], NULL);
}

/* container */

static void record_labels(const struct run *run, struct dict *out)
{
	dict_add(out, &run->job->labels);
	dict_add(out, &run->task->labels);
	dict_set(out, CLAIM_JOB, run->job->name);
	if (run->job->remove)
		dict_set(out, RECORD_REMOVE, "1");
	if (run->image.config.stop_signal)
		dict_set(out, "io.containerd.image.config.stop-signal", run->image.config.stop_signal);
}

static int container_begin(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;
	_cleanup_(ctrd_container_done) struct ctrd_container c = { 0 };
	_cleanup_json_ json *j = NULL;
	_cleanup_buf_ struct buf text = { 0 };
	int r = run_spec(run, &c.spec.value, err);

	if (r < 0)
		return r;
	c.spec.type_url = mem_strdup(SPEC_TYPE);
	c.id = mem_strdup(run->id);
	c.image = mem_strdup(run->image.name);
	c.runtime = mem_strdup(run->runtime.type);
	if (run->runtime.options.type_url) {
		c.runtime_options.type_url = mem_strdup(run->runtime.options.type_url);
		buf_add(&c.runtime_options.value, run->runtime.options.value.data, run->runtime.options.value.len);
	}
	c.snapshotter = mem_strdup(run->snapshotter);
	c.snapshot_key = mem_strdup(run->id);
	record_labels(run, &c.labels);
	j = job_to_json(run->job);
	json_write(j, &text);
	ctrd_container_extend(&c, RECORD_JOB, RECORD_JOB_TYPE, text.data, text.len);
	run->call[S_CONTAINER] = containers_create_begin(ctrd_of(run), &c, ctx);
	return 0;
}

static int container_end(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;
	struct ctx answer = answer_of(ctx);

	return containers_create_end(TAKE_PTR(run->call[S_CONTAINER]), &answer, err);
}

static void container_undo(void *state, const struct ctx *ctx)
{
	struct run *run = state;
	struct err err = ERR_INIT, unused = ERR_INIT;
	struct ctx half = half_of(ctx);

	if (run->call[S_CONTAINER])
		(void)containers_create_end(TAKE_PTR(run->call[S_CONTAINER]), &half, &unused);
	if (undo_connected(run) && containers_delete(ctrd_of(run), run->id, ctx, &err) < 0)
		undo_failed(run, &err);
}

static void container_plan(const void *state, struct strv *out)
{
	const struct run *run = state;

	strv_pushf(out, "container: record %s, runtime %s%s%s", run->id, run->runtime.type, run->runtime.engine ? " with " : "",
		   run->runtime.engine ? run->runtime.engine : "");
}

/* io */

static bool start_wanted(const void *state)
{
	return starts(state);
}

static int log_uri(struct run *run, struct err *err)
{
	_cleanup_free_ char *logger = NULL, *path = record_log_path(run->core, run->id);
	int r;

	if (run->task->log == JOB_LOG_NONE) {
		if (run->task->tty)
			run->log_uri = mem_strdup("/dev/null"); /* the shim must copy a terminal somewhere */
		return 0;
	}
	r = self_find("davit-logger", &logger, err);
	if (r < 0)
		return r;
	run->log_uri = mem_printf("binary://%s?path=%s&size=%lld&files=%lld", logger, path, (long long)run->task->log_max_size,
				  (long long)run->task->log_max_files);
	return 0;
}

static int io_begin(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;
	_cleanup_free_ char *dir = record_run_dir(run->core, run->id), *fifos = mem_printf("%s/io", dir),
		*path = record_log_path(run->core, run->id);
	struct streams_conf conf = { .dir = fifos, .tty = run->task->tty, .stdin_open = run->task->stdin_open,
		.detach_keys = run->opts->detach_keys, .sig_proxy = run->opts->sig_proxy };
	int r = 0;

	(void)ctx;
	if (run->opts->mode != RUN_FOREGROUND)
		return log_uri(run, err);
	if (!run->job->remove && run->task->log == JOB_LOG_FILE)
		r = logfile_open(path, run->task->log_max_size, run->task->log_max_files, &run->log, err);
	conf.log = run->log;
	return r < 0 ? r : streams_new(&conf, run->core->loop, &run->streams, err);
}

static void io_undo(void *state, const struct ctx *ctx)
{
	struct run *run = state;

	(void)ctx;
	streams_free(TAKE_PTR(run->streams));
	logfile_free(TAKE_PTR(run->log));
}

/* task */

static int task_begin(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;
	const bool tty = run->task->tty;
	const struct ctrd_io detached = { NULL, run->log_uri, tty ? NULL : run->log_uri, tty };
	const struct ctrd_io *io = run->streams ? streams_io(run->streams) : &detached;

	(void)err;
	run->call[S_TASK] = tasks_create_begin(ctrd_of(run), run->id, &run->mounts, io, NULL, ctx);
	return 0;
}

static int task_end(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;
	struct ctx answer = answer_of(ctx);

	return tasks_create_end(TAKE_PTR(run->call[S_TASK]), &answer, &run->pid, err);
}

static void task_undo(void *state, const struct ctx *ctx)
{
	struct run *run = state;
	struct err err = ERR_INIT, unused = ERR_INIT;
	struct ctx half = half_of(ctx);
	pid_t pid;

	if (run->call[S_TASK])
		(void)tasks_create_end(TAKE_PTR(run->call[S_TASK]), &half, &pid, &unused);
	if (undo_connected(run) && remains_task(run->core, run->id, true, ctx, NULL, &err) < 0)
		undo_failed(run, &err);
}

static void task_plan(const void *state, struct strv *out)
{
	const struct run *run = state;

	strv_pushf(out, "task: create in cgroup /%s/%s", run->core->conf.ns, run->id);
}

/* network */

static bool network_wanted(const void *state)
{
	const struct run *run = state;

	return starts(run) && run->cni;
}

static int network_begin(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;
	const struct cni_attach at = { .container_id = run->id, .netns = run->netns, .ifname = "eth0", .ports = run->job->ports,
		.n_ports = run->job->n_ports, .dns = &run->job->dns, .dns_search = &run->job->dns_search,
		.dns_options = &run->job->dns_options, .hold_fd = run->lock, .hold_ports = run->clashes.n && !run->freed };

	(void)ctx;
	return cni_add_begin(run->core->loop, &run->core->conf.cni, run->net, &at, &run->op, err);
}

static int network_end(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;

	return cni_add_end(TAKE_PTR(run->op), ctx, &run->result, err);
}

static void network_undo(void *state, const struct ctx *ctx)
{
	struct run *run = state;
	struct err err = ERR_INIT;

	if (run->op)
		cni_op_abort(TAKE_PTR(run->op));
	else if (cni_del_cached(run->core->loop, &run->core->conf.cni, run->id, run->netns, ctx, &err) < 0)
		undo_failed(run, &err);
}

static void network_plan(const void *state, struct strv *out)
{
	const struct run *run = state;
	_cleanup_free_ char *ports = claim_ports_text(run->job->ports, run->job->n_ports);

	strv_pushf(out, "network: ADD eth0 to %s%s%s", run->job->network, run->job->n_ports ? ", forwarding " : "", ports);
}

/* hosts: the address is known now */

static int hosts_begin(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;
	_cleanup_free_ char *dir = record_run_dir(run->core, run->id), *path = mem_printf("%s/hosts", dir);
	_cleanup_buf_ struct buf b = { 0 };
	_cleanup_close_ int fd = -1;
	char host[HOST_NAME_MAX + 1];

	(void)ctx;
	if (!run->result.n_ips)
		return 0;
	etc_hosts(&b, run->result.ips[0].address, run_hostname(run, host), run->job->name, &run->job->extra_hosts,
		  run->result.ips[0].gateway);
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC); /* in place: it is bound into the container already */
	if (fd < 0 || write(fd, buf_str(&b), b.len) != (ssize_t)b.len)
		return err_sys(err, errno, "%s", path);
	return 0;
}

/* start */

static int start_begin(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;
	struct ctx forever = { 0 };

	(void)err;
	run->wait = tasks_wait_begin(ctrd_of(run), run->id, NULL, &forever);
	run->call[S_START] = tasks_start_begin(ctrd_of(run), run->id, NULL, ctx);
	return 0;
}

static int start_end(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;
	pid_t pid;

	return tasks_start_end(TAKE_PTR(run->call[S_START]), ctx, &pid, err);
}

static void start_undo(void *state, const struct ctx *ctx)
{
	struct run *run = state;

	(void)ctx;
	give_up(run, S_START);
	ctrd_call_free(TAKE_PTR(run->wait));
}

static void start_plan(const void *state, struct strv *out)
{
	const struct run *run = state;
	static const char *const how[] = { "in the foreground", "detached", "" };

	strv_pushf(out, "start: %s", how[run->opts->mode]);
}

/* complete: from here on the record stands for itself */

static bool complete_wanted(const void *state)
{
	const struct run *run = state;

	return !run->job->remove;
}

static int complete_begin(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;
	_cleanup_dict_ struct dict labels = { 0 };
	char now[CLOCK_TEXT];

	(void)err;
	dict_set(&labels, RECORD_COMPLETE, clock_rfc3339(clock_wall(), now));
	if (starts(run))
		dict_set(&labels, RECORD_STARTED, now);
	if (run->record)
		dict_set(&labels, RECORD_EXIT, "");
	run->call[S_COMPLETE] = containers_set_labels_begin(ctrd_of(run), run->id, &labels, ctx);
	return 0;
}

static int complete_end(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;

	return containers_set_labels_end(TAKE_PTR(run->call[S_COMPLETE]), ctx, err);
}

static void complete_undo(void *state, const struct ctx *ctx)
{
	(void)ctx;
	give_up(state, S_COMPLETE);
}

static unsigned rootfs_needs(const void *state)
{
	return run_needs_rootfs(state) ? STEP(S_SNAPSHOT) : 0;
}

static unsigned task_needs(const void *state)
{
	const struct run *run = state;

	return run->runtime.vm ? STEP(S_NETWORK) | STEP(S_HOSTS) : 0;
}

static const struct step table[N_STEPS] = {
	[S_SETTINGS] = { .name = "settings", .wanted = settings_wanted, .begin = settings_begin, .end = settings_end,
		.undo = settings_undo },
	[S_CLAIM] = { .name = "claim", .begin = claim_begin, .end = claim_end, .undo = claim_undo, .plan = claim_plan },
	[S_IMAGE] = { .name = "image", .needs = 0, .wanted = is_new, .begin = image_begin, .end = image_end, .undo = image_undo,
		.plan = image_plan },
	[S_NETNS] = { .name = "netns", .needs = STEP(S_CLAIM), .wanted = netns_wanted, .begin = netns_begin, .undo = netns_undo,
		.plan = netns_plan },
	[S_PORTS] = { .name = "ports", .needs = STEP(S_CLAIM), .wanted = ports_wanted, .end = ports_end, .plan = ports_plan },
	[S_FILES] = { .name = "files", .needs = STEP(S_CLAIM), .begin = files_begin, .undo = files_undo, .plan = files_plan },
	[S_SNAPSHOT] = { .name = "snapshot", .needs = STEP(S_CLAIM) | STEP(S_IMAGE), .begin = snapshot_begin, .end = snapshot_end,
		.undo = snapshot_undo, .plan = snapshot_plan },
	[S_ROOTFS] = { .name = "rootfs", .needs = STEP(S_IMAGE) | STEP(S_FILES), .needs_also = rootfs_needs, .wanted = is_new,
		.end = rootfs_end, .undo = rootfs_undo },
	[S_CONTAINER] = { .name = "container", .needs = STEP(S_ROOTFS), .wanted = is_new, .begin = container_begin,
		.end = container_end, .undo = container_undo, .plan = container_plan },
	[S_IO] = { .name = "io", .needs = STEP(S_FILES), .wanted = start_wanted, .begin = io_begin, .undo = io_undo },
	[S_FREED] = { .name = "freed", .needs = STEP(S_PORTS), .wanted = freed_wanted, .end = freed_end },
	[S_TASK] = { .name = "task", .needs = STEP(S_CONTAINER) | STEP(S_SNAPSHOT) | STEP(S_NETNS) | STEP(S_IO),
		.needs_also = task_needs, .wanted = start_wanted, .begin = task_begin, .end = task_end, .undo = task_undo,
		.plan = task_plan },
	[S_NETWORK] = { .name = "network", .needs = STEP(S_NETNS) | STEP(S_PORTS), .wanted = network_wanted, .begin = network_begin,
		.end = network_end, .undo = network_undo, .plan = network_plan },
	[S_HOSTS] = { .name = "hosts", .needs = STEP(S_NETWORK) | STEP(S_FILES), .wanted = network_wanted, .begin = hosts_begin },
	[S_START] = { .name = "start", .needs = STEP(S_TASK) | STEP(S_HOSTS), .wanted = start_wanted, .begin = start_begin,
		.end = start_end, .undo = start_undo, .plan = start_plan },
	[S_COMPLETE] = { .name = "complete", .needs = STEP(S_CONTAINER) | STEP(S_TASK) | STEP(S_NETWORK), .wanted = complete_wanted,
		.begin = complete_begin, .end = complete_end, .undo = complete_undo },
};

struct step_run job_steps(struct run *run)
{
	return (struct step_run){ .steps = table, .n = N_STEPS, .state = run };
}
