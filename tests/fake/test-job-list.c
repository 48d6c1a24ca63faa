/* Jobs of several namespaces: asked for side by side, and each with what its own containerd says. */
#include "test.h"
#include "containers.h"
#include "fake.h"
#include "job-ends.h"
#include "job-list.h"
#include "mem.h"
#include "namespaces.h"
#include <stdio.h>

enum { SPACES = 5 };

static struct fake *fake;
static struct loop *loop;
static struct core *core;
static struct err err;

#define MUST(call) must_((call), #call, __LINE__)
static void must_(int r, const char *what, int line)
{
	if (r < 0)
		fail_msg("line %d: %s: %s", line, what, err.msg);
	err = (struct err)ERR_INIT;
}

/* A job that runs, and one that has ended. */
static void make_job(struct ctrd *c, const char *name, bool ended)
{
	_cleanup_(ctrd_container_done) struct ctrd_container rec = { .id = mem_printf("%s-00000001", name),
								     .image = mem_strdup("x"),
								     .snapshotter = mem_strdup("overlayfs"),
								     .runtime = mem_strdup("io.containerd.runc.v2") };

	rec.snapshot_key = mem_strdup(rec.id);
	rec.spec.type_url = mem_strdup("spec");
	dict_set(&rec.labels, CLAIM_JOB, name);
	dict_set(&rec.labels, RECORD_COMPLETE, "2026-01-01T00:00:00Z");
	MUST(containers_create(c, &rec, NULL, &err));
	MUST(tasks_create(c, rec.id, NULL, NULL, NULL, NULL, NULL, &err));
	MUST(tasks_start(c, rec.id, NULL, NULL, NULL, &err));
	if (ended)
		MUST(tasks_kill(c, rec.id, NULL, 9, true, NULL, &err));
}

static void make_namespaces(void)
{
	for (int i = 0; i < SPACES; i++) {
		_cleanup_free_ char *ns = mem_printf("%s%d", FAKE_NS, i), *job = mem_printf("job%d", i);
		_cleanup_(ctrd_freep) struct ctrd *c = ctrd_in(core->ctrd, ns);

		MUST(namespaces_create(c, ns, NULL, NULL, &err));
		make_job(c, job, i % 2);
	}
}

static int begin(void **state)
{
	struct core_conf conf = { .ns = FAKE_NS "0", .run_dir = "/dev/null/none", .data_dir = "/dev/null/none" };

	(void)state;
	err = (struct err)ERR_INIT;
	loop = loop_new();
	MUST(fake_start(loop, &fake, &err));
	conf.address = fake_address(fake);
	MUST(core_open(&conf, &core, &err));
	make_namespaces();
	MUST(fake_reset(fake, &err));
	return 0;
}

static int end(void **state)
{
	(void)state;
	core_free(TAKE_PTR(core));
	fake_free(TAKE_PTR(fake));
	loop_free(TAKE_PTR(loop));
	return 0;
}

static void each_in_its_own(void **state)
{
	_cleanup_(job_rows_done) struct job_rows rows = { 0 };
	const struct job_filter every = { .all = true, .all_namespaces = true };
	unsigned seen = 0;

	(void)state;
	MUST(job_list(core, &every, NULL, &rows, &err));
	assert_int_equal(rows.n, SPACES);
	for (size_t i = 0; i < rows.n; i++) {
		const struct job_row *row = &rows.v[i];
		unsigned n = (unsigned)(row->name[3] - '0');

		assert_string_equal(row->ns + strlen(FAKE_NS), row->name + 3);
		assert_int_equal(row->state, n % 2 ? JOB_EXITED : JOB_RUNNING);
		seen |= 1U << n;
	}
	assert_int_equal(seen, (1U << SPACES) - 1);
	assert_int_equal(fake_count(fake), 1 + 2 * SPACES + 1); /* the claims of our own */
}

static void one_namespace_alone(void **state)
{
	_cleanup_(job_rows_done) struct job_rows rows = { 0 };
	const struct job_filter running = { 0 };

	(void)state;
	MUST(job_list(core, &running, NULL, &rows, &err));
	assert_int_equal(rows.n, 1);
	assert_string_equal(rows.v[0].name, "job0");
	assert_int_equal(fake_count(fake), 2);
}

/* While the first namespace's answer does not come, all have been asked; tasks are not asked for before the records are known. */
static void side_by_side(void **state)
{
	_cleanup_(job_rows_done) struct job_rows rows = { 0 };
	const struct job_filter every = { .all = true, .all_namespaces = true };
	struct ctx soon = ctx_within(NULL, 3000);

	(void)state;
	MUST(fake_fault(fake, &err, "2:hang"));
	assert_int_equal(job_list(core, &every, &soon, &rows, &err), -ERR_DEADLINE);
	assert_int_equal(fake_count(fake), 1 + SPACES);
	MUST(fake_reset(fake, &err));
	MUST(fake_fault(fake, &err, "%d:hang", 1 + SPACES + 1));
	soon = ctx_within(NULL, 3000);
	err = (struct err)ERR_INIT;
	assert_int_equal(job_list(core, &every, &soon, &rows, &err), -ERR_DEADLINE);
	assert_int_equal(fake_count(fake), 1 + 2 * SPACES);
}

/* Who follows one job asks nothing of the shims of others. */
static void one_end_is_asked_for_alone(void **state)
{
	_cleanup_(job_ends_freep) struct job_ends *ends = job_ends_new(core, NULL);
	_cleanup_buf_ struct buf calls = { 0 };
	const struct task_status *its;

	(void)state;
	job_ends_add(ends, "job0-00000001");
	job_ends_add(ends, "gone-00000001");
	assert_true(job_ends_look(ends));
	assert_false(job_ends_all(ends));
	its = task_states_find(job_ends_tasks(ends), "job0-00000001");
	assert_true(its && its->state == TASK_LIVE);
	assert_null(task_states_find(job_ends_tasks(ends), "gone-00000001"));
	MUST(fake_calls(fake, &calls, &err));
	assert_non_null(strstr(buf_str(&calls), "Tasks/Get"));
	assert_null(strstr(buf_str(&calls), "Tasks/List"));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)
RUN_TESTS("job-list", CASE(each_in_its_own), CASE(one_namespace_alone), CASE(side_by_side), CASE(one_end_is_asked_for_alone))
