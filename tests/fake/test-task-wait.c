/* Waiting for a task's end while containerd is away, refuses, or says nothing. */
#include "test.h"
#include "clock.h"
#include "containers.h"
#include "fake.h"
#include "file.h"
#include "log.h"
#include "mem.h"
#include "task-wait.h"
#include <dirent.h>
#include <stdio.h>

#define ID "web-00000001"

struct stage {
	struct loop *loop;
	struct fake *fake;
};

static void must(int r, const struct err *err)
{
	if (r < 0)
		fail_msg("%s", err->msg);
}

static struct core *open_core(const struct stage *s, int64_t return_ms)
{
	const struct core_conf conf = { .address = fake_address(s->fake),
					.ns = FAKE_NS,
					.run_dir = "/dev/null/none",
					.data_dir = "/dev/null/none",
					/* nowhere that could be made */ .return_ms = return_ms };
	struct core *core = NULL;
	struct err err = ERR_INIT;

	must(core_open(&conf, &core, &err), &err);
	return core;
}

static void add_task(struct core *c, char *id)
{
	struct ctrd_container rec = { .id = id,
				      .image = (char[]){ "x" },
				      .snapshotter = (char[]){ "overlayfs" },
				      .snapshot_key = id,
				      .runtime = (char[]){ "io.containerd.runc.v2" } };
	struct err err = ERR_INIT;
	pid_t pid;

	rec.spec.type_url = (char[]){ "spec" };
	must(containers_create(c->ctrd, &rec, NULL, &err), &err);
	must(tasks_create(c->ctrd, id, NULL, NULL, NULL, NULL, &pid, &err), &err);
	must(tasks_start(c->ctrd, id, NULL, NULL, &pid, &err), &err);
}

/* A task that runs until it is told to end. */
static void make_task(const struct stage *s)
{
	struct core *c = open_core(s, 0);
	struct err err = ERR_INIT;

	must(fake_clear(s->fake, &err), &err);
	add_task(c, (char[]){ ID });
	core_free(c);
}

static struct core *open_core_with_task(const struct stage *s, int64_t return_ms)
{
	make_task(s);
	return open_core(s, return_ms);
}

/* Turns the loop for @ms, or until it is over: then true. */
static bool turn_for(struct core *c, struct task_wait *w, int64_t ms)
{
	const struct ctx ctx = ctx_within(NULL, ms);

	while (!task_wait_over(w))
		if (loop_turn(c->loop, &ctx, NULL) < 0)
			return false;
	return true;
}

/* Its socket has another name for a while: nobody finds it. */
static void hide(const struct stage *s, bool hidden)
{
	_cleanup_free_ char *away = mem_printf("%s.away", fake_address(s->fake));

	assert_int_equal(hidden ? rename(fake_address(s->fake), away) : rename(away, fake_address(s->fake)), 0);
}

/* The task ends with @status, and the wait with it. */
static void ends_with(const struct stage *s, struct core *c, struct task_wait *w, int status)
{
	struct ctrd_exit exit = { 0 };
	struct err err = ERR_INIT;

	must(fake_exit(s->fake, FAKE_NS, ID, NULL, (uint32_t)status, &err), &err);
	assert_true(turn_for(c, w, 10000));
	assert_int_equal(task_wait_result(w, &exit, &err), 0);
	assert_int_equal(exit.status, status);
	task_wait_free(w);
	core_free(c);
}

static struct task_wait *broken_wait(const struct stage *s, struct core *c)
{
	struct task_wait *w;
	struct err err = ERR_INIT;

	must(fake_fault(s->fake, &err, "Tasks/Wait:drop"), &err);
	hide(s, true);
	w = task_wait_new(c, ID, NULL, NULL);
	assert_false(turn_for(c, w, 200));
	return w;
}

/* fake_reset() speaks to the fake: its socket must be there. */
static void show(const struct stage *s)
{
	struct err err = ERR_INIT;

	hide(s, false);
	must(fake_reset(s->fake, &err), &err);
}

/* What a shim says of a process that it mistook for one that ended. */
static void takes_no_status_for_an_error(void **state)
{
	struct stage *s = *state;
	struct core *c;
	struct task_wait *w;
	struct ctrd_exit exit = { 0 };
	struct ctrd_process p = { 0 };
	struct err err = ERR_INIT;

	c = open_core_with_task(s, 0);
	must(fake_exit(s->fake, FAKE_NS, ID, NULL, UINT32_MAX, &err), &err);
	w = task_wait_new(c, ID, NULL, NULL);
	assert_true(turn_for(c, w, 10000));
	assert_int_equal(task_wait_result(w, &exit, &err), 0);
	assert_int_equal(exit.status, 255);
	must(tasks_get(c->ctrd, ID, NULL, NULL, &p, &err), &err);
	assert_int_equal(p.exit_status, 255);
	must(tasks_delete(c->ctrd, ID, NULL, NULL, &exit, &err), &err);
	assert_int_equal(exit.status, 255);
	ctrd_process_done(&p);
	task_wait_free(w);
	core_free(c);
}

static void outlasts_an_outage(void **state)
{
	struct stage *s = *state;
	struct core *c;
	struct task_wait *w;

	c = open_core_with_task(s, 0);
	w = broken_wait(s, c);
	assert_false(turn_for(c, w, 1500)); /* longer than any limit below */
	show(s);
	assert_false(turn_for(c, w, 1500)); /* it runs */
	ends_with(s, c, w, 7);
}

static void gives_up_at_the_limit(void **state)
{
	struct stage *s = *state;
	struct core *c;
	struct task_wait *w;
	struct ctrd_exit exit;
	struct err err = ERR_INIT;

	c = open_core_with_task(s, 600);
	w = broken_wait(s, c);
	assert_true(turn_for(c, w, 10000));
	assert_int_equal(task_wait_result(w, &exit, &err), -ERR_UNAVAILABLE); /* not "gone" */
	show(s);
	task_wait_free(w);
	core_free(c);
}

/* One that comes back within the limit is waited for again, as long as it takes. */
static void a_return_within_the_limit(void **state)
{
	struct stage *s = *state;
	struct core *c;
	struct task_wait *w;

	c = open_core_with_task(s, 5000);
	w = broken_wait(s, c);
	show(s);
	assert_false(turn_for(c, w, 1500));
	ends_with(s, c, w, 8);
}

/* A Wait that is refused while Get says that the task runs: asked again, at growing distances. */
static void does_not_spin(void **state)
{
	struct stage *s = *state;
	struct core *c;
	struct task_wait *w;
	struct err err = ERR_INIT;

	c = open_core_with_task(s, 0);
	must(fake_reset(s->fake, &err), &err);
	must(fake_fault(s->fake, &err, "Tasks/Wait:fail=2"), &err);
	w = task_wait_new(c, ID, NULL, NULL);
	assert_false(turn_for(c, w, 2000));
	assert_in_range(fake_count(s->fake), 3, 20);
	must(fake_reset(s->fake, &err), &err);
	ends_with(s, c, w, 9);
}

static void one_that_is_gone(void **state)
{
	struct stage *s = *state;
	struct core *c;
	struct ctrd_exit exit;
	struct err err = ERR_INIT;

	must(fake_clear(s->fake, &err), &err);
	c = open_core(s, 0);
	assert_int_equal(task_wait(c, ID, NULL, NULL, &exit, &err), -ERR_NOT_FOUND);
	core_free(c);
}

/* A server's: all on its loop, over one connection. */
enum { MANY = 300 };

struct many {
	struct stage *s;
	struct loop *loop;
	struct core *core;
	struct waited {
		char id[24];
		struct task_wait *wait;
		unsigned told;
		uint32_t status;
	} v[MANY];
	unsigned n_told;
};

static unsigned open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(d))
		n++;
	(void)closedir(d);
	return n;
}

static struct many *now; /* whose function is called */

static void on_over(void *arg)
{
	struct waited *w = arg;
	struct ctrd_exit exit = { 0 };
	struct err err = ERR_INIT;

	must(task_wait_result(w->wait, &exit, &err), &err);
	w->told++;
	w->status = exit.status;
	assert_true(exit.at > 0);
	now->n_told++;
	task_wait_free(TAKE_PTR(w->wait));
}

static void turn_until(struct many *m, unsigned n)
{
	const struct ctx ctx = ctx_within(NULL, 60000);
	struct err err = ERR_INIT;

	while (m->n_told < n)
		must(loop_turn(m->loop, &ctx, &err), &err);
}

static void end_one(struct many *m, unsigned i)
{
	struct err err = ERR_INIT;

	must(fake_exit(m->s->fake, FAKE_NS, m->v[i].id, NULL, i % 200, &err), &err);
}

static void begin_many(struct many *m)
{
	const struct core_conf conf = {
		.address = fake_address(m->s->fake), .ns = FAKE_NS, .run_dir = "/dev/null/none", .data_dir = "/dev/null/none"
	};
	struct core *c = open_core(m->s, 0);
	struct err err = ERR_INIT;

	must(fake_clear(m->s->fake, &err), &err);
	for (unsigned i = 0; i < MANY; i++) {
		(void)snprintf(m->v[i].id, sizeof m->v[i].id, "web-%08x", i);
		add_task(c, m->v[i].id);
	}
	core_free(c);
	m->loop = loop_new();
	hide(m->s, true); /* a server does not wait for containerd to begin */
	must(core_open_on(m->loop, &conf, &m->core, &err), &err);
	for (unsigned i = 0; i < MANY; i++) {
		m->v[i].wait = task_wait_new(m->core, m->v[i].id, NULL, NULL);
		task_wait_notify(m->v[i].wait, on_over, &m->v[i]);
	}
	assert_true(loop_pause(m->loop, 300, NULL, &err) >= 0);
	assert_int_equal(m->n_told, 0);
	hide(m->s, false);
}

/* None holds a thread or a descriptor; those that run on when the connection breaks are asked for again on the next. */
static void many_on_one_loop(void **state)
{
	static struct many m;
	const unsigned files = open_files();
	struct ctrd_process p = { 0 };
	struct err err = ERR_INIT;

	m = (struct many){ .s = *state };
	now = &m;
	begin_many(&m);
	for (unsigned i = 0; i < MANY / 3; i++)
		end_one(&m, i);
	turn_until(&m, MANY / 3);
	assert_true(open_files() <= files + 8); /* the connection and what the loop has */

	must(fake_fault(m.s->fake, &err, "Tasks/Get:drop"), &err);
	assert_true(tasks_get(m.core->ctrd, m.v[MANY - 1].id, NULL, NULL, &p, &err) < 0);
	err_clear(&err);
	must(fake_reset(m.s->fake, &err), &err);
	for (unsigned i = MANY / 3; i < MANY - 1; i++)
		end_one(&m, i);
	turn_until(&m, MANY - 1);
	assert_int_equal(m.v[MANY - 1].told, 0);
	for (unsigned i = 0; i < MANY - 1; i++) {
		assert_int_equal(m.v[i].told, 1);
		assert_int_equal(m.v[i].status, i % 200);
	}
	task_wait_free(m.v[MANY - 1].wait); /* is not told of */
	core_free(m.core);
	loop_free(m.loop);
}

/* What is over already is told of as well, once, and what is asked for in between is not. */
static void on_told_late(void *arg) { ++*(unsigned *)arg; }

static void notify_of_one_that_is_over(void **state)
{
	struct stage *s = *state;
	struct core *c = open_core_with_task(s, 0);
	struct task_wait *w = task_wait_new(c, ID, NULL, NULL);
	struct err err = ERR_INIT;
	unsigned told = 0;

	must(fake_exit(s->fake, FAKE_NS, ID, NULL, 3, &err), &err);
	assert_true(turn_for(c, w, 10000));
	task_wait_notify(w, on_told_late, &told);
	task_wait_notify(w, NULL, NULL);
	assert_true(loop_pause(c->loop, 20, NULL, &err) >= 0);
	assert_int_equal(told, 0);
	task_wait_notify(w, on_told_late, &told);
	assert_true(loop_pause(c->loop, 20, NULL, &err) >= 0);
	assert_int_equal(told, 1);
	task_wait_free(w);
	core_free(c);
}

static int set_up(void **state)
{
	static struct stage s;
	struct err err = ERR_INIT;

	log_init(LOG_ERROR, false);
	s.loop = loop_new();
	if (fake_start(s.loop, &s.fake, &err) < 0) {
		print_error("%s\n", err.msg);
		return -1;
	}
	*state = &s;
	return 0;
}

static int tear_down(void **state)
{
	struct stage *s = *state;

	fake_free(s->fake);
	loop_free(s->loop);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_no_status_for_an_error),
		cmocka_unit_test(outlasts_an_outage),
		cmocka_unit_test(gives_up_at_the_limit),
		cmocka_unit_test(a_return_within_the_limit),
		cmocka_unit_test(does_not_spin),
		cmocka_unit_test(one_that_is_gone),
		cmocka_unit_test(many_on_one_loop),
		cmocka_unit_test(notify_of_one_that_is_over),
	};

	return cmocka_run_group_tests_name("task-wait", tests, set_up, tear_down);
}
