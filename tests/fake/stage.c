#include "stage.h"
#include "test.h"
#include "file.h"
#include "job-run.h"
#include "log.h"
#include "mem.h"
#include <stdlib.h>
#include <unistd.h>

#define IMAGE "docker.io/library/x:latest"

enum { UNDO_MS = 3000 };

void must(int r, const struct err *err)
{
	if (r < 0)
		fail_msg("%s", err->msg);
}

struct core *stage_core(const struct stage *s)
{
	const struct core_conf conf = { .address = fake_address(s->fake),
					.ns = FAKE_NS,
					.run_dir = s->run,
					.data_dir = s->data,
					.undo_ms = UNDO_MS,
					.cni = { CNI_PATH_DEFAULT, "/nonexistent", s->data } };
	struct core *core = NULL;
	struct err err = ERR_INIT;

	must(core_open(&conf, &core, &err), &err);
	return core;
}

void stage_run_job(const struct stage *s)
{
	const struct run_opts opts = { .mode = RUN_DETACHED };
	struct core *core = stage_core(s);
	struct job *job = job_new();
	struct run_result res = { 0 };
	struct err err = ERR_INIT;

	must(fake_seed_image(s->fake, FAKE_NS, IMAGE, &err), &err);
	job->network = mem_strdup("host");
	job->name = mem_strdup(STAGE_JOB);
	job->tasks[0].image = mem_strdup("x");
	job->tasks[0].user = mem_strdup("0:0");
	job->tasks[0].pull = PULL_NEVER;
	job->tasks[0].log = JOB_LOG_NONE;
	job->tasks[0].pids_limit = 50;
	must(job_run(core, job, &opts, NULL, &res, &err), &err);
	run_result_done(&res);
	job_free(job);
	core_free(core);
}

int stage_set_up(void **state)
{
	static struct stage s;
	struct err err = ERR_INIT;
	char pid[16];

	log_init(LOG_ERROR, false);
	memcpy(s.dir, "/tmp/davit-stge-XXXXXX", 23);
	snprintf(pid, sizeof pid, "%d", (int)getpid()); /* whose root davit looks into for users */
	if (!mkdtemp(s.dir) || setenv("FAKE_PID", pid, 1) < 0)
		return -1;
	s.run = mem_printf("%s/run", s.dir);
	s.data = mem_printf("%s/data", s.dir);
	s.loop = loop_new();
	if (fake_start(s.loop, &s.fake, &err) < 0) {
		print_error("%s\n", err.msg);
		return -1;
	}
	stage_run_job(&s);
	*state = &s;
	return 0;
}

int stage_tear_down(void **state)
{
	struct stage *s = *state;

	fake_free(s->fake);
	loop_free(s->loop);
	(void)file_remove_tree(s->dir, NULL);
	free(s->run);
	free(s->data);
	return 0;
}
