/* The fake's faults, and what ctrd makes of them: every call of a small procedure fails, hangs or breaks off in turn. */
#include "test.h"
#include "containers.h"
#include "content.h"
#include "events.h"
#include "fake.h"
#include "images.h"
#include "leases.h"
#include "mem.h"
#include "snapshots.h"
#include "tasks.h"
#include <fcntl.h>
#include <sys/stat.h>

static struct loop *loop;
static struct fake *fake;
static struct err err;

static const char image_name[] = "docker.io/library/x:latest";

#define OK(call) ok_((call), #call, __LINE__)
static void ok_(int r, const char *what, int line)
{
	if (r < 0)
		fail_msg("line %d: %s: %s", line, what, err.msg);
	err = (struct err)ERR_INIT;
}

static int begin(void **state)
{
	(void)state;
	err = (struct err)ERR_INIT;
	loop = loop_new();
	OK(fake_start(loop, &fake, &err));
	OK(fake_seed_image(fake, "davit", image_name, &err));
	return 0;
}

static int end(void **state)
{
	(void)state;
	fake_free(TAKE_PTR(fake));
	loop_free(TAKE_PTR(loop));
	return 0;
}

static struct ctrd *open_ctrd(void)
{
	struct ctrd *c = NULL;

	OK(ctrd_open(loop, fake_address(fake), "davit", &c, &err));
	return c;
}

static int make_container(struct ctrd *c, const struct ctx *ctx, struct err *e)
{
	_cleanup_(ctrd_container_done) struct ctrd_container k = {
		.id = mem_strdup("web"),
		.runtime = mem_strdup("io.containerd.runc.v2"),
		.snapshotter = mem_strdup("overlayfs"),
		.snapshot_key = mem_strdup("web"),
		.spec.type_url = mem_strdup("types.containerd.io/x"),
	};

	return containers_create(c, &k, ctx, e);
}

/* A start without rollback, as far as it gets. */
static int start(struct ctrd *c, const struct ctx *ctx, struct err *e)
{
	_cleanup_(ctrd_image_done) struct ctrd_image image = { 0 };
	_cleanup_(ctrd_mounts_done) struct ctrd_mounts mounts = { 0 };
	struct ctrd_io io = { 0 };
	pid_t pid;
	int r = leases_create(c, "job-web", NULL, ctx, e);

	if (r == 0)
		r = images_get(c, image_name, ctx, &image, e);
	if (r == 0)
		r = snapshots_prepare(c, "overlayfs", "web", NULL, NULL, ctx, &mounts, e);
	if (r == 0)
		r = make_container(c, ctx, e);
	if (r == 0)
		r = tasks_create(c, "web", &mounts, &io, NULL, ctx, &pid, e);
	return r == 0 ? tasks_start(c, "web", NULL, ctx, &pid, e) : r;
}

/* Undo all of it over a new connection, whatever is there. */
static void stop(void)
{
	_cleanup_(ctrd_freep) struct ctrd *c = open_ctrd();
	struct ctx ctx = ctx_within(NULL, 20000);
	int r = tasks_kill(c, "web", NULL, 9, true, &ctx, NULL);

	assert_true(r == 0 || r == -ERR_NOT_FOUND);
	r = tasks_delete(c, "web", NULL, &ctx, NULL, NULL);
	assert_true(r == 0 || r == -ERR_NOT_FOUND);
	OK(containers_delete(c, "web", &ctx, &err));
	OK(snapshots_remove(c, "overlayfs", "web", &ctx, &err));
	OK(leases_delete(c, "job-web", false, &ctx, &err));
}

static void fails_at_each_call(void **state)
{
	static const struct {
		const char *what;
		int code;
	} faults[] = {
		{ "fail", -ERR_UNAVAILABLE },
		{ "fail=13", -ERR_INTERNAL },
		{ "hang", -ERR_DEADLINE },
		{ "drop", -ERR_UNAVAILABLE },
		{ "after-fail=8", -ERR_EXHAUSTED },
		{ "after-drop", -ERR_UNAVAILABLE },
		{ "delay=20", 0 },
	};
	enum { CALLS = 6 };

	(void)state;
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		for (unsigned n = 1; n <= CALLS + 1; n++) {
			_cleanup_buf_ struct buf before = { 0 }, after = { 0 };
			_cleanup_(ctrd_freep) struct ctrd *c = open_ctrd();
			struct ctx ctx = ctx_within(NULL, faults[i].code == -ERR_DEADLINE ? 100 : 20000);
			int want = n <= CALLS ? faults[i].code : 0;

			OK(fake_dump(fake, &before, &err));
			OK(fake_reset(fake, &err));
			OK(fake_fault(fake, &err, "%u:%s", n, faults[i].what));
			assert_int_equal(start(c, &ctx, &err), want);
			assert_int_equal(fake_count(fake), want ? n : CALLS);
			err = (struct err)ERR_INIT;
			OK(fake_reset(fake, &err));
			OK(fake_dump(fake, &after, &err));
			assert_int_equal(strcmp(before.data, after.data) == 0,
					 n == 1 && want && strncmp(faults[i].what, "after", 5)); /* what it did is seen */
			buf_reset(&after);
			stop();
			OK(fake_dump(fake, &after, &err));
			assert_string_equal(before.data, after.data);
		}
	}
}

static void faults_by_method(void **state)
{
	_cleanup_(ctrd_freep) struct ctrd *c = open_ctrd();
	_cleanup_buf_ struct buf calls = { 0 };
	struct ctx ctx = ctx_within(NULL, 20000);

	(void)state;
	OK(fake_fault(fake, &err, "Containers/Create:fail=7"));
	assert_int_equal(start(c, &ctx, &err), -ERR_PERMISSION);
	assert_string_equal(err.msg, "container web: fault injected: status 7");
	err = (struct err)ERR_INIT;
	OK(fake_calls(fake, &calls, &err));
	assert_string_equal(calls.data, "1 /containerd.services.leases.v1.Leases/Create\n"
					"2 /containerd.services.images.v1.Images/Get\n"
					"3 /containerd.services.snapshots.v1.Snapshots/Prepare\n"
					"4 /containerd.services.containers.v1.Containers/Create\n");
	assert_int_equal(fake_fault(fake, &err, "nonsense"), -ERR_INVALID);
	OK(fake_clear(fake, (err = (struct err)ERR_INIT, &err)));
	buf_reset(&calls);
	OK(fake_dump(fake, &calls, &err));
	assert_int_equal(calls.len, 0);
}

/* A peer that dies ends every wait, and the connection says so. */
static void crash_ends_every_wait(void **state)
{
	_cleanup_(ctrd_freep) struct ctrd *c = open_ctrd();
	_cleanup_(ctrd_call_freep) struct ctrd_call *events = NULL;
	struct ctrd_call *waits[50];
	struct ctrd_event event;
	struct ctrd_exit how;
	struct ctx ctx = ctx_within(NULL, 20000);

	(void)state;
	OK(start(c, &ctx, &err));
	events = events_subscribe(c, NULL, &ctx);
	for (size_t i = 0; i < 50; i++)
		waits[i] = tasks_wait_begin(c, "web", NULL, &ctx);
	OK(tasks_pause(c, "web", &ctx, &err)); /* answered behind the others: they have arrived */
	assert_true(ctrd_alive(c));
	fake_crash(fake);
	for (size_t i = 50; i-- > 0;) {
		assert_int_equal(tasks_wait_end(waits[i], &ctx, &how, &err), -ERR_UNAVAILABLE);
		err = (struct err)ERR_INIT;
	}
	assert_int_equal(events_next(events, &ctx, &event, NULL) >= 0, 1); /* the pause came before */
	ctrd_event_done(&event);
	assert_int_equal(events_next(events, &ctx, &event, &err), -ERR_UNAVAILABLE);
	assert_false(ctrd_alive(c));
	err = (struct err)ERR_INIT;
	assert_int_equal(tasks_pause(c, "web", &ctx, &err), -ERR_UNAVAILABLE); /* at once, not when the time is up */
	assert_non_null(strstr(err.msg, "web"));
}

static void side_by_side_in_any_order(void **state)
{
	_cleanup_(ctrd_freep) struct ctrd *c = open_ctrd();
	struct ctx ctx = ctx_within(NULL, 20000);
	struct ctrd_call *wait, *slow, *freed;
	struct ctrd_exit how = { 0 };

	(void)state;
	OK(start(c, &ctx, &err));
	wait = tasks_wait_begin(c, "web", NULL, &ctx);
	freed = tasks_wait_begin(c, "web", NULL, &ctx);
	OK(fake_fault(fake, &err, "Leases/Create:delay=200"));
	slow = leases_create_begin(c, "slow", NULL, &ctx);
	OK(leases_delete(c, "other", false, &ctx, &err)); /* overtakes */
	assert_false(ctrd_call_ready(slow));
	ctrd_call_free(freed); /* one that nobody waits for is cancelled */
	OK(fake_exit(fake, "davit", "web", NULL, 3, &err));
	OK(tasks_wait_end(wait, &ctx, &how, &err));
	assert_int_equal(how.status, 3);
	assert_false(ctrd_call_ready(slow));
	OK(leases_create_end(slow, &ctx, &err));
}

static void writes_what_it_was_programmed_to(void **state)
{
	_cleanup_(ctrd_freep) struct ctrd *c = open_ctrd();
	_cleanup_free_ char *fifo = mem_printf("%s.fifo", fake_address(fake));
	_cleanup_close_ int fd = -1;
	struct ctx ctx = ctx_within(NULL, 20000);
	struct ctrd_io io = { .stdout_ = fifo };
	struct ctrd_exit how;
	char got[16] = "";

	(void)state;
	assert_int_equal(mkfifo(fifo, 0600), 0);
	fd = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	OK(fake_program(fake, "*", "4", "hello", &err));
	OK(fake_program(fake, "web", "ignore", NULL, &err)); /* its own comes before any task's */
	OK(make_container(c, &ctx, &err));
	OK(tasks_create(c, "web", NULL, &io, NULL, &ctx, NULL, &err));
	OK(tasks_start(c, "web", NULL, &ctx, NULL, &err));
	OK(tasks_kill(c, "web", NULL, 15, false, &ctx, &err));
	assert_true(tasks_delete(c, "web", NULL, &ctx, NULL, NULL) < 0);
	OK(tasks_kill(c, "web", NULL, 9, false, &ctx, &err));
	OK(tasks_delete(c, "web", NULL, &ctx, &how, &err));
	assert_int_equal(how.status, 137);
	OK(fake_clear(fake, &err));
	OK(fake_program(fake, "*", "4", "hello", &err));
	OK(make_container(c, &ctx, &err));
	OK(tasks_create(c, "web", NULL, &io, NULL, &ctx, NULL, &err));
	OK(tasks_start(c, "web", NULL, &ctx, NULL, &err));
	OK(tasks_wait(c, "web", NULL, &ctx, &how, &err));
	assert_int_equal(how.status, 4);
	assert_int_equal(read(fd, got, sizeof got), 5);
	assert_string_equal(got, "hello");
	assert_int_equal(read(fd, got, sizeof got), 0); /* and an end behind it */
}

/* An upload that the peer ends shows at the next write or at the commit, never as success. */
static void upload_that_breaks(void **state)
{
	static const struct {
		const char *fault;
		int code;
	} cases[] = {
		{ "Content/Write:fail=8", -ERR_EXHAUSTED },
		{ "Content/Write:drop", -ERR_UNAVAILABLE },
		{ "Content/Write:hang", -ERR_DEADLINE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		_cleanup_(ctrd_freep) struct ctrd *c = open_ctrd();
		struct content_writer *w = NULL;
		struct ctx ctx = ctx_within(NULL, 300);
		int64_t offset;

		OK(fake_reset(fake, &err));
		OK(fake_fault(fake, &err, "%s", cases[i].fault));
		assert_int_equal(content_writer_open(c, "ref", 3, NULL, &ctx, &w, &offset, &err), cases[i].code);
		assert_null(w);
		assert_non_null(strstr(err.msg, "ingest ref: "));
		err = (struct err)ERR_INIT;
	}
}

static void upload_to_one_that_crashes(void **state)
{
	_cleanup_(ctrd_freep) struct ctrd *c = open_ctrd();
	_cleanup_(content_writer_freep) struct content_writer *w = NULL;
	_cleanup_free_ char *data = mem_zalloc(8 << 20);
	struct ctx ctx = ctx_within(NULL, 20000);
	int64_t offset;
	int r = 0;

	(void)state;
	OK(content_writer_open(c, "ref", 0, NULL, &ctx, &w, &offset, &err));
	fake_crash(fake);
	for (int i = 0; i < 4 && r == 0; i++)
		r = content_writer_write(w, data, 8 << 20, &ctx, &err);
	if (r == 0)
		r = content_writer_commit(w, 32 << 20, NULL, NULL, &ctx, NULL, &err);
	assert_int_equal(r, -ERR_UNAVAILABLE);
}

static void nobody_listens(void **state)
{
	struct ctrd *c = NULL;

	(void)state;
	fake_crash(fake);
	assert_int_equal(ctrd_open(loop, fake_address(fake), "davit", &c, &err), -ERR_UNAVAILABLE);
	assert_non_null(strstr(err.msg, "containerd at /tmp/fake-containerd."));
	err = (struct err)ERR_INIT;
	assert_int_equal(ctrd_open(loop, "/nonexistent/containerd.sock", "davit", &c, &err), -ERR_NOT_FOUND);
	assert_null(c);
}

/* Answers that no containerd sends: an error that says so, nothing leaked, and the next call goes on. */
static void answers_that_make_no_sense(void **state)
{
	static const struct {
		const char *what, *fault;
		int code;
	} cases[] = {
		{ "no image in the answer", "Images/Get:raw=", -ERR_DATA_LOSS },
		{ "an image without a target", "Images/Get:raw=0a030a0178", -ERR_DATA_LOSS },
		{ "a field cut short", "Images/Get:raw=0aff", -ERR_DATA_LOSS },
		{ "a NUL in the name", "Images/Get:raw=0a050a03610062", -ERR_DATA_LOSS },
		{ "a varint without an end", "Images/Get:raw=ffffffffffffffffffffff", -ERR_DATA_LOSS },
		{ "a group", "Images/Get:raw=0b0c", -ERR_DATA_LOSS },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		_cleanup_(ctrd_freep) struct ctrd *c = open_ctrd();
		_cleanup_(ctrd_image_done) struct ctrd_image image = { 0 };
		struct ctx ctx = ctx_within(NULL, 20000);

		OK(fake_reset(fake, &err));
		OK(fake_fault(fake, &err, "%s", cases[i].fault));
		if (images_get(c, image_name, &ctx, &image, &err) != cases[i].code)
			fail_msg("%s: %s", cases[i].what, err.msg);
		assert_null(image.name); /* nothing was written */
		err = (struct err)ERR_INIT;
		OK(fake_reset(fake, &err));
		OK(images_get(c, image_name, &ctx, &image, &err));
	}
}

/* Every service with an answer of nothing: whatever it makes of that, it does not crash on what is missing. */
static void answers_of_nothing(void **state)
{
	_cleanup_(ctrd_freep) struct ctrd *c = open_ctrd();
	_cleanup_(ctrd_container_done) struct ctrd_container container = { 0 };
	_cleanup_(ctrd_containers_done) struct ctrd_containers containers = { 0 };
	_cleanup_(ctrd_process_done) struct ctrd_process process = { 0 };
	_cleanup_(ctrd_mounts_done) struct ctrd_mounts mounts = { 0 };
	_cleanup_(ctrd_content_done) struct ctrd_content content = { 0 };
	_cleanup_(ctrd_any_done) struct ctrd_any metrics = { 0 };
	struct ctrd_exit how = { 77, 77 };
	struct ctx ctx = ctx_within(NULL, 20000);

	(void)state;
	OK(fake_fault(fake, &err, "Get:raw="));
	OK(fake_fault(fake, &err, "ListStream:raw="));
	OK(fake_fault(fake, &err, "Wait:raw="));
	OK(fake_fault(fake, &err, "Mounts:raw="));
	OK(fake_fault(fake, &err, "Info:raw="));
	OK(fake_fault(fake, &err, "Metrics:raw="));
	assert_int_equal(containers_get(c, "web", &ctx, &container, NULL), -ERR_DATA_LOSS);
	assert_int_equal(containers_list(c, NULL, &ctx, &containers, NULL), -ERR_DATA_LOSS);
	assert_int_equal(tasks_get(c, "web", NULL, &ctx, &process, NULL), -ERR_DATA_LOSS);
	assert_int_equal(content_info(c, "sha256:0", &ctx, &content, NULL), -ERR_DATA_LOSS);
	assert_int_equal(tasks_metrics(c, "web", &ctx, &metrics, NULL), -ERR_NOT_FOUND);
	OK(tasks_wait(c, "web", NULL, &ctx, &how, &err)); /* proto3: all of it is zero */
	assert_int_equal(how.status + how.at, 0);
	OK(snapshots_mounts(c, "overlayfs", "web", &ctx, &mounts, &err));
	assert_int_equal(mounts.n, 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)
RUN_TESTS("fake", CASE(fails_at_each_call), CASE(faults_by_method), CASE(crash_ends_every_wait), CASE(side_by_side_in_any_order),
	  CASE(writes_what_it_was_programmed_to), CASE(upload_that_breaks), CASE(upload_to_one_that_crashes),
	  CASE(answers_that_make_no_sense), CASE(answers_of_nothing), CASE(nobody_listens))
