/* The steps "files" and "hosts": what is bound into the container below /etc. */
#include "job-steps.h"
#include "etc.h"
#include "file.h"
#include "mem.h"
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <errno.h>

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

int files_begin(void *state, const struct ctx *ctx, struct err *err)
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
	etc_resolv_conf(&resolv, "/etc/resolv.conf", &run->job->dns, &run->job->dns_search, &run->job->dns_options,
			run->host_net);
	buf_addf(&name, "%s\n", run_hostname(run, host));
	r = put(run, "resolv.conf", &resolv, err);
	if (r >= 0)
		r = put(run, "hostname", &name, err);
	return r < 0 ? r : write_hosts(run, NULL, NULL, err);
}

void files_undo(void *state, const struct ctx *ctx)
{
	struct run *run = state;
	_cleanup_free_ char *dir = record_run_dir(run->core, run->id), *logs = record_log_dir(run->core, run->id);

	(void)ctx;
	if (!run->files_made)
		return;
	(void)file_remove_tree(dir, NULL);
	if (run_is_new(run))
		(void)file_remove_tree(logs, NULL);
}

void files_plan(const void *state, struct strv *out)
{
	const struct run *run = state;
	_cleanup_free_ char *dir = record_run_dir(run->core, run->id);

	strv_pushf(out, "files: resolv.conf, hosts and hostname in %s", dir);
}

/* hosts: the address is known now */

int hosts_begin(void *state, const struct ctx *ctx, struct err *err)
{
	struct run *run = state;
	_cleanup_free_ char *dir = record_run_dir(run->core, run->id), *path = mem_printf("%s/hosts", dir);
	_cleanup_buf_ struct buf b = { 0 };
	_cleanup_close_ int fd = -1;
	char host[HOST_NAME_MAX + 1];
	ssize_t n;

	(void)ctx;
	if (!run->result.n_ips)
		return 0;
	etc_hosts(&b, run->result.ips[0].address, run_hostname(run, host), run->job->name, &run->job->extra_hosts,
		  run->result.ips[0].gateway);
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC); /* in place: it is bound into the container already */
	n = fd < 0 ? -1 : write(fd, buf_str(&b), b.len);
	if (n == (ssize_t)b.len)
		return 0;
	return err_sys(err, n < 0 ? errno : ENOSPC, "%s", path);
}
