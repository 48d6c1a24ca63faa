/* The steps of a job's start: their numbers, and what each does, for the table in job-steps.c. Internal to run. */
#pragma once
#include "clock.h"
#include "job-state.h"

/* The functions of struct graph_kind (graph.h). */
typedef bool step_wanted(const void *state);
typedef bool step_ready(const void *state, unsigned number);
typedef int step_do(void *state, const struct ctx *, struct err *err);
typedef void step_take_back(void *state, const struct ctx *);
typedef void step_say(const void *state, struct strv *out);

/* step-claim.c */
step_wanted claim_needs_image;
step_do claim_begin, claim_end;
step_take_back claim_undo;
step_say claim_plan;
/* step-image.c */
step_wanted image_wanted;
step_ready image_ready;
step_do image_begin, image_end;
step_take_back image_undo;
step_say image_plan;
/* step-snapshot.c */
step_wanted settings_wanted, snapshot_wanted;
step_do settings_begin, settings_end, snapshot_begin, snapshot_end;
step_take_back settings_undo, snapshot_undo;
step_say snapshot_plan;
/* step-network.c */
step_wanted netns_wanted, ports_wanted, freed_wanted, network_wanted;
step_ready freed_ready, network_ready;
step_do netns_begin, ports_end, freed_begin, freed_end, network_begin, network_end;
step_take_back netns_undo, network_undo;
step_say netns_plan, ports_plan, network_plan;
/* step-files.c */
bool files_need_ports(const void *state);
step_do files_begin, hosts_begin;
step_take_back files_undo;
step_say files_plan;
/* step-rootfs.c */
step_ready rootfs_ready;
step_wanted rootfs_needs_snapshot;
step_do rootfs_end;
step_take_back rootfs_undo;
/* step-container.c */
step_wanted complete_wanted, complete_needs_start;
step_do container_begin, container_end, complete_begin, complete_end;
step_take_back container_undo, complete_undo;
step_say container_plan;
/* step-done.c */
step_wanted done_wanted;
step_ready done_ready;
step_do done_begin, done_end;
step_take_back done_undo;
/* step-healthy.c */
step_wanted healthy_wanted;
step_ready healthy_ready;
step_do healthy_begin, healthy_end;
step_take_back healthy_undo;
/* foreground.c */
step_wanted heir_wanted;
step_do heir_begin;
/* step-io.c */
step_do io_begin;
step_take_back io_undo;
/* step-task.c */
step_wanted task_needs_network;
step_do task_begin, task_end, start_begin, start_end;
step_take_back task_undo, start_undo;
step_say task_plan, start_plan;

/* job-state.c: what the steps share */
bool run_is_new(const struct run *), run_starts(const struct run *);
step_wanted task_is_new, task_starts, io_wanted;
/* The call that the step has begun has its answer, or there is none: of the job, of a task. */
step_ready run_call_ready, task_call_ready;
struct ctrd *run_ctrd(const struct run *);
/* A call that has changed nothing is given up. */
void run_give_up(struct run *, enum step);
void task_give_up(struct run_task *, enum step);
/* Rollback goes on over a new connection where the old one broke. Pending calls of the old one are given up. */
bool run_undo_connected(struct run *);
void run_undo_failed(const struct run *, const struct err *err);

/* A call that makes something must have come to its end before that can be taken back: else it is made after we looked.
 * It gets half of the time that is left. */
static inline struct ctx half_of(const struct ctx *ctx) { return ctx_within(ctx, ctx_left(ctx) / NSEC_PER_MSEC / 2); }

/* Waits until the call of @step has its answer. The step's deadline ends the wait but not the call: containerd 1.x loses the shim
 * of a create that is broken off. The undo collects the answer, as it does after an interrupt, which ends no call at all. */
int task_await(struct run_task *, enum step, const struct ctx *ctx, struct err *err);
