/* The steps "files" and "hosts": what is bound into the container below /etc. The files stand on disk, as the container's own
 * do, and not below /run, whose memory a job without limits would fill; in folders that nobody else passes, for the job may
 * make them programs with any mode. */
#include "job-steps.h"
#include "pod.h"
#include "shared-shm.h"
#include "beneath.h"
#include "etc.h"
#include "job-cgroup.h"
#include "file.h"
#include "mem.h"
#include "port-env.h"
#include "network.h"
#include "peers.h"
#include "remains.h"
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <errno.h>

/* files: resolv.conf, hosts, hostname, bound into the container */

static int write_text(int fd, const char *name, const struct buf *text, struct err *err)
{
	ssize_t n = fd < 0 ? -1 : write(fd, buf_str(text), text->len);

	return n == (ssize_t)text->len ? 0 : err_sys(err, n < 0 ? errno : ENOSPC, "job's %s", name);
}

/* Made anew: a file of that name may still be bound somewhere, and be the job's. */
static int put_file_as(int dir, const char *name, mode_t mode, const struct buf *text, struct err *err)
{
	_cleanup_close_ int fd = -1;

	if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		return err_sys(err, errno, "job's %s", name);
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd >= 0 && fchmod(fd, mode) < 0) /* whatever the umask */
		return err_sys(err, errno, "job's %s", name);
	return write_text(fd, name, text, err);
}

static int put_file(int dir, const char *name, const struct buf *text, struct err *err)
{
	return put_file_as(dir, name, 0644, text, err);
}

/* What the tasks bring themselves. */
static int put_task_files(const struct run *run, int dir, struct err *err)
{
	int r = 0;

	for (size_t k = 0; k < run->n_tasks; k++) {
		const struct task *t = run->tasks[k].task;

		for (size_t i = 0; i < t->n_files && r >= 0; i++) {
			const struct job_file *f = &t->files[i];
			_cleanup_free_ char *name = run_file_name(&run->tasks[k], i);
			_cleanup_buf_ struct buf text = { 0 };

			port_env_expand(run->job, f->data ? f->data : "", &text);
			r = put_file_as(dir, name, f->mode ? (mode_t)strtoul(f->mode, NULL, 8) : 0644, &text, err);
		}
	}
	return r;
}

/* They may name ports that are chosen. */
bool files_need_ports(const void *state) { return port_env_any(((const struct run *)state)->job); }

static int open_files(const struct run *run, struct err *err)
{
	_cleanup_free_ char *path = places_files(run->core, run->id);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? err_sys(err, errno, "%s", path) : fd;
}

static bool first_has_hosts_name(const struct run *run)
{
	return run->job->tasks[0].uts && !strcmp(run->job->tasks[0].uts, "host");
}

const char *run_hostname(const struct run *run, char host[HOST_NAME_MAX + 1])
{
	if (run->joins.hostname)
		return run->joins.hostname;
	if (run->job->hostname)
		return run->job->hostname;
	if ((run->host_net || first_has_hosts_name(run)) && gethostname(host, HOST_NAME_MAX + 1) == 0)
		return host;
	return run->job->name;
}

/* What the networks' results say, list by list from the first that has one. */
static struct resolv networks_dns(const struct run *run)
{
	struct resolv r = { 0 };

	for (size_t i = run->n_nets; i-- > 0;) {
		const struct cni_result *res = &run->nets[i].result;

		r.servers = res->nameservers.n ? res->nameservers : r.servers;
		r.search = res->search.n ? res->search : r.search;
		r.options = res->options.n ? res->options : r.options;
	}
	return r; /* borrowed */
}

static void write_resolv(const struct run *run, struct buf *out)
{
	const struct resolv own = { run->job->dns, run->job->dns_search, run->job->dns_options }; /* borrowed */
	const struct resolv its = networks_dns(run);
	const struct resolv none = { 0 };

	etc_resolv_conf(out, HOST_RESOLV_CONF, run->image_dns ? &none : &own, &its, run->host_net);
}

/* By which the job finds itself: on one network, or on none (NULL). */
static void files_own_names(const struct run *run, const struct run_net *n, struct strv *out)
{
	char host[HOST_NAME_MAX + 1];

	strv_push(out, run_hostname(run, host));
	strv_push(out, run->job->name);
	if (n)
		strv_add(out, &n->names);
	for (size_t i = 0; run->n_tasks > 1 && i < run->n_tasks; i++)
		strv_push(out, run->tasks[i].task->name);
}

/* In a namespace that somebody else keeps they are there already. */
static void foreign_addresses(const struct run *run, struct strv *out)
{
	if (job_foreign_netns(run->job) && run_starts(run))
		(void)netns_addresses(run->netns, out, NULL);
}

static int write_hosts(const struct run *run, int dir, struct err *err)
{
	_cleanup_buf_ struct buf b = { 0 };
	_cleanup_strv_ struct strv names = { 0 }, addresses = { 0 };

	if (run->host_net && file_read("/etc/hosts", 1 << 20, &b, NULL) < 0)
		buf_reset(&b);
	etc_hosts(&b, &run->job->extra_hosts, NULL);
	files_own_names(run, NULL, &names);
	foreign_addresses(run, &addresses);
	for (size_t i = 0; i < addresses.n; i++)
		etc_hosts_line(&b, addresses.v[i], &names);
	if (!run->host_net && !addresses.n) /* no address yet, or none ever: the own name must resolve all the same */
		etc_hosts_line(&b, "127.0.1.1", &names);
	return put_file(dir, "hosts", &b, err);
}

static int make_dirs(const struct run *run, struct err *err)
{
	_cleanup_free_ char *dir = places_run(run->core, run->id), *files = places_files(run->core, run->id);
	int r = file_mkdirs_private(dir, err);

	return r < 0 ? r : file_mkdirs_private(files, err);
}

/* Of the job whose network it is in, as they are now. */
static int copy_files(const struct run *run, int dir, struct err *err)
{
	static const char *const names[] = { "resolv.conf", "hostname", "hosts" };
	_cleanup_free_ char *path = places_files(run->core, run->joins.id);
	_cleanup_close_ int from = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r = from < 0 ? err_sys(err, errno, "%s", path) : 0;

	for (size_t i = 0; r >= 0 && i < sizeof names / sizeof *names; i++) {
		_cleanup_buf_ struct buf text = { 0 };

		r = file_read_at(from, names[i], 1 << 20, &text, err);
		if (r >= 0)
			r = put_file(dir, names[i], &text, err);
	}
	return r < 0 ? err_wrap(err, r, "network %s", run->job->network) : 0;
}

int files_begin(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;
	_cleanup_buf_ struct buf resolv = { 0 }, name = { 0 };
	_cleanup_close_ int dir = -1;
	char host[HOST_NAME_MAX + 1];
	int r;

	(void)ctx;
	run->files_made = true;
	r = make_dirs(run, err);
	if (r >= 0)
		r = dir = open_files(run, err);
	if (r >= 0)
		r = job_cgroup_keep(run->core, run->id, run->tasks[0].task->cgroup, err);
	if (r >= 0)
		r = put_task_files(run, dir, err);
	if (r >= 0)
		r = pod_make_root(run, err);
	if (r >= 0)
		r = shared_shm_make(run, err);
	if (r < 0)
		return r;
	if (run->joins.id && run_starts(run))
		return copy_files(run, dir, err);
	write_resolv(run, &resolv);
	buf_addf(&name, "%s\n", run_hostname(run, host));
	r = put_file(dir, "resolv.conf", &resolv, err);
	if (r >= 0)
		r = put_file(dir, "hostname", &name, err);
	return r < 0 ? r : write_hosts(run, dir, err);
}

void files_undo(void *state, const struct ctx *ctx)
{
	struct run *run = state;
	const struct job_over *over = run->files_made ? run_over(run, ctx) : NULL;

	if (over)
		remains_remove_files(run->core, over, run_is_new(run));
}

void files_plan(const void *state, struct strv *out)
{
	const struct run *run = state;
	_cleanup_free_ char *dir = places_files(run->core, run->id);

	strv_pushf(out, "files: resolv.conf, hosts and hostname in %s", dir);
}

/* hosts: the network's result is known now */

/* In place: it is bound into the container already. */
static int rewrite(int dir, const char *name, const struct buf *text, struct err *err)
{
	_cleanup_close_ int fd = beneath_open(dir, name, O_WRONLY | O_TRUNC);

	return write_text(fd, name, text, err);
}

static bool has_dns(const struct run *run)
{
	const struct resolv r = networks_dns(run);

	return r.servers.n || r.search.n || r.options.n;
}

/* The host's own address on the first network on which it has one: macvlan's and ipvlan's gateways are somebody else's, and an
 * internal network has none. */
static const char *host_gateway(const struct run *run)
{
	for (size_t i = 0; i < run->n_nets; i++) {
		const struct cni_result *res = &run->nets[i].result;
		_cleanup_(network_done) struct network net = { 0 };

		if (run->nets[i].net)
			network_read(run->nets[i].net, &net);
		if (net.internal || net.driver == NETWORK_MACVLAN || net.driver == NETWORK_IPVLAN)
			continue;
		for (size_t k = 0; k < res->n_ips; k++)
			if (res->ips[k].gateway)
				return res->ips[k].gateway;
	}
	return NULL;
}

static bool has_address(const struct run *run)
{
	for (size_t i = 0; i < run->n_nets; i++)
		if (run->nets[i].result.n_ips)
			return true;
	return false;
}

static void own_hosts(const struct run *run, struct buf *out)
{
	etc_hosts(out, &run->job->extra_hosts, host_gateway(run));
	for (size_t i = 0; i < run->n_nets; i++) {
		_cleanup_strv_ struct strv names = { 0 };

		files_own_names(run, &run->nets[i], &names);
		for (size_t k = 0; k < run->nets[i].result.n_ips; k++)
			etc_hosts_line(out, run->nets[i].result.ips[k].address, &names);
	}
}

/* Then the others on its networks are told, and come into its own. */
static int make_known(const struct run *run, int dir, const struct ctx *ctx, struct err *err)
{
	_cleanup_buf_ struct buf hosts = { 0 };
	_cleanup_strv_ struct strv networks = { 0 };
	_cleanup_close_ int lock = peers_lock(run->core, ctx, err);
	int r = lock < 0 ? lock : 0;

	own_hosts(run, &hosts);
	if (r >= 0)
		r = rewrite(dir, "hosts", &hosts, err);
	for (size_t i = 0; i < run->n_nets; i++)
		strv_push(&networks, run->nets[i].name);
	if (r >= 0)
		peers_write(run->core, &networks);
	return r;
}

int hosts_begin(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;
	_cleanup_buf_ struct buf resolv = { 0 };
	_cleanup_close_ int dir = -1;
	int r = 0;

	if (!has_address(run) && !has_dns(run))
		return 0;
	dir = open_files(run, err);
	if (dir < 0)
		return dir;
	if (has_dns(run)) {
		write_resolv(run, &resolv);
		r = rewrite(dir, "resolv.conf", &resolv, err);
	}
	return r < 0 || !has_address(run) ? r : make_known(run, dir, ctx, err);
}
