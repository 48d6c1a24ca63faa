/* Further processes on a loop: their output and end, whatever fails or is given up in between, and nothing that stays. */
#include "test.h"
#include "clock.h"
#include "containers.h"
#include "exec-session.h"
#include "fake.h"
#include "file.h"
#include "log.h"
#include "mem.h"
#include <dirent.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ID "web-00000001"

enum { LIMIT_MS = 30000, AWAY_MS = 1500, WORKERS = 2 };

struct stage {
	struct loop *loop;
	struct fake *fake;
	char dir[32], *run;
	struct core *core;
	struct workers *workers;
	struct exec_sessions *all;
	size_t fds;
};

static void must(int r, const struct err *err)
{
	if (r < 0)
		fail_msg("%s", err->msg);
}

/* One exec, as its owner sees it. */
struct seen {
	struct stage *s;
	struct exec_session *x;
	struct buf out;
	unsigned closed, ended;
	int r;
	struct ctrd_exit exit;
	struct err err;
	bool abandon_at_output;
};

static void on_output(void *arg, enum log_stream which, const char *p, size_t n)
{
	struct seen *e = arg;

	assert_int_equal(which, LOG_STDOUT);
	buf_add(&e->out, p, n);
	if (e->abandon_at_output)
		exec_session_abandon(TAKE_PTR(e->x));
}

static void on_closed(void *arg, enum log_stream which) { ((struct seen *)arg)->closed |= 1U << which; }

static void on_ended(void *arg, int r, const struct ctrd_exit *exit, const struct err *err)
{
	struct seen *e = arg;

	e->ended++;
	e->x = NULL;
	e->r = r;
	e->exit = *exit;
	e->err = *err;
}

static const struct exec_session_told told = { on_output, on_closed, NULL, on_ended };

static void begin(struct stage *s, struct seen *e, const char *id, bool tty)
{
	char word[] = "true", *words[] = { word, NULL };
	const struct strv args = { .v = words, .n = 1 };
	const struct exec_session_conf conf = { .id = id, .args = &args, .tty = tty, .input = true, .told = &told, .arg = e };
	struct err err = ERR_INIT;

	*e = (struct seen){ .s = s };
	must(exec_session_new(s->all, &conf, &e->x, &err), &err);
}

static void turn(const struct stage *s)
{
	const struct ctx limit = ctx_within(NULL, LIMIT_MS);
	struct err err = ERR_INIT;

	must(loop_turn(s->loop, &limit, &err), &err);
}

static void until_ended(const struct stage *s, const struct seen *e)
{
	while (!e->ended)
		turn(s);
	assert_int_equal(e->ended, 1);
}

static size_t open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static bool has_exec(const struct stage *s)
{
	_cleanup_buf_ struct buf now = { 0 };
	struct err err = ERR_INIT;

	must(fake_dump(s->fake, &now, &err), &err);
	return strstr(buf_str(&now), " exec ") != NULL;
}

/* In containerd, in the folder of FIFOs, among our descriptors. */
static void nothing_stays(const struct stage *s)
{
	_cleanup_free_ char *folder = mem_printf("%s/%s/%s", s->run, FAKE_NS, ID);

	while (exec_sessions_busy(s->all))
		turn(s);
	assert_false(has_exec(s));
	assert_false(file_exists(folder));
	assert_int_equal(open_fds(), s->fds);
}

static void program(const struct stage *s, const char *what, const char *output)
{
	struct err err = ERR_INIT;

	must(fake_program(s->fake,
			  "*"
			  "/"
			  "*",
			  what, output, &err),
	     &err);
}

static void output_and_exit(void **state)
{
	struct stage *s = *state;
	struct seen e;

	for (int tty = 0; tty < 2; tty++) {
		program(s, "43", "hello\n");
		begin(s, &e, ID, tty);
		until_ended(s, &e);
		must(e.r, &e.err);
		assert_int_equal(e.exit.status, 43);
		assert_string_equal(buf_str(&e.out), "hello\n");
		assert_int_equal(e.closed, tty ? 1 : 3);
		buf_done(&e.out);
		nothing_stays(s);
	}
}

static void of_no_container(void **state)
{
	struct stage *s = *state;
	struct seen e;

	begin(s, &e, "other", false);
	until_ended(s, &e);
	assert_int_equal(e.r, -ERR_NOT_FOUND);
	nothing_stays(s);
}

static void errors_are_told(void **state)
{
	static const char *const faults[] = { "Containers/Get:fail=13", "Tasks/Get:fail=13",     "Tasks/Exec:fail=13",
					      "Tasks/Exec:after-fail",  "Tasks/Exec:after-drop", "Tasks/Start:fail=13",
					      "Tasks/Start:after-fail", "Tasks/Start:drop",      "Tasks/Exec:raw=ff" };
	struct stage *s = *state;
	struct seen e;
	struct err err = ERR_INIT;

	program(s, "run", "hello\n");
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		must(fake_fault(s->fake, &err, "%s", faults[i]), &err);
		begin(s, &e, ID, false);
		until_ended(s, &e);
		if (e.r >= 0 && strcmp(faults[i], "Tasks/Exec:raw=ff"))
			fail_msg("%s: succeeds", faults[i]);
		buf_done(&e.out);
		must(fake_reset(s->fake, &err), &err);
		nothing_stays(s);
	}
}

/* At each turn of its life. */
static void abandoned_at_any_time(void **state)
{
	struct stage *s = *state;
	struct seen e;
	unsigned n = 0;

	program(s, "run", "hello\n");
	for (bool early = true; early; n++) {
		begin(s, &e, ID, n % 2);
		for (unsigned i = 0; i < n && !e.out.len; i++)
			turn(s);
		early = !e.out.len;
		exec_session_abandon(e.x);
		nothing_stays(s);
		assert_int_equal(e.ended, 0);
		buf_done(&e.out);
	}
	assert_true(n > 4);
}

static void abandoned_while_it_speaks(void **state)
{
	struct stage *s = *state;
	struct seen e;

	program(s, "run", "hello\n");
	begin(s, &e, ID, false);
	e.abandon_at_output = true;
	while (e.x)
		turn(s);
	nothing_stays(s);
	assert_int_equal(e.ended, 0);
	buf_done(&e.out);
}

static void its_task_ends(void **state)
{
	struct stage *s = *state;
	struct seen e;
	struct err err = ERR_INIT;

	program(s, "run", "hello\n");
	begin(s, &e, ID, false);
	while (!e.out.len)
		turn(s);
	must(fake_exit(s->fake, FAKE_NS, ID, NULL, 3, &err), &err);
	until_ended(s, &e);
	assert_int_equal(e.exit.status, 128 + 9);
	buf_done(&e.out);
	begin(s, &e, ID, false);
	until_ended(s, &e);
	assert_int_equal(e.r, -ERR_PRECONDITION);
	nothing_stays(s);
}

/* Its socket has another name for a while: nobody finds it. */
static void hide(const struct stage *s, bool hidden)
{
	_cleanup_free_ char *away = mem_printf("%s.away", fake_address(s->fake));

	assert_int_equal(hidden ? rename(fake_address(s->fake), away) : rename(away, fake_address(s->fake)), 0);
}

static void turn_for(const struct stage *s, int64_t ms)
{
	const struct ctx limit = ctx_within(NULL, ms);

	while (loop_turn(s->loop, &limit, NULL) >= 0)
		;
}

/* One that has spoken, and a containerd that goes: the next one finds that out. */
static void break_under(struct stage *s, struct seen *e)
{
	struct seen other;
	struct err err = ERR_INIT;

	program(s, "run", "hello\n");
	begin(s, e, ID, false);
	while (!e->out.len)
		turn(s);
	must(fake_fault(s->fake, &err, "Containers/Get:drop"), &err);
	hide(s, true);
	begin(s, &other, ID, false);
	until_ended(s, &other);
	assert_int_equal(other.r, -ERR_UNAVAILABLE);
}

static void come_back(const struct stage *s)
{
	struct err err = ERR_INIT;

	hide(s, false);
	must(fake_reset(s->fake, &err), &err);
}

static void containerd_is_away_for_a_moment(void **state)
{
	struct stage *s = *state;
	struct seen e;
	struct err err = ERR_INIT;

	break_under(s, &e);
	turn_for(s, AWAY_MS / 3);
	come_back(s);
	assert_int_equal(e.ended, 0);
	must(fake_exit(s->fake, FAKE_NS, ID, NULL, 3, &err), &err);
	until_ended(s, &e);
	must(e.r, &e.err);
	assert_int_equal(e.exit.status, 128 + 9);
	buf_done(&e.out);
	nothing_stays(s);
}

/* What runs is ended once it is back. */
static void containerd_stays_away(void **state)
{
	struct stage *s = *state;
	struct seen e;

	break_under(s, &e);
	turn_for(s, 2 * AWAY_MS);
	assert_int_equal(e.ended, 1);
	assert_int_equal(e.r, -ERR_UNAVAILABLE);
	come_back(s);
	buf_done(&e.out);
	assert_true(has_exec(s));
	nothing_stays(s);
}

static _Atomic bool let_go;

static void busy_run(void *arg, void *state, const struct ctx *ctx)
{
	(void)arg;
	(void)state;
	(void)ctx;
	while (!let_go)
		(void)poll(NULL, 0, 1);
}

static void busy_done(void *arg, bool ran)
{
	(void)arg;
	(void)ran;
}

/* A Delete that is not answered: the engine is looked for by a worker, and the loop waits for none of it. @gone: nor does the set.
 */
static void hangs_with_busy_workers(struct stage *s, bool gone)
{
	struct work busy[WORKERS] = { 0 };
	struct seen e;
	struct err err = ERR_INIT;

	must(fake_fault(s->fake, &err, "Tasks/DeleteProcess:hang"), &err);
	begin(s, &e, ID, false);
	until_ended(s, &e);
	buf_done(&e.out);
	let_go = false;
	for (size_t i = 0; i < WORKERS; i++) {
		busy[i] = (struct work){ .run = busy_run, .done = busy_done };
		must(workers_submit(s->workers, &busy[i], &err), &err);
	}
	while (workers_busy(s->workers) == WORKERS && exec_sessions_busy(s->all))
		turn(s);
	assert_int_equal(workers_busy(s->workers), WORKERS + 1);
	if (gone) {
		exec_sessions_free(s->all);
		s->all = exec_sessions_new(s->core, s->workers);
	}
	let_go = true;
	must(fake_reset(s->fake, &err), &err);
	while (workers_busy(s->workers))
		turn(s);
}

static void what_hangs_is_ended_by_a_worker(void **state)
{
	struct stage *s = *state;

	program(s, "0", "hello\n");
	hangs_with_busy_workers(s, false);
	nothing_stays(s);
	hangs_with_busy_workers(s, true);
}

static bool has_size(const struct stage *s, unsigned cols, unsigned rows)
{
	_cleanup_free_ char *size = mem_printf(" size=%ux%u", cols, rows);
	_cleanup_buf_ struct buf now = { 0 };
	struct err err = ERR_INIT;

	must(fake_dump(s->fake, &now, &err), &err);
	return strstr(buf_str(&now), size) != NULL;
}

/* Whatever its calls take: one that is slow is not overtaken, and one that is lost is made again. */
static void the_last_size_is_the_one_that_stays(void **state)
{
	static const char *const faults[] = { "1:delay=300", "1:hang", "2:delay=300", "1:after-fail=4" };
	const struct ctx limit = ctx_within(NULL, LIMIT_MS);
	struct stage *s = *state;
	struct seen e;
	struct err err = ERR_INIT;

	program(s, "run", "hello\n");
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		begin(s, &e, ID, true);
		while (!e.out.len)
			turn(s);
		must(fake_reset(s->fake, &err), &err);
		must(fake_fault(s->fake, &err, "%s", faults[i]), &err);
		for (unsigned n = 1; n <= 50; n++) {
			exec_session_resize(e.x, n + 1, n);
			loop_poll(s->loop);
		}
		while (!has_size(s, 51, 50) && ctx_check(&limit, NULL) >= 0)
			turn_for(s, 20);
		turn_for(s, 400); /* and none comes behind it */
		if (!has_size(s, 51, 50))
			fail_msg("%s: not the last", faults[i]);
		exec_session_abandon(e.x);
		nothing_stays(s);
		buf_done(&e.out);
	}
}

static void hundreds_at_once(void **state)
{
	enum { ROUNDS = 5, AT_ONCE = 200 };
	static struct seen e[AT_ONCE];
	struct stage *s = *state;

	program(s, "7", "hello\n");
	for (size_t round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < AT_ONCE; i++)
			begin(s, &e[i], ID, false);
		for (size_t i = 0; i < AT_ONCE; i++) {
			until_ended(s, &e[i]);
			must(e[i].r, &e[i].err);
			assert_int_equal(e[i].exit.status, 7);
			assert_string_equal(buf_str(&e[i].out), "hello\n");
			buf_done(&e[i].out);
		}
		nothing_stays(s);
	}
}

/* With sessions at every stage, a worker at work for one perhaps. */
static void all_of_it_goes(void **state)
{
	enum { N = 8 };
	static struct seen e[N];
	struct stage *s = *state;

	program(s, "run", "hello\n");
	for (size_t i = 0; i < N; i++) {
		begin(s, &e[i], ID, false);
		turn(s);
	}
	exec_session_abandon(e[0].x);
	exec_sessions_free(s->all);
	s->all = exec_sessions_new(s->core, s->workers);
	for (size_t i = 0; i < N; i++) {
		assert_int_equal(e[i].ended, i > 0);
		if (i)
			assert_int_equal(e[i].r, -ERR_CANCELLED);
		buf_done(&e[i].out);
	}
}

/* With one of whose start containerd takes its time, and one that it has not answered for: both are left by name, and go. */
static void the_end_of_all(void **state)
{
	char word[] = "true", *words[] = { word, NULL };
	const struct strv args = { .v = words, .n = 1 };
	struct stage *s = *state;
	const struct exec_session_conf conf = { .id = ID, .args = &args, .told = &told, .arg = s };
	_cleanup_strv_ struct strv left = { 0 };
	struct exec_session *unused = NULL;
	struct seen e[2];
	struct err err = ERR_INIT;

	program(s, "run", "hello\n");
	must(fake_fault(s->fake, &err, "Tasks/Start:delay=1500"), &err);
	for (size_t i = 0; i < 2; i++)
		begin(s, &e[i], ID, false);
	while (left.n < 6) {
		turn_for(s, 20);
		strv_done(&left);
		exec_sessions_left(s->all, &left);
	}
	assert_string_equal(left.v[3], FAKE_NS);
	assert_string_equal(left.v[4], ID);
	assert_int_equal(strlen(left.v[5]), 16);
	exec_sessions_end(s->all);
	assert_int_equal(exec_session_new(s->all, &conf, &unused, NULL), -ERR_CANCELLED);
	assert_true(exec_sessions_busy(s->all) > 0);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(e[i].ended, 1);
	nothing_stays(s);
	strv_done(&left);
	exec_sessions_left(s->all, &left);
	assert_int_equal(left.n, 0);
	assert_int_equal(exec_session_new(s->all, &conf, &unused, NULL), -ERR_CANCELLED);
}

/* A task that runs until it is told to end. */
static void make_task(struct core *c)
{
	static const char spec[] = "{\"process\":{\"cwd\":\"/\",\"args\":[\"x\"],\"user\":{\"uid\":0,\"gid\":0}}}";
	struct ctrd_container rec = { .id = (char[]){ ID },
				      .image = (char[]){ "x" },
				      .snapshotter = (char[]){ "overlayfs" },
				      .snapshot_key = (char[]){ ID },
				      .runtime = (char[]){ "io.containerd.runc.v2" } };
	struct err err = ERR_INIT;
	pid_t pid;

	rec.spec.type_url = (char[]){ "spec" };
	buf_adds(&rec.spec.value, spec);
	must(core_reconnect(c, &err), &err);
	must(containers_create(c->ctrd, &rec, NULL, &err), &err);
	must(tasks_create(c->ctrd, ID, NULL, NULL, NULL, NULL, &pid, &err), &err);
	must(tasks_start(c->ctrd, ID, NULL, NULL, &pid, &err), &err);
	buf_done(&rec.spec.value);
}

static int set_up_each(void **state)
{
	struct stage *s = *state;
	const struct core_conf conf = {
		.address = fake_address(s->fake), .ns = FAKE_NS, .run_dir = s->run, .data_dir = s->run, .return_ms = AWAY_MS
	};
	struct err err = ERR_INIT;

	must(fake_clear(s->fake, &err), &err);
	must(core_open_on(s->loop, &conf, &s->core, &err), &err);
	make_task(s->core);
	must(workers_new(&(struct workers_conf){ .loop = s->loop, .threads = WORKERS, .queue_max = 256 }, &s->workers, &err), &err);
	s->all = exec_sessions_new(s->core, s->workers);
	loop_poll(s->loop);
	s->fds = open_fds();
	return 0;
}

static int tear_down_each(void **state)
{
	struct stage *s = *state;

	exec_sessions_free(s->all);
	core_free(s->core);
	workers_free(s->workers);
	return 0;
}

static int set_up(void **state)
{
	static struct stage s;
	struct err err = ERR_INIT;
	char pid[16];

	log_init(LOG_ERROR, false);
	memcpy(s.dir, "/tmp/davit-exec-XXXXXX", 23);
	snprintf(pid, sizeof pid, "%d", (int)getpid()); /* whose root is looked into for users */
	if (!mkdtemp(s.dir) || setenv("FAKE_PID", pid, 1) < 0)
		return -1;
	s.run = mem_printf("%s/run", s.dir);
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
	(void)file_remove_tree(s->dir, NULL);
	free(s->run);
	return 0;
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up_each, tear_down_each)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(output_and_exit),
		T(of_no_container),
		T(errors_are_told),
		T(abandoned_at_any_time),
		T(abandoned_while_it_speaks),
		T(its_task_ends),
		T(containerd_is_away_for_a_moment),
		T(containerd_stays_away),
		T(what_hangs_is_ended_by_a_worker),
		T(the_last_size_is_the_one_that_stays),
		T(hundreds_at_once),
		T(all_of_it_goes),
		T(the_end_of_all),
	};

	return cmocka_run_group_tests_name("exec-session", tests, set_up, tear_down);
}
