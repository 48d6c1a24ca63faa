/* What can be said about a job without looking at the host. Ranges and required fields come from the table; what is
 * between fields stands here. */
#include "check.h"
#include "job-table.h"
#include "name.h"
#include "parse.h"
#include "path.h"
#include "port.h"
#include "mem.h"
#include "value.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

enum { HOSTNAME_MAX = 64 };

static int check_hostname(const char *s, struct err *err)
{
	size_t n = strlen(s);

	if (!n || n > HOSTNAME_MAX)
		return check_fail("hostname", s, "1 to 64 characters are allowed", err);
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && (!strchr(".-_", s[i]) || i == 0))
			return check_fail("hostname", s, "letters, digits, \".\" and \"-\" are allowed", err);
	return 0;
}

static int check_port(const struct port *p, struct err *err)
{
	struct in6_addr ip = { 0 };

	if (p->host_ip && inet_pton(AF_INET, p->host_ip, &ip) != 1 && inet_pton(AF_INET6, p->host_ip, &ip) != 1)
		return check_fail("port's address", p->host_ip, "not an IP address", err);
	if (p->host_ip && strchr(p->host_ip, ':') && IN6_IS_ADDR_V4MAPPED(&ip))
		return check_fail("port's address", p->host_ip, "an IPv4 address is written as such", err);
	if (p->host_last && (!p->host || p->host_last < p->host))
		return err_set(err, ERR_INVALID, "port range %u-%u: not a range", p->host, p->host_last);
	return 0;
}

static int check_clash(const struct job *j, size_t i, struct err *err)
{
	for (size_t k = 0; k < i; k++)
		if (port_clashes(&j->ports[i], &j->ports[k]))
			return err_set(err, ERR_INVALID, "port %d/%s is published twice (to %d and to %d inside)", j->ports[i].host,
				       port_proto_name(j->ports[i].proto), j->ports[k].inside, j->ports[i].inside);
	return 0;
}

static int check_ports(const struct job *j, struct err *err)
{
	int r;

	if (j->n_ports > JOB_PORTS_MAX)
		return err_set(err, ERR_INVALID, "%zu ports: at most %d can be published", j->n_ports, JOB_PORTS_MAX);
	for (size_t i = 0; i < j->n_ports; i++) {
		r = check_port(&j->ports[i], err);
		if (r >= 0)
			r = check_clash(j, i, err);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < j->expose.n; i++) {
		_cleanup_strv_ struct strv unused = { 0 };

		r = parse_expose(j->expose.v[i], &unused, err);
		if (r < 0)
			return r;
	}
	if (j->publish_all && j->network && (!strcmp(j->network, "host") || !strcmp(j->network, "none")))
		return err_hint(err,
				err_set(err, ERR_INVALID, "publish-all: with the network \"%s\" no port is forwarded", j->network),
				"leave out the one or the other");
	if (!j->n_ports || !j->network)
		return 0;
	if (!strcmp(j->network, "host")) {
		r = err_set(err, ERR_INVALID,
			    "port %d cannot be published with the network \"host\": the job listens on the "
			    "host itself",
			    j->ports[0].inside);
		return err_hint(err, r, "leave out the port or the network");
	}
	if (!strcmp(j->network, "none")) {
		r = err_set(err, ERR_INVALID, "port %d cannot be published with the network \"none\": nothing leads to the job",
			    j->ports[0].inside);
		return err_hint(err, r, "leave out the port or the network");
	}
	return 0;
}

static int check_dns(const struct job *j, struct err *err)
{
	unsigned char ip[16];

	for (size_t i = 0; i < j->dns.n; i++)
		if (inet_pton(AF_INET, j->dns.v[i], ip) != 1 && inet_pton(AF_INET6, j->dns.v[i], ip) != 1)
			return check_fail("name server", j->dns.v[i], "not an IP address", err);
	for (size_t i = 0; i < j->dns_search.n; i++)
		if (!*j->dns_search.v[i] || strpbrk(j->dns_search.v[i], " \t\r\n"))
			return check_fail("search domain", j->dns_search.v[i], "empty, or with white space", err);
	for (size_t i = 0; i < j->dns_options.n; i++)
		if (!*j->dns_options.v[i] || strpbrk(j->dns_options.v[i], " \t\r\n"))
			return check_fail("resolver option", j->dns_options.v[i], "empty, or with white space", err);
	for (size_t i = 0; i < j->extra_hosts.n; i++) {
		int r = check_extra_host(j->extra_hosts.v[i], err);

		if (r < 0)
			return r;
	}
	return 0;
}

static int check_labels(const struct dict *d, struct err *err)
{
	for (size_t i = 0; i < d->n; i++) {
		int r = check_label(d->v[i].key, d->v[i].value, err);

		if (r < 0)
			return r;
	}
	return 0;
}

/* "0-3,7"; the kernel has the last word. */
static int check_cpuset(const char *noun, const char *s, struct err *err)
{
	const char *p = s;

	for (;; p++) {
		char *end;
		unsigned long from, to;

		if (!isdigit((unsigned char)*p))
			break;
		from = to = strtoul(p, &end, 10);
		if (*end == '-' && isdigit((unsigned char)end[1]))
			to = strtoul(end + 1, &end, 10);
		if (to < from || to > 65535)
			break;
		p = end;
		if (!*p)
			return 0;
		if (*p != ',')
			break;
	}
	return check_fail(noun, s, "not a list of numbers and ranges such as 0-3,7", err);
}

static int check_process(const struct task *t, struct err *err)
{
	int r = 0, sig;

	for (size_t i = 0; i < t->env.n && r >= 0; i++)
		r = check_env(t->env.v[i], err);
	if (r < 0)
		return r;
	if (t->cwd && *t->cwd != '/')
		return check_fail("working folder", t->cwd, "not an absolute path", err);
	r = t->user ? parse_user(t->user, err) : 0;
	for (size_t i = 0; i < t->group_add.n && r >= 0; i++)
		if (!*t->group_add.v[i] || strchr(t->group_add.v[i], ':'))
			r = check_fail("group", t->group_add.v[i], "not a name or a number", err);
	if (r >= 0 && t->stop_signal)
		r = parse_signal(t->stop_signal, &sig, err);
	return r;
}

static int check_limits(const struct task *t, struct err *err)
{
	int r = 0;

	if (t->memory_swap > 0 && !t->memory)
		return err_set(err, ERR_INVALID, "memory-swap without a memory limit: it is memory and swap together");
	if (t->memory_swap > 0 && t->memory_swap < t->memory)
		return err_set(err, ERR_INVALID, "memory-swap %lld is less than memory %lld: it is memory and swap together",
			       (long long)t->memory_swap, (long long)t->memory);
	if (t->cpus != 0 && t->cpus < 0.01)
		return err_set(err, ERR_INVALID, "cpus %g: at least 0.01", t->cpus);
	if (t->cpuset_cpus)
		r = check_cpuset("cpuset-cpus", t->cpuset_cpus, err);
	if (r >= 0 && t->cpuset_mems)
		r = check_cpuset("cpuset-mems", t->cpuset_mems, err);
	for (size_t i = 0; i < t->n_ulimits && r >= 0; i++)
		r = check_ulimit(&t->ulimits[i], err);
	for (size_t i = 0; i < t->sysctl.n && r >= 0; i++)
		r = check_sysctl(t->sysctl.v[i].key, err);
	return r;
}

/* The cleaned targets go to @seen. */
static int check_mounts(const struct task *t, struct strv *seen, struct err *err)
{
	for (size_t i = 0; i < t->n_mounts; i++) {
		_cleanup_free_ char *target = path_clean(t->mounts[i].target, NULL);
		int r = check_mount(&t->mounts[i], err);

		if (r < 0)
			return r;
		if (strv_has(seen, target))
			return check_fail("mount target", target, "two mounts have it", err);
		strv_own(seen, TAKE_PTR(target));
	}
	return 0;
}

static int check_platform(const char *s, struct err *err)
{
	size_t slashes = 0;

	for (const char *p = s; *p; p++) {
		slashes += *p == '/';
		if (*p == '/' ? p == s || p[-1] == '/' || !p[1] : !isalnum((unsigned char)*p) && !strchr("._-", *p))
			return check_fail("platform", s, "not OS/ARCHITECTURE[/VARIANT], such as linux/arm64", err);
	}
	return slashes <= 2 && *s ? 0 : check_fail("platform", s, "not OS/ARCHITECTURE[/VARIANT], such as linux/arm64", err);
}

static int check_security(const struct task *t, struct err *err)
{
	if (t->seccomp && strcmp(t->seccomp, "unconfined") != 0 && *t->seccomp != '/')
		return check_fail("seccomp profile", t->seccomp, "neither \"unconfined\" nor an absolute path", err);
	for (size_t i = 0; i < t->masked_paths_off.n; i++)
		if (strcmp(t->masked_paths_off.v[i], "all") != 0)
			return check_fail("masked_paths_off", t->masked_paths_off.v[i], "only \"all\" is known", err);
	for (size_t i = 0; i < t->selinux.n; i++) {
		int r = check_selinux(t->selinux.v[i], err);

		if (r < 0)
			return r;
	}
	return 0;
}

static int check_task(const struct task *t, struct err *err)
{
	_cleanup_strv_ struct strv seen = { 0 };
	int r;

	r = check_process(t, err);
	if (r >= 0 && t->platform)
		r = check_platform(t->platform, err);
	if (r >= 0)
		r = check_security(t, err);
	if (r >= 0)
		r = check_limits(t, err);
	if (r >= 0)
		r = check_mounts(t, &seen, err);
	for (size_t i = 0; i < t->n_devices && r >= 0; i++)
		r = check_device(&t->devices[i], err);
	return r < 0 ? r : check_labels(&t->labels, err);
}

static int check_task_name(const struct job *j, size_t i, struct err *err)
{
	const char *name = j->tasks[i].name;
	size_t room = NAME_ID_MAX - 1 - (j->name ? strlen(j->name) : 0); /* JOB.TASK is an id of containerd */
	int r;

	if (!*name && j->n_tasks == 1)
		return 0;
	r = name_check("task name", name, room, err);
	if (r < 0)
		return r;
	for (size_t k = 0; k < i; k++)
		if (!strcmp(j->tasks[k].name, name))
			return check_fail("task name", name, "two tasks have it", err);
	return 0;
}

static int check_host_network(const struct job *j, const struct task *t, struct err *err)
{
	if (!j->network || strcmp(j->network, "host") != 0)
		return 0;
	for (size_t i = 0; i < t->sysctl.n; i++)
		if (!strncmp(t->sysctl.v[i].key, "net.", 4))
			return check_fail("sysctl", t->sysctl.v[i].key, "with the network \"host\" it would change the host", err);
	return 0;
}

static int check_tasks(const struct job *j, struct err *err)
{
	for (size_t i = 0; i < j->n_tasks; i++) {
		int r = check_task_name(j, i, err);

		if (r < 0)
			return r;
		r = check_task(&j->tasks[i], err);
		if (r >= 0)
			r = check_host_network(j, &j->tasks[i], err);
		if (r < 0)
			return *j->tasks[i].name ? err_wrap(err, r, "task %s", j->tasks[i].name) : r;
	}
	return 0;
}

static int check_runtime(const char *s, struct err *err)
{
	for (const char *p = s; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			return check_fail("runtime", s, "white space or control characters", err);
	if (!*s || (*s != '/' && strchr(s, '/')))
		return check_fail("runtime", s, "neither a name nor an absolute path", err);
	return 0;
}

/* What the job whose network it is in has decided. */
static int check_joins(const struct job *j, struct err *err)
{
	const struct {
		const char *what;
		bool set;
	} others[] = {
		{ "publish", j->n_ports },
		{ "publish-all", j->publish_all },
		{ "expose", j->expose.n },
		{ "hostname", j->hostname },
		{ "dns", j->dns.n },
		{ "dns-search", j->dns_search.n },
		{ "dns-option", j->dns_options.n },
		{ "add-host", j->extra_hosts.n },
	};
	int r = name_check("job in the network \"container:\"", job_joins(j), NAME_ID_MAX, err);

	for (size_t i = 0; r >= 0 && i < sizeof others / sizeof *others; i++)
		if (others[i].set) {
			r = err_set(err, ERR_INVALID, "conflicting options: %s and network %s", others[i].what, j->network);
			return err_hint(err, r, "that is job %s's to say: leave it out here", job_joins(j));
		}
	return r;
}

int job_check(const struct job *j, struct err *err)
{
	int r = 0;

	if (j->name)
		r = name_check("job name", j->name, NAME_JOB_MAX, err);
	if (r >= 0)
		r = shape_check(&job_shape, j, err);
	if (r >= 0 && j->network)
		r = job_joins(j) ? check_joins(j, err) : name_check("network", j->network, NAME_ID_MAX, err);
	if (r >= 0 && j->hostname)
		r = check_hostname(j->hostname, err);
	if (r >= 0 && j->runtime)
		r = check_runtime(j->runtime, err);
	if (r >= 0 && j->snapshotter)
		r = name_check("snapshotter", j->snapshotter, NAME_ID_MAX, err);
	if (r >= 0)
		r = check_ports(j, err);
	if (r >= 0)
		r = check_dns(j, err);
	if (r >= 0)
		r = check_labels(&j->labels, err);
	return r < 0 ? r : check_tasks(j, err);
}
