/* A fake containerd with the job "home" running in it, for what is done to a job that runs. */
#pragma once
#include "core.h"
#include "fake.h"

#define STAGE_JOB "home"

struct stage {
	struct loop *loop;
	struct fake *fake;
	char dir[32], *run, *data;
};
/* Fails the test where @r is negative. */
void must(int r, const struct err *);
struct core *stage_core(const struct stage *);
/* In a fake that is empty. Its network is the host's, its pids_limit 50. */
void stage_run_job(const struct stage *);
/* cmocka's, of a group: *state is a struct stage, its job runs. */
int stage_set_up(void **state);
int stage_tear_down(void **state);
