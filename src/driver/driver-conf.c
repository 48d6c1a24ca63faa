/* The plugin's options. Their schema is lax: a value of a wrong type would stop the agent while it reads its own configuration, and
 * so would a block too many; what the values are is looked at here, and what is wrong makes the driver unhealthy. */
#include "conf-rows.h"
#include "check.h"
#include "ctrd.h"
#include "mem.h"
#include "nomadbase.pb-c.h"
#include "tree-msgpack.h"
#include <string.h>

#define AT(field) .at = offsetof(struct driver_conf, field)

/* "unix:///run/...", or the path alone */
static int conf_address(const struct node *n, void *into, struct err *err)
{
	struct driver_conf *c = into;
	const char *text = "";
	int r = option_text(n, &text, err);

	if (r < 0 || !*text)
		return r;
	if (!strncmp(text, "unix://", 7))
		text += 7;
	if (*text != '/' || strlen(text) > 107)
		return err_set(err, ERR_INVALID, "\"%.120s\" is no absolute path of a socket, of at most 107 bytes", text);
	free(c->address);
	c->address = mem_strdup(text);
	return 0;
}

static int read_allow_caps(const struct node *n, void *into, struct err *err)
{
	struct driver_conf *c = into;
	int r = conf_caps(n, &c->allow_caps, err);

	c->allow_all_caps = r >= 0 && strv_has(&c->allow_caps, "ALL");
	return r;
}

static int add_runtime(const struct node *n, void *into, struct err *err)
{
	struct driver_conf *c = into;
	const char *text = "";
	int r = option_text(n, &text, err);

	if (r >= 0)
		r = check_runtime(text, NULL, err);
	if (r >= 0)
		strv_push(&c->allow_runtimes, text);
	return r;
}

static int read_allow_runtimes(const struct node *n, void *into, struct err *err)
{
	struct driver_conf *c = into;

	strv_done(&c->allow_runtimes);
	c->allow_all_runtimes = false;
	return option_each(n, add_runtime, c, err);
}

static const struct option dangling_rows[] = {
	{ "enabled", OPTION_BOOL, .from = FROM_DOCKER, AT(gc.dangling.enabled), .value = "true",
	  .doc = "what belongs to no task that Nomad knows is removed" },
	{ "period", OPTION_SPAN, .from = FROM_DOCKER, AT(gc.dangling.period), .min = 10 * OPTION_SEC, .max = 1440 * OPTION_MIN,
	  .value = "5m", .doc = "time between looks" },
	{ "creation_grace", OPTION_SPAN, .from = FROM_DOCKER, AT(gc.dangling.creation_grace), .min = OPTION_MIN,
	  .max = 10080 * OPTION_MIN, .value = "5m", .doc = "how long one may be unknown; at least `1m`" },
	{ "dry_run", OPTION_BOOL, .from = FROM_DOCKER, AT(gc.dangling.dry_run), .value = "false", .doc = "only say so in the log" },
	{ .name = NULL },
};

static const struct option gc_rows[] = {
	{ "image", OPTION_BOOL, .from = FROM_DOCKER, AT(gc.image), .value = "true",
	  .doc = "an image that was pulled for a task is removed when no task uses it any more" },
	{ "image_delay", OPTION_SPAN, .from = FROM_DOCKER, AT(gc.image_delay), .max = 525600 * OPTION_MIN, .value = "3m",
	  .doc = "so long after the last one" },
	{ "container", OPTION_BOOL, .from = OPTION_D_P, AT(gc.container), .value = "true",
	  .doc = "`false`: the container stays when the task has ended, to be looked at" },
	{ "dangling_containers", OPTION_BLOCK, .from = FROM_DOCKER, .nested = dangling_rows,
	  .doc = "containers that were left behind" },
	{ .name = NULL },
};

static const struct option volumes_rows[] = {
	{ "enabled", OPTION_BOOL, .from = OPTION_D_P, AT(volumes.enabled), .value = "true",
	  .doc = "tasks may mount folders of the host from outside of their allocation, as with Roblox's driver" },
	{ "selinuxlabel", OPTION_TEXT, .from = OPTION_D_P, AT(volumes.selinuxlabel), .words = "z|Z",
	  .doc = "the label of what is mounted so" },
	{ .name = NULL },
};

#define MODES_DOC(option) "what tasks may say as `" option "` beside `private`; `*` is each"
static const struct option modes_rows[] = {
	{ "pid", OPTION_TEXTS, .from = FROM_DOCKER, AT(allowed_modes.pid), .value = "host", .doc = MODES_DOC("pid_mode") },
	{ "ipc", OPTION_TEXTS, .from = FROM_DOCKER, AT(allowed_modes.ipc), .otherwise = "none", .doc = MODES_DOC("ipc_mode") },
	{ "userns", OPTION_TEXTS, .from = FROM_DOCKER, AT(allowed_modes.userns), .otherwise = "none",
	  .doc = MODES_DOC("userns_mode") "; `host` is what they have anyway" },
	{ "uts", OPTION_TEXTS, .from = FROM_DOCKER, AT(allowed_modes.uts), .otherwise = "none", .doc = MODES_DOC("uts_mode") },
	{ "network", OPTION_TEXTS, AT(allowed_modes.network), .value = "host",
	  .doc = "`host`: tasks may say `host_network = true` or `network_mode = \"host\"`" },
	{ "cgroup", OPTION_TEXTS, AT(allowed_modes.cgroup), .otherwise = "none",
	  .doc = MODES_DOC("cgroupns") "; with cgroup v1 `host` is what they have anyway" },
	{ .name = NULL },
};

static const struct option driver_rows[] = {
	{ "enabled", OPTION_BOOL, .from = FROM_ROBLOX, AT(enabled), .value = "true",
	  .doc = "`false`: the node has not this driver" },
	{ "containerd_runtime", OPTION_TEXT, .from = FROM_ROBLOX, AT(runtime), .value = "io.containerd.runc.v2",
	  .check = check_runtime, .doc = "how containers run: containerd's name, or `runc`, `crun`, `kata`, `runsc` for short" },
	{ "containerd_addr", OPTION_TEXT, AT(address), .read = conf_address, .value = CTRD_ADDRESS, .doc = "containerd's socket" },
	{ "containerd_address", OPTION_TEXT, AT(address), .read = conf_address, .doc = "the same" },
	{ "containerd_namespace", OPTION_TEXT, AT(ns), .value = "nomad", .check = check_containerd_ns,
	  .doc = "containerd's namespace of tasks and images" },
	{ "snapshotter", OPTION_TEXT, AT(snapshotter), .otherwise = "containerd's", .check = check_snapshotter,
	  .doc = "how containers get their files" },
	{ "stats_interval", OPTION_SPAN, .from = FROM_ROBLOX, AT(stats_interval), .min = OPTION_SEC, .max = 1440 * OPTION_MIN,
	  .otherwise = "the client's", .doc = "time between looks at what a task uses" },
	{ "allow_privileged", OPTION_BOOL, .from = OPTION_R_D, AT(allow_privileged), .value = "true",
	  .doc = "tasks may say `privileged = true`, or `systempaths=unconfined` without a user namespace of their own" },
	{ "allow_caps", OPTION_TEXTS, .from = FROM_DOCKER, AT(allow_caps), .read = read_allow_caps, .otherwise = "all",
	  .doc = "the capabilities that tasks may have, by default or by `cap_add`" },
	{ "allow_runtimes", OPTION_TEXTS, .from = FROM_DOCKER, AT(allow_runtimes), .read = read_allow_runtimes, .otherwise = "all",
	  .doc = "what tasks may say as `runtime`, by whatever name of it" },
	{ "allowed_modes", OPTION_BLOCK, .from = FROM_DOCKER, .nested = modes_rows,
	  .doc = "namespaces of the host that tasks may be in" },
	{ "volumes", OPTION_BLOCK, .from = OPTION_D_P, .nested = volumes_rows, .doc = "folders of the host" },
	{ "auth", OPTION_BLOCK, .from = OPTION_ALL, AT(auth), .nested = conf_auth_rows,
	  .doc = "of registries, where a task says nothing; else nobody, but for the headers of `hosts.toml`" },
	{ "gc", OPTION_BLOCK, .from = OPTION_D_P, .nested = gc_rows, .doc = "what is removed by itself" },
	{ "image_pull_timeout", OPTION_SPAN, .from = FROM_DOCKER, AT(image_pull_timeout), .min = OPTION_SEC,
	  .max = 10080 * OPTION_MIN, .value = "5m", .doc = "how long a pull may take, where a task says nothing" },
	{ "pull_activity_timeout", OPTION_SPAN, .from = FROM_DOCKER, AT(pull_activity_timeout), .min = OPTION_MIN,
	  .max = 1440 * OPTION_MIN, .value = "2m",
	  .doc = "a pull that gets nothing for so long ends, but not while containerd unpacks a layer; at least `1m`" },
	{ "pids_limit", OPTION_NUMBER, .from = FROM_DOCKER, AT(pids_limit), .max = 1 << 22, .otherwise = "none",
	  .doc = "processes of a task that says nothing, and the most that one may say" },
	{ "oom_score_adj", OPTION_INT, .from = FROM_DOCKER, AT(oom_score_adj), .min = -1000, .max = 1000, .value = "0",
	  .doc = "of a task that says nothing" },
	{ "extra_labels", OPTION_TEXTS, .from = OPTION_D_P, AT(extra_labels), .otherwise = "none",
	  .doc = "labels of containers, by globs: `job_name`, `job_id`, `parent_job_id`, `task_group_name`, `task_name`, "
		 "`namespace`, "
		 "`node_name`, `node_id` of `com.hashicorp.nomad.`; `alloc_id` always is" },
	{ "dns_servers", OPTION_TEXTS, .from = FROM_PODMAN, AT(dns_servers), .check = check_dns, .otherwise = "the host's",
	  .doc = "where neither the group's `network` block nor the task has some" },
	{ "create_network", OPTION_BOOL, AT(create_network), .value = "false",
	  .doc = "`true`: the driver makes the network namespaces of groups, for `network { hostname }`" },
	{ "disable_log_collection", OPTION_BOOL, .from = OPTION_D_P, AT(disable_log_collection), .value = "false",
	  .doc = "Nomad collects no logs of this driver's tasks" },
	{ "logging", OPTION_BLOCK, .from = OPTION_D_P, AT(logging), .nested = conf_logging_rows,
	  .doc = "of a task that says nothing" },
	/* what needs nothing here */
	{ "infra_image", OPTION_TEXT, OPTION_MAPPED, FROM_DOCKER, .at = OPTION_NOWHERE,
	  .doc = "nothing is made of it: there is no pause container" },
	{ "infra_image_pull_timeout", OPTION_TEXT, OPTION_MAPPED, FROM_DOCKER, .at = OPTION_NOWHERE,
	  .doc = "nothing is made of it: there is no pause container" },
	{ "container_exists_attempts", OPTION_NUMBER, OPTION_MAPPED, FROM_DOCKER, .at = OPTION_NOWHERE,
	  .doc = "nothing is made of it: names of containers never clash" },
	{ "client_http_timeout", OPTION_TEXT, OPTION_MAPPED, FROM_PODMAN, .at = OPTION_NOWHERE,
	  .doc = "nothing is made of it: each call of containerd has its own time" },
	/* what is not to be had */
	{ "endpoint", OPTION_TEXT, OPTION_REFUSED, FROM_DOCKER, .doc = "containerd_addr is containerd's socket" },
	{ "tls", OPTION_ANY, OPTION_REFUSED, FROM_DOCKER, .doc = "containerd is on the same host, by its socket" },
	{ "socket_path", OPTION_TEXT, OPTION_REFUSED, FROM_PODMAN, .doc = "containerd_addr is containerd's socket" },
	{ "socket", OPTION_ANY, OPTION_REFUSED, FROM_PODMAN, .doc = "containerd_addr is containerd's socket" },
	{ "nvidia_runtime", OPTION_TEXT, OPTION_REFUSED, FROM_DOCKER,
	  .doc = "GPUs come by CDI: a task's devices = [\"nvidia.com/gpu=all\"]" },
	{ "recover_stopped", OPTION_BOOL, OPTION_REFUSED, FROM_PODMAN, .doc = "a task that has ended is Nomad's to restart" },
	{ "networking", OPTION_ANY, OPTION_REFUSED, FROM_PODMAN, .doc = "Nomad makes the networks of groups" },
	{ "windows_allow_insecure_container_admin", OPTION_BOOL, OPTION_REFUSED, FROM_DOCKER, .doc = "it is for Linux" },
	{ .name = NULL },
};

/* ---- one of them */

struct driver_conf *driver_conf_new(void)
{
	struct driver_conf *c = mem_new(struct driver_conf);

	option_defaults(driver_rows, c);
	c->allow_all_caps = c->allow_all_runtimes = true;
	c->refs = 1;
	return c;
}

struct driver_conf *driver_conf_ref(struct driver_conf *c)
{
	if (c)
		c->refs++;
	return c;
}

void driver_conf_unref(struct driver_conf *c)
{
	if (!c || --c->refs)
		return;
	option_done(driver_rows, c);
	free(c->error);
	free(c);
}

/* The first option that is wrong. */
static int conf_fill(struct driver_conf *c, const void *data, size_t len, struct err *err)
{
	_cleanup_tree_ struct tree t = { .file = "config" };
	int r = tree_msgpack(data, len, &t, err);

	if (r >= 0 && t.root->kind != NODE_NULL)
		r = option_read(driver_rows, t.root, c, err);
	if (r >= 0)
		r = conf_auth_check(&c->auth, err);
	if (r >= 0 && c->auth.config && *c->auth.config != '/')
		r = err_set(err, ERR_INVALID, "option auth: config: \"%.120s\" is no absolute path", c->auth.config);
	return r;
}

struct driver_conf *driver_conf_read(const void *data, size_t len)
{
	struct driver_conf *c = driver_conf_new();
	struct err err = ERR_INIT;

	if (!len || conf_fill(c, data, len, &err) >= 0)
		return c;
	driver_conf_unref(c);
	c = driver_conf_new();
	c->gc.image = c->gc.container = c->gc.dangling.enabled = false;
	c->error = mem_printf("%s%s%s%s", err.msg, *err.hint ? " (" : "", err.hint, *err.hint ? ")" : "");
	return c;
}

bool driver_conf_permits(const struct strv *modes, const char *mode) { return strv_has(modes, mode) || strv_has(modes, "*"); }

void driver_conf_schema(struct buf *out)
{
	_cleanup_arena_ struct arena a = { 0 };
	Base__ConfigSchemaResponse m = BASE__CONFIG_SCHEMA_RESPONSE__INIT;

	m.spec = (Hclspec__Spec *)(uintptr_t)option_schema(driver_rows, true, &a);
	pb_pack(&m.base, out);
}

void driver_conf_table(struct buf *out) { option_table(driver_rows, out); }
