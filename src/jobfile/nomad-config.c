/* A driver's config: what containerd-driver and docker both know, and what only one of them does. A key that is not here is a row
 * of the option table with this name in its `nomad` column. */
#include "nomad.h"
#include "mem.h"
#include "parse.h"
#include <string.h>

#define BLOCK(what, in_table, rows) \
	{ \
		.name = what, .prefix = in_table, .keys = rows, .n = sizeof rows / sizeof *rows \
	}
#define MIB (INT64_C(1) << 20)

/* process and image */

static int config_command(struct nomad *n, const struct node *v, struct err *err) { return nomad_text(n, v, &n->command, err); }

static int config_force_pull(struct nomad *n, const struct node *v, struct err *err)
{
	bool yes = false;
	int r = nomad_switch(n, v, &yes, err);

	if (r >= 0 && yes)
		n->task->pull = PULL_ALWAYS;
	return r;
}

static int config_os(struct nomad *n, const struct node *v, struct err *err) { return nomad_text(n, v, &n->platform[0], err); }
static int config_arch(struct nomad *n, const struct node *v, struct err *err) { return nomad_text(n, v, &n->platform[1], err); }
static int config_variant(struct nomad *n, const struct node *v, struct err *err) { return nomad_text(n, v, &n->platform[2], err); }

static int end_platform(struct nomad *n, const struct node *v, struct err *err)
{
	const char *const *p = n->platform;
	int r;

	if (!p[0] && !p[1] && !p[2])
		return 0;
	if (!p[1])
		return err_hint(err, nomad_bad(n, v, err, "%s without arch", p[0] ? "os" : "variant"), "arch = \"arm64\"");
	free(n->task->platform);
	n->task->platform = mem_printf("%s/%s%s%s", p[0] ? p[0] : "linux", p[1], p[2] ? "/" : "", p[2] ? p[2] : "");
	r = nomad_field(&task_shape, "platform")->check(n->task->platform, NULL, err);
	if (r < 0)
		n->at = v->at;
	return r;
}

/* The command stands before the arguments; both stand for the image's command. */
static int end_command(struct nomad *n, struct err *err)
{
	struct strv args = { 0 };
	int r = nomad_spend(n, n->command ? strlen(n->command) : 0, err);

	if (r < 0 || !n->command)
		return r;
	strv_push(&args, n->command);
	strv_add(&args, &n->task->args);
	strv_done(&n->task->args);
	n->task->args = args;
	return 0;
}

static const struct nomad_key auth_keys[] = {
	{ "server_address", .silent = true }, /* the image's name says it */
	{ "email", .silent = true },
	{ "tls_verify", .cluster = true },
	{ "helper", .refused = "davit login keeps what a helper would give" },
};
const struct nomad_block nomad_auth_block = BLOCK("auth", "auth", auth_keys);

/* devices */

static int device_text(struct nomad *n, const struct node *v, char **into, struct err *err)
{
	const char *text = NULL;
	int r = nomad_text(n, v, &text, err);

	if (r < 0)
		return r;
	free(*into);
	*into = mem_strdup(text);
	return 0;
}

static struct device *last_device(struct nomad *n) { return &n->task->devices[n->task->n_devices - 1]; }

static int device_host(struct nomad *n, const struct node *v, struct err *err)
{
	return device_text(n, v, &last_device(n)->host, err);
}
static int device_inside(struct nomad *n, const struct node *v, struct err *err)
{
	return device_text(n, v, &last_device(n)->inside, err);
}
static int device_access(struct nomad *n, const struct node *v, struct err *err)
{
	return device_text(n, v, &last_device(n)->access, err);
}

static const struct nomad_key device_keys[] = {
	{ "host_path", .call = device_host },
	{ "container_path", .call = device_inside },
	{ "cgroup_permissions", .call = device_access },
};
static const struct nomad_block device_block = BLOCK("devices", NULL, device_keys);

static int config_device(struct nomad *n, const struct node *v, struct err *err)
{
	const char *text = NULL;
	int r = nomad_spend(n, sizeof(struct device), err);

	if (r < 0)
		return r;
	if (v->kind != NODE_MAP) {
		r = nomad_text(n, v, &text, err);
		if (r >= 0 && text)
			r = parse_device(text, n->task, err);
	} else {
		(void)task_add_device(n->task);
		r = nomad_walk(n, &device_block, v, err);
		if (r >= 0)
			r = shape_check(&device_shape, last_device(n), err);
	}
	if (r < 0 && v->kind != NODE_MAP)
		n->at = v->at;
	return r;
}

static int config_devices(struct nomad *n, const struct node *v, struct err *err)
{
	return nomad_each(n, v->block ? hcl_body(v) : v, config_device, err);
}

/* limits */

static int ulimit_of(struct nomad *n, const struct node *m, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	const char *value = NULL;
	int r = nomad_text(n, m, &value, err);

	if (r < 0 || !value)
		return r;
	text = mem_printf("%s=%s", m->key, value);
	r = nomad_spend(n, sizeof(struct ulimit) + strlen(text), err);
	if (r >= 0)
		r = parse_ulimit(text, n->task, err);
	if (r < 0)
		n->at = m->at;
	return r;
}

static int config_ulimit(struct nomad *n, const struct node *v, struct err *err) { return nomad_members(n, v, ulimit_of, err); }

static int config_memory_hard_limit(struct nomad *n, const struct node *v, struct err *err)
{
	int64_t mib = 0;
	int r = nomad_whole(n, v, 0, 1 << 30, &mib, err);

	n->task->memory = mib * MIB;
	return r;
}

/* security */

/* The driver's default is off; davit's is on, and stays on unless the file says otherwise. */
static int config_seccomp(struct nomad *n, const struct node *v, struct err *err)
{
	bool yes = true;
	int r = nomad_switch(n, v, &yes, err);

	if (r >= 0 && !yes && !n->task->seccomp)
		n->task->seccomp = mem_strdup("unconfined");
	return r;
}

static const struct field *flag_row(const char *flag)
{
	for (const struct field *f = task_shape.fields; f < task_shape.fields + task_shape.n; f++)
		if (!f->key && f->flag && !strcmp(f->flag, flag))
			return f;
	return NULL;
}

static int security_opt(struct nomad *n, const struct node *v, struct err *err)
{
	const struct text_in in = { .cwd = n->in->cwd };
	const char *text = NULL;
	int r = nomad_text(n, v, &text, err);

	if (r < 0 || !text)
		return r;
	r = field_text(&task_shape, flag_row("security-opt"), text, n->task, &in, err);
	if (r < 0)
		n->at = v->at;
	return r;
}

static int config_security_opt(struct nomad *n, const struct node *v, struct err *err)
{
	return nomad_each(n, v, security_opt, err);
}

/* Docker's words for what is the default here. */
static int config_mode(struct nomad *n, const struct node *v, const char *const *defaults, const struct field *f, struct err *err)
{
	const char *mode = NULL;
	int r = nomad_text(n, v, &mode, err);

	for (; r >= 0 && mode && *defaults; defaults++)
		if (!strcmp(mode, *defaults))
			return 0;
	return r < 0 ? r : nomad_put(n, f, v->key, v, err);
}

static int config_ipc_mode(struct nomad *n, const struct node *v, struct err *err)
{
	return config_mode(n, v, (const char *const[]){ "", "private", "shareable", NULL }, nomad_field(&task_shape, "ipc"), err);
}

/* network */

static int config_network_mode(struct nomad *n, const struct node *v, struct err *err)
{
	return config_mode(n, v, (const char *const[]){ "", "default", "bridge", NULL }, nomad_field(&job_shape, "network"), err);
}

static int config_host_network(struct nomad *n, const struct node *v, struct err *err)
{
	struct node *host = NULL;
	bool yes = false;
	int r = nomad_switch(n, v, &yes, err);

	if (r >= 0 && yes)
		r = nomad_node(n, v, NODE_TEXT, "host", &host, err);
	return r < 0 || !yes ? r : nomad_put(n, nomad_field(&job_shape, "network"), v->key, host, err);
}

/* All ports of the group are published; which of them a task serves says nothing more. */
static int port_label(struct nomad *n, const struct node *v, struct err *err)
{
	const char *label = NULL;
	int r = nomad_text(n, v, &label, err);

	if (r >= 0)
		r = nomad_spend(n, n->job->n_ports, err);
	if (r < 0 || !label || nomad_port(n, label))
		return r;
	return err_hint(err, nomad_bad(n, v, err, "port \"%.80s\": the group's network has none of that name", label),
			"network { port \"%.80s\" {} }", label);
}

static int config_ports(struct nomad *n, const struct node *v, struct err *err) { return nomad_each(n, v, port_label, err); }

static int port_inside(struct nomad *n, const struct node *m, struct err *err)
{
	struct port *p = NULL;
	int64_t inside = 0;
	int r = nomad_whole(n, m, 1, 65535, &inside, err);

	for (size_t i = 0; r >= 0 && !p && i < n->job->n_ports; i++)
		if (!strcmp(n->job->ports[i].name, m->key))
			p = &n->job->ports[i];
	if (r >= 0)
		r = nomad_spend(n, n->job->n_ports, err);
	if (r >= 0 && !p)
		r = nomad_bad_key(n, m, err, "port \"%.80s\": the group's network has none of that name", m->key);
	if (r >= 0)
		p->inside = (uint16_t)inside;
	return r;
}

static int config_port_map(struct nomad *n, const struct node *v, struct err *err) { return nomad_members(n, v, port_inside, err); }

static int config_ip(struct nomad *n, const struct node *v, struct err *err)
{
	const char *ip = NULL;
	int r = nomad_text(n, v, &ip, err);

	if (r < 0 || !ip || strv_has(&n->job->ips, ip))
		return r;
	strv_push(&n->job->ips, ip);
	r = nomad_field(&job_shape, "ip")->check(ip, NULL, err);
	if (r < 0)
		n->at = v->at;
	return r;
}

/* logging */

static int logging_driver(struct nomad *n, const struct node *v, struct err *err)
{
	static const struct {
		const char *name;
		enum log_kind kind;
	} drivers[] = { { "json-file", JOB_LOG_FILE },
			{ "local", JOB_LOG_FILE },
			{ "nomad", JOB_LOG_FILE },
			{ "journald", JOB_LOG_JOURNALD },
			{ "none", JOB_LOG_NONE } };
	const char *name = "";
	int r = nomad_text(n, v, &name, err);

	for (size_t i = 0; r >= 0 && i < sizeof drivers / sizeof *drivers; i++)
		if (!strcmp(name, drivers[i].name)) {
			n->task->log = drivers[i].kind;
			return 0;
		}
	return r < 0 ? r
		     : err_hint(err, nomad_bad(n, v, err, "logging driver \"%.80s\": davit has it not", name),
				"json-file, journald, none");
}

static int logging_option(struct nomad *n, const struct node *m, struct err *err)
{
	const struct field *f = NULL;

	if (!strcmp(m->key, "max-size"))
		f = nomad_field(&task_shape, "log_max_size");
	else if (!strcmp(m->key, "max-file"))
		f = nomad_field(&task_shape, "log_max_files");
	if (f)
		return nomad_put(n, f, m->key, m, err);
	nomad_pass_over(n, "logging options");
	return 0;
}

static int logging_options(struct nomad *n, const struct node *v, struct err *err)
{
	return nomad_members(n, v->block ? hcl_body(v) : v, logging_option, err);
}

static const struct nomad_key logging_keys[] = {
	{ "type", .call = logging_driver },
	{ "driver", .call = logging_driver },
	{ "config", .call = logging_options },
	{ "options", .call = logging_options },
};
const struct nomad_block nomad_logging_block = BLOCK("logging", "logging", logging_keys);

/* health */

static int health_disable(struct nomad *n, const struct node *v, struct err *err)
{
	bool yes = false;
	int r = nomad_switch(n, v, &yes, err);

	if (r >= 0 && yes)
		task_make_healthcheck(n->task)->kind = HEALTH_NONE;
	return r;
}

static const struct nomad_key health_keys[] = { { "disable", .call = health_disable } };
static const struct nomad_block health_block = BLOCK("healthchecks", NULL, health_keys);

/* files */

static int config_volume_driver(struct nomad *n, const struct node *v, struct err *err)
{
	const char *name = NULL;
	int r = nomad_text(n, v, &name, err);

	if (r < 0 || !name || !*name)
		return r;
	n->named_volumes = true;
	return !strcmp(name, "local") ? 0 : nomad_bad(n, v, err, "volume_driver \"%.80s\": only \"local\" is known", name);
}

/* clang-format off */
static const struct nomad_key config_keys[] = {
	{ "command", .call = config_command },
	{ "work_dir", .task = "cwd" },
	{ "working_dir", .task = "cwd" },
	{ "force_pull", .call = config_force_pull },
	{ "os", .call = config_os },
	{ "arch", .call = config_arch },
	{ "variant", .call = config_variant },
	{ "auth", .block = &nomad_auth_block },
	{ "auth_soft_fail", .silent = true },
	{ "devices", .call = config_devices, .many = true },
	{ "ulimit", .call = config_ulimit },
	{ "memory_hard_limit", .call = config_memory_hard_limit },
	{ "memory_reservation", .task = "memory_reservation" },
	{ "cpu_hard_limit", .cluster = true }, /* a part of what the client's processors have */
	{ "cpu_cfs_period", .cluster = true },
	{ "seccomp", .call = config_seccomp, .turn = 1 },
	{ "security_opt", .call = config_security_opt },
	{ "ipc_mode", .call = config_ipc_mode },
	{ "userns", .task = "userns" },
	{ "host_network", .call = config_host_network },
	{ "network_mode", .call = config_network_mode },
	{ "ports", .call = config_ports },
	{ "port_map", .call = config_port_map },
	{ "ipv4_address", .call = config_ip },
	{ "ipv6_address", .call = config_ip },
	{ "logging", .block = &nomad_logging_block },
	{ "healthchecks", .block = &health_block },
	{ "volume_driver", .call = config_volume_driver },
	{ "mount", .call = nomad_mount, .many = true, .turn = 1 },
	{ "mounts", .call = nomad_mount, .many = true, .turn = 1 },
	{ "volumes", .call = nomad_binds, .turn = 1 },
	{ "tmpfs", .call = nomad_tmpfs, .turn = 1 },
	{ "load", .refused = "load it first: davit image load -i FILE" },
	{ "init_path", .refused = "init = true takes davit's own" },
	{ "storage_opt", .refused = "the snapshotter has no options here" },
	{ "advertise_ipv6_address", .cluster = true },
	{ "container_exists_attempts", .silent = true },
	{ "isolation", .silent = true },
};
/* clang-format on */
const struct nomad_block nomad_config_block = BLOCK("config", "", config_keys);

int nomad_config(struct nomad *n, const struct node *v, struct err *err)
{
	const struct node *body = v->block ? hcl_body(v) : v;
	int r;

	n->command = NULL;
	n->named_volumes = false;
	memset(n->platform, 0, sizeof n->platform);
	r = nomad_walk(n, &nomad_config_block, body, err);
	if (r >= 0)
		r = end_platform(n, v, err);
	return r < 0 ? r : end_command(n, err);
}
