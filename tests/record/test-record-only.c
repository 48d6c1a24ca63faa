/* A program that links the record alone does with a job what a monitor has to do. */
#include "test.h"
#include "child.h"
#include "containers.h"
#include "ctrd.h"
#include "fake.h"
#include "file.h"
#include "leases.h"
#include "mem.h"
#include "tasks.h"
#include <stdlib.h>
#include <unistd.h>

#define ID "web-00000001"

struct stage {
	struct loop *loop;
	struct fake *fake;
	struct ctrd *ctrd;
	char *dir;
};

static void must(int r, const struct err *err)
{
	if (r < 0)
		fail_msg("%s", err->msg);
}

static int setup(void **state)
{
	struct stage *s = mem_new(struct stage);
	struct err err = ERR_INIT;

	s->dir = mem_strdup("/tmp/davit-test-record-XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	s->loop = loop_new();
	must(fake_start(s->loop, &s->fake, &err), &err);
	must(ctrd_open(s->loop, fake_address(s->fake), FAKE_NS, &s->ctrd, &err), &err);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct stage *s = *state;

	ctrd_free(s->ctrd);
	fake_free(s->fake);
	loop_free(s->loop);
	assert_int_equal(file_remove_tree(s->dir, NULL), 0);
	free(s->dir);
	free(s);
	return 0;
}

/* A job as davit's records have it: the claim, the record, and a task that runs. */
static void make_job(const struct stage *s)
{
	_cleanup_dict_ struct dict claim = { 0 };
	struct ctrd_container rec = { .id = (char[]){ ID },
				      .image = (char[]){ "x" },
				      .snapshotter = (char[]){ "overlayfs" },
				      .snapshot_key = (char[]){ ID },
				      .runtime = (char[]){ "io.containerd.runc.v2" } };
	struct err err = ERR_INIT;
	pid_t pid;

	dict_set(&claim, "davit.job", "web");
	dict_set(&claim, "davit.id", ID);
	must(leases_create(s->ctrd, "davit-job-web", &claim, NULL, &err), &err);
	dict_set(&rec.labels, "davit.job", "web");
	dict_set(&rec.labels, "davit.complete", "2026-01-01T00:00:00Z");
	rec.spec.type_url = (char[]){ "spec" };
	must(containers_create(s->ctrd, &rec, NULL, &err), &err);
	must(tasks_create(s->ctrd, ID, NULL, NULL, NULL, NULL, &pid, &err), &err);
	must(tasks_start(s->ctrd, ID, NULL, NULL, &pid, &err), &err);
	dict_done(&rec.labels);
}

static struct child *begin(const struct stage *s, const char *verb)
{
	char *const argv[] = { (char[]){ "record-only" },
			       (char *)(uintptr_t)fake_address(s->fake),
			       (char[]){ FAKE_NS },
			       s->dir,
			       (char *)(uintptr_t)verb,
			       (char[]){ "web" },
			       NULL };
	const struct child_spec spec = { .path = RECORD_ONLY, .argv = argv, .out_max = 4096, .err_max = 4096 };
	struct child *child = NULL;
	struct err err = ERR_INIT;

	must(child_start(s->loop, &spec, &child, &err), &err);
	return child;
}

/* It succeeds, and that is what it prints. @text NULL: it fails, and says why. */
static void expect(struct child *child, const char *text)
{
	const struct ctx ctx = ctx_within(NULL, 30000);
	struct err err = ERR_INIT;
	int status = child_wait(child, &ctx, &err);

	must(status, &err);
	if (text && status)
		fail_msg("%s", buf_str(child_err(child)));
	if (text)
		assert_string_equal(buf_str(child_out(child)), text);
	else
		assert_true(status && child_err(child)->len);
	child_free(child);
}

static void looks_waits_stops_and_removes(void **state)
{
	const struct stage *s = *state;
	_cleanup_buf_ struct buf before = { 0 }, after = { 0 };
	struct err err = ERR_INIT;
	struct child *waiter;

	must(fake_dump(s->fake, &before, &err), &err);
	expect(begin(s, "look"), "");
	make_job(s);
	expect(begin(s, "look"), "web live\n");
	waiter = begin(s, "wait");
	expect(begin(s, "stop"), "");
	expect(waiter, "web ended with 143\n");
	expect(begin(s, "look"), "web absent\n");
	expect(begin(s, "remove"), "");
	expect(begin(s, "look"), "");
	must(fake_dump(s->fake, &after, &err), &err);
	assert_string_equal(buf_str(&before), buf_str(&after));
}

/* UNKNOWN is no proof: nothing is removed while nobody can say how the task is. */
static void removes_nothing_without_proof(void **state)
{
	static const char *const faults[] = { "Tasks/Get:fail", "Tasks/Get:fail=2", "Tasks/Get:drop" };
	const struct stage *s = *state;
	_cleanup_buf_ struct buf before = { 0 };
	struct err err = ERR_INIT;

	make_job(s);
	must(fake_dump(s->fake, &before, &err), &err);
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		_cleanup_buf_ struct buf after = { 0 };

		must(fake_fault(s->fake, &err, "%s", faults[i]), &err);
		expect(begin(s, "remove"), NULL);
		must(fake_reset(s->fake, &err), &err);
		must(fake_dump(s->fake, &after, &err), &err);
		assert_string_equal(buf_str(&before), buf_str(&after));
	}
	expect(begin(s, "look"), "web live\n");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
RUN_TESTS("record-only", T(looks_waits_stops_and_removes), T(removes_nothing_without_proof))
