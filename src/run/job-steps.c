/* Theory of operation: this table is the start of a job; what a step does stands in step-NOUN.c. The claim comes first of all
 * that changes something; what only reads (settings, image) is begun beside it. The network's plugins take longest, so they
 * are begun as early as can be. */
#include "job-order.h"
#include "job-steps.h"
#include "monitored.h"

enum { NEEDS_MAX = 5, IFS_MAX = 1 };

/* Of a set of hundreds: beyond these, processes that do the work (engines, plugins with their pipes) only wait for each other. */
enum { TASKS_AT_ONCE = 16, NETWORKS_AT_ONCE = 16 };

static const struct job_step {
	struct graph_kind kind;
	bool of_task;               /* a node for each task, else one for the job */
	enum step needs[NEEDS_MAX]; /* of a task: the same task's; of the job: all tasks' */
	struct {
		enum step step;
		bool (*when)(const void *state);
	} needs_if[IFS_MAX];
} steps[N_STEPS] = {
	[S_SETTINGS] = { .kind = { .number = S_SETTINGS,
				   .name = "settings",
				   .wanted = settings_wanted,
				   .begin = settings_begin,
				   .ready = run_call_ready,
				   .finish = settings_end,
				   .undo = settings_undo } },
	[S_CLAIM] = { .kind = { .number = S_CLAIM,
				.name = "claim",
				.begin = claim_begin,
				.ready = run_call_ready,
				.finish = claim_end,
				.undo = claim_undo,
				.plan = claim_plan },
		      .needs_if = { { S_IMAGE, claim_needs_image } } },
	[S_IMAGE] = { .of_task = true,
		      .kind = { .number = S_IMAGE,
				.name = "image",
				.wanted = image_wanted,
				.begin = image_begin,
				.ready = image_ready,
				.finish = image_end,
				.undo = image_undo,
				.plan = image_plan } },
	[S_NETNS] = { .kind = { .number = S_NETNS,
				.name = "netns",
				.wanted = netns_wanted,
				.begin = netns_begin,
				.undo = netns_undo,
				.plan = netns_plan },
		      .needs = { S_CLAIM } },
	[S_PORTS] = { .kind = { .number = S_PORTS,
				.name = "ports",
				.wanted = ports_wanted,
				.finish = ports_end,
				.plan = ports_plan },
		      .needs = { S_CLAIM } },
	[S_FILES] = { .kind = { .number = S_FILES, .name = "files", .begin = files_begin, .undo = files_undo, .plan = files_plan },
		      .needs = { S_CLAIM },
		      .needs_if = { { S_PORTS, files_need_ports } } },
	[S_SNAPSHOT] = { .of_task = true,
			 .kind = { .number = S_SNAPSHOT,
				   .name = "snapshot",
				   .wanted = snapshot_wanted,
				   .begin = snapshot_begin,
				   .ready = task_call_ready,
				   .finish = snapshot_end,
				   .undo = snapshot_undo,
				   .plan = snapshot_plan },
			 .needs = { S_CLAIM, S_IMAGE } },
	[S_ROOTFS] = { .of_task = true,
		       .kind = { .number = S_ROOTFS,
				 .name = "rootfs",
				 .ready = rootfs_ready,
				 .finish = rootfs_end,
				 .undo = rootfs_undo },
		       .needs = { S_IMAGE, S_FILES },
		       .needs_if = { { S_SNAPSHOT, rootfs_needs_snapshot } } },
	[S_CONTAINER] = { .of_task = true,
			  .kind = { .number = S_CONTAINER,
				    .name = "container",
				    .wanted = task_is_new,
				    .begin = container_begin,
				    .ready = task_call_ready,
				    .finish = container_end,
				    .undo = container_undo,
				    .plan = container_plan },
			  /* its record names the snapshotter, even where nothing else needed it */
			  .needs = { S_ROOTFS, S_SETTINGS } },
	[S_IO] = { .of_task = true,
		   .kind = { .number = S_IO, .name = "io", .wanted = io_wanted, .begin = io_begin, .undo = io_undo },
		   .needs = { S_FILES } },
	[S_FREED] = { .kind = { .number = S_FREED,
				.name = "freed",
				.wanted = freed_wanted,
				.begin = freed_begin,
				.ready = freed_ready,
				.finish = freed_end },
		      .needs = { S_PORTS } },
	[S_TASK] = { .of_task = true,
		     .kind = { .number = S_TASK,
			       .name = "task",
			       .at_once = TASKS_AT_ONCE,
			       .wanted = task_starts,
			       .begin = task_begin,
			       .ready = task_call_ready,
			       .finish = task_end,
			       .undo = task_undo,
			       .plan = task_plan },
		     .needs = { S_CONTAINER, S_SNAPSHOT, S_NETNS, S_IO },
		     .needs_if = { { S_HOSTS, task_needs_network } } },
	[S_NETWORK] = { .kind = { .number = S_NETWORK,
				  .name = "network",
				  .at_once = NETWORKS_AT_ONCE,
				  .wanted = network_wanted,
				  .begin = network_begin,
				  .ready = network_ready,
				  .finish = network_end,
				  .undo = network_undo,
				  .plan = network_plan },
			.needs = { S_NETNS, S_PORTS } },
	[S_HOSTS] = { .kind = { .number = S_HOSTS, .name = "hosts", .wanted = network_wanted, .begin = hosts_begin },
		      .needs = { S_NETWORK, S_FILES } },
	[S_HEIR] = { .kind = { .number = S_HEIR, .name = "heir", .wanted = heir_wanted, .begin = heir_begin }, .needs = { S_IO } },
	[S_START] = { .of_task = true,
		      .kind = { .number = S_START,
				.name = "start",
				.wanted = task_starts,
				.begin = start_begin,
				.ready = task_call_ready,
				.finish = start_end,
				.undo = start_undo,
				.plan = start_plan },
		      .needs = { S_TASK, S_HOSTS, S_HEIR } },
	[S_DONE] = { .of_task = true,
		     .kind = { .number = S_DONE,
			       .name = "done",
			       .wanted = done_wanted,
			       .begin = done_begin,
			       .ready = done_ready,
			       .finish = done_end,
			       .undo = done_undo },
		     .needs = { S_START } },
	[S_HEALTHY] = { .of_task = true,
			.kind = { .number = S_HEALTHY,
				  .name = "healthy",
				  .wanted = healthy_wanted,
				  .begin = healthy_begin,
				  .ready = healthy_ready,
				  .finish = healthy_end,
				  .undo = healthy_undo },
			.needs = { S_START } },
	[S_COMPLETE] = { .kind = { .number = S_COMPLETE,
				   .name = "complete",
				   .wanted = complete_wanted,
				   .begin = complete_begin,
				   .ready = run_call_ready,
				   .finish = complete_end,
				   .undo = complete_undo },
			 .needs = { S_CONTAINER, S_TASK, S_NETWORK },
			 .needs_if = { { S_START, complete_needs_start } } },
};

static void add_nodes(struct graph *g, struct job_nodes *n, enum step s, struct run *run)
{
	n->first[s] = graph_add(g, &steps[s].kind,
				steps[s].of_task ? run->tasks[0].whose
				: run->whose     ? run->whose
						 : "",
				steps[s].of_task ? (void *)&run->tasks[0] : run);
	for (size_t i = 1; i < n->n_tasks && steps[s].of_task; i++)
		(void)graph_add(g, &steps[s].kind, run->tasks[i].whose, &run->tasks[i]);
}

static void add_needs(struct graph *g, const struct job_nodes *n, enum step s, enum step other, bool (*when)(const void *state))
{
	const bool both = steps[s].of_task && steps[other].of_task;

	for (size_t i = 0; i < (steps[s].of_task ? n->n_tasks : 1); i++)
		for (size_t k = both ? i : 0; k <= (both ? i : steps[other].of_task ? n->n_tasks - 1 : 0); k++)
			graph_need(g, n->first[s] + i, n->first[other] + k, when);
}

/* Where it is started again when it fails while @s waits for it, that takes the records of all. */
static void add_retry(struct graph *g, const struct job_nodes *n, const struct run *run, enum step s, size_t task)
{
	for (size_t i = 0; monitored_policy(run->job, task).policy != RESTART_NO && i < run->n_tasks; i++)
		graph_need(g, n->first[s] + task, n->first[S_CONTAINER] + i, NULL);
}

/* What its tasks say of each other: who starts after whom, and in whose namespaces. */
static void add_order(struct graph *g, const struct job_nodes *n, struct run *run)
{
	for (size_t i = 0; i < run->n_tasks && n->n_tasks > 1; i++) {
		_cleanup_(order_needs_done) struct order_needs needs = { 0 };

		job_order_needs(run->job, i, &needs);
		for (size_t k = 0; k < needs.n; k++) {
			const size_t other = needs.v[k].task;

			run->tasks[other].awaited |= needs.v[k].ended;
			run->tasks[other].health_awaited |= needs.v[k].healthy;
			run->tasks[other].health_awaited_here |= needs.v[k].healthy;
			graph_need(g, n->first[S_START] + i, n->first[needs.v[k].ended ? S_DONE : S_START] + other, NULL);
			if (needs.v[k].ended)
				add_retry(g, n, run, S_DONE, other);
			if (needs.v[k].healthy) {
				graph_need(g, n->first[S_START] + i, n->first[S_HEALTHY] + other, NULL);
				add_retry(g, n, run, S_HEALTHY, other);
			}
			if (run->job->tasks[other].sandbox) /* its machine is there once it runs */
				graph_need(g, n->first[S_TASK] + i, n->first[S_START] + other, NULL);
			if (!needs.v[k].ended && task_joins(run->tasks[i].task)) { /* its spec says where their namespaces are */
				graph_need(g, n->first[S_CONTAINER] + i, n->first[S_TASK] + other, NULL);
				run->tasks[other].joined_by = true;
			}
		}
	}
}

void job_start_nodes(struct graph *g, struct run *run, struct job_nodes *ret)
{
	struct job_nodes n = { .n_tasks = run->n_tasks };

	for (enum step s = S_NONE + 1; s < N_STEPS; s++)
		add_nodes(g, &n, s, run);
	for (enum step s = S_NONE + 1; s < N_STEPS; s++) {
		for (size_t i = 0; i < NEEDS_MAX && steps[s].needs[i]; i++)
			add_needs(g, &n, s, steps[s].needs[i], NULL);
		for (size_t i = 0; i < IFS_MAX && steps[s].needs_if[i].step; i++)
			add_needs(g, &n, s, steps[s].needs_if[i].step, steps[s].needs_if[i].when);
	}
	for (size_t i = 1; i < n.n_tasks; i++) /* the job's record has the names of all volumes */
		graph_need(g, n.first[S_CONTAINER], n.first[S_ROOTFS] + i, NULL);
	add_order(g, &n, run);
	*ret = n;
}

void job_later_nodes(struct graph *g, struct run *run)
{
	for (size_t i = 0; i < run->n_tasks; i++) {
		struct run_task *t = &run->tasks[i];
		const bool mounted = !t->record || t->mounts.n;
		size_t io, task, start;

		if (!task_starts(t))
			continue;
		io = graph_add(g, &steps[S_IO].kind, t->whose, t);
		task = graph_add(g, &steps[S_TASK].kind, t->whose, t);
		start = graph_add(g, &steps[S_START].kind, t->whose, t);
		graph_need(g, task, io, NULL);
		graph_need(g, start, task, NULL);
		if (!mounted) /* it was made by another davit */
			graph_need(g, task, graph_add(g, &steps[S_SNAPSHOT].kind, t->whose, t), NULL);
	}
}

struct graph *job_start_graph(struct run *run)
{
	struct graph *g = graph_new();
	struct job_nodes unused;

	job_start_nodes(g, run, &unused);
	return g;
}

size_t job_nodes_waiting(const struct job_nodes *n) { return n->first[S_FILES]; }

void job_nodes_need_health_of(struct graph *g, size_t node, const struct job_nodes *of, struct run *run)
{
	job_nodes_need_start_of(g, node, of);
	for (size_t i = 0; i < of->n_tasks; i++) {
		run->tasks[i].health_awaited = true;
		graph_need(g, node, of->first[S_HEALTHY] + i, NULL);
	}
}

void job_nodes_need_start_of(struct graph *g, size_t node, const struct job_nodes *of)
{
	for (size_t i = 0; i < of->n_tasks; i++)
		graph_need(g, node, of->first[S_START] + i, NULL);
	graph_need(g, node, of->first[S_COMPLETE], NULL);
}
