/* What can be said about a job without looking at the host, beside what each row of the table says: texts of a field, and what
 * is between the fields of one object. */
#include "check.h"
#include "job-table.h"
#include "job-order.h"
#include "mem.h"
#include "name.h"
#include "parse.h"
#include "path.h"
#include "port.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <limits.h>
#include <string.h>

enum { HOSTNAME_MAX = 64 };

/* texts */

int check_job_name(const char *s, const char *unused, struct err *err)
{
	(void)unused;
	return name_check("job name", s, NAME_JOB_MAX, err);
}

int check_network(const char *s, const char *unused, struct err *err)
{
	const char *joins = network_joins(s), *path = network_foreign_netns(s);

	(void)unused;
	if (path && (*path != '/' || strpbrk(path, "\n\r") || strlen(path) >= PATH_MAX))
		return check_fail("network", s, "after \"ns:\" stands the absolute path of a network namespace", err);
	if (path)
		return 0;
	return joins ? name_check("job in the network \"container:\"", joins, NAME_ID_MAX, err)
		     : name_check("network", s, NAME_ID_MAX, err);
}

int check_snapshotter(const char *s, const char *unused, struct err *err)
{
	(void)unused;
	return name_check("snapshotter", s, NAME_ID_MAX, err);
}

int check_hostname(const char *s, const char *unused, struct err *err)
{
	size_t n = strlen(s);

	(void)unused;
	if (!n || n > HOSTNAME_MAX)
		return check_fail("hostname", s, "1 to 64 characters are allowed", err);
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && (!strchr(".-_", s[i]) || i == 0))
			return check_fail("hostname", s, "letters, digits, \".\" and \"-\" are allowed", err);
	return 0;
}

int check_expose(const char *s, const char *unused_value, struct err *err)
{
	_cleanup_strv_ struct strv unused = { 0 };

	(void)unused_value;
	return parse_expose(s, &unused, err);
}

int check_dns(const char *s, const char *unused, struct err *err)
{
	unsigned char ip[16];

	(void)unused;
	if (strcmp(s, JOB_DNS_NONE) != 0 && inet_pton(AF_INET, s, ip) != 1 && inet_pton(AF_INET6, s, ip) != 1)
		return err_hint(err, check_fail("name server", s, "not an IP address", err),
				JOB_DNS_NONE ": the image's own resolv.conf");
	return 0;
}

static int check_resolver_word(const char *noun, const char *s, struct err *err)
{
	return *s && !strpbrk(s, " \t\r\n") ? 0 : check_fail(noun, s, "empty, or with white space", err);
}

int check_dns_search(const char *s, const char *unused, struct err *err)
{
	(void)unused;
	return check_resolver_word("search domain", s, err);
}

int check_dns_option(const char *s, const char *unused, struct err *err)
{
	(void)unused;
	return check_resolver_word("resolver option", s, err);
}

int check_runtime(const char *s, const char *unused, struct err *err)
{
	(void)unused;
	for (const char *p = s; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			return check_fail("runtime", s, "white space or control characters", err);
	if (!*s || (*s != '/' && strchr(s, '/')))
		return check_fail("runtime", s, "neither a name nor an absolute path", err);
	return 0;
}

int check_cwd(const char *s, const char *unused, struct err *err)
{
	(void)unused;
	return *s == '/' ? 0 : check_fail("working folder", s, "not an absolute path", err);
}

int check_user(const char *s, const char *unused, struct err *err)
{
	(void)unused;
	return parse_user(s, err);
}

int check_group(const char *s, const char *unused, struct err *err)
{
	(void)unused;
	return *s && !strchr(s, ':') ? 0 : check_fail("group", s, "not a name or a number", err);
}

int check_signal(const char *s, const char *unused, struct err *err)
{
	int sig;

	(void)unused;
	return parse_signal(s, &sig, err);
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

int check_cpuset_cpus(const char *s, const char *unused, struct err *err)
{
	(void)unused;
	return check_cpuset("cpuset-cpus", s, err);
}

/* What stands in a JSON text of ours, and is looked for below each hierarchy. */
int check_cgroup(const char *s, const char *unused, struct err *err)
{
	(void)unused;
	if (*s != '/' || !s[1] || strlen(s) >= PATH_MAX / 2 || strstr(s, "//") || strpbrk(s, "\"\\:"))
		return check_fail("cgroup", s, "not a path such as /a/b", err);
	for (const char *at = s; at; at = strchr(at + 1, '/'))
		if (!strncmp(at, "/.", 2) || !at[1])
			return check_fail("cgroup", s, "not a path such as /a/b", err);
	for (const char *at = s; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 127)
			return check_fail("cgroup", s, "not a path such as /a/b", err);
	return 0;
}

int check_cpuset_mems(const char *s, const char *unused, struct err *err)
{
	(void)unused;
	return check_cpuset("cpuset-mems", s, err);
}

int check_platform(const char *s, const char *unused, struct err *err)
{
	size_t slashes = 0;

	(void)unused;
	for (const char *p = s; *p; p++) {
		slashes += *p == '/';
		if (*p == '/' ? p == s || p[-1] == '/' || !p[1] : !isalnum((unsigned char)*p) && !strchr("._-", *p))
			return check_fail("platform", s, "not OS/ARCHITECTURE[/VARIANT], such as linux/arm64", err);
	}
	return slashes <= 2 && *s ? 0 : check_fail("platform", s, "not OS/ARCHITECTURE[/VARIANT], such as linux/arm64", err);
}

int check_seccomp(const char *s, const char *unused, struct err *err)
{
	(void)unused;
	if (strcmp(s, "unconfined") != 0 && *s != '/' && *s != '{')
		return check_fail("seccomp profile", s, "neither \"unconfined\" nor an absolute path", err);
	return 0;
}

int check_apparmor(const char *s, const char *unused, struct err *err)
{
	(void)unused;
	return *s ? 0 : check_fail("apparmor", s, "neither \"unconfined\" nor a profile's name", err);
}

/* a port */

int check_port(const void *port, struct err *err)
{
	const struct port *p = port;
	struct in6_addr ip = { 0 };

	if (p->host_ip && inet_pton(AF_INET, p->host_ip, &ip) != 1 && inet_pton(AF_INET6, p->host_ip, &ip) != 1)
		return check_fail("port's address", p->host_ip, "not an IP address", err);
	if (p->host_ip && strchr(p->host_ip, ':') && IN6_IS_ADDR_V4MAPPED(&ip))
		return check_fail("port's address", p->host_ip, "an IPv4 address is written as such", err);
	if (!p->inside && !p->name)
		return err_set(err, ERR_INVALID, "port without inside");
	if (p->host_last && (!p->host || p->host_last < p->host))
		return err_set(err, ERR_INVALID, "port range %u-%u: not a range", p->host, p->host_last);
	return 0;
}

/* a task */

static int check_limits(const struct task *t, struct err *err)
{
	if (t->memory_swap > 0 && !t->memory)
		return err_set(err, ERR_INVALID, "memory-swap without a memory limit: it is memory and swap together");
	if (t->memory_swap > 0 && t->memory_swap < t->memory)
		return err_set(err, ERR_INVALID, "memory-swap %lld is less than memory %lld: it is memory and swap together",
			       (long long)t->memory_swap, (long long)t->memory);
	if (t->memory && t->memory_reservation > t->memory)
		return err_set(err, ERR_INVALID, "memory-reservation %lld is more than memory %lld, the limit",
			       (long long)t->memory_reservation, (long long)t->memory);
	if (t->cpus != 0 && t->cpus < 0.01)
		return err_set(err, ERR_INVALID, "cpus %g: at least 0.01", t->cpus);
	return 0;
}

static int check_targets(const struct task *t, struct err *err)
{
	_cleanup_strv_ struct strv targets = { 0 };
	size_t twice;

	for (size_t i = 0; i < t->n_mounts; i++)
		strv_own(&targets, path_clean(t->mounts[i].target, NULL));
	for (size_t i = 0; i < t->n_files; i++)
		strv_own(&targets, path_clean(t->files[i].target, NULL));
	twice = texts_twice((const char *const *)targets.v, targets.n);
	return twice < targets.n ? check_fail("mount target", targets.v[twice],
					      t->n_files ? "two mounts or files have it" : "two mounts have it", err)
				 : 0;
}

static int check_cpu(const struct task *t, struct err *err)
{
	if (t->cpus != 0 && (t->cpu_quota || t->cpu_period))
		return err_hint(
			err, err_set(err, ERR_INVALID, "conflicting options: cpus and cpu-%s", t->cpu_quota ? "quota" : "period"),
			"cpus 1.5 is a quota of 150000 in a period of 100000");
	return 0;
}

/* A bundle's spec says all that a container is; these are about it, not in it. */
static bool may_be_beside_bundle(const char *key)
{
	static const char *const keys[] = {
		"name",         "bundle",    "args",    "tty",          "stdin_open",    "stop_signal",
		"stop_timeout", "lifecycle", "sidecar", "leader",       "depends_on",    "restart",
		"healthcheck",  "labels",    "log",     "log_max_size", "log_max_files", "log_retention",
	};
	size_t i = 0;

	while (i < sizeof keys / sizeof *keys && strcmp(keys[i], key) != 0)
		i++;
	return i < sizeof keys / sizeof *keys;
}

static int check_beside_bundle(const struct task *t, struct err *err)
{
	_cleanup_json_ json *o = shape_write(&task_shape, t);
	const struct field *f = task_shape.fields;
	size_t i = 0;

	while (i < task_shape.n && (!f[i].key || !json_get(o, f[i].key) || may_be_beside_bundle(f[i].key)))
		i++;
	if (i == task_shape.n)
		return 0;
	return err_hint(
		err,
		err_set(err, ERR_INVALID, "conflicting options: %s and bundle", f[i].flag && !f[i].part ? f[i].flag : f[i].key),
		"the bundle's config.json says it");
}

static int check_what_runs(const struct task *t, struct err *err)
{
	if (t->sandbox && !t->bundle && !t->image)
		return 0;
	if (t->bundle && t->image)
		return err_set(err, ERR_INVALID, "an image and a bundle: only one of them");
	if (t->bundle)
		return check_beside_bundle(t, err);
	return t->image && *t->image ? 0 : err_set(err, ERR_INVALID, "task without image");
}

int check_task(const void *task, struct err *err)
{
	int r = check_what_runs(task, err);

	if (r >= 0)
		r = check_limits(task, err);
	if (r >= 0)
		r = check_cpu(task, err);
	return r < 0 ? r : check_targets(task, err);
}

/* a job */

static int check_clash(const struct job *j, struct err *err)
{
	const size_t i = ports_clash(j->ports, j->n_ports);

	for (size_t k = 0; k < i && i < j->n_ports; k++)
		if (port_clashes(&j->ports[i], &j->ports[k]))
			return err_set(err, ERR_INVALID, "port %d/%s is published twice (to %d and to %d inside)", j->ports[i].host,
				       port_proto_name(j->ports[i].proto), j->ports[k].inside, j->ports[i].inside);
	return 0;
}

/* On the host's network a port with a name is one that the job is told of, and listens on itself. */
static bool all_named(const struct job *j)
{
	size_t i = 0;

	while (i < j->n_ports && j->ports[i].name)
		i++;
	return i == j->n_ports;
}

static int check_forwarding(const struct job *j, struct err *err)
{
	const bool host = j->network && !strcmp(j->network, "host"), none = j->network && !strcmp(j->network, "none"),
		   foreign = job_foreign_netns(j);
	int r;

	if (!host && !none && !foreign)
		return 0;
	if (j->publish_all)
		r = err_set(err, ERR_INVALID, "publish-all: with the network \"%s\" no port is forwarded", j->network);
	else if (j->n_ports && !(host && all_named(j)))
		r = err_set(err, ERR_INVALID, "port %d cannot be published with the network \"%s\": %s", j->ports[0].inside,
			    j->network,
			    host      ? "the job listens on the host itself"
			    : foreign ? "whoever made the namespace forwards its ports"
				      : "nothing leads to the job");
	else
		return 0;
	return err_hint(err, r, j->publish_all ? "leave out the one or the other" : "leave out the port or the network");
}

static int check_ports(const struct job *j, struct err *err)
{
	int r = check_clash(j, err);

	return r < 0 ? r : check_forwarding(j, err);
}

static bool is_host(const char *mode) { return mode && !strcmp(mode, "host"); }
static bool has_users(const struct task *t) { return t->userns && !is_host(t->userns); }

/* The host's name is not the job's to set, nor its shared memory, and who is root there is none of the host. */
static int check_task_namespaces(const struct job *j, const struct task *t, struct err *err)
{
	const bool users = has_users(t), net = is_host(j->network), foreign = job_foreign_netns(j);
	const struct {
		bool bad;
		const char *one, *other, *hint;
	} rows[] = {
		{ is_host(t->uts) && j->hostname, "hostname", "uts host", "the host has its name" },
		{ is_host(t->ipc) && t->shm_size != 64 << 20, "shm-size", "ipc host", "/dev/shm is the host's" },
		{ users && t->privileged, "privileged", "userns private", "what is privileged is the host's root: --userns host" },
		{ users && is_host(t->pid), "pid host", "userns private", "--userns host, or a process namespace of its own" },
		{ users && net, "network host", "userns private", "--userns host, or a network of its own" },
		{ users && foreign, "network ns:", "userns private", "the namespace is the host's root's: --userns host" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (rows[i].bad)
			return err_hint(err,
					err_set(err, ERR_INVALID, "conflicting options: %s and %s", rows[i].one, rows[i].other),
					"%s", rows[i].hint);
	for (size_t i = 0; i < t->sysctl.n; i++) {
		const char *key = t->sysctl.v[i].key;
		const bool uts = !strcmp(key, "kernel.domainname"), ipc = !uts && strncmp(key, "net.", 4) != 0;

		if ((ipc && is_host(t->ipc)) || (uts && is_host(t->uts)))
			return check_fail("sysctl", key,
					  ipc ? "with ipc host it would change the host" : "with uts host it would change the host",
					  err);
	}
	return 0;
}

/* A namespace belongs to a user namespace: whoever joins one is in the other as well. */
static int check_shared_users(const struct job *j, const struct task *t, struct err *err)
{
	const char *const modes[] = { t->pid, t->ipc, t->uts };

	for (size_t m = 0; m < sizeof modes / sizeof *modes; m++)
		for (size_t i = 0; modes[m] && !strncmp(modes[m], "task:", 5) && i < j->n_tasks; i++)
			if (!strcmp(j->tasks[i].name, modes[m] + 5) && has_users(&j->tasks[i]) != has_users(t))
				return err_set(err, ERR_INVALID,
					       "task %s: it shares a namespace with task %s, and has another userns", t->name,
					       j->tasks[i].name);
	return 0;
}

/* The first whose name another has. */
static size_t tasks_twice(const struct job *j)
{
	const char **names = mem_array(const char *, j->n_tasks + 1);
	size_t twice;

	for (size_t i = 0; i < j->n_tasks; i++)
		names[i] = j->tasks[i].name;
	twice = texts_twice(names, j->n_tasks);
	free(names);
	return twice;
}

static int check_task_name(const struct job *j, size_t i, size_t twice, struct err *err)
{
	const char *name = j->tasks[i].name;
	size_t room = NAME_ID_MAX - 1 - (j->name ? strlen(j->name) : 0); /* JOB.TASK is an id of containerd */
	int r;

	if (!*name && j->n_tasks == 1)
		return 0;
	r = name_check("task name", name, room, err);
	if (r < 0)
		return r;
	return i == twice ? check_fail("task name", name, "two tasks have it", err) : 0;
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
	const size_t twice = tasks_twice(j);

	for (size_t i = 0; i < j->n_tasks; i++) {
		int r = check_task_name(j, i, twice, err);

		if (r >= 0 && j->n_tasks > 1 && j->tasks[i].cgroup)
			r = err_set(err, ERR_INVALID, "task %s: a cgroup of somebody else's is for jobs of one task",
				    j->tasks[i].name);
		if (r >= 0)
			r = check_host_network(j, &j->tasks[i], err);
		if (r >= 0)
			r = check_task_namespaces(j, &j->tasks[i], err);
		if (r >= 0)
			r = check_shared_users(j, &j->tasks[i], err);
		if (r < 0)
			return r;
	}
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
		{ "ip", j->ips.n },
		{ "mac-address", j->mac },
		{ "network-alias", j->aliases.n },
		{ "host-dns", j->host_dns },
	};

	for (size_t i = 0; job_joins(j) && i < sizeof others / sizeof *others; i++)
		if (others[i].set) {
			int r = err_set(err, ERR_INVALID, "conflicting options: %s and network %s", others[i].what, j->network);
			return err_hint(err, r, "that is job %s's to say: leave it out here", job_joins(j));
		}
	return 0;
}

/* Files and names that davit gives a container, where every task is a bundle, whose spec says what it has of them. */
static int check_bundles(const struct job *j, struct err *err)
{
	const struct {
		const char *what;
		bool set;
	} others[] = {
		{ "hostname", j->hostname },        { "dns", j->dns.n },         { "dns-search", j->dns_search.n },
		{ "dns-option", j->dns_options.n }, { "host-dns", j->host_dns }, { "add-host", j->extra_hosts.n },
		{ "snapshotter", j->snapshotter },
	};
	size_t bundles = 0;

	while (bundles < j->n_tasks && j->tasks[bundles].bundle)
		bundles++;
	for (size_t i = 0; j->n_tasks && bundles == j->n_tasks && i < sizeof others / sizeof *others; i++)
		if (others[i].set)
			return err_hint(err, err_set(err, ERR_INVALID, "conflicting options: %s and bundle", others[i].what),
					"the bundle's config.json says it");
	return 0;
}

/* The sandbox of a pod that was there before, as davit wrote it down. */
static int check_sandbox(const struct job *j, struct err *err)
{
	for (size_t i = 0; i < j->n_tasks; i++) {
		const struct task *t = &j->tasks[i];

		if (t->sandbox && (i || j->n_tasks == 1 || t->image || t->bundle || !t->sidecar || t->lifecycle != LIFE_PRESTART))
			return err_hint(err, err_set(err, ERR_INVALID, "task %s: it is no sandbox as davit makes it", t->name),
					"leave out the key sandbox: davit adds such a task itself");
	}
	return 0;
}

/* What only a network of the job's own can have. */
static int check_alone(const struct job *j, struct err *err)
{
	const struct {
		const char *what;
		bool set;
	} others[] = {
		{ "ip", j->ips.n },
		{ "mac-address", j->mac },
		{ "network-alias", j->aliases.n },
		{ "further networks", j->n_networks },
	};
	const bool none = j->network && !strcmp(j->network, "none"), host = j->network && !strcmp(j->network, "host"),
		   others_own = job_joins(j) || job_foreign_netns(j);

	for (size_t i = 0; (none || host || others_own) && i < sizeof others / sizeof *others; i++)
		if (others[i].set)
			return err_set(err, ERR_INVALID, "conflicting options: %s and network %s", others[i].what, j->network);
	return 0;
}

/* The image's resolv.conf stays as it is, or davit writes one. */
static int check_no_dns(const struct job *j, struct err *err)
{
	const char *other = j->dns.n > 1 ? "another dns" : j->dns_search.n ? "dns-search" : j->dns_options.n ? "dns-option" : NULL;

	if (!strv_has(&j->dns, JOB_DNS_NONE) || !other)
		return 0;
	return err_set(err, ERR_INVALID, "conflicting options: dns " JOB_DNS_NONE " and %s: the image's resolv.conf stays as it is",
		       other);
}

static int check_networks(const struct job *j, struct err *err)
{
	const char **names = mem_array(const char *, j->n_networks + 1);
	size_t twice;

	names[0] = j->network ? j->network : "";
	for (size_t i = 0; i < j->n_networks; i++)
		names[i + 1] = j->networks[i].name;
	twice = texts_twice(names, j->n_networks + 1);
	free(names);
	if (twice <= j->n_networks)
		return check_fail("network", j->networks[twice - 1].name, "the job is on it already", err);
	if (j->n_networks >= JOB_NETWORKS_MAX)
		return err_set(err, ERR_INVALID, "job on %zu networks: at most %d", j->n_networks + 1, JOB_NETWORKS_MAX);
	return 0;
}

int check_job(const void *job, struct err *err)
{
	int r = check_joins(job, err);

	if (r >= 0)
		r = check_bundles(job, err);
	if (r >= 0)
		r = check_sandbox(job, err);
	if (r >= 0)
		r = check_alone(job, err);
	if (r >= 0)
		r = check_no_dns(job, err);
	if (r >= 0)
		r = check_networks(job, err);
	if (r >= 0)
		r = check_ips(&((const struct job *)job)->ips, err);
	if (r >= 0)
		r = check_ports(job, err);
	if (r >= 0)
		r = check_tasks(job, err);
	return r < 0 ? r : job_order_check(job, err);
}
