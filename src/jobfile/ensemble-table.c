/* The maps of an ensemble, and what davit makes of their keys: ensemble.h says how a row is meant. docs/ensembles.md has the same
 * in words. */
#include "ensemble.h"

#define BLOCK(what, rows, ...) \
	{ \
		.noun = what, .keys = rows, .n = sizeof rows / sizeof *rows, __VA_ARGS__ \
	}

/* clang-format off */

static const struct ensemble_key cpu_keys[] = {
	{ "cores", .fills = "resources.cpu.cores" },
};
static const struct ensemble_block cpu_block = BLOCK("cpu", cpu_keys, );

static const struct ensemble_key ram_keys[] = {
	{ "size", .fills = "resources.ram.size", .call = ensemble_ram },
};
static const struct ensemble_block ram_block = BLOCK("ram", ram_keys, );

static const struct ensemble_key disk_keys[] = {
	{ "size", .call = ensemble_disk },
};
static const struct ensemble_block disk_block = BLOCK("disk", disk_keys, );

static const struct ensemble_key gpu_keys[] = {
	{ "vendor", .call = ensemble_gpu_vendor },
	{ "index", .call = ensemble_gpu_index },
	{ "model", .call = ensemble_ignored },
	{ "vram", .call = ensemble_ignored },
};
const struct ensemble_block ensemble_gpu_block = BLOCK("gpu", gpu_keys, );

static const struct ensemble_key resources_keys[] = {
	{ "cpu", .block = &cpu_block },
	{ "ram", .block = &ram_block },
	{ "disk", .block = &disk_block },
	{ "gpus", .also = "gpu", .fills = "resources.gpus", .call = ensemble_gpus },
};
static const struct ensemble_block resources_block = BLOCK("resources", resources_keys, );

#define EXECUTION \
	{ "image", .fills = "execution.image" }, \
	{ "entrypoint", .fills = "execution.entrypoint" }, \
	{ "cmd", .also = "args", .fills = "execution.cmd" }, \
	{ "environment", .fills = "execution.environment", .call = ensemble_environment }, \
	{ "working_directory", .fills = "execution.working_directory" }, \
	{ "runtime", .fills = "execution.runtime", .call = ensemble_runtime }

static const struct ensemble_key params_keys[] = {
	EXECUTION,
};
const struct ensemble_block ensemble_params_block = BLOCK("params", params_keys, );

static const struct ensemble_key execution_keys[] = {
	{ "type", .call = ensemble_executor },
	{ "params", .block = &ensemble_params_block },
	EXECUTION,
};
const struct ensemble_block ensemble_execution_block = BLOCK("execution", execution_keys, );

static const struct ensemble_key key_keys[] = {
	{ "type", .call = ensemble_key_type },
	{ "files", .call = ensemble_key_files },
	{ "dest", .call = ensemble_key_dest },
};
const struct ensemble_block ensemble_key_block = BLOCK("key", key_keys, );

static const struct ensemble_key response_keys[] = {
	{ "type", .call = ensemble_response_type },
	{ "value", .call = ensemble_response_value },
};
const struct ensemble_block ensemble_response_block = BLOCK("response", response_keys, );

static const struct ensemble_key healthcheck_keys[] = {
	{ "type", .fills = "healthcheck.type" },
	{ "exec", .fills = "healthcheck.exec" },
	{ "endpoint", .fills = "healthcheck.endpoint" },
	{ "response", .fills = "healthcheck.response", .call = ensemble_response },
	{ "interval", .fills = "healthcheck.interval" },
};
static const struct ensemble_block healthcheck_block = BLOCK("healthcheck", healthcheck_keys, );

static const struct ensemble_key volume_keys[] = {
	{ "type", .call = ensemble_volume_type },
	{ "name", .call = ensemble_volume_name },
	{ "src", .call = ensemble_volume_source },
	{ "mount_destination", .call = ensemble_volume_target },
	{ "read_only", .call = ensemble_volume_read_only },
	{ "servers", .call = ensemble_volume_glusterfs },
};
const struct ensemble_block ensemble_volume_block = BLOCK("volume", volume_keys, );

static const struct ensemble_key allocation_keys[] = {
	{ "type", .call = ensemble_type },
	{ "executor", .call = ensemble_executor },
	{ "resources", .block = &resources_block },
	{ "execution", .call = ensemble_execution },
	{ "dns_name", .also = "dnsname", .fills = "dns_name", .call = ensemble_dns_name },
	{ "keys", .fills = "keys", .call = ensemble_keys },
	{ "provision", .fills = "provision", .call = ensemble_provision },
	{ "healthcheck", .fills = "healthcheck", .block = &healthcheck_block },
	{ "failure_recovery", .fills = "failure_recovery" },
	{ "depends_on", .fills = "depends_on", .call = ensemble_depends_on },
	{ "volume", .also = "volumes", .fills = "volume", .call = ensemble_volumes },
};
const struct ensemble_block ensemble_allocation_block = BLOCK("allocation", allocation_keys, );

static const struct ensemble_key port_keys[] = {
	{ "public", .call = ensemble_port_public },
	{ "private", .call = ensemble_port_private },
	{ "allocation", .call = ensemble_port_allocation },
};
const struct ensemble_block ensemble_port_block = BLOCK("port", port_keys, );

static const struct ensemble_key node_keys[] = {
	{ "allocations", .call = ensemble_node_allocations },
	{ "ports", .fills = "nodes.ports", .call = ensemble_node_ports, .turn = 1 },
	{ "failure_recovery", .call = ensemble_node_recovery },
	{ "redundancy", .call = ensemble_node_redundancy },
	{ "peer", .call = ensemble_ignored },
	{ "location", .call = ensemble_ignored },
};
const struct ensemble_block ensemble_node_block = BLOCK("node", node_keys, );

static const struct ensemble_key subnet_keys[] = {
	{ "join", .call = ensemble_join },
};
static const struct ensemble_block subnet_block = BLOCK("subnet", subnet_keys, );

static const struct ensemble_key file_keys[] = {
	{ "version", .call = ensemble_version },
	{ "subnet", .block = &subnet_block },
	{ "allocations", .call = ensemble_allocations, .turn = 1 },
	{ "nodes", .call = ensemble_nodes, .turn = 2 },
	{ "edges", .call = ensemble_edges },
};
const struct ensemble_block ensemble_file_block = BLOCK("ensemble", file_keys, .anchors = true);

/* clang-format on */
