/* Theory of operation: this table is the start of a job; what a step does stands in step-NOUN.c. The claim comes first of all
 * that changes something; what only reads (settings, image) is begun beside it. The network's plugins take longest, so they
 * are begun as early as can be and waited for last, just before the start (before the create for VM runtimes, whose shim
 * looks at the network then). */
#include "job-steps.h"

static const struct step table[N_STEPS] = {
	[S_SETTINGS] = { .name = "settings", .wanted = settings_wanted, .begin = settings_begin, .end = settings_end,
		.undo = settings_undo },
	[S_CLAIM] = { .name = "claim", .needs_also = claim_needs, .begin = claim_begin, .end = claim_end,
		.undo = claim_undo, .plan = claim_plan },
	[S_IMAGE] = { .name = "image", .needs = 0, .wanted = run_is_new, .begin = image_begin, .end = image_end, .undo = image_undo,
		.plan = image_plan },
	[S_NETNS] = { .name = "netns", .needs = STEP(S_CLAIM), .wanted = netns_wanted, .begin = netns_begin, .undo = netns_undo,
		.plan = netns_plan },
	[S_PORTS] = { .name = "ports", .needs = STEP(S_CLAIM), .wanted = ports_wanted, .end = ports_end, .plan = ports_plan },
	[S_FILES] = { .name = "files", .needs = STEP(S_CLAIM), .begin = files_begin, .undo = files_undo, .plan = files_plan },
	[S_SNAPSHOT] = { .name = "snapshot", .needs = STEP(S_CLAIM) | STEP(S_IMAGE), .begin = snapshot_begin, .end = snapshot_end,
		.undo = snapshot_undo, .plan = snapshot_plan },
	[S_ROOTFS] = { .name = "rootfs", .needs = STEP(S_IMAGE) | STEP(S_FILES), .needs_also = rootfs_needs,
		.end = rootfs_end, .undo = rootfs_undo },
	[S_CONTAINER] = { .name = "container", .needs = STEP(S_ROOTFS), .wanted = run_is_new, .begin = container_begin,
		.end = container_end, .undo = container_undo, .plan = container_plan },
	[S_IO] = { .name = "io", .needs = STEP(S_FILES), .wanted = run_starts, .begin = io_begin, .undo = io_undo },
	[S_FREED] = { .name = "freed", .needs = STEP(S_PORTS), .wanted = freed_wanted, .end = freed_end },
	[S_TASK] = { .name = "task", .needs = STEP(S_CONTAINER) | STEP(S_SNAPSHOT) | STEP(S_NETNS) | STEP(S_IO),
		.needs_also = task_needs, .wanted = run_starts, .begin = task_begin, .end = task_end, .undo = task_undo,
		.plan = task_plan },
	[S_NETWORK] = { .name = "network", .needs = STEP(S_NETNS) | STEP(S_PORTS), .wanted = network_wanted, .begin = network_begin,
		.end = network_end, .undo = network_undo, .plan = network_plan },
	[S_HOSTS] = { .name = "hosts", .needs = STEP(S_NETWORK) | STEP(S_FILES), .wanted = network_wanted, .begin = hosts_begin },
	[S_START] = { .name = "start", .needs = STEP(S_TASK) | STEP(S_HOSTS), .wanted = run_starts, .begin = start_begin,
		.end = start_end, .undo = start_undo, .plan = start_plan },
	[S_COMPLETE] = { .name = "complete", .needs = STEP(S_CONTAINER) | STEP(S_TASK) | STEP(S_NETWORK),
		.needs_also = complete_needs, .wanted = complete_wanted, .begin = complete_begin, .end = complete_end,
		.undo = complete_undo },
};

struct step_run job_steps(struct run *run)
{
	return (struct step_run){ .steps = table, .n = N_STEPS, .state = run };
}
