/* The blocks of a Nomad job file, and what davit makes of their keys: nomad.h says how a row is meant. In the order of Nomad's own
 * documentation of each block. docs/nomad.md has the same in words. */
#include "nomad.h"

#define BLOCK(what, in_table, rows) \
	{ \
		.name = what, .prefix = in_table, .keys = rows, .n = sizeof rows / sizeof *rows \
	}
#define CLUSTER(word) \
	{ \
		word, .cluster = true, .many = true \
	}
#define CLUSTER_BLOCK(word) \
	{ \
		word, .cluster = true, .is_block = true, .many = true \
	}
#define NAMED_CLUSTER_BLOCK(word) \
	{ \
		word, .cluster = true, .is_block = true, .many = true, .labelled = true \
	}

#define NO_ARTIFACT "nothing is downloaded for a task: put it into the image or a volume, or use a template with the text inline"
#define NO_SECRET "there is no Vault here: pass the value by -var, or by a template"

/* What a cluster does with jobs, groups and tasks alike. */
#define PLACEMENT \
	CLUSTER_BLOCK("constraint"), CLUSTER_BLOCK("affinity"), CLUSTER_BLOCK("vault"), \
	{ \
		"secret", .refused = NO_SECRET, .is_block = true, .many = true, .labelled = true \
	}

/* clang-format off */

static const struct nomad_key dns_keys[] = {
	{ "servers", .job = "dns" },
	{ "searches", .job = "dns_search" },
	{ "options", .job = "dns_options" },
};
static const struct nomad_block dns_block = BLOCK("dns", "network.dns", dns_keys);

static const struct nomad_key network_keys[] = {
	{ "mode", .call = nomad_network_mode },
	{ "hostname", .job = "hostname" },
	{ "port", .call = nomad_port_block, .is_block = true, .many = true, .labelled = true, .turn = 1 },
	{ "dns", .block = &dns_block, .is_block = true },
	CLUSTER("device"), CLUSTER("cidr"), CLUSTER("ip"), CLUSTER("mbits"), CLUSTER_BLOCK("cni"),
};
static const struct nomad_block network_block = BLOCK("network", "network", network_keys);

static const struct nomad_key restart_keys[] = {
	CLUSTER("render_templates"), /* attempts, interval, delay, mode: rows of the option table */
};
const struct nomad_block nomad_restart_block = BLOCK("restart", "restart", restart_keys);

static const struct nomad_key resources_keys[] = {
	{ "cpu", .call = nomad_cpu },
	{ "cores", .call = nomad_cores },
	{ "memory", .call = nomad_memory },
	{ "memory_max", .call = nomad_memory_max },
	{ "secrets", .call = nomad_secrets },
	{ "device", .call = nomad_device, .is_block = true, .many = true, .labelled = true },
	{ "network", .block = &network_block, .is_block = true },
	CLUSTER("disk"), CLUSTER("iops"), CLUSTER_BLOCK("numa"),
};
const struct nomad_block nomad_resources_block = BLOCK("resources", "resources", resources_keys);

static const struct nomad_key logs_keys[] = {
	{ "max_files", .task = "log_max_files" },
	{ "max_file_size", .call = nomad_log_size },
	{ "disabled", .call = nomad_log_off },
	{ "enabled", .call = nomad_log_on },
};
static const struct nomad_block logs_block = BLOCK("logs", "logs", logs_keys);

static const struct nomad_key lifecycle_keys[] = {
	{ "hook", .task = "lifecycle" },
	{ "sidecar", .task = "sidecar" },
};
static const struct nomad_block lifecycle_block = BLOCK("lifecycle", "lifecycle", lifecycle_keys);

static const struct nomad_key task_keys[] = {
	{ "driver", .call = nomad_driver },
	{ "user", .task = "user", .turn = 2 },
	{ "kill_signal", .task = "stop_signal" },
	{ "kill_timeout", .call = nomad_kill_timeout },
	{ "leader", .task = "leader" },
	{ "lifecycle", .block = &lifecycle_block, .is_block = true },
	{ "resources", .call = nomad_seen, .is_block = true },
	{ "logs", .block = &logs_block, .is_block = true },
	{ "restart", .call = nomad_restart_of_task, .is_block = true },
	{ "meta", .call = nomad_seen },
	{ "env", .call = nomad_env, .turn = 1 },
	{ "template", .call = nomad_template_block, .is_block = true, .many = true, .turn = 2 },
	{ "volume_mount", .call = nomad_volume_mount, .is_block = true, .many = true, .turn = 2 },
	{ "config", .call = nomad_config, .turn = 3 },
	{ "service", .call = nomad_service_block, .is_block = true, .many = true, .turn = 3 },
	{ "artifact", .refused = NO_ARTIFACT, .is_block = true, .many = true },
	{ "dispatch_payload", .refused = "nothing is dispatched here: give the payload as a template", .is_block = true },
	{ "csi_plugin", .refused = "davit has host volumes, not CSI", .is_block = true },
	{ "kind", .silent = true }, /* what Nomad writes there itself */
	PLACEMENT,
	CLUSTER_BLOCK("consul"), CLUSTER_BLOCK("identity"), CLUSTER_BLOCK("schedule"), NAMED_CLUSTER_BLOCK("action"),
	NAMED_CLUSTER_BLOCK("scaling"), CLUSTER("shutdown_delay"),
};
const struct nomad_block nomad_task_block = BLOCK("", "task", task_keys);

static const struct nomad_key group_keys[] = {
	{ "count", .call = nomad_count },
	{ "meta", .call = nomad_meta_of_group },
	{ "network", .block = &network_block, .is_block = true },
	{ "restart", .call = nomad_restart_of_group, .is_block = true },
	{ "volume", .call = nomad_volume_block, .is_block = true, .many = true, .labelled = true },
	{ "task", .call = nomad_task_of_group, .is_block = true, .many = true, .labelled = true, .turn = 2 },
	{ "service", .call = nomad_service_block, .is_block = true, .many = true, .turn = 3 },
	PLACEMENT,
	CLUSTER_BLOCK("spread"), CLUSTER_BLOCK("disconnect"), CLUSTER_BLOCK("reschedule"), CLUSTER_BLOCK("ephemeral_disk"),
	CLUSTER_BLOCK("update"), CLUSTER_BLOCK("migrate"), CLUSTER_BLOCK("scaling"), CLUSTER_BLOCK("consul"),
	CLUSTER("shutdown_delay"), CLUSTER("max_run_duration"), CLUSTER("stop_after_client_disconnect"),
	CLUSTER("max_client_disconnect"), CLUSTER("prevent_reschedule_on_lost"),
};
const struct nomad_block nomad_group_block = BLOCK("", "group", group_keys);

static const struct nomad_key job_keys[] = {
	{ "id", .call = nomad_job_id },
	{ "name", .call = nomad_job_name },
	{ "type", .call = nomad_job_type },
	{ "region", .call = nomad_job_region },
	{ "namespace", .call = nomad_job_namespace },
	{ "datacenters", .call = nomad_job_datacenters },
	{ "meta", .call = nomad_meta_of_job },
	{ "group", .call = nomad_group_of_job, .is_block = true, .many = true, .labelled = true, .turn = 1 },
	{ "task", .call = nomad_task_of_job, .is_block = true, .many = true, .labelled = true, .turn = 1 },
	{ "parameterized", .refused = "it waits to be dispatched: leave the block out to run it once", .is_block = true },
	{ "ui", .silent = true, .is_block = true },
	{ "priority", .silent = true },
	{ "node_pool", .silent = true },
	{ "consul_token", .silent = true },
	{ "vault_token", .silent = true },
	PLACEMENT,
	CLUSTER_BLOCK("spread"), CLUSTER_BLOCK("update"), CLUSTER_BLOCK("multiregion"), CLUSTER_BLOCK("periodic"),
	CLUSTER_BLOCK("reschedule"), CLUSTER_BLOCK("migrate"), CLUSTER("all_at_once"),
};
const struct nomad_block nomad_job_block = BLOCK("", "job", job_keys);

/* clang-format on */

const struct nomad_block *const nomad_blocks[] = {
	&nomad_job_block,
	&nomad_group_block,
	&nomad_task_block,
	&network_block,
	&dns_block,
	&nomad_restart_block,
	&nomad_resources_block,
	&logs_block,
	&lifecycle_block,
	&nomad_config_block,
	&nomad_auth_block,
	&nomad_logging_block,
	&nomad_mount_block,
	NULL,
};
