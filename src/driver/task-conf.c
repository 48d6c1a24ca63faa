/* A task's options, of three drivers: what has the same meaning under several names is several rows for one field. */
#include "task-conf.h"
#include "check.h"
#include "mem.h"
#include "mount-option.h"
#include "nomaddriver.pb-c.h"
#include "task-mount-conf.h"
#include "tree-msgpack.h"
#include "ulimit.h"
#include "value.h"
#include <string.h>

enum { TASK_CPU_PERIOD = 100000 };
#define MIB (INT64_C(1) << 20)

/* ---- process */

static int add_word(const struct node *n, void *into, struct err *err)
{
	const char *text = "";
	int r = option_text(n, &text, err);

	if (r >= 0)
		strv_push(into, text);
	return r;
}

/* A list, or of podman one text. As Docker has it, an empty list is none, and [""] is one that clears the image's. */
static int read_entrypoint(const struct node *n, void *into, struct err *err)
{
	struct task_conf *c = into;
	int r;

	strv_done(&c->entrypoint);
	r = option_each(n, add_word, &c->entrypoint, err);
	c->has_entrypoint = r >= 0 && c->entrypoint.n;
	if (c->entrypoint.n == 1 && !*c->entrypoint.v[0])
		strv_done(&c->entrypoint);
	return r;
}

static const struct option health_rows[] = {
	{ "disable", OPTION_BOOL, .from = FROM_DOCKER, .at = offsetof(struct task_conf, no_healthcheck), .value = "false",
	  .doc = "the image's health check is not run" },
	{ .name = NULL },
};

/* ---- namespaces */

/* "host", or what is the default anyway. */
static int read_mode(const struct node *n, const char *defaults, char **into, struct err *err)
{
	const char *text = "";
	int r = option_text(n, &text, err);

	if (r < 0 || !*text)
		return r;
	if (strcmp(text, "host") != 0 && strcmp(text, "private") != 0 && (!*defaults || strcmp(text, defaults) != 0)) {
		r = err_set(err, ERR_INVALID, "\"%.80s\": host and private%s%s are known", text, *defaults ? " and " : "",
			    defaults);
		return strncmp(text, "container:", 10) != 0 && strncmp(text, "task:", 5) != 0
			       ? r
			       : err_hint(err, r, "tasks of a group share its network, and nothing else");
	}
	free(*into);
	*into = mem_strdup(strcmp(text, "host") != 0 ? "private" : text);
	return 0;
}

static int read_pid_mode(const struct node *n, void *into, struct err *err)
{
	return read_mode(n, "", &((struct task_conf *)into)->pid_mode, err);
}
static int read_ipc_mode(const struct node *n, void *into, struct err *err)
{
	return read_mode(n, "shareable", &((struct task_conf *)into)->ipc_mode, err);
}
static int read_uts_mode(const struct node *n, void *into, struct err *err)
{
	return read_mode(n, "", &((struct task_conf *)into)->uts_mode, err);
}
static int read_userns_mode(const struct node *n, void *into, struct err *err)
{
	return read_mode(n, "", &((struct task_conf *)into)->userns_mode, err);
}
static int read_cgroupns(const struct node *n, void *into, struct err *err)
{
	return read_mode(n, "", &((struct task_conf *)into)->cgroupns, err);
}

static int read_network_mode(const struct node *n, void *into, struct err *err)
{
	struct task_conf *c = into;
	const char *text = "";
	int r = option_text(n, &text, err);

	if (r < 0 || !*text || !strcmp(text, "default"))
		return r;
	if (!strcmp(text, "host"))
		c->host_network = true;
	else if (!strcmp(text, "none"))
		c->no_network = true;
	else
		return err_hint(
			err, err_set(err, ERR_INVALID, "\"%.80s\": host and none are known; other networks are the group's", text),
			!strcmp(text, "bridge") ? "network { mode = \"bridge\" }" : "network { mode = \"cni/NAME\" }");
	return 0;
}

static int read_host_dns(const struct node *n, void *into, struct err *err)
{
	bool yes = true;
	int r = option_bool(n, &yes, err);

	((struct task_conf *)into)->image_dns = !yes;
	return r;
}

/* ---- security */

static int read_seccomp(const struct node *n, void *into, struct err *err)
{
	struct task_conf *c = into;
	bool yes = true;
	int r = option_bool(n, &yes, err);

	if (r >= 0)
		c->no_seccomp = !yes;
	return r;
}

static int opt_seccomp(struct task_conf *c, const char *value, struct err *err)
{
	(void)err;
	c->no_seccomp = !strcmp(value, "unconfined");
	free(c->seccomp_profile);
	c->seccomp_profile = c->no_seccomp || !strcmp(value, "builtin") ? NULL : mem_strdup(value);
	return 0;
}

static int opt_apparmor(struct task_conf *c, const char *value, struct err *err)
{
	int r = check_apparmor(value, NULL, err);

	if (r < 0)
		return r;
	free(c->apparmor);
	c->apparmor = mem_strdup(value);
	return 0;
}

static int opt_label(struct task_conf *c, const char *value, struct err *err)
{
	_cleanup_free_ char *label = mem_strdup(value);
	char *equals = strchr(label, '=');
	int r;

	if (equals && !strchr(label, ':'))
		*equals = ':';
	r = check_selinux(label, NULL, err);
	if (r >= 0)
		strv_push(&c->selinux, label);
	return r;
}

static int opt_no_new_privileges(struct task_conf *c, const char *value, struct err *err)
{
	bool yes = true;

	if (*value && !parse_switch(value, &yes))
		return err_set(err, ERR_INVALID, "\"%.80s\", where true or false is wanted", value);
	c->new_privileges = !yes;
	c->no_new_privileges = yes;
	return 0;
}

static int opt_systempaths(struct task_conf *c, const char *value, struct err *err)
{
	if (strcmp(value, "unconfined") != 0)
		return err_set(err, ERR_INVALID, "\"%.80s\": only unconfined is known", value);
	c->unmask_paths = true;
	return 0;
}

static const struct {
	const char *name;
	int (*put)(struct task_conf *, const char *value, struct err *err);
} security_opts[] = {
	{ "seccomp", opt_seccomp },
	{ "apparmor", opt_apparmor },
	{ "label", opt_label },
	{ "no-new-privileges", opt_no_new_privileges },
	{ "systempaths", opt_systempaths },
};

/* "seccomp=unconfined", or with a colon */
static int add_security_opt(const struct node *n, void *into, struct err *err)
{
	const char *text = "";
	int r = option_text(n, &text, err);
	const size_t name = strcspn(text, "=:");

	for (size_t i = 0; r >= 0 && i < sizeof security_opts / sizeof *security_opts; i++)
		if (strlen(security_opts[i].name) == name && !strncmp(text, security_opts[i].name, name)) {
			r = security_opts[i].put(into, text[name] ? text + name + 1 : "", err);
			return r < 0 ? err_wrap(err, r, "%s", security_opts[i].name) : r;
		}
	return r < 0 ? r
		     : err_hint(err, err_set(err, ERR_INVALID, "\"%.80s\" is not known", text),
				"seccomp=, apparmor=, label=, no-new-privileges, systempaths=unconfined");
}

static int read_security_opt(const struct node *n, void *into, struct err *err)
{
	return option_each(n, add_security_opt, into, err);
}

static int add_selinux(const struct node *n, void *into, struct err *err)
{
	const char *text = "";
	int r = option_text(n, &text, err);

	return r < 0 ? r : opt_label(into, text, err);
}

static int read_selinux_opts(const struct node *n, void *into, struct err *err) { return option_each(n, add_selinux, into, err); }

static int read_cap_add(const struct node *n, void *into, struct err *err)
{
	return conf_caps(n, &((struct task_conf *)into)->cap_add, err);
}
static int read_cap_drop(const struct node *n, void *into, struct err *err)
{
	return conf_caps(n, &((struct task_conf *)into)->cap_drop, err);
}

/* ---- files */

/* What it makes of `volumes` is conf_finish()'s. */
static int read_volume_driver(const struct node *n, void *into, struct err *err)
{
	const char *text = "";
	int r = option_text(n, &text, err);

	(void)into;
	return r < 0 || !*text || !strcmp(text, "local") ? r : err_set(err, ERR_INVALID, "\"%.80s\": only local is known", text);
}

/* ---- resources */

static int read_memory_hard_limit(const struct node *n, void *into, struct err *err)
{
	struct task_conf *c = into;
	int64_t mib = 0;
	int r = option_number(n, 0, 1 << 30, &mib, err);

	if (r >= 0)
		c->memory_hard_limit = mib * MIB;
	return r;
}

static int read_memory_swap(const struct node *n, void *into, struct err *err)
{
	struct task_conf *c = into;
	const char *text = "";
	int r = option_text(n, &text, err);

	if (r < 0 || !*text)
		return r;
	if (!strcmp(text, "-1") || !strcmp(text, "unlimited")) {
		c->memory_swap = -1;
		return 0;
	}
	return parse_size("size", text, &c->memory_swap, err);
}

/* "1024", "1024:2048", "-1" or "unlimited" */
static bool is_limit(const char *s, size_t n)
{
	return (n == 2 && !strncmp(s, "-1", 2)) || (n == 9 && !strncmp(s, "unlimited", 9)) ||
	       (n && n < 20 && strspn(s, "0123456789") >= n);
}

static int check_ulimit_text(const char *name, const char *value, struct err *err)
{
	const size_t soft = strcspn(value, ":");
	const char *nearest;

	if (ulimit_resource(name) < 0) {
		nearest = ulimit_nearest(name);
		return nearest ? err_hint(err, err_set(err, ERR_INVALID, "there is no such limit"), "%s?", nearest)
			       : err_set(err, ERR_INVALID, "there is no such limit");
	}
	if (is_limit(value, soft) && (!value[soft] || is_limit(value + soft + 1, strlen(value + soft + 1))))
		return 0;
	return err_hint(err, err_set(err, ERR_INVALID, "\"%.80s\" is not SOFT[:HARD]", value), "\"1024:2048\", \"unlimited\"");
}

/* ---- the rest */

/* podman's: which of its sockets */
static int read_socket(const struct node *n, void *into, struct err *err)
{
	const char *text = "";
	int r = option_text(n, &text, err);

	(void)into;
	return r < 0 || !*text || !strcmp(text, "default") ? r
							   : err_set(err, ERR_INVALID, "\"%.80s\": there is one containerd", text);
}

#define AT(field) .at = offsetof(struct task_conf, field)
#define HAS(field) .has = offsetof(struct task_conf, field)
#define NET_DOC "addresses and names on a network are the group's: network { mode = \"cni/NAME\" }"
#define FIRST_DOC "as `mounts`: one block each"

static const struct option task_rows[] = {
	/* image */
	{ "image", OPTION_TEXT, .from = OPTION_ALL, .required = true, AT(image), .doc = "its name, as with docker" },
	{ "load", OPTION_TEXT, .from = FROM_DOCKER, AT(load), .doc = "an archive in the task's folder that has the image" },
	{ "force_pull", OPTION_BOOL, .from = OPTION_D_P, AT(force_pull), .value = "false",
	  .doc = "ask the registry even where the image is; Roblox's driver always did" },
	{ "image_pull_timeout", OPTION_SPAN, .from = OPTION_ALL, AT(image_pull_timeout), .min = OPTION_SEC,
	  .max = 10080 * OPTION_MIN, .otherwise = "the driver's, `5m`", .doc = "how long a pull may take" },
	{ "auth", OPTION_BLOCK, .from = OPTION_ALL, AT(auth), .nested = conf_auth_rows,
	  .doc = "of the registry; whatever it says is taken in the place of the whole of the driver's" },
	{ "auth_soft_fail", OPTION_BOOL, .from = OPTION_D_P, AT(auth_soft_fail), .value = "false",
	  .doc = "where no credentials can be had, pull without" },
	{ "os", OPTION_TEXT, .from = FROM_PODMAN, AT(os), .otherwise = "`linux`", .doc = "of the image's platform" },
	{ "arch", OPTION_TEXT, .from = FROM_PODMAN, AT(arch), .otherwise = "the host's", .doc = "of the image's platform" },
	{ "variant", OPTION_TEXT, .from = FROM_PODMAN, AT(variant), .otherwise = "the host's", .doc = "of the image's platform" },
	/* process */
	{ "command", OPTION_TEXT, .from = OPTION_ALL, AT(command), .otherwise = "the image's CMD", .doc = "behind the entrypoint" },
	{ "args", OPTION_TEXTS, .from = OPTION_ALL, AT(args), .doc = "of the command; without one they stand for the image's CMD" },
	{ "entrypoint", OPTION_ANY, .from = OPTION_ALL, AT(entrypoint), .read = read_entrypoint, .otherwise = "the image's",
	  .doc = "a list, or one text; `[\"\"]` is none" },
	{ "cwd", OPTION_TEXT, .from = FROM_ROBLOX, AT(cwd), .check = check_cwd, .otherwise = "the image's",
	  .doc = "working directory" },
	{ "work_dir", OPTION_TEXT, .from = FROM_DOCKER, AT(cwd), .check = check_cwd, .otherwise = "the image's",
	  .doc = "the same" },
	{ "working_dir", OPTION_TEXT, .from = FROM_PODMAN, AT(cwd), .check = check_cwd, .otherwise = "the image's",
	  .doc = "the same" },
	{ "group_add", OPTION_TEXTS, .from = FROM_DOCKER, AT(group_add), .check = check_group, .doc = "further groups" },
	{ "init", OPTION_BOOL, .from = OPTION_D_P, AT(init), .value = "false", .doc = "davit-init is process 1" },
	{ "init_path", OPTION_TEXT, OPTION_MAPPED, FROM_PODMAN, .at = OPTION_NOWHERE,
	  .doc = "nothing is made of it: `init` is davit's own" },
	{ "tty", OPTION_BOOL, .from = OPTION_D_P, AT(tty), .value = "false", .doc = "a terminal" },
	{ "interactive", OPTION_BOOL, .from = FROM_DOCKER, AT(interactive), .value = "false", .doc = "standard input stays open" },
	{ "healthchecks", OPTION_BLOCK, .from = FROM_DOCKER, .nested = health_rows, .doc = "of the image" },
	/* what it runs in */
	{ "runtime", OPTION_TEXT, .from = FROM_DOCKER, AT(runtime), .check = check_runtime, .otherwise = "the driver's",
	  .doc = "`runc`, `crun`, `kata`, `runsc` (gVisor), `davit`, or containerd's name of another" },
	{ "snapshotter", OPTION_TEXT, AT(snapshotter), .check = check_snapshotter, .otherwise = "the driver's",
	  .doc = "how the container gets its files" },
	{ "hostname", OPTION_TEXT, .from = OPTION_ALL, AT(hostname), .check = check_hostname, .otherwise = "made of task and alloc",
	  .doc = "its host name, in `/etc/hosts` too" },
	{ "host_network", OPTION_BOOL, .from = FROM_ROBLOX, AT(host_network), .value = "false",
	  .doc = "the host's network; not where the group has one of its own" },
	{ "network_mode", OPTION_TEXT, OPTION_MAPPED, OPTION_D_P, .at = OPTION_NOWHERE, .read = read_network_mode,
	  .otherwise = "the group's", .doc = "`host` as `host_network`, `none`; others are the group's `network` block" },
	{ "ports", OPTION_TEXTS, OPTION_MAPPED, OPTION_D_P, AT(ports),
	  .doc = "labels of the group's `network` block, which publishes all of them" },
	{ "host_dns", OPTION_BOOL, .from = FROM_ROBLOX, .at = OPTION_NOWHERE, .read = read_host_dns, .otherwise = "`true`",
	  .doc = "the host's name servers, where nothing else says some; `false`: the image's own `resolv.conf`, but in the host's "
		 "network" },
	{ "dns_servers", OPTION_TEXTS, .from = FROM_DOCKER, AT(dns_servers), .check = check_dns, .doc = "before the driver's" },
	{ "dns_search_domains", OPTION_TEXTS, .from = FROM_DOCKER, AT(dns_search_domains), .check = check_dns_search,
	  .doc = "`search` of `resolv.conf`" },
	{ "dns_options", OPTION_TEXTS, .from = FROM_DOCKER, AT(dns_options), .check = check_dns_option,
	  .doc = "`options` of `resolv.conf`" },
	{ "extra_hosts", OPTION_TEXTS, .from = OPTION_ALL, AT(extra_hosts), .check = check_extra_host,
	  .doc = "`NAME:IP` for `/etc/hosts`" },
	{ "pid_mode", OPTION_TEXT, .from = OPTION_R_D, AT(pid_mode), .read = read_pid_mode, .otherwise = "`private`",
	  .doc = "`host`: it sees the host's processes" },
	{ "ipc_mode", OPTION_TEXT, .from = OPTION_D_P, AT(ipc_mode), .read = read_ipc_mode, .otherwise = "`private`",
	  .doc = "`host`: the host's shared memory; `shareable` is `private`" },
	{ "uts_mode", OPTION_TEXT, .from = FROM_DOCKER, AT(uts_mode), .read = read_uts_mode, .otherwise = "`private`",
	  .doc = "`host`: the host's name" },
	{ "userns_mode", OPTION_TEXT, .from = FROM_DOCKER, AT(userns_mode), .read = read_userns_mode, .otherwise = "`host`",
	  .doc = "`private`: the container's root is nobody on the host" },
	{ "userns", OPTION_TEXT, .from = FROM_PODMAN, AT(userns_mode), .read = read_userns_mode, .otherwise = "`host`",
	  .doc = "the same" },
	{ "cgroupns", OPTION_TEXT, .from = FROM_DOCKER, AT(cgroupns), .read = read_cgroupns,
	  .otherwise = "`private` with cgroup v2 alone, else `host`", .doc = "`host`: it sees the host's cgroups" },
	/* security */
	{ "privileged", OPTION_BOOL, .from = OPTION_ALL, AT(privileged), .value = "false", .doc = "all capabilities and devices" },
	{ "readonly_rootfs", OPTION_BOOL, .from = OPTION_ALL, AT(readonly_rootfs), .value = "false",
	  .doc = "the image cannot be written to; `/run` can, and keeps nothing" },
	{ "cap_add", OPTION_TEXTS, .from = OPTION_ALL, AT(cap_add), .read = read_cap_add, .doc = "with or without `CAP_`, `all`" },
	{ "cap_drop", OPTION_TEXTS, .from = OPTION_ALL, AT(cap_drop), .read = read_cap_drop,
	  .doc = "with or without `CAP_`, `all`" },
	{ "seccomp", OPTION_BOOL, .from = FROM_ROBLOX, .at = OPTION_NOWHERE, .read = read_seccomp, .otherwise = "`true`",
	  .doc = "`false`: no system call is forbidden. Roblox's driver has `false` by default" },
	{ "seccomp_profile", OPTION_TEXT, .from = FROM_ROBLOX, AT(seccomp_profile), .otherwise = "davit's",
	  .doc = "a file of the task's (`local/x`, `/local/x`, `secrets/x` ...) or the host's" },
	{ "apparmor_profile", OPTION_TEXT, .from = FROM_PODMAN, AT(apparmor), .check = check_apparmor,
	  .otherwise = "`davit-default`", .doc = "a profile that is loaded, or `unconfined`" },
	{ "security_opt", OPTION_TEXTS, .from = OPTION_D_P, .at = OPTION_NOWHERE, .read = read_security_opt,
	  .doc = "`seccomp=`, `apparmor=`, `label=`, `no-new-privileges`, `systempaths=unconfined`" },
	{ "selinux_opts", OPTION_TEXTS, .from = FROM_PODMAN, .at = OPTION_NOWHERE, .read = read_selinux_opts,
	  .doc = "`disable`, `type:T`, `level:L` ..." },
	/* files */
	{ "mounts", OPTION_BLOCKS, .from = OPTION_R_D, .at = OPTION_NOWHERE, .nested = task_mount_rows, .read = task_mount_read,
	  .doc = "what is mounted; a list, or blocks" },
	{ "mount", OPTION_BLOCKS, .from = FROM_DOCKER, .at = OPTION_NOWHERE, .nested = task_mount_rows, .read = task_mount_read,
	  .doc = FIRST_DOC },
	{ "volumes", OPTION_TEXTS, .from = OPTION_D_P, .at = OPTION_NOWHERE, .read = task_volumes_read,
	  .doc = "`SOURCE:TARGET[:OPTIONS]`; a source that is no absolute path is in the task's folder" },
	{ "volume_driver", OPTION_TEXT, .from = FROM_DOCKER, .at = OPTION_NOWHERE, .read = read_volume_driver,
	  .doc = "`local`: sources of `volumes` are volumes' names" },
	{ "tmpfs", OPTION_TEXTS, .from = FROM_PODMAN, .at = OPTION_NOWHERE, .read = task_tmpfs_read, .doc = "`TARGET[:OPTIONS]`" },
	{ "shm_size", OPTION_SIZE, .from = OPTION_ALL, AT(shm_size), .min = 1, .max = INT64_MAX, .otherwise = "`64m`",
	  .doc = "of `/dev/shm`: bytes, or a text such as `128M`" },
	{ "devices", OPTION_ANY, .from = OPTION_ALL, .at = OPTION_NOWHERE, .read = task_devices_read, .nested = task_device_rows,
	  .doc = "a list of `HOST[:CONTAINER[:rwm]]`, or blocks; or CDI's names, `nvidia.com/gpu=all`" },
	{ "storage_opt", OPTION_ANY, OPTION_REFUSED, FROM_DOCKER, .doc = "snapshotters have no options of a container" },
	/* resources */
	{ "cpu_hard_limit", OPTION_BOOL, .from = FROM_DOCKER, AT(cpu_hard_limit), .value = "false",
	  .doc = "no more processor time than `resources { cpu }`" },
	{ "cpu_cfs_period", OPTION_NUMBER, .from = OPTION_D_P, AT(cpu_cfs_period), .min = 0, .max = 1000000, .value = "100000",
	  .doc = "microseconds of that limit's period, from 1000 on" },
	{ "cpuset_cpus", OPTION_TEXT, OPTION_REFUSED, FROM_DOCKER, .doc = "Nomad gives processors: resources { cores }" },
	{ "memory_hard_limit", OPTION_NUMBER, .from = FROM_DOCKER, AT(memory_hard_limit), .read = read_memory_hard_limit,
	  .otherwise = "none", .doc = "MB; then `memory` is what is kept for it" },
	{ "memory_reservation", OPTION_SIZE, .from = FROM_PODMAN, AT(memory_reservation), .max = INT64_MAX, .otherwise = "none",
	  .doc = "what is kept for it" },
	{ "memory_swap", OPTION_SIZE, .from = FROM_PODMAN, AT(memory_swap), .read = read_memory_swap, .otherwise = "no swap",
	  .doc = "memory and swap together; `-1`: without limit" },
	{ "memory_swappiness", OPTION_INT, .from = FROM_PODMAN, AT(memory_swappiness), .max = 100, .otherwise = "the host's",
	  .doc = "0 to 100, with cgroup v1" },
	{ "pids_limit", OPTION_NUMBER, .from = OPTION_ALL, AT(pids_limit), .min = -1, .max = 1 << 22, .otherwise = "the driver's",
	  .doc = "processes; `-1`: without limit" },
	{ "oom_score_adj", OPTION_INT, .from = OPTION_D_P, AT(oom_score_adj), HAS(has_oom_score_adj), .min = -1000, .max = 1000,
	  .otherwise = "the driver's", .doc = "how soon it is killed for want of memory" },
	{ "ulimit", OPTION_DICT, .from = OPTION_D_P, AT(ulimit), .check = check_ulimit_text, .doc = "`nofile = \"1024:2048\"`" },
	{ "sysctl", OPTION_DICT, .from = OPTION_ALL, AT(sysctl), .check = check_sysctl,
	  .doc = "kernel parameters of its namespaces" },
	/* the rest */
	{ "labels", OPTION_DICT, .from = OPTION_D_P, AT(labels), .check = check_label, .doc = "of the container" },
	{ "logging", OPTION_BLOCK, .from = OPTION_D_P, AT(logging), .nested = conf_logging_rows, .doc = "where its output goes" },
	{ "container_exists_attempts", OPTION_NUMBER, OPTION_MAPPED, FROM_DOCKER, .at = OPTION_NOWHERE,
	  .doc = "nothing is made of it: names of containers never clash" },
	{ "socket", OPTION_TEXT, OPTION_MAPPED, FROM_PODMAN, .at = OPTION_NOWHERE, .read = read_socket,
	  .doc = "`default` is passed over, others are refused: there is one containerd" },
	/* what is not to be had */
	{ "advertise_ipv6_address", OPTION_BOOL, OPTION_REFUSED, FROM_DOCKER,
	  .doc = "addresses are the group's: service { address_mode = \"alloc\" }" },
	{ "network_aliases", OPTION_TEXTS, OPTION_REFUSED, FROM_DOCKER, .doc = NET_DOC },
	{ "ipv4_address", OPTION_TEXT, OPTION_REFUSED, FROM_DOCKER, .doc = NET_DOC },
	{ "ipv6_address", OPTION_TEXT, OPTION_REFUSED, FROM_DOCKER, .doc = NET_DOC },
	{ "mac_address", OPTION_TEXT, OPTION_REFUSED, FROM_DOCKER, .doc = NET_DOC },
	{ "static_ips", OPTION_ANY, OPTION_REFUSED, FROM_PODMAN, .doc = NET_DOC },
	{ "static_mac", OPTION_TEXT, OPTION_REFUSED, FROM_PODMAN, .doc = NET_DOC },
	{ "port_map", OPTION_ANY, OPTION_REFUSED, OPTION_D_P,
	  .doc = "the group's network has ports: network { port \"http\" { to = 80 } }" },
	{ "isolation", OPTION_TEXT, OPTION_REFUSED, FROM_DOCKER, .doc = "it is for Windows" },
	{ .name = NULL },
};

void task_conf_free(struct task_conf *c)
{
	if (!c)
		return;
	option_done(task_rows, c);
	strv_done(&c->entrypoint);
	strv_done(&c->selinux);
	strv_done(&c->cdi_devices);
	for (size_t i = 0; i < c->n_mounts; i++)
		conf_mount_done(&c->mounts[i]);
	free(c->mounts);
	for (size_t i = 0; i < c->n_devices; i++)
		conf_device_done(&c->devices[i]);
	free(c->devices);
	free(c);
}

/* A source of `volumes` without a slash is a volume's name where who keeps them is said; nothing is made on the host for it then.
 */
static void mount_is_volume(struct conf_mount *m)
{
	struct strv kept = { 0 };

	if (m->type != CONF_MOUNT_BIND || !strv_has(&m->options, MOUNT_CREATE) || strchr(m->source, '/'))
		return;
	m->type = CONF_MOUNT_VOLUME;
	for (size_t i = 0; i < m->options.n; i++)
		if (strcmp(m->options.v[i], MOUNT_CREATE) != 0)
			strv_push(&kept, m->options.v[i]);
	strv_done(&m->options);
	m->options = kept;
}

/* What is between the options. */
static int conf_finish(struct task_conf *c, const struct node *map, struct err *err)
{
	const char *driver = node_text(node_get(map, "volume_driver"));

	for (size_t i = 0; driver && *driver && i < c->n_mounts; i++)
		mount_is_volume(&c->mounts[i]);
	if (c->cpu_cfs_period && c->cpu_cfs_period < 1000)
		return err_set(err, ERR_INVALID, "option cpu_cfs_period: %lld: 1000 to 1000000 are allowed",
			       (long long)c->cpu_cfs_period);
	c->cpu_cfs_period = c->cpu_cfs_period ? c->cpu_cfs_period : TASK_CPU_PERIOD;
	if (c->host_network && c->no_network)
		return err_set(err, ERR_INVALID, "option network_mode: none, and host_network = true");
	return conf_auth_check(&c->auth, err);
}

int task_conf_read(const void *data, size_t len, struct task_conf **ret, struct err *err)
{
	_cleanup_(task_conf_freep) struct task_conf *c = mem_new(struct task_conf);
	_cleanup_tree_ struct tree t = { .file = "config" };
	int r = tree_msgpack(data, len, &t, err);

	if (r < 0)
		return err_wrap(err, r, "the task's options");
	option_defaults(task_rows, c);
	c->memory_swappiness = -1;
	r = option_read(task_rows, t.root, c, err);
	if (r >= 0)
		r = conf_finish(c, t.root, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(c);
	return 0;
}

void task_conf_schema(struct buf *out)
{
	_cleanup_arena_ struct arena a = { 0 };
	Driver__TaskConfigSchemaResponse m = DRIVER__TASK_CONFIG_SCHEMA_RESPONSE__INIT;

	m.spec = (Hclspec__Spec *)(uintptr_t)option_schema(task_rows, false, &a);
	pb_pack(&m.base, out);
}

const struct option *task_conf_option(const char *name)
{
	for (const struct option *o = task_rows; o->name; o++)
		if (!strcmp(o->name, name))
			return o->support == OPTION_REFUSED ? NULL : o;
	return NULL;
}

void task_conf_table(struct buf *out) { option_table(task_rows, out); }
